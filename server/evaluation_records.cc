#include "server/evaluation_records.h"

#include <chrono>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "evaluators/task/task.h"
#include "lathe/v1/search_log.pb.h"
#include "rpc/status.h"

namespace lathe {
void PutProgram(const CanonicalForm& program, WriteBatch& batch) {
  v1::Program record;
  record.set_text(program.text);
  record.set_language_version(kLanguageVersion);
  batch.Put(Kind::kPrograms, ProgramKey(program.hash), record.SerializeAsString());
}

absl::Status WriteMeasured(Store& store, Metrics& metrics, const WriteBatch& batch) {
  const auto start = std::chrono::steady_clock::now();
  absl::Status status = store.Write(batch);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  metrics.store_write_seconds.Observe(took.count());
  if (status.ok()) return status;
  metrics.store_write_failures.Increment();
  return WithReason(std::move(status), "STORE_WRITE_FAILED");
}

absl::Status DamagedRecord(Kind kind, std::string_view key) {
  return WithReason(
      absl::DataLossError(absl::StrCat("the store holds a damaged record of kind ",
                                       std::string(kKindNames[static_cast<size_t>(kind)]), ": ",
                                       absl::BytesToHexString(std::string(key)))),
      "STORE_DAMAGED");
}

absl::StatusOr<std::optional<std::string>> EvaluationRecords::TextOf(const Hash128& program) const {
  const std::string key = ProgramKey(program);
  auto bytes = store_.Get(Kind::kPrograms, key);
  if (!bytes.ok()) return bytes.status();
  if (!*bytes) return std::nullopt;
  v1::Program record;
  if (!record.ParseFromString(**bytes)) return DamagedRecord(Kind::kPrograms, key);
  return std::move(*record.mutable_text());
}

absl::StatusOr<std::optional<v1::SeedResult>> EvaluationRecords::LookUp::Find(
    const EvaluationKey& key) {
  records_.metrics_.cache_queries.Increment();
  const std::string name = key.Bytes();
  auto bytes = records_.store_.Get(Kind::kEvaluations, name);
  if (!bytes.ok()) return bytes.status();
  if (!*bytes) return std::nullopt;
  thread_local v1::EvaluationOutline record;  // so that its memory is used again
  if (!record.ParseFromString(**bytes)) return DamagedRecord(Kind::kEvaluations, name);
  const auto is_program = IsProgram();
  if (!is_program.ok()) return is_program.status();
  const auto is_task = IsTask(record.task());
  if (!is_task.ok()) return DamagedRecord(Kind::kEvaluations, name);
  if (!*is_program || !*is_task) return std::nullopt;
  records_.metrics_.cache_hits.Increment();
  return record.result();
}

absl::StatusOr<bool> EvaluationRecords::LookUp::IsProgram() {
  if (is_program_) return *is_program_;
  auto text = records_.TextOf(program_.hash);
  if (!text.ok()) return text.status();
  is_program_ = *text == program_.text;
  return *is_program_;
}

// `seeds` is a number of seeds, not a part of what one of them scores. A task has no maps, so equal
// tasks have equal bytes; an earlier version has left out what it did not know.
absl::StatusOr<bool> EvaluationRecords::LookUp::IsTask(const std::string& bytes) {
  if (!task_bytes_) task_bytes_ = task_.SerializeAsString();
  if (bytes == *task_bytes_) return true;
  v1::Task recorded, asked = task_;
  if (!recorded.ParseFromString(bytes)) return absl::DataLossError("the task does not parse");
  absl::StatusOr<v1::Task> resolved = ResolveTask(recorded);
  if (!resolved.ok()) return false;
  resolved->clear_seeds();
  asked.clear_seeds();
  return resolved->SerializeAsString() == asked.SerializeAsString();
}

absl::Status EvaluationRecords::Put(const CanonicalForm& program,
                                    const std::vector<Entry>& evaluations,
                                    WriteBatch& batch) const {
  auto text = TextOf(program.hash);
  if (!text.ok()) return text.status();
  if (*text && **text != program.text) return absl::OkStatus();
  if (!*text) PutProgram(program, batch);
  for (const auto& [key, evaluation] : evaluations) {
    batch.Put(Kind::kEvaluations, key.Bytes(), evaluation.SerializeAsString());
  }
  return absl::OkStatus();
}

absl::Status EvaluationRecords::Write(const WriteBatch& batch) const {
  return batch.Empty() ? absl::OkStatus() : WriteMeasured(store_, metrics_, batch);
}

}  // namespace lathe
