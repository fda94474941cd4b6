#include "server/worker_registry.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "evaluators/task/declared_data.h"
#include "evaluators/task/model.h"
#include "evaluators/task/task.h"
#include "rpc/status.h"
#include "server/resource_names.h"

namespace lathe {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr size_t kMaxName = 128, kMaxClass = 256, kMaxDatasetName = 64, kMaxModelName = 64,
                 kMaxReason = 4096;
constexpr int kMaxBatch = 4096, kMaxModels = 100;
// That are remembered after their workers have gone.
constexpr size_t kMaxRemembered = 1000;

absl::Status Wrong(const std::string& field, const std::string& what) {
  return WithReason(WithField(absl::InvalidArgumentError(absl::StrCat(field, ": ", what)), field),
                    "WORKER_INVALID");
}

absl::Status CheckLength(const std::string& field, const std::string& value, size_t least,
                         size_t most) {
  if (value.size() >= least && value.size() <= most) return absl::OkStatus();
  return Wrong(field,
               absl::StrCat(value.size(), " bytes; allowed are ", least, " to ", most, " bytes"));
}

// A message of a catalog's check is "FIELD: PROBLEM".
absl::Status WithItsField(const absl::Status& status) {
  if (status.ok()) return status;
  const std::string message(status.message());
  return WithReason(
      WithField(absl::InvalidArgumentError(message), message.substr(0, message.find(':'))),
      "WORKER_INVALID");
}

// What a worker says that a dataset is; jobs take it from there.
absl::Status CheckData(const std::string& field, const v1::WorkerDataset& dataset) {
  const std::string place = absl::StrCat(field, ".data");
  const v1::DatasetDescription& data = dataset.data();
  if (absl::Status status = WithItsField(CheckDescription(data, place)); !status.ok()) {
    return status;
  }
  if (data.content_hash() != dataset.content_hash()) {
    return Wrong(place + ".content_hash", "is not the content_hash beside it");
  }
  const auto shipped = ShippedDatasets().find(dataset.name());
  if (shipped == ShippedDatasets().end()) {
    if (IsDatasetName(dataset.name())) return absl::OkStatus();
    return Wrong(field + ".name", std::string(kDatasetNameRule));
  }
  if (MessageDifferencer::Equals(data, shipped->second)) return absl::OkStatus();
  return Wrong(place, absl::StrCat("is not what ", dataset.name(),
                                   " is; required: ", shipped->second.ShortDebugString()));
}

absl::Status CheckDataset(int i, const v1::WorkerDataset& dataset) {
  const std::string field = absl::StrCat("worker.datasets[", i, "]");
  absl::Status status =
      CheckLength(absl::StrCat(field, ".name"), dataset.name(), 1, kMaxDatasetName);
  if (!status.ok()) return status;
  if (!ParseHash(dataset.content_hash())) {
    return Wrong(absl::StrCat(field, ".content_hash"), "32 hexadecimal digits are required");
  }
  return dataset.has_data() ? CheckData(field, dataset) : absl::OkStatus();
}

absl::Status CheckMissing(int i, const v1::MissingDataset& missing) {
  const std::string field = absl::StrCat("worker.missing_datasets[", i, "]");
  absl::Status status = CheckLength(field + ".name", missing.name(), 1, kMaxDatasetName);
  status.Update(CheckLength(field + ".reason", missing.reason(), 1, kMaxReason));
  return status;
}

// What a worker says that a registered model is; jobs take it from there.
absl::Status CheckRegisteredModel(int i, const v1::WorkerModel& model) {
  const std::string field = absl::StrCat("worker.registered_models[", i, "]");
  if (!IsDatasetName(model.name())) return Wrong(field + ".name", std::string(kDatasetNameRule));
  return WithItsField(CheckModelDescription(model.description(), field + ".description"));
}

// A model that this version does not know does no harm: no task asks for it.
absl::Status CheckModels(const v1::Worker& worker) {
  if (worker.models_size() > kMaxModels) {
    return Wrong("worker.models", absl::StrCat("at most ", kMaxModels, " are allowed"));
  }
  absl::Status status;
  for (int i = 0; i < worker.models_size() && status.ok(); ++i) {
    status =
        CheckLength(absl::StrCat("worker.models[", i, "]"), worker.models(i), 1, kMaxModelName);
  }
  if (worker.registered_models_size() > kMaxDeclaredDatasets) {
    status.Update(Wrong("worker.registered_models",
                        absl::StrCat("at most ", kMaxDeclaredDatasets, " are allowed")));
  }
  for (int i = 0; i < worker.registered_models_size() && status.ok(); ++i) {
    status = CheckRegisteredModel(i, worker.registered_models(i));
  }
  return status;
}

absl::Status CheckWorker(const v1::Worker& worker) {
  absl::Status status = CheckLength("worker.display_name", worker.display_name(), 1, kMaxName);
  status.Update(CheckLength("worker.numeric_class", worker.numeric_class(), 1, kMaxClass));
  status.Update(CheckLength("worker.device", worker.device(), 0, kMaxName));
  if (worker.batch() < 1 || worker.batch() > kMaxBatch) {
    status.Update(Wrong("worker.batch", absl::StrCat(worker.batch(), " is not allowed; allowed: ",
                                                     "1 to ", kMaxBatch)));
  }
  if (worker.datasets_size() > kMaxDeclaredDatasets) {
    status.Update(
        Wrong("worker.datasets", absl::StrCat("at most ", kMaxDeclaredDatasets, " are allowed")));
  }
  for (int i = 0; i < worker.datasets_size() && status.ok(); ++i) {
    status = CheckDataset(i, worker.datasets(i));
  }
  status.Update(CheckModels(worker));
  if (worker.missing_datasets_size() > kMaxDeclaredDatasets) {
    status.Update(Wrong("worker.missing_datasets",
                        absl::StrCat("at most ", kMaxDeclaredDatasets, " are allowed")));
  }
  for (int i = 0; i < worker.missing_datasets_size() && status.ok(); ++i) {
    status = CheckMissing(i, worker.missing_datasets(i));
  }
  return status;
}

WorkerAbilities AbilitiesOf(const v1::Worker& worker) {
  WorkerAbilities abilities;
  abilities.numeric_class = worker.numeric_class();
  for (const v1::WorkerDataset& dataset : worker.datasets()) {
    abilities.datasets[dataset.name()] = dataset.content_hash();
  }
  if (!worker.models().empty()) {
    abilities.models = {worker.models().begin(), worker.models().end()};
  }
  if (!abilities.models.contains("torchscript")) return abilities;
  for (const v1::WorkerModel& model : worker.registered_models()) {
    abilities.models.insert(NeededModel(model.name(), model.description()));
  }
  return abilities;
}

// What not every worker can train.
std::set<std::string> ModelsBeside(const std::string& common, const std::vector<v1::Task>& tasks) {
  std::set<std::string> models;
  for (const v1::Task& task : tasks) models.insert(NeededModel(task));
  models.erase(common);
  return models;
}

// Forgets the one that was declared first where there are too many.
template <typename Description, typename Remembered>
void Keep(const std::string& name, const Description& description, uint64_t registration,
          Remembered& remembered) {
  remembered.insert_or_assign(name, typename Remembered::mapped_type{description, registration});
  if (remembered.size() <= kMaxRemembered) return;
  remembered.erase(std::min_element(remembered.begin(), remembered.end(),
                                    [](const auto& one, const auto& other) {
                                      return one.second.registration < other.second.registration;
                                    }));
}

bool CanRun(const WorkerAbilities& abilities, const std::vector<v1::Task>& tasks) {
  return std::all_of(tasks.begin(), tasks.end(), [&](const v1::Task& task) {
    return abilities.Meets(
        {abilities.numeric_class, task.dataset(), task.data().content_hash(), NeededModel(task)});
  });
}

}  // namespace

