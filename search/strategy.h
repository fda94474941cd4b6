// The seam behind which candidates are proposed. A strategy is a pure state machine: no clock, no
// threads, no I/O. The same object runs in a test, in a benchmark and in a service.
#ifndef LATHE_SEARCH_STRATEGY_H_
#define LATHE_SEARCH_STRATEGY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

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

  // The outcome of proposal `index`, which is kOk or kDiverged. Called in index order; never for a
  // candidate that a filter rejected.
  virtual void Tell(uint64_t index, const Program& program, const Outcome& outcome) = 0;
};

}  // namespace lathe

#endif  // LATHE_SEARCH_STRATEGY_H_
