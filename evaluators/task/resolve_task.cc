// Defaults and limits of a task's fields.
#include <cmath>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

constexpr char kDefaultDataset[] = "digits";
constexpr uint32_t kDefaultTrain = 1000, kDefaultValidation = 397, kDefaultTest = 400;
constexpr double kDefaultFeatureScaleExponent = 1;
constexpr uint32_t kDefaultHidden = 32;
constexpr uint32_t kDefaultBatch = 32;
constexpr uint32_t kDefaultSteps = 100;
constexpr double kDefaultBaseLr = 1;
constexpr double kDefaultTargetLoss = 0.3;
constexpr uint64_t kDefaultSeed = 1;
constexpr uint32_t kDefaultSeeds = 4;

// Far beyond what is useful, close enough that a mistyped number does not fill a machine.
constexpr int kMaxHiddenLayers = 16;
constexpr uint32_t kMaxWidth = 4096;
// A few models of this size, with states of their programs, take some gigabytes.
constexpr int64_t kMaxParameters = 1 << 25;
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

void FillTraining(v1::Task& task) {
  if (!task.has_mlp()) task.mutable_mlp()->add_hidden(kDefaultHidden);
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

absl::Status CheckSplits(const v1::Task& task, const DatasetInfo& dataset) {
  const uint64_t total =
      uint64_t{task.train_examples()} + task.validation_examples() + task.test_examples();
  if (total <= static_cast<uint64_t>(dataset.examples)) return absl::OkStatus();
  return Wrong("train_examples",
               absl::StrCat(task.train_examples(), " and ", task.validation_examples(),
                            " validation_examples and ", task.test_examples(),
                            " test_examples are ", total, " together; allowed: at most the ",
                            dataset.examples, " of ", std::string(dataset.name)));
}

absl::Status CheckData(const v1::Task& task) {
  const DatasetInfo* dataset = DatasetByName(task.dataset());
  if (dataset == nullptr) {
    const auto append_name = [](std::string* out, const DatasetInfo& known) {
      out->append(known.name);
    };
    return Wrong("dataset",
                 absl::StrCat("unknown dataset \"", absl::Utf8SafeCEscape(task.dataset()),
                              "\"; known: ", absl::StrJoin(KnownDatasets(), ", ", append_name)));
  }
  if (absl::Status status = CheckSplits(task, *dataset); !status.ok()) return status;
  absl::Status status = CheckNumber("feature_scale_exponent", task.feature_scale_exponent(),
                                    kMaxFeatureScaleExponent);
  status.Update(CheckNumber("label_noise", task.label_noise(), 1));
  return status;
}

absl::Status CheckModel(const v1::Mlp& mlp) {
  if (mlp.hidden_size() > kMaxHiddenLayers) {
    return Wrong("mlp.hidden", absl::StrCat(mlp.hidden_size(), " layers are not allowed; allowed: ",
                                            "at most ", kMaxHiddenLayers));
  }
  for (int i = 0; i < mlp.hidden_size(); ++i) {
    const std::string field = absl::StrCat("mlp.hidden[", i, "]");
    if (auto status = CheckCount(field, mlp.hidden(i), 1, kMaxWidth); !status.ok()) return status;
  }
  return absl::OkStatus();
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

absl::Status CheckSize(const v1::Task& task) {
  int64_t parameters = 0;
  for (const Shape& shape : ParameterShapes(task)) parameters += shape.Elements();
  if (parameters <= kMaxParameters) return absl::OkStatus();
  return Wrong("mlp.hidden", absl::StrCat("a model of ", parameters, " parameters is not allowed; ",
                                          "allowed: at most ", kMaxParameters));
}

absl::Status CheckTraining(const v1::Task& task) {
  absl::Status status = CheckModel(task.mlp());
  status.Update(CheckSize(task));
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
  const bool known = task.GetReflection()->GetUnknownFields(task).empty() &&
                     task.mlp().GetReflection()->GetUnknownFields(task.mlp()).empty();
  if (known) return absl::OkStatus();
  return absl::InvalidArgumentError("task: has fields that this version does not know");
}

}  // namespace

absl::StatusOr<v1::Task> ResolveTask(const v1::Task& task) {
  v1::Task resolved = task;
  FillData(resolved);
  FillTraining(resolved);
  absl::Status status = CheckNothingUnknown(resolved);
  status.Update(CheckData(resolved));
  status.Update(CheckTraining(resolved));
  if (!status.ok()) return status;
  return resolved;
}

}  // namespace lathe
