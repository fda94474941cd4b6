// What the server keeps, behind one seam: ordered maps from bytes to bytes, one per kind of record,
// changed by atomic batches. `RocksDbStore` keeps them on disk, `MemoryStore` in memory for tests;
// both pass the same contract tests (store_contract_test.cc). What keys and values mean is told in
// keys.h and docs/store.md.
//
// Thread-safe.
#ifndef LATHE_SERVER_STORE_STORE_H_
#define LATHE_SERVER_STORE_STORE_H_

#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lathe {

// A column family each; a stored name is never reused.
enum class Kind : uint8_t {
  kMeta,
  kJobs,
  kJobSpecs,
  kReports,
  kCandidates,
  kLogEntries,
  kRequests,
  kPrograms,
  kEvaluations,
  kOutcomes,
  kCheckpoints,
  kEvents,
};
inline constexpr std::array<std::string_view, 12> kKindNames = {
    "meta",     "jobs",     "job_specs",   "reports",  "candidates",  "log_entries",
    "requests", "programs", "evaluations", "outcomes", "checkpoints", "events"};

// Changes that happen together or not at all.
class WriteBatch {
 public:
  struct Change {
    Kind kind;
    std::string key;
    std::optional<std::string> value;  // nothing: the key goes
    std::string end;                   // not empty: all keys from `key` on below it go
  };

  void Put(Kind kind, std::string key, std::string value) {
    changes_.push_back({kind, std::move(key), std::move(value), {}});
  }
  void Delete(Kind kind, std::string key) {
    changes_.push_back({kind, std::move(key), std::nullopt, {}});
  }
  // Every key with begin <= key < end; `end` is not empty.
  void DeleteRange(Kind kind, std::string begin, std::string end) {
    changes_.push_back({kind, std::move(begin), std::nullopt, std::move(end)});
  }
  // All changes of another batch, after those that are here.
  void Append(WriteBatch other) {
    changes_.insert(changes_.end(), std::make_move_iterator(other.changes_.begin()),
                    std::make_move_iterator(other.changes_.end()));
  }
  bool Empty() const { return changes_.empty(); }
  const std::vector<Change>& Changes() const { return changes_; }  // in order; the last one wins

 private:
  std::vector<Change> changes_;
};

class Store {
 public:
  virtual ~Store() = default;

  // OK once the whole batch would survive the death of this process. Otherwise nothing of it is
  // there, then or after a restart: resource exhausted if the disk is full, unavailable for other
  // failures that may pass. A later write may succeed.
  virtual absl::Status Write(const WriteBatch& batch) = 0;

  // Nothing if there is no such key. Data loss names the file that is damaged.
  virtual absl::StatusOr<std::optional<std::string>> Get(Kind kind, std::string_view key) const = 0;

  using Entry = std::pair<std::string, std::string>;
  // The first `limit` entries with begin <= key < end in order of bytes; an empty `end` is no
  // bound.
  virtual absl::StatusOr<std::vector<Entry>> Scan(Kind kind, std::string_view begin,
                                                  std::string_view end, size_t limit) const = 0;
};

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_STORE_H_
