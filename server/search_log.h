// The log of one search of a job, in the store.
#ifndef LATHE_SERVER_SEARCH_LOG_H_
#define LATHE_SERVER_SEARCH_LOG_H_

#include <optional>
#include <vector>

#include "lathe/v1/resources.pb.h"
#include "search/log.h"
#include "server/metrics.h"
#include "server/store/keys.h"
#include "server/store/store.h"

namespace lathe {

class SearchLog : public LogWriter, public LogReader {
 public:
  // `store` and `metrics` outlive the log; without metrics nothing is counted. `search` as in
  // keys.h.
  SearchLog(const Store& store, Metrics* metrics, JobId job, int search);

  // What it hears of is collected until somebody writes it.
  void Proposed(const CandidateRecord& record, const CanonicalForm* form) override;
  void Told(uint64_t slot, const ToldSlot& told) override;
  size_t Unwritten() const { return unwritten_; }  // records
  WriteBatch TakeUnwritten();
  void PutCheckpoint(const Checkpoint& checkpoint, WriteBatch& batch) const;

  // What is in the store.
  absl::Status ForEachCandidate(const Visit& visit) const override;
  absl::StatusOr<CandidateRecord> Candidate(uint64_t index) const override;
  absl::StatusOr<std::vector<ToldSlot>> ToldSlots() const override;
  absl::StatusOr<std::optional<Checkpoint>> ReadCheckpoint() const;

 private:
  const Store& store_;
  Metrics* const metrics_;
  const JobId job_;
  const int search_;
  WriteBatch batch_;
  size_t unwritten_ = 0;
};

// Candidates of a job's own search from `first` on, `most` at most, by index; up to the first one
// whose outcome is not told yet.
absl::StatusOr<std::vector<v1::Candidate>> ReadCandidates(const Store& store, JobId job,
                                                          uint64_t first, size_t most);

// Puts the removal of everything that is logged of a job's searches.
void RemoveSearchLogs(JobId job, WriteBatch& batch);

}  // namespace lathe

#endif  // LATHE_SERVER_SEARCH_LOG_H_
