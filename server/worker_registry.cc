#include "server/worker_registry.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "evaluators/task/model.h"
#include "evaluators/task/task.h"
#include "rpc/status.h"
#include "server/resource_names.h"

namespace lathe {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr size_t kMaxName = 128, kMaxClass = 256, kMaxDatasetName = 64, kMaxModelName = 64,
                 kMaxReason = 4096;
constexpr int kMaxBatch = 4096, kMaxDatasets = 1000, kMaxModels = 100;
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

// What a worker says that a dataset is; jobs take it from there.
absl::Status CheckData(const std::string& field, const v1::WorkerDataset& dataset) {
  const std::string place = absl::StrCat(field, ".data");
  const v1::DatasetDescription& data = dataset.data();
  if (absl::Status status = CheckDescription(data, place); !status.ok()) {
    const std::string message(status.message());
    return WithReason(
        WithField(absl::InvalidArgumentError(message), message.substr(0, message.find(':'))),
        "WORKER_INVALID");
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
  if (worker.datasets_size() > kMaxDatasets) {
    status.Update(Wrong("worker.datasets", absl::StrCat("at most ", kMaxDatasets, " are allowed")));
  }
  for (int i = 0; i < worker.datasets_size() && status.ok(); ++i) {
    status = CheckDataset(i, worker.datasets(i));
  }
  status.Update(CheckModels(worker));
  if (worker.missing_datasets_size() > kMaxDatasets) {
    status.Update(
        Wrong("worker.missing_datasets", absl::StrCat("at most ", kMaxDatasets, " are allowed")));
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
  return abilities;
}

// What not every worker can train.
std::set<std::string_view> ModelsBeside(std::string_view common,
                                        const std::vector<v1::Task>& tasks) {
  std::set<std::string_view> models;
  for (const v1::Task& task : tasks) models.insert(ModelName(task));
  models.erase(common);
  return models;
}

bool CanRun(const WorkerAbilities& abilities, const std::vector<v1::Task>& tasks) {
  return std::all_of(tasks.begin(), tasks.end(), [&](const v1::Task& task) {
    return abilities.Meets({abilities.numeric_class, task.dataset(), task.data().content_hash(),
                            std::string(ModelName(task))});
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
  for (const v1::WorkerDataset& dataset : worker.resource.datasets()) {
    if (!dataset.has_data()) continue;
    remembered_.insert_or_assign(dataset.name(), Remembered{dataset.data(), worker.registration});
    if (remembered_.size() <= kMaxRemembered) continue;
    remembered_.erase(std::min_element(remembered_.begin(), remembered_.end(),
                                       [](const auto& one, const auto& other) {
                                         return one.second.registration < other.second.registration;
                                       }));
  }
}

DatasetSurvey WorkerRegistry::Datasets() const {
  DatasetSurvey survey;
  DatasetCatalog& catalog = survey.whole;
  for (const auto& [name, remembered] : remembered_) catalog[name] = remembered.data;
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
  const std::set<std::string_view> models = ModelsBeside("mlp", tasks);
  for (const std::string_view model : models) {
    absl::StrAppend(&message, " and trains ", std::string(model));
  }
  if (!numeric_class.empty()) absl::StrAppend(&message, " and the numeric class ", numeric_class);
  if (workers_.empty()) absl::StrAppend(&message, "; no worker is registered at all");
  return WithReason(absl::UnavailableError(message), "NO_WORKER");
}

}  // namespace lathe
