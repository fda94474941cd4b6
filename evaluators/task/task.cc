#include "evaluators/task/task.h"

#include <cmath>
#include <numbers>
#include <string_view>

#include "evaluators/task/model.h"

namespace lathe {
namespace {

// Version of TaskHash: of its fields, their order and what each one means.
constexpr std::string_view kTaskHashVersion = "lathe task 1";
constexpr double kTargetLossOfVersion1 = 0.3;

// All that a task says of a registered model, for the reason of AddData.
void HashTorchScript(const v1::TorchScript& model, FieldHasher& hasher) {
  const v1::ModelDescription& described = model.description();
  hasher.Text(model.name()).Text(described.content_hash());
  hasher.Number(static_cast<uint64_t>(model.loss())).Number(static_cast<uint64_t>(model.start()));
  hasher.Number(static_cast<uint64_t>(described.input())).Number(described.outputs());
  for (const auto* numbers : {&described.shape(), &described.rows(), &described.columns()}) {
    hasher.Number(static_cast<uint64_t>(numbers->size()));
    for (const uint32_t number : *numbers) hasher.Number(number);
  }
  hasher.Real(described.multiply_adds()).Real(described.activations());
}

void HashModel(const v1::Task& task, FieldHasher& hasher) {
  hasher.Text(ModelName(task));
  const auto list = [&](const auto& numbers) {
    hasher.Number(static_cast<uint64_t>(numbers.size()));
    for (const uint32_t number : numbers) hasher.Number(number);
  };
  switch (task.model_case()) {
    case v1::Task::kConvNet: return list(task.conv_net().channels());
    case v1::Task::kTransformer: {
      const v1::Transformer& model = task.transformer();
      hasher.Number(model.context()).Number(model.width());
      hasher.Number(model.heads()).Number(model.layers());
      return;
    }
    case v1::Task::kTorchscript: return HashTorchScript(task.torchscript(), hasher);
    case v1::Task::kMlp:
    case v1::Task::MODEL_NOT_SET: return list(task.mlp().hidden());
  }
}

// All that a task says of data that do not ship. It follows from the content; but whoever makes a
// task may say what is not so, and shall not get, or spoil, the results of others by it.
void AddData(const v1::DatasetDescription& data, FieldHasher& hasher) {
  hasher.Text("data").Number(data.examples()).Number(data.classes());
  hasher.Number(static_cast<uint64_t>(data.shape_size()));
  for (uint32_t extent : data.shape()) hasher.Number(extent);
}

}  // namespace

v1::Task OverrideTask(const v1::Task& base, const v1::Task& changes) {
  v1::Task task = base;
  // Merging would append to a model's lists.
  if (changes.model_case() != v1::Task::MODEL_NOT_SET) task.clear_model();
  const bool other_name = !changes.dataset().empty() && changes.dataset() != base.dataset();
  if (other_name || changes.has_data()) task.clear_data();
  task.MergeFrom(changes);
  return task;
}

std::vector<Shape> ParameterShapes(const v1::Task& task) {
  const std::vector<ModelParameter> parameters = ModelParameters(task);
  std::vector<Shape> shapes;
  shapes.reserve(parameters.size());
  for (const ModelParameter& parameter : parameters) shapes.push_back(parameter.shape);
  return shapes;
}

Hash128 TaskHash(const v1::Task& task) {
  FieldHasher hasher;
  hasher.Text(kTaskHashVersion)
      .Text(task.dataset())
      .Text(task.data().content_hash())
      .Number(task.train_examples())
      .Number(task.validation_examples())
      .Number(task.test_examples())
      .Real(task.feature_scale_exponent());
  HashModel(task, hasher);
  hasher.Number(task.batch())
      .Number(task.steps())
      .Number(static_cast<uint64_t>(task.schedule()))
      .Real(task.base_lr())
      .Number(static_cast<uint64_t>(task.objective()))
      .Number(task.seed());
  // Later fields enter where they say something: what is recorded without them keeps its name.
  if (task.label_noise() != 0) hasher.Text("label_noise").Real(task.label_noise());
  if (task.warmup_steps() != 0) hasher.Text("warmup_steps").Number(task.warmup_steps());
  if (task.target_loss() != kTargetLossOfVersion1) {
    hasher.Text("target_loss").Real(task.target_loss());
  }
  if (!ShippedDatasets().contains(task.dataset())) AddData(task.data(), hasher);
  return hasher.Digest();
}

double LearningRate(const v1::Task& task, int t) {
  double rate = task.base_lr();
  const double done = t - 1, warmup = task.warmup_steps();
  if (task.schedule() == v1::Task::COSINE) {
    rate = rate * (1 + std::cos(std::numbers::pi * done / task.steps())) / 2;
  }
  if (task.schedule() == v1::Task::LINEAR) rate *= 1 - done / task.steps();
  return t < warmup ? rate * t / warmup : rate;
}

}  // namespace lathe
