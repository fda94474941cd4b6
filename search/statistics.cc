#include "search/statistics.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>

namespace lathe {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double Mean(const std::vector<double>& values) {
  if (values.empty()) return kNaN;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double StandardDeviation(const std::vector<double>& values) {
  if (values.size() < 2) return kNaN;
  const double mean = Mean(values);
  double squares = 0;
  for (double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double Median(std::vector<double> values) {
  if (values.empty()) return kNaN;
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  if (values.size() % 2 == 1 || std::isinf(values[middle])) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

// Twice the rank of each magnitude, so that the mean ranks of ties are whole numbers.
std::vector<int> DoubledRanks(const std::vector<double>& differences) {
  std::vector<size_t> order(differences.size());
  std::iota(order.begin(), order.end(), size_t{0});
  auto magnitude = [&](size_t i) { return std::fabs(differences[i]); };
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return magnitude(a) < magnitude(b); });
  std::vector<int> ranks(differences.size());
  for (size_t first = 0; first < order.size();) {
    size_t end = first;
    while (end < order.size() && magnitude(order[end]) == magnitude(order[first])) ++end;
    for (size_t i = first; i < end; ++i) ranks[order[i]] = static_cast<int>(first + 1 + end);
    first = end;
  }
  return ranks;
}

}  // namespace

Summary Summarize(std::span<const Score> scores) {
  Summary summary;
  std::vector<double> finished, all;
  for (const Score& score : scores) {
    if (score) finished.push_back(*score);
    all.push_back(score.value_or(kInfinity));
  }
  summary.runs = static_cast<int>(scores.size());
  summary.failures = static_cast<int>(scores.size() - finished.size());
  summary.mean = Mean(finished);
  summary.standard_deviation = StandardDeviation(finished);
  summary.median = Median(all);
  return summary;
}

double SignedRankPValue(std::span<const double> given) {
  std::vector<double> differences;
  for (double difference : given) {
    if (difference != 0) differences.push_back(difference);
  }
  if (differences.empty()) return 1;
  const std::vector<int> ranks = DoubledRanks(differences);
  int total = std::accumulate(ranks.begin(), ranks.end(), 0);
  int positive = 0;
  for (size_t i = 0; i < ranks.size(); ++i) positive += differences[i] > 0 ? ranks[i] : 0;
  // probability[s]: that the ranks with a positive sign sum to s when every sign is a coin toss.
  std::vector<double> probability(total + 1, 0.0);
  probability[0] = 1;
  for (int rank : ranks) {
    for (int s = total; s >= 0; --s) {
      probability[s] = 0.5 * (probability[s] + (s >= rank ? probability[s - rank] : 0));
    }
  }
  const int distance = std::abs(2 * positive - total);
  double p = 0;
  for (int s = 0; s <= total; ++s) {
    if (std::abs(2 * s - total) >= distance) p += probability[s];
  }
  return std::min(p, 1.0);
}

PairedComparison ComparePaired(std::span<const Score> a, std::span<const Score> b) {
  PairedComparison result;
  std::vector<double> finished, all;
  for (size_t i = 0; i < a.size(); ++i) {
    double difference = 0;  // where both failed
    if (a[i] && b[i]) {
      difference = *a[i] - *b[i];
      finished.push_back(difference);
    } else if (a[i] || b[i]) {
      difference = a[i] ? -kInfinity : kInfinity;
    }
    all.push_back(difference);
    result.failures_a += !a[i];
    result.failures_b += !b[i];
    result.wins += difference < 0;
    result.losses += difference > 0;
  }
  result.pairs = static_cast<int>(finished.size());
  result.p_value = SignedRankPValue(all);
  result.mean_difference = finished.size() < 2 ? kNaN : Mean(finished);
  const double deviation = StandardDeviation(finished);
  result.effect_size = result.mean_difference / deviation;
  result.low = result.high = kNaN;
  if (finished.size() >= 2) {
    const double n = static_cast<double>(finished.size());
    const double t = boost::math::quantile(boost::math::students_t(n - 1), 0.975);
    result.low = result.mean_difference - t * deviation / std::sqrt(n);
    result.high = result.mean_difference + t * deviation / std::sqrt(n);
  }
  return result;
}

}  // namespace lathe
