// What a search writes down as it goes, and from what it can be taken up again. Everything in it
// follows from the job and its seed.
#ifndef LATHE_SEARCH_LOG_H_
#define LATHE_SEARCH_LOG_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dsl/canonicalize.h"
#include "dsl/hash.h"
#include "dsl/program.h"
#include "search/outcome.h"

namespace lathe {

// A proposal, and what is known of it before it is evaluated.
struct CandidateRecord {
  uint64_t index = 0;
  // One of these: the slot that it takes; that of the first candidate that it equals; the filter
  // that rejected it.
  std::optional<uint64_t> slot, duplicate_of;
  std::optional<Filter> rejected_by;
  uint64_t told = 0;  // how many slots had been told when it was proposed
  std::string raw_text;
  std::vector<Range> ranges;  // of its hypers, which the text leaves out; none if all are unbounded
  std::optional<Hash128> program;  // of the canonical text; none if it is ill-formed
  std::vector<uint64_t> parents;
  std::string operation;

  // The raw program; data loss if it has none.
  absl::StatusOr<Program> Raw() const;
  friend bool operator==(const CandidateRecord&, const CandidateRecord&) = default;
};

// Of a program's hypers, as a record keeps them.
std::vector<Range> RangesOf(const Program& program);

// What became of a slot.
struct ToldSlot {
  Outcome outcome;
  // What it scored at one hurdle after the other, as far as it came.
  std::vector<double> hurdle_scores;

  friend bool operator==(const ToldSlot&, const ToldSlot&) = default;
};

class LogWriter {
 public:
  virtual ~LogWriter() = default;
  // In index order, when it is proposed. `form` is null if the candidate is ill-formed.
  virtual void Proposed(const CandidateRecord& record, const CanonicalForm* form) = 0;
  // In slot order, when it is told. A duplicate is told after the last slot with a smaller index.
  virtual void Told(uint64_t slot, const ToldSlot& told) = 0;
};

// The state of a strategy at some point of the log.
struct Checkpoint {
  uint64_t proposed = 0, told = 0;  // candidates and outcomes before it
  std::string strategy;             // Strategy::Save

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

class LogReader {
 public:
  virtual ~LogReader() = default;
  // In index order, from the first on, until `visit` fails.
  using Visit = std::function<absl::Status(const CandidateRecord&)>;
  virtual absl::Status ForEachCandidate(const Visit& visit) const = 0;
  virtual absl::StatusOr<CandidateRecord> Candidate(uint64_t index) const = 0;
  // Of the slots that have been told, the first slot first.
  virtual absl::StatusOr<std::vector<ToldSlot>> ToldSlots() const = 0;
};

}  // namespace lathe

#endif  // LATHE_SEARCH_LOG_H_
