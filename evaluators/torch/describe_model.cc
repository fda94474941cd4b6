#include "evaluators/torch/describe_model.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dsl/random.h"
#include "evaluators/datasets/registered_model.h"
#include "evaluators/task/model_catalog.h"
#include "evaluators/torch/forward_cost.h"
#include "evaluators/torch/torchscript_module.h"

namespace lathe {
namespace {

constexpr uint64_t kSeed = 1;
// Batch norm needs two examples in training; the last batch of a split may have any number.
constexpr int64_t kTrainingExamples[] = {2, 3}, kScoredExamples[] = {1, 2, 3};
constexpr int64_t kMeasuredExamples = 2;

absl::Status Wrong(const std::string& what) {
  return absl::InvalidArgumentError(what);
}

// Examples made up: floats within -1 and 1, tokens below `tokens`; labels below that, too.
class MadeUpBatch {
 public:
  MadeUpBatch(const v1::ModelExample& example, int64_t examples, uint64_t classes) {
    batch_.input = example.input();
    batch_.sizes = {examples};
    int64_t numbers = examples;
    for (const uint32_t extent : example.shape()) {
      batch_.sizes.push_back(extent);
      numbers *= extent;
    }
    RandomStream random(kSeed, {static_cast<uint64_t>(examples)});
    const bool tokens = example.input() == v1::ModelDescription::TOKENS;
    for (int64_t i = 0; i < numbers; ++i) {
      if (tokens) {
        tokens_.push_back(static_cast<int64_t>(random.Below(classes)));
      } else {
        numbers_.push_back(static_cast<float>(2 * random.Uniform() - 1));
      }
    }
    // The last one is there, whatever is drawn.
    if (tokens) tokens_.back() = static_cast<int64_t>(classes) - 1;
    for (int64_t i = 0; i < (tokens ? numbers : examples); ++i) {
      labels_.push_back(static_cast<int64_t>(random.Below(classes)));
    }
    batch_.numbers = numbers_;
    batch_.tokens = tokens_;
    batch_.labels = labels_;
  }
  MadeUpBatch(const MadeUpBatch&) = delete;
  MadeUpBatch& operator=(const MadeUpBatch&) = delete;

  const TorchScriptBatch& Get() const { return batch_; }

 private:
  TorchScriptBatch batch_;
  std::vector<float> numbers_;
  std::vector<int64_t> tokens_, labels_;
};

absl::StatusOr<v1::ModelExample> ExampleOf(const TorchScriptModule& module,
                                           const v1::ModelExample& given) {
  if (given.shape_size() > 0) return given;
  if (module.ExampleText().empty()) {
    return Wrong(
        "the file does not say what the model is given; --input says it, e.g. 1x28x28 or "
        "tokens:32");
  }
  return ParseInputText(module.ExampleText());
}

// What no evaluation should come to depend on, or could give two results.
absl::Status CheckOperators(const TorchScriptModule& module) {
  constexpr std::string_view kRefused[] = {"prim::fork", "aten::from_file", "aten::save"};
  for (const std::string& name : module.Operators()) {
    if (std::ranges::find(kRefused, name) == std::end(kRefused)) continue;
    return Wrong(absl::StrCat(name, " is not allowed in a model: it starts threads or uses files"));
  }
  return absl::OkStatus();
}

std::string SizesText(const TorchScriptBatch& batch) {
  return absl::StrCat("on [", absl::StrJoin(batch.sizes, ", "), "]");
}

class Description {
 public:
  Description(std::string_view file, const TorchScriptModule& module,
              const v1::ModelExample& example)
      : file_(file), module_(module), example_(example) {
    v1::ModelDescription& model = *registered_.mutable_description();
    model.set_input(example.input());
    *model.mutable_shape() = example.shape();
    for (const TorchScriptModule::Parameter& parameter : module.Parameters()) {
      registered_.add_parameter_names(parameter.name);
      model.add_rows(static_cast<uint32_t>(parameter.shape.rows));
      model.add_columns(static_cast<uint32_t>(parameter.shape.cols));
    }
  }

  // Throws what the module throws.
  absl::StatusOr<v1::RegisteredModel> Make() {
    absl::Status status = FindOutputs();
    if (status.ok()) status = CheckCopies();
    if (status.ok()) status = Score();
    if (status.ok()) status = Train();
    if (status.ok()) Measure();
    if (!status.ok()) return status;
    return registered_;
  }

  // What is being run, for a message.
  const std::string& Place() const { return place_; }

 private:
  v1::ModelDescription& Model() { return *registered_.mutable_description(); }

  absl::Status FindOutputs() {
    const MadeUpBatch batch(example_, kMeasuredExamples, /*classes=*/2);
    place_ = SizesText(batch.Get());
    const int64_t outputs = module_.Copy().OutputSizes(batch.Get()).back();
    if (outputs < 2 || outputs > kMaxOutputs) {
      return Wrong(
          absl::StrCat("forward returns ", outputs, " numbers each; allowed: 2 to ", kMaxOutputs));
    }
    Model().set_outputs(static_cast<uint32_t>(outputs));
    return absl::OkStatus();
  }

