// The layout of keys, all of it; docs/store.md tells the same in prose. Numbers are big-endian, so
// that the order of bytes is the order of numbers. Values are messages of lathe.v1 without their
// names, which follow from the key.
//
//   meta         "schema_version" -> decimal text; "epoch" -> decimal text
//   jobs         ~id (8 bytes: the most recent first)         -> Job without its spec
//   job_specs    id (8)                                       -> JobSpec, resolved
//   reports      id (8)                                       -> JobReport
//   candidates   id (8), search (2), index (6)                -> Candidate
//   outcomes     id (8), search (2), slot (6)                 -> SlotOutcome
//   checkpoints  id (8), search (2)                           -> SearchCheckpoint
//   events       id (8), revision (8)                         -> Job without its spec
//   log_entries  id (8), sequence (8)                         -> LogEntry
//   requests     request id                                   -> id (8), of CreateJob
//   programs     hash (16)                                    -> Program
//   evaluations  program hash (16), task hash (16), language version (4), measured test (1),
//                seed index (4), numeric class                -> Evaluation
#ifndef LATHE_SERVER_STORE_KEYS_H_
#define LATHE_SERVER_STORE_KEYS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dsl/hash.h"

namespace lathe {

// Of the layout of keys and the meaning of values.
inline constexpr int kSchemaVersion = 2;

inline constexpr std::string_view kSchemaVersionKey = "schema_version";
inline constexpr std::string_view kEpochKey = "epoch";

// A job by its number, which orders jobs by creation.
using JobId = uint64_t;

std::string JobKey(JobId id);
std::string JobSpecKey(JobId id);
std::string ReportKey(JobId id);
// A job's searches by number: its own is 0, then those of its study's controls. An index or slot is
// below kMostCandidates.
inline constexpr uint64_t kMostCandidates = uint64_t{1} << 48;
std::string CandidateKey(JobId id, uint64_t index, int search = 0);
std::string OutcomeKey(JobId id, uint64_t slot, int search = 0);
std::string CheckpointKey(JobId id, int search = 0);
std::string EventKey(JobId id, int64_t revision);
// Where the keys of a job under candidates, outcomes, ... begin; EndOfPrefix of it is their end.
std::string JobPrefix(JobId id);
std::string LogEntryKey(JobId id, uint64_t sequence);
std::string ProgramKey(const Hash128& program);

struct EvaluationKey {
  Hash128 program, task;
  int language_version = 0;
  bool measured_test = false;
  int seed_index = 0;
  std::string numeric_class;

  std::string Bytes() const;
  friend auto operator<=>(const EvaluationKey&, const EvaluationKey&) = default;
};

// Back again; nothing if the bytes are not such a key.
std::optional<JobId> ParseJobKey(std::string_view key);
std::optional<uint64_t> ParseCandidateIndex(std::string_view key);  // the same for log entries
std::optional<EvaluationKey> ParseEvaluationKey(std::string_view key);

// The first key after all that start with `prefix`; empty if there is none.
std::string EndOfPrefix(std::string_view prefix);

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_KEYS_H_
