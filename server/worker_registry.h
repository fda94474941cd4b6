// The workers that are alive. Pure: time is an argument. Not thread-safe.
#ifndef LATHE_SERVER_WORKER_REGISTRY_H_
#define LATHE_SERVER_WORKER_REGISTRY_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "evaluators/task/model_catalog.h"
#include "lathe/v1/resources.pb.h"
#include "lathe/v1/task.pb.h"
#include "server/lease_queue.h"

namespace lathe {

struct RegisteredWorker {
  WorkerId id = 0;
  v1::Worker resource;  // times and counts are filled in when it is told
  WorkerAbilities abilities;
  absl::Time registered, heard;
  uint64_t registration = 0;  // ascends
  uint64_t completed = 0;
};

class WorkerRegistry {
 public:
  // A worker that is silent for this long is forgotten.
  explicit WorkerRegistry(absl::Duration silence) : silence_(silence) {}

  // Invalid argument names the field that is missing, too long or malformed. A worker that is
  // known under its name keeps it.
  absl::StatusOr<RegisteredWorker*> Register(const v1::Worker& worker, absl::Time now);
  // The worker, heard of at `now`. Not found (reason WORKER_NOT_FOUND) if it is not known.
  absl::StatusOr<RegisteredWorker*> Hear(std::string_view name, absl::Time now);
  // The worker has not the data of a resolved task any more, for this reason, until it registers
  // again.
  void Withdraw(RegisteredWorker& worker, const v1::Task& task, const std::string& reason);
  bool Remove(WorkerId id);
  // Forgets and returns those that were silent for too long.
  std::vector<RegisteredWorker> RemoveSilent(absl::Time now);

  // In the order of registration.
  std::vector<RegisteredWorker*> All();
  RegisteredWorker* Find(WorkerId id);
  size_t Count() const { return workers_.size(); }
  // Live workers of that class, at least 1.
  size_t Peers(const std::string& numeric_class) const;

  // The class of the worker that registered first among those that can run all of `tasks`
  // (resolved), of `numeric_class` only if that is not empty. Unavailable (reason NO_WORKER) says
  // which data, model or class no worker has, and what live workers say of the data.
  absl::StatusOr<std::string> FindClass(const std::vector<v1::Task>& tasks,
                                        const std::string& numeric_class) const;

  // What jobs may name: the datasets that ship, and datasets and models that workers have declared,
  // also workers that have gone since. Where two have different ones under one name, it is what the
  // live worker that registered last has. Problems are those of live workers.
  DatasetSurvey Datasets() const;

 private:
  template <typename Description>
  struct Remembered {
    Description description;
    uint64_t registration;  // the last that declared it
  };

  void Remember(const RegisteredWorker& worker);

  const absl::Duration silence_;
  std::map<WorkerId, RegisteredWorker> workers_;  // ids ascend
  WorkerId last_id_ = 0;
  // By name.
  std::map<std::string, Remembered<v1::DatasetDescription>> remembered_;
  std::map<std::string, Remembered<v1::ModelDescription>> remembered_models_;
  uint64_t registrations_ = 0;
};

}  // namespace lathe

#endif  // LATHE_SERVER_WORKER_REGISTRY_H_
