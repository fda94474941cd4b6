// Statistics of scores that were measured on the same seeds. A failed run (diverged) has no score;
// it is counted, and ranks worse than any score.
#ifndef LATHE_SEARCH_STATISTICS_H_
#define LATHE_SEARCH_STATISTICS_H_

#include <optional>
#include <span>
#include <vector>

namespace lathe {

using Score = std::optional<double>;  // nothing: the run failed

struct Summary {
  int runs = 0;
  int failures = 0;
  // Over the runs that did not fail; NaN if there are none (standard deviation: fewer than two).
  double mean = 0, standard_deviation = 0;
  // Over all runs, failures as infinite.
  double median = 0;
};
Summary Summarize(std::span<const Score> scores);

struct PairedComparison {
  int pairs = 0;  // in which both ran through
  int failures_a = 0, failures_b = 0;
  int wins = 0, losses = 0;  // pairs in which a is below, above b; a failure is above anything
  // Of a - b over `pairs`, with a 95 % interval by Student's t; NaN if there are fewer than two.
  double mean_difference = 0, low = 0, high = 0;
  // Mean difference over its standard deviation (Cohen's d of the pairs).
  double effect_size = 0;
  // Wilcoxon's signed-rank test, two-sided, exact (Wilcoxon, Biometrics Bulletin 1, 1945; ties get
  // mean ranks, zeros are dropped); failures count as infinite differences. 1 if nothing differs.
  double p_value = 1;
};
// `a` and `b` are equally long: a[i] and b[i] come from one seed. At most 1000 pairs.
PairedComparison ComparePaired(std::span<const Score> a, std::span<const Score> b);

// The probability, under the hypothesis that signs are random, of a rank sum at least as far from
// its mean as that of the differences. Infinite differences are allowed; NaN is not.
double SignedRankPValue(std::span<const double> differences);

}  // namespace lathe

#endif  // LATHE_SEARCH_STATISTICS_H_
