#include "server/worker_registry.h"

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

constexpr size_t kMaxName = 128, kMaxClass = 256, kMaxDatasetName = 64, kMaxModelName = 64;
constexpr int kMaxBatch = 4096, kMaxDatasets = 1000, kMaxModels = 100;

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

absl::Status CheckDataset(int i, const v1::WorkerDataset& dataset) {
  const std::string field = absl::StrCat("worker.datasets[", i, "]");
  absl::Status status =
      CheckLength(absl::StrCat(field, ".name"), dataset.name(), 1, kMaxDatasetName);
  if (!status.ok() || ParseHash(dataset.content_hash())) return status;
  return Wrong(absl::StrCat(field, ".content_hash"), "32 hexadecimal digits are required");
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

std::string HashOf(const v1::Task& task) {
  const DatasetInfo* info = DatasetByName(task.dataset());
  return info == nullptr ? "" : std::string(info->content_hash);
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
    return abilities.Meets(
        {abilities.numeric_class, task.dataset(), HashOf(task), std::string(ModelName(task))});
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
  return &worker;
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
  for (const v1::Task& task : tasks) datasets[task.dataset()] = HashOf(task);
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
