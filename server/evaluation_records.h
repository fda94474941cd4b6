// Evaluations in the store. Thread-safe.
#ifndef LATHE_SERVER_EVALUATION_RECORDS_H_
#define LATHE_SERVER_EVALUATION_RECORDS_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "dsl/canonicalize.h"
#include "lathe/v1/resources.pb.h"
#include "server/metrics.h"
#include "server/store/keys.h"
#include "server/store/store.h"

namespace lathe {

class EvaluationRecords {
 public:
  EvaluationRecords(Store& store, Metrics& metrics) : store_(store), metrics_(metrics) {}

  // Looks up evaluations of one program on one task. What it was made from outlives it.
  class LookUp {
   public:
    // What is recorded under `key` for exactly this program and task. Nothing if there is no
    // record, or if it is of another text or task with the same hash.
    absl::StatusOr<std::optional<v1::SeedResult>> Find(const EvaluationKey& key);

   private:
    friend class EvaluationRecords;
    LookUp(const EvaluationRecords& records, const CanonicalForm& program, const v1::Task& task)
        : records_(records), program_(program), task_(task) {}
    absl::StatusOr<bool> IsProgram();
    absl::StatusOr<bool> IsTask(const std::string& bytes);

    const EvaluationRecords& records_;
    const CanonicalForm& program_;
    const v1::Task& task_;
    // Once it is known; the same for all keys.
    std::optional<bool> is_program_;
    std::optional<std::string> task_bytes_;
  };
  LookUp For(const CanonicalForm& program, const v1::Task& task) const {
    return {*this, program, task};
  }

  using Entry = std::pair<EvaluationKey, v1::Evaluation>;
  // Puts a program and its evaluations into a batch. A program whose hash stands for another text
  // already is left out, which is no error.
  absl::Status Put(const CanonicalForm& program, const std::vector<Entry>& evaluations,
                   WriteBatch& batch) const;
  absl::Status Write(const WriteBatch& batch) const;

 private:
  absl::StatusOr<std::optional<std::string>> TextOf(const Hash128& program) const;

  Store& store_;
  Metrics& metrics_;
};

// Puts a program under its hash.
void PutProgram(const CanonicalForm& program, WriteBatch& batch);

// Writes, and counts how long it took and whether it failed.
absl::Status WriteMeasured(Store& store, Metrics& metrics, const WriteBatch& batch);

// Data loss that names the record.
absl::Status DamagedRecord(Kind kind, std::string_view key);

}  // namespace lathe

#endif  // LATHE_SERVER_EVALUATION_RECORDS_H_
