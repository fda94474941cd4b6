// A program as the optimizer of a model: what it reads is bound once, each step changes only what
// the arrays hold.
#ifndef LATHE_EVALUATORS_MODEL_STEP_H_
#define LATHE_EVALUATORS_MODEL_STEP_H_

#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "dsl/executor.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

class ModelStep {
 public:
  // Where parameter i of the model and its gradient lie; all of it, and `execution`, outlives the
  // object. `execution` was prepared for parameters of these shapes.
  ModelStep(const v1::Task& task, std::span<float* const> parameters,
            std::span<float* const> gradients, Execution& execution);
  ModelStep(const ModelStep&) = delete;  // the bindings point into it
  ModelStep& operator=(const ModelStep&) = delete;

  // Step `t`, from 1 on: moves the parameters against the gradient that is there.
  absl::Status Take(int t);

 private:
  std::vector<ArrayRef>& Input(std::string_view name);

  const v1::Task& task_;
  Execution& execution_;
  double lr_ = 0, t_ = 0, total_steps_;
  StepBindings bindings_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_MODEL_STEP_H_
