// A registered model of proto/lathe/v1/task.proto.
#include "evaluators/torch/torchscript_network.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

#include "evaluators/task/task.h"

namespace lathe {
namespace {

// A batch of a task as the module takes it.
class ModuleBatch {
 public:
  explicit ModuleBatch(const v1::Task& task) {
    const v1::ModelDescription& model = task.torchscript().description();
    batch_.input = model.input();
    batch_.sizes = {0};
    batch_.sizes.insert(batch_.sizes.end(), model.shape().begin(), model.shape().end());
    batch_.loss = task.torchscript().loss();
  }
  ModuleBatch(const ModuleBatch&) = delete;
  ModuleBatch& operator=(const ModuleBatch&) = delete;

  void Take(const Examples& examples, std::span<const int> rows) {
    numbers_.clear();
    tokens_.clear();
    labels_.clear();
    for (const int row : rows) {
      if (batch_.input == v1::ModelDescription::TOKENS) {
        TakeTokens(examples, static_cast<size_t>(row));
      } else {
        TakeNumbers(examples, static_cast<size_t>(row));
      }
    }
    batch_.sizes[0] = static_cast<int64_t>(rows.size());
    batch_.numbers = numbers_;
    batch_.tokens = tokens_;
    batch_.labels = labels_;
  }

  const TorchScriptBatch& Get() const { return batch_; }

 private:
  void TakeNumbers(const Examples& examples, size_t row) {
    const auto features = static_cast<size_t>(examples.features);
    const auto own = std::span(examples.values).subspan(row * features, features);
    numbers_.insert(numbers_.end(), own.begin(), own.end());
    labels_.push_back(examples.classes[row]);
  }
  void TakeTokens(const Examples& examples, size_t row) {
    const size_t context = static_cast<size_t>(examples.context);
    const auto own = std::span(examples.tokens).subspan(row * (context + 1), context + 1);
    tokens_.insert(tokens_.end(), own.begin(), own.end() - 1);
    labels_.insert(labels_.end(), own.begin() + 1, own.end());
  }

  TorchScriptBatch batch_;
  std::vector<float> numbers_;
  std::vector<int64_t> tokens_, labels_;
};

class TorchScriptNetwork : public Network {
 public:
  TorchScriptNetwork(const TorchScriptModule& module, const v1::Task& task, int seed_index)
      : Network(ParameterShapes(task)),
        module_(module),
        task_(task),
        seed_index_(seed_index),
        batch_(task),
        scored_(task) {}

  void Select(int model) override {
    while (models_.size() <= static_cast<size_t>(model)) models_.push_back(module_.Copy());
    selected_ = &models_[static_cast<size_t>(model)];
  }

  void TakeBatch(const Examples& examples, std::span<const int> rows) override {
    batch_.Take(examples, rows);
    ++step_;
  }

  double ForwardBackward() override {
    if (!HasFiniteParameters()) return std::numeric_limits<double>::quiet_NaN();
    TorchScriptModule& module = Selected();
    module.WriteParameters(Parameters());
    return module.ForwardBackward(
        batch_.Get(), DrawModuleSeed(task_, seed_index_, ModuleUse::kTraining, step_), Gradient());
  }

  // By a copy: what a measurement changes in the module is nothing to the next step.
  SplitScore Score(const Examples& examples) override {
    if (!HasFiniteParameters())
      return {.loss = std::numeric_limits<double>::quiet_NaN(), .error = 1};
    TorchScriptModule module = Selected().Copy();
    module.WriteParameters(Parameters());
    TorchScriptSums sums;
    double places = 0;
    uint64_t batches = 0;
    ForEachBatch(examples, task_.batch(), [&](std::span<const int> rows) {
      scored_.Take(examples, rows);
      const uint64_t seed = DrawModuleSeed(task_, seed_index_, ModuleUse::kScoring, batches++);
      const TorchScriptSums own = module.Score(scored_.Get(), seed);
      sums.loss += own.loss;
      sums.wrong += own.wrong;
      places += static_cast<double>(scored_.Get().labels.size());
    });
    return {.loss = sums.loss / places, .error = static_cast<double>(sums.wrong) / places};
  }

 private:
  // A module may raise on what is not a number, which is a divergence and no error of the machine.
  bool HasFiniteParameters() {
    return std::ranges::all_of(Parameters(), [](float value) { return std::isfinite(value); });
  }

  TorchScriptModule& Selected() {
    if (selected_ == nullptr) Select(0);
    return *selected_;
  }

  const TorchScriptModule& module_;
  const v1::Task& task_;
  const int seed_index_;
  ModuleBatch batch_, scored_;
  uint64_t step_ = 0;
  std::deque<TorchScriptModule> models_;  // they stay where they are
  TorchScriptModule* selected_ = nullptr;
};

}  // namespace

std::unique_ptr<Network> MakeTorchScriptNetwork(const TorchScriptModule& module,
                                                const v1::Task& task, int seed_index) {
  return std::make_unique<TorchScriptNetwork>(module, task, seed_index);
}

}  // namespace lathe
