// The seam behind which candidates are proposed. A strategy is a pure state machine: no clock, no
// threads, no I/O. The same object runs in a test, in a benchmark and in a service.
#ifndef LATHE_SEARCH_STRATEGY_H_
#define LATHE_SEARCH_STRATEGY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dsl/program.h"
#include "search/outcome.h"

namespace lathe {

struct Proposal {
  Program program;                // raw: what is mutated further, redundancy and all
  std::vector<uint64_t> parents;  // indices of candidates
  std::string_view operation;     // how it was made, e.g. "insert"
};

// Nothing to propose until more is told.
struct Wait {};

// Nothing to propose ever again.
struct Done {
  std::string reason;
};

class Strategy {
 public:
  virtual ~Strategy() = default;

  // The proposal with the given index; called with 0, 1, 2, ... once each (again after Wait). What
  // it returns follows from the strategy's options, the index and what has been told.
  virtual std::variant<Proposal, Wait, Done> Next(uint64_t index) = 0;

  // The outcome of proposal `index`. Called in index order; never for a candidate that a filter
  // rejected.
  virtual void Tell(uint64_t index, const Program& program, const Outcome& outcome) = 0;

  // What it has been told, as far as it still matters. Programs of candidates need not be in it.
  virtual std::string Save() const = 0;
  // The same state again, in a strategy with the same options that has not been told anything.
  // `raw` gives the raw program of a candidate by its index. Invalid argument if `saved` is nothing
  // that Save of this version writes; the strategy is of no use then.
  using RawProgram = std::function<absl::StatusOr<Program>(uint64_t index)>;
  virtual absl::Status Load(std::string_view saved, const RawProgram& raw) = 0;
};

}  // namespace lathe

#endif  // LATHE_SEARCH_STRATEGY_H_