  // What is trained are copies: tensors that lie in one memory, other than parameters and buffers,
  // would be other tensors there.
  absl::Status CheckCopies() {
    const MadeUpBatch batch(example_, kMeasuredExamples, Model().outputs());
    absl::StatusOr<TorchScriptModule> loaded = TorchScriptModule::Load(file_);
    if (!loaded.ok()) return loaded.status();
    place_ = absl::StrCat("in evaluation mode ", SizesText(batch.Get()));
    const double loss = loaded->Score(batch.Get(), kSeed).loss;
    if (Same(loss, module_.Copy().Score(batch.Get(), kSeed).loss)) return absl::OkStatus();
    return Wrong(absl::StrCat("a copy of it gives another result ", place_,
                              "; required: tensors that are kept, other than parameters and "
                              "buffers, share no memory"));
  }

  absl::Status Score() {
    for (const int64_t examples : kScoredExamples) {
      const MadeUpBatch batch(example_, examples, Model().outputs());
      place_ = absl::StrCat("in evaluation mode ", SizesText(batch.Get()));
      TorchScriptModule one = module_.Copy(), other = module_.Copy();
      const double loss = one.Score(batch.Get(), kSeed).loss;
      if (!Same(loss, other.Score(batch.Get(), kSeed).loss)) return NotTheSame();
      if (one.OutputSizes(batch.Get()).back() == Model().outputs()) continue;
      return Wrong(absl::StrCat("forward returns ", Model().outputs(), " numbers each for ",
                                kMeasuredExamples, " examples, and others ", place_));
    }
    return absl::OkStatus();
  }

  absl::Status Train() {
    std::vector<float> gradient(module_.ReadParameters().size()), again(gradient.size());
    for (const int64_t examples : kTrainingExamples) {
      const MadeUpBatch batch(example_, examples, Model().outputs());
      place_ = absl::StrCat("in training mode ", SizesText(batch.Get()));
      TorchScriptModule one = module_.Copy(), other = module_.Copy();
      other.WriteParameters(one.ReadParameters());
      const double loss = one.ForwardBackward(batch.Get(), kSeed, gradient);
      if (!Same(loss, other.ForwardBackward(batch.Get(), kSeed, again)) ||
          !std::ranges::equal(gradient, again, [](float a, float b) { return Same(a, b); })) {
        return NotTheSame();
      }
      if (!std::isfinite(loss)) return Wrong(absl::StrCat("the loss is ", loss, " ", place_));
      GoOn(one, batch);
    }
    return absl::OkStatus();
  }

  // What it keeps between calls must fit the next step, and batches of other sizes.
  void GoOn(TorchScriptModule& stepped, const MadeUpBatch& batch) {
    std::vector<float> gradient(module_.ReadParameters().size());
    place_ = absl::StrCat("at the second step ", SizesText(batch.Get()));
    stepped.ForwardBackward(batch.Get(), kSeed + 1, gradient);
    TorchScriptModule scored = stepped.Copy();
    for (const int64_t examples : kScoredExamples) {
      const MadeUpBatch other(example_, examples, Model().outputs());
      place_ = absl::StrCat("in evaluation mode after a step ", SizesText(other.Get()));
      scored.Score(other.Get(), kSeed);
    }
  }

  void Measure() {
    const MadeUpBatch batch(example_, kMeasuredExamples, Model().outputs());
    std::vector<float> gradient(module_.ReadParameters().size());
    TorchScriptModule measured = module_.Copy();
    const ForwardCost cost;
    measured.OutputSizes(batch.Get());
    const double numbers = cost.Numbers() / kMeasuredExamples;
    Model().set_activations(numbers);
    Model().set_multiply_adds(cost.MultiplyAdds() / kMeasuredExamples + numbers);
  }

  static bool Same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }
  absl::Status NotTheSame() const {
    return Wrong(absl::StrCat("it gives another result the second time ", place_,
                              "; required: what follows from inputs, parameters and torch's "
                              "default generator"));
  }

  const std::string_view file_;
  const TorchScriptModule& module_;
  const v1::ModelExample& example_;
  v1::RegisteredModel registered_;
  std::string place_;
};

}  // namespace

absl::StatusOr<v1::RegisteredModel> DescribeModel(std::string_view file,
                                                  const v1::ModelExample& example) {
  const absl::StatusOr<TorchScriptModule> module = TorchScriptModule::Load(file);
  if (!module.ok()) return module.status();
  const absl::StatusOr<v1::ModelExample> given = ExampleOf(*module, example);
  if (!given.ok()) return given.status();
  if (absl::Status status = CheckOperators(*module); !status.ok()) return status;
  Description description(file, *module, *given);
  absl::StatusOr<v1::RegisteredModel> registered;
  try {
    registered = description.Make();
  } catch (const std::exception& error) {
    return Wrong(absl::StrCat(OneLineOf(error), " (", description.Place(), ")"));
  }
  if (!registered.ok()) return registered.status();
  v1::ModelDescription& model = *registered->mutable_description();
  model.set_content_hash(ModelContentHash(file, model));
  const absl::Status status = CheckModelDescription(model, "model");
  if (!status.ok()) return status;
  return registered;
}

}  // namespace lathe