absl::StatusOr<RegisteredWorker*> WorkerRegistry::Register(const v1::Worker& given,
                                                           absl::Time now) {
  if (absl::Status status = CheckWorker(given); !status.ok()) return status;
  WorkerId id = 0;
  if (const auto known = ParseWorkerName(given.name(), "worker.name"); known.ok()) {
    if (Find(*known) != nullptr) id = *known;
  }
  // Names are not used again by a later server, so that a worker of an earlier one is told apart.
  if (id == 0) id = last_id_ = std::max<WorkerId>(last_id_ + 1, absl::ToUnixMicros(now));
  RegisteredWorker& worker = workers_[id];
  worker.id = id;
  worker.resource = given;
  worker.resource.set_name(WorkerName(id));
  worker.abilities = AbilitiesOf(given);
  worker.registered = worker.heard = now;
  worker.registration = ++registrations_;
  Remember(worker);
  return &worker;
}

void WorkerRegistry::Remember(const RegisteredWorker& worker) {
  const uint64_t registration = worker.registration;
  for (const v1::WorkerDataset& dataset : worker.resource.datasets()) {
    if (dataset.has_data()) Keep(dataset.name(), dataset.data(), registration, remembered_);
  }
  for (const v1::WorkerModel& model : worker.resource.registered_models()) {
    Keep(model.name(), model.description(), registration, remembered_models_);
  }
}

