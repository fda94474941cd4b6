// Cheap evaluations that a candidate has to pass before the rest of its own: of a lower fidelity
// (another task, an arena of its own), or of the first seeds of the full one ("racing").
//
// What passes is decided from told outcomes alone: a candidate's score must not exceed the quantile
// of the most recent scores that were told when it was proposed. A search with hurdles is thus as
// reproducible as one without.
#ifndef LATHE_SEARCH_HURDLE_H_
#define LATHE_SEARCH_HURDLE_H_

#include <cstddef>
#include <deque>
#include <vector>

namespace lathe {

struct HurdleOptions {
  // As in EvaluationRequest. Of arena 0, `seeds` are the first of the search's own, and what they
  // score counts for the whole.
  int arena = 0;
  std::vector<int> seeds;
  // The share that passes, above 0 and below 1.
  double keep = 0.5;
  // How many of the most recent different scores are looked at, and how many it takes before
  // anything is stopped; both at least 1.
  size_t window = 256, least = 32;
};

// The most recent different scores at one hurdle.
class HurdleScores {
 public:
  HurdleScores(double keep, size_t window, size_t least)
      : keep_(keep), window_(window), least_(least) {}

  // Takes a finite score unless it is there: programs that do the same count once.
  void Add(double score);
  // The greatest score that passes: of n scores the ceil(keep n)-th smallest; infinite as long as
  // too few are known.
  double Threshold() const;

 private:
  double keep_;
  size_t window_, least_;
  std::deque<double> by_age_;   // the oldest first
  std::vector<double> sorted_;  // the same
};

}  // namespace lathe

#endif  // LATHE_SEARCH_HURDLE_H_
