// What workers remember of their evaluations, outside of any server: what a server has acknowledged
// must be in its store and must never run again. Thread-safe.
#ifndef LATHE_SERVER_TESTING_EVALUATION_AUDIT_H_
#define LATHE_SERVER_TESTING_EVALUATION_AUDIT_H_

#include <map>
#include <mutex>
#include <string>

#include "evaluators/task/task.h"
#include "lathe/v1/worker_service.pb.h"
#include "server/store/keys.h"
#include "server/store/store.h"

namespace lathe {

class EvaluationAudit {
 public:
  // Before a training run.
  void Runs(const v1::EvaluationItem& item, int seed) {
    const std::lock_guard lock(mutex_);
    run_again_ += acknowledged_.contains(KeyOf(item, seed));
  }
  // Once a server has said that it has it.
  void Acknowledged(const v1::EvaluationItem& item, int seed, const v1::SeedResult& result) {
    const std::lock_guard lock(mutex_);
    acknowledged_[KeyOf(item, seed)] = result.SerializeAsString();
  }

  uint64_t RunAgain() const {
    const std::lock_guard lock(mutex_);
    return run_again_;
  }
  // Acknowledged ones that a store does not have, or has with another result.
  uint64_t MissingIn(const Store& store) const {
    const std::lock_guard lock(mutex_);
    uint64_t missing = 0;
    for (const auto& [key, result] : acknowledged_) {
      const auto bytes = store.Get(Kind::kEvaluations, key);
      v1::Evaluation evaluation;
      const bool is_there = bytes.ok() && *bytes && evaluation.ParseFromString(**bytes);
      missing += !is_there || evaluation.result().SerializeAsString() != result;
    }
    return missing;
  }
  size_t Size() const {
    const std::lock_guard lock(mutex_);
    return acknowledged_.size();
  }

 private:
  static std::string KeyOf(const v1::EvaluationItem& item, int seed) {
    return EvaluationKey{HashBytes(item.program_text()),
                         TaskHash(item.task()),
                         item.language_version(),
                         item.measure_test(),
                         seed,
                         "synthetic"}
        .Bytes();
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::string> acknowledged_;  // results, by key
  uint64_t run_again_ = 0;
};

}  // namespace lathe

#endif  // LATHE_SERVER_TESTING_EVALUATION_AUDIT_H_
