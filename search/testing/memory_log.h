// The log of a search in memory.
#ifndef LATHE_SEARCH_TESTING_MEMORY_LOG_H_
#define LATHE_SEARCH_TESTING_MEMORY_LOG_H_

#include <map>
#include <string>
#include <vector>

#include "search/log.h"

namespace lathe {

class MemoryLog : public LogWriter, public LogReader {
 public:
  void Proposed(const CandidateRecord& record, const CanonicalForm* form) override {
    candidates.push_back(record);
    if (form != nullptr) texts[form->hash] = form->text;
  }
  void Told(uint64_t slot, const ToldSlot& told) override {
    slots.resize(slot + 1, {Outcome::Failed(), {}});
    slots[slot] = told;
  }
  absl::Status ForEachCandidate(const Visit& visit) const override {
    for (const CandidateRecord& record : candidates) {
      if (absl::Status status = visit(record); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  absl::StatusOr<CandidateRecord> Candidate(uint64_t index) const override {
    if (index < candidates.size()) return candidates[index];
    return absl::DataLossError("there is no such candidate");
  }
  absl::StatusOr<std::vector<ToldSlot>> ToldSlots() const override { return slots; }

  std::vector<CandidateRecord> candidates;
  std::vector<ToldSlot> slots;
  std::map<Hash128, std::string> texts;  // canonical, by their hash
};

}  // namespace lathe

#endif  // LATHE_SEARCH_TESTING_MEMORY_LOG_H_
