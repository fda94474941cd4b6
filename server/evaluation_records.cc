#include "server/evaluation_records.h"

#include <chrono>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "rpc/status.h"

namespace lathe {
namespace {

// `seeds` is a number of seeds, not a part of what one of them scores. A task has no maps, so equal
// tasks have equal bytes; a MessageDifferencer takes several times as long.
bool SameTask(v1::Task a, v1::Task b) {
  a.clear_seeds();
  b.clear_seeds();
  return a.SerializeAsString() == b.SerializeAsString();
}

}  // namespace

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
  return record.text();
}

absl::StatusOr<std::optional<v1::SeedResult>> EvaluationRecords::Find(const EvaluationKey& key,
                                                                      const CanonicalForm& program,
                                                                      const v1::Task& task) const {
  metrics_.cache_queries.Increment();
  auto bytes = store_.Get(Kind::kEvaluations, key.Bytes());
  if (!bytes.ok()) return bytes.status();
  if (!*bytes) return std::nullopt;
  v1::Evaluation record;
  if (!record.ParseFromString(**bytes)) return DamagedRecord(Kind::kEvaluations, key.Bytes());
  auto text = TextOf(program.hash);
  if (!text.ok()) return text.status();
  if (*text != program.text || !SameTask(record.task(), task)) return std::nullopt;
  metrics_.cache_hits.Increment();
  return record.result();
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