DatasetSurvey WorkerRegistry::Datasets() const {
  DatasetSurvey survey;
  DatasetCatalog& catalog = survey.whole;
  for (const auto& [name, remembered] : remembered_) catalog[name] = remembered.description;
  for (const auto& [name, remembered] : remembered_models_) {
    survey.models[name] = remembered.description;
  }
  std::vector<const RegisteredWorker*> live;
  live.reserve(workers_.size());
  for (const auto& [id, worker] : workers_) live.push_back(&worker);
  std::sort(live.begin(), live.end(), [](const auto* one, const auto* other) {
    return one->registration < other->registration;
  });
  for (const RegisteredWorker* worker : live) {
    for (const v1::WorkerDataset& dataset : worker->resource.datasets()) {
      if (dataset.has_data()) catalog[dataset.name()] = dataset.data();
    }
    for (const v1::WorkerModel& model : worker->resource.registered_models()) {
      survey.models[model.name()] = model.description();
    }
    for (const v1::MissingDataset& missing : worker->resource.missing_datasets()) {
      survey.problems[missing.name()] =
          absl::StrCat(worker->resource.display_name(), " says: ", missing.reason());
    }
  }
  for (const auto& [name, data] : ShippedDatasets()) catalog[name] = data;
  return survey;
}

absl::StatusOr<RegisteredWorker*> WorkerRegistry::Hear(std::string_view name, absl::Time now) {
  const absl::StatusOr<WorkerId> id = ParseWorkerName(name, "worker");
  if (!id.ok()) return id.status();
  RegisteredWorker* worker = Find(*id);
  if (worker == nullptr) {
    return WithReason(
        absl::NotFoundError(absl::StrCat(std::string(name), " is not registered; register again")),
        "WORKER_NOT_FOUND");
  }
  worker->heard = std::max(worker->heard, now);
  return worker;
}

void WorkerRegistry::Withdraw(RegisteredWorker& worker, const v1::Task& task,
                              const std::string& reason) {
  // A reason is required of workers that declare what they have not.
  const std::string told = reason.empty() ? "it cannot be used" : reason.substr(0, kMaxReason);
  if (!WithdrawData(worker.resource, task, told)) return;
  worker.abilities = AbilitiesOf(worker.resource);
}

bool WorkerRegistry::Remove(WorkerId id) {
  return workers_.erase(id) > 0;
}

std::vector<RegisteredWorker> WorkerRegistry::RemoveSilent(absl::Time now) {
  std::vector<RegisteredWorker> silent;
  for (auto it = workers_.begin(); it != workers_.end();) {
    if (now - it->second.heard < silence_) {
      ++it;
      continue;
    }
    silent.push_back(std::move(it->second));
    it = workers_.erase(it);
  }
  return silent;
}

std::vector<RegisteredWorker*> WorkerRegistry::All() {
  std::vector<RegisteredWorker*> all;
  for (auto& [id, worker] : workers_) all.push_back(&worker);
  return all;
}

RegisteredWorker* WorkerRegistry::Find(WorkerId id) {
  const auto found = workers_.find(id);
  return found == workers_.end() ? nullptr : &found->second;
}

size_t WorkerRegistry::Peers(const std::string& numeric_class) const {
  const auto peers = std::count_if(workers_.begin(), workers_.end(), [&](const auto& entry) {
    return entry.second.abilities.numeric_class == numeric_class;
  });
  return std::max<size_t>(1, static_cast<size_t>(peers));
}

absl::StatusOr<std::string> WorkerRegistry::FindClass(const std::vector<v1::Task>& tasks,
                                                      const std::string& numeric_class) const {
  for (const auto& [id, worker] : workers_) {
    const std::string& its = worker.abilities.numeric_class;
    if (!numeric_class.empty() && its != numeric_class) continue;
    if (CanRun(worker.abilities, tasks)) return its;
  }
  std::map<std::string, std::string> datasets;
  for (const v1::Task& task : tasks) datasets[task.dataset()] = task.data().content_hash();
  std::string wanted;
  for (const auto& [name, hash] : datasets) {
    absl::StrAppend(&wanted, wanted.empty() ? "" : ", ", name, " (content ", hash, ")");
  }
  std::string message = absl::StrCat("no live worker has the dataset ", wanted);
  for (const std::string& model : ModelsBeside("mlp", tasks)) {
    absl::StrAppend(&message, " and trains ", model);
  }
  if (!numeric_class.empty()) absl::StrAppend(&message, " and the numeric class ", numeric_class);
  if (workers_.empty()) absl::StrAppend(&message, "; no worker is registered at all");
  const DatasetSurvey survey = Datasets();
  std::set<std::string> named;
  for (const v1::Task& task : tasks) {
    named.insert(task.dataset());
    if (task.has_torchscript()) named.insert(task.torchscript().name());
  }
  for (const std::string& name : named) {
    const auto problem = survey.problems.find(name);
    if (problem != survey.problems.end()) absl::StrAppend(&message, "; ", problem->second);
  }
  return WithReason(absl::UnavailableError(message), "NO_WORKER");
}

}  // namespace lathe
