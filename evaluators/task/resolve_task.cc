// Defaults and limits of a task's fields.
#include <cmath>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "evaluators/task/model.h"
#include "evaluators/task/task.h"
#include "evaluators/task/task_cost.h"

namespace lathe {
namespace {

constexpr char kDefaultDataset[] = "digits";
constexpr uint32_t kDefaultTrain = 1000, kDefaultValidation = 397, kDefaultTest = 400;
constexpr double kDefaultFeatureScaleExponent = 1;
constexpr uint32_t kDefaultHidden = 32;
constexpr uint32_t kDefaultChannels[] = {8, 16};
constexpr uint32_t kDefaultContext = 32, kDefaultWidth = 32, kDefaultHeads = 2, kDefaultLayers = 2;
constexpr uint32_t kDefaultBatch = 32;
constexpr uint32_t kDefaultSteps = 100;
constexpr double kDefaultBaseLr = 1;
constexpr double kDefaultTargetLoss = 0.3;
constexpr uint64_t kDefaultSeed = 1;
constexpr uint32_t kDefaultSeeds = 4;

// Far beyond what is useful, close enough that a mistyped number does not fill a machine.
constexpr int kMaxHiddenLayers = 16;
constexpr uint32_t kMaxWidth = 4096;
constexpr int kMaxConvolutions = 16;
constexpr uint32_t kMaxChannels = 1024;
constexpr uint32_t kMaxContext = 1024, kMaxTransformerWidth = 1024, kMaxLayers = 32;
// A few models of this size, with states of their programs, take some gigabytes.
constexpr int64_t kMaxParameters = 1 << 25;
// Of one model; several may be trained at a time.
constexpr int64_t kMaxActivationBytes = int64_t{2} << 30;
constexpr uint32_t kMaxSteps = 1'000'000;
constexpr uint32_t kMaxSeeds = 1000;
constexpr double kMaxFeatureScaleExponent = 6;

absl::Status Wrong(const std::string& field, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("task.", field, ": ", what));
}

absl::Status CheckCount(const std::string& field, uint32_t value, uint32_t low, uint32_t high) {
  if (low <= value && value <= high) return absl::OkStatus();
  return Wrong(field, absl::StrCat(value, " is not allowed; allowed: ", low, " to ", high));
}

absl::Status CheckNumber(const std::string& field, double value, double high) {
  if (value >= 0 && value <= high) return absl::OkStatus();
  return Wrong(field, absl::StrCat(value, " is not allowed; allowed: 0 to ", high));
}

absl::Status CheckPositive(const std::string& field, double value) {
  if (std::isfinite(value) && value > 0) return absl::OkStatus();
  return Wrong(field, absl::StrCat(value, " is not allowed; allowed: finite numbers above 0"));
}

void FillData(v1::Task& task) {
  if (task.dataset().empty()) task.set_dataset(kDefaultDataset);
  if (task.train_examples() == 0) task.set_train_examples(kDefaultTrain);
  if (task.validation_examples() == 0) task.set_validation_examples(kDefaultValidation);
  if (task.test_examples() == 0) task.set_test_examples(kDefaultTest);
  if (!task.has_feature_scale_exponent()) {
    task.set_feature_scale_exponent(kDefaultFeatureScaleExponent);
  }
  // Adding 0 turns -0 into 0: two names for one task would be two keys.
  task.set_feature_scale_exponent(task.feature_scale_exponent() + 0.0);
  task.set_label_noise(task.label_noise() + 0.0);
}

void FillTorchScript(v1::TorchScript& model) {
  if (model.loss() == v1::TorchScript::LOSS_UNSPECIFIED) {
    model.set_loss(v1::TorchScript::CROSS_ENTROPY);
  }
  if (model.start() == v1::TorchScript::START_UNSPECIFIED) {
    model.set_start(v1::TorchScript::SAVED);
  }
}

void FillModel(v1::Task& task) {
  if (task.model_case() == v1::Task::MODEL_NOT_SET) task.mutable_mlp()->add_hidden(kDefaultHidden);
  if (task.has_conv_net() && task.conv_net().channels().empty()) {
    for (const uint32_t count : kDefaultChannels) task.mutable_conv_net()->add_channels(count);
  }
  if (task.has_torchscript()) FillTorchScript(*task.mutable_torchscript());
  if (!task.has_transformer()) return;
  v1::Transformer& model = *task.mutable_transformer();
  if (model.context() == 0) model.set_context(kDefaultContext);
  if (model.width() == 0) model.set_width(kDefaultWidth);
  if (model.heads() == 0) model.set_heads(kDefaultHeads);
  if (model.layers() == 0) model.set_layers(kDefaultLayers);
}

void FillTraining(v1::Task& task) {
  FillModel(task);
  if (task.batch() == 0) task.set_batch(kDefaultBatch);
  if (task.steps() == 0) task.set_steps(kDefaultSteps);
  if (task.schedule() == v1::Task::SCHEDULE_UNSPECIFIED) task.set_schedule(v1::Task::COSINE);
  if (!task.has_base_lr()) task.set_base_lr(kDefaultBaseLr);
  task.set_warmup_steps(task.warmup_steps());
  if (!task.has_target_loss()) task.set_target_loss(kDefaultTargetLoss);
  if (task.objective() == v1::Task::OBJECTIVE_UNSPECIFIED) {
    task.set_objective(v1::Task::VALIDATION_LOSS);
  }
  if (!task.has_seed()) task.set_seed(kDefaultSeed);
  if (task.seeds() == 0) task.set_seeds(kDefaultSeeds);
}

absl::Status CheckSplits(const v1::Task& task) {
  const uint64_t total =
      uint64_t{task.train_examples()} + task.validation_examples() + task.test_examples();
  const uint64_t examples = ExamplesOf(task);
  if (total <= examples) return absl::OkStatus();
  return Wrong(
      "train_examples",
      absl::StrCat(task.train_examples(), " and ", task.validation_examples(),
                   " validation_examples and ", task.test_examples(), " test_examples are ", total,
                   " together; allowed: at most the ", examples, " of ", task.dataset()));
}

// Fills in what the dataset is, or checks it where the task says so itself.
absl::Status ResolveData(v1::Task& task, const DatasetCatalog& catalog) {
  auto data = ResolveDescription(task.dataset(), task.data(), catalog);
  if (!data.ok()) return data.status();
  *task.mutable_data() = *std::move(data);
  if (task.has_torchscript()) return CheckModelTakesData(task);
  if (!IsText(task.data()) || TakesText(task)) return absl::OkStatus();
  return Wrong("dataset", absl::StrCat(task.dataset(), " is text; allowed with ", "task.",
                                       std::string(ModelName(task)), ": datasets of examples"));
}

// The same of a registered model.
absl::Status ResolveModel(v1::Task& task, const ModelCatalog& catalog) {
  if (!task.has_torchscript()) return absl::OkStatus();
  auto model = ResolveModelDescription(task.torchscript(), catalog);
  if (!model.ok()) return model.status();
  *task.mutable_torchscript()->mutable_description() = *std::move(model);
  return absl::OkStatus();
}

absl::Status CheckData(const v1::Task& task) {
  if (absl::Status status = CheckSplits(task); !status.ok()) return status;
  absl::Status status = CheckNumber("feature_scale_exponent", task.feature_scale_exponent(),
                                    kMaxFeatureScaleExponent);
  status.Update(CheckNumber("label_noise", task.label_noise(), 1));
  if (status.ok() && IsText(task.data()) && task.label_noise() > 0) {
    return Wrong("label_noise", absl::StrCat("the examples of ", task.dataset(),
                                             " are text and have no labels; allowed: 0"));
  }
  return status;
}

absl::Status CheckList(const std::string& field, const char* what,
                       const google::protobuf::RepeatedField<uint32_t>& numbers, int most,
                       uint32_t largest) {
  if (numbers.size() > most) {
    return Wrong(field, absl::StrCat(numbers.size(), " ", what,
                                     " are not allowed; allowed: ", "at most ", most));
  }
  for (int i = 0; i < numbers.size(); ++i) {
    const std::string element = absl::StrCat(field, "[", i, "]");
    if (auto status = CheckCount(element, numbers[i], 1, largest); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckConvNet(const v1::Task& task) {
  if (!ImageShapeOf(task)) {
    return Wrong("conv_net", absl::StrCat("the examples of ", task.dataset(), " are no images"));
  }
  return CheckList("conv_net.channels", "convolutions", task.conv_net().channels(),
                   kMaxConvolutions, kMaxChannels);
}

absl::Status CheckTransformer(const v1::Task& task) {
  const v1::Transformer& model = task.transformer();
  absl::Status status;
  if (!IsText(task.data())) {
    status = Wrong("transformer", absl::StrCat("the examples of ", task.dataset(), " are no text"));
  }
  status.Update(CheckCount("transformer.context", model.context(), 1, kMaxContext));
  status.Update(CheckCount("transformer.width", model.width(), 1, kMaxTransformerWidth));
  status.Update(CheckCount("transformer.heads", model.heads(), 1, kMaxTransformerWidth));
  status.Update(CheckCount("transformer.layers", model.layers(), 1, kMaxLayers));
  if (status.ok() && model.width() % model.heads() != 0) {
    status = Wrong("transformer.heads",
                   absl::StrCat(model.heads(), " is not allowed; allowed: what divides the width, ",
                                model.width()));
  }
  return status;
}

// The message lists the names of `Enum` but the first, which stands for the default.
template <typename Enum>
absl::Status CheckEnum(const std::string& field, Enum value) {
  const google::protobuf::EnumDescriptor* names = google::protobuf::GetEnumDescriptor<Enum>();
  if (names->FindValueByNumber(value) != nullptr) return absl::OkStatus();
  std::string allowed;
  for (int i = 1; i < names->value_count(); ++i) {
    absl::StrAppend(&allowed, i > 1 ? ", " : "", names->value(i)->name());
  }
  return Wrong(field,
               absl::StrCat("unknown value ", static_cast<int>(value), "; known: ", allowed));
}

absl::Status CheckTorchScript(const v1::Task& task) {
  absl::Status status = CheckEnum("torchscript.loss", task.torchscript().loss());
  status.Update(CheckEnum("torchscript.start", task.torchscript().start()));
  if (status.ok() && TakesText(task)) {
    status = CheckCount("torchscript.description.shape[0]",
                        task.torchscript().description().shape(0), 1, kMaxContext);
  }
  return status;
}

absl::Status CheckModel(const v1::Task& task) {
  if (task.has_conv_net()) return CheckConvNet(task);
  if (task.has_torchscript()) return CheckTorchScript(task);
  if (task.has_transformer()) return CheckTransformer(task);
  return CheckList("mlp.hidden", "layers", task.mlp().hidden(), kMaxHiddenLayers, kMaxWidth);
}

// The field that the number of a model's parameters depends on most.
std::string SizeField(const v1::Task& task) {
  if (task.has_conv_net()) return "conv_net.channels";
  if (task.has_torchscript()) return "torchscript.name";
  return task.has_transformer() ? "transformer.width" : "mlp.hidden";
}

absl::Status CheckSize(const v1::Task& task) {
  const TaskCost cost = CountTaskCost(task);
  if (cost.parameters > kMaxParameters) {
    return Wrong(SizeField(task),
                 absl::StrCat("a model of ", static_cast<int64_t>(cost.parameters),
                              " parameters is not allowed; allowed: at most ", kMaxParameters));
  }
  if (cost.activation_bytes <= kMaxActivationBytes) return absl::OkStatus();
  return Wrong("batch", absl::StrCat("a batch of ", task.batch(), " takes ",
                                     static_cast<int64_t>(cost.activation_bytes) >> 20,
                                     " MiB in this model; allowed: at most ",
                                     kMaxActivationBytes >> 20, " MiB"));
}

absl::Status CheckTraining(const v1::Task& task) {
  // What a model costs is counted where its numbers are known to be small.
  if (absl::Status status = CheckModel(task); !status.ok()) return status;
  absl::Status status = CheckSize(task);
  status.Update(CheckCount("batch", task.batch(), 1, task.train_examples()));
  status.Update(CheckCount("steps", task.steps(), 1, kMaxSteps));
  status.Update(CheckEnum("schedule", task.schedule()));
  status.Update(CheckPositive("base_lr", task.base_lr()));
  status.Update(CheckCount("warmup_steps", task.warmup_steps(), 0, kMaxSteps));
  status.Update(CheckEnum("objective", task.objective()));
  status.Update(CheckPositive("target_loss", task.target_loss()));
  status.Update(CheckCount("seeds", task.seeds(), 1, kMaxSeeds));
  return status;
}

// A field of a later version is a number that the evaluation would not depend on but should.
absl::Status CheckNothingUnknown(const v1::Task& task) {
  const auto known = [](const google::protobuf::Message& message) {
    return message.GetReflection()->GetUnknownFields(message).empty();
  };
  if (known(task) && known(task.data()) && known(task.mlp()) && known(task.conv_net()) &&
      known(task.transformer()) && known(task.torchscript()) &&
      known(task.torchscript().description())) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("task: has fields that this version does not know");
}

}  // namespace

absl::StatusOr<v1::Task> ResolveTask(const v1::Task& task, const TaskCatalog& catalog) {
  v1::Task resolved = task;
  FillData(resolved);
  FillTraining(resolved);
  absl::Status status = CheckNothingUnknown(resolved);
  // Without its model and its data a task has no sizes.
  if (status.ok()) status = ResolveModel(resolved, catalog.models);
  if (status.ok()) status = ResolveData(resolved, catalog.datasets);
  if (!status.ok()) return status;
  status = CheckData(resolved);
  status.Update(CheckTraining(resolved));
  if (!status.ok()) return status;
  return resolved;
}

}  // namespace lathe
