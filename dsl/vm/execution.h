// One program over one model, on the vm.
#ifndef LATHE_DSL_VM_EXECUTION_H_
#define LATHE_DSL_VM_EXECUTION_H_

#include <memory>
#include <vector>

#include "dsl/buffers.h"
#include "dsl/executor.h"
#include "dsl/vm/plan.h"

namespace lathe::vm {

class VmExecution : public Execution {
 public:
  // The program passes CheckPreparation.
  VmExecution(const Program& program, std::span<const Shape> shapes, const Kernels& kernels);

  absl::Status Step(const StepBindings& bindings) override;
  void Reset() override;
  std::vector<double> ReadState(int state, int parameter) const override;
  absl::Status WriteState(int state, int parameter, std::span<const double> values) override;
  std::vector<double> ReadBuffer(int buffer) const override;
  absl::Status WriteBuffer(int buffer, std::span<const double> values) override;

 private:
  void Bind(const StepBindings& bindings);
  float* AsFloats(const ArrayRef& array, AxisSet axes, size_t p, Tensor& copies);
  void CopyOutputs(const StepBindings& bindings);
  void StartStates();
  Plan& PlanFor(bool training);

  const Program program_;
  const Kernels& kernels_;
  const std::vector<bool> bound_;
  const std::vector<Buffer> buffers_;
  std::vector<int> everyone_;
  Memory memory_;
  std::vector<Tensor> input_copies_, output_copies_;  // of arrays of doubles
  // In training, and in evaluation if that differs; made when first needed.
  std::array<std::unique_ptr<Plan>, 2> plans_;
  // By state and parameter: whether a state that starts at an input has taken it or been written.
  std::vector<std::vector<bool>> started_;
  bool all_started_ = false;
};

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_EXECUTION_H_
