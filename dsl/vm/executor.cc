#include "dsl/vm/executor.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "dsl/bindings.h"
#include "dsl/vm/execution.h"

namespace lathe {
namespace {

class Vm : public Executor {
 public:
  explicit Vm(const vm::Kernels& kernels) : kernels_(kernels) {}

  // The builds give equal bits, so that the name does not tell which it was.
  std::string_view Name() const override { return "vm-f32-1"; }

  absl::StatusOr<std::unique_ptr<Execution>> Prepare(const Program& program,
                                                     std::span<const Shape> shapes) const override {
    absl::Status status = CheckPreparation(program, shapes);
    if (!status.ok()) return status;
    return std::make_unique<vm::VmExecution>(program, shapes, kernels_);
  }

 private:
  const vm::Kernels& kernels_;
};

}  // namespace

const Executor& VmExecutor() {
  static const Vm executor(*vm::AvailableKernels().front());
  return executor;
}

std::unique_ptr<Executor> MakeVmExecutor(const vm::Kernels& kernels) {
  return std::make_unique<Vm>(kernels);
}

}  // namespace lathe
