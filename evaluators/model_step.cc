#include "evaluators/model_step.h"

#include "evaluators/task/task.h"

namespace lathe {

ModelStep::ModelStep(const v1::Task& task, std::span<float* const> parameters,
                     std::span<float* const> gradients, Execution& execution)
    : task_(task), execution_(execution), total_steps_(task.steps()) {
  const Signature& signature = OptimizerSignature();
  bindings_.inputs.resize(signature.inputs.size());
  bindings_.outputs.resize(signature.outputs.size());
  bindings_.subtract_outputs = true;
  const int update = *signature.OutputByName("update");
  std::vector<ArrayRef>& outputs = bindings_.outputs[static_cast<size_t>(update)];
  for (size_t i = 0; i < parameters.size(); ++i) {
    Input("w").emplace_back(parameters[i]);
    Input("g").emplace_back(gradients[i]);
    outputs.emplace_back(parameters[i]);
  }
  Input("lr") = {ArrayRef(&lr_)};
  Input("t") = {ArrayRef(&t_)};
  Input("total_steps") = {ArrayRef(&total_steps_)};
}

std::vector<ArrayRef>& ModelStep::Input(std::string_view name) {
  return bindings_.inputs[static_cast<size_t>(*OptimizerSignature().InputByName(name))];
}

absl::Status ModelStep::Take(int t) {
  t_ = t;
  lr_ = LearningRate(task_, t);
  return execution_.Step(bindings_);
}

}  // namespace lathe
