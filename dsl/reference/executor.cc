#include "dsl/executor.h"

#include "absl/strings/str_cat.h"
#include "dsl/reference/execution.h"
#include "dsl/verify.h"

namespace lathe {
namespace {

class Reference : public Executor {
 public:
  std::string_view Name() const override { return "reference-f64"; }

  absl::StatusOr<std::unique_ptr<Execution>> Prepare(const Program& program,
                                                     std::span<const Shape> shapes) const override {
    absl::Status status = Verify(program);
    if (!status.ok()) return status;
    if (shapes.empty()) return absl::InvalidArgumentError("a model has at least one parameter");
    for (const Shape& shape : shapes) {
      if (shape.rows > 0 && shape.cols > 0) continue;
      return absl::InvalidArgumentError(absl::StrCat("a parameter has the shape ", shape.rows,
                                                     " x ", shape.cols,
                                                     "; both extents must be positive"));
    }
    return std::make_unique<reference::ReferenceExecution>(program, shapes);
  }
};

}  // namespace

const Executor& ReferenceExecutor() {
  static const Reference executor;
  return executor;
}

}  // namespace lathe
