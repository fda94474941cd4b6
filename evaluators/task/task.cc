#include "evaluators/task/task.h"

#include <array>
#include <cmath>
#include <numbers>
#include <string>

namespace lathe {
namespace {

// The content hash guards against data that differ from those an evaluation was recorded with.
constexpr std::array<DatasetInfo, 1> kDatasets = {{
    {"digits", 1797, 64, 10, "bda8267fc78a7c5b5eeec1e0241a6a7e"},
}};

// Version of TaskHash: of its fields, their order and what each one means.
constexpr std::string_view kTaskHashVersion = "lathe task 1";
constexpr double kTargetLossOfVersion1 = 0.3;

// Widths of the layers' inputs, and of the last layer's output.
std::vector<int64_t> LayerWidths(const v1::Task& task) {
  const DatasetInfo* dataset = DatasetByName(task.dataset());
  if (dataset == nullptr) return {};
  std::vector<int64_t> widths = {dataset->features};
  widths.insert(widths.end(), task.mlp().hidden().begin(), task.mlp().hidden().end());
  widths.push_back(dataset->classes);
  return widths;
}

}  // namespace

std::span<const DatasetInfo> KnownDatasets() {
  return kDatasets;
}

const DatasetInfo* DatasetByName(std::string_view name) {
  for (const DatasetInfo& dataset : kDatasets) {
    if (dataset.name == name) return &dataset;
  }
  return nullptr;
}

v1::Task OverrideTask(const v1::Task& base, const v1::Task& changes) {
  v1::Task task = base;
  if (changes.has_mlp()) task.clear_mlp();  // merging would append to its widths
  task.MergeFrom(changes);
  return task;
}

std::vector<Shape> ParameterShapes(const v1::Task& task) {
  const std::vector<int64_t> widths = LayerWidths(task);
  std::vector<Shape> shapes;
  for (size_t layer = 1; layer < widths.size(); ++layer) {
    shapes.push_back({.rows = widths[layer], .cols = widths[layer - 1]});
    shapes.push_back({.rows = widths[layer], .cols = 1});
  }
  return shapes;
}

Hash128 TaskHash(const v1::Task& task) {
  const DatasetInfo* dataset = DatasetByName(task.dataset());
  FieldHasher hasher;
  hasher.Text(kTaskHashVersion)
      .Text(task.dataset())
      .Text(dataset == nullptr ? "" : dataset->content_hash)
      .Number(task.train_examples())
      .Number(task.validation_examples())
      .Number(task.test_examples())
      .Real(task.feature_scale_exponent());
  hasher.Text("mlp").Number(static_cast<uint64_t>(task.mlp().hidden_size()));
  for (uint32_t width : task.mlp().hidden()) hasher.Number(width);
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
