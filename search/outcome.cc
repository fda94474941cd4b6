#include "search/outcome.h"

#include <cmath>

namespace lathe {

Outcome OutcomeOf(const EvaluationResult& result) {
  double total = 0;
  for (const SeedScore& score : result) {
    if (score.diverged || !std::isfinite(score.objective)) return Outcome::Diverged();
    total += score.objective;
  }
  if (result.empty()) return Outcome::Diverged();
  return Outcome::Ok(total / static_cast<double>(result.size()));
}

}  // namespace lathe
