// What becomes of a candidate, and what is asked of whoever evaluates it.
//
// An outcome follows from the job and its seed alone, unless machines fail. Where and when an
// evaluation ran is not part of it.
#ifndef LATHE_SEARCH_OUTCOME_H_
#define LATHE_SEARCH_OUTCOME_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "dsl/canonicalize.h"

namespace lathe {

// Filters that need no training, cheapest first; their names are the same everywhere.
enum class Filter : uint8_t { ill_formed, ignores_gradient, over_cost, not_finite, no_effect };
inline constexpr int kFilterCount = 5;
inline constexpr std::array<std::string_view, kFilterCount> kFilterNames = {
    "ill_formed", "ignores_gradient", "over_cost", "not_finite", "no_effect"};

struct Outcome {
  // kFailed: the machines could not evaluate it. The one outcome that does not follow from the job
  // and its seed; a search that met it cannot be reproduced. kStopped: at a hurdle.
  enum class Kind : uint8_t { kRejected, kOk, kDiverged, kFailed, kStopped };
  Kind kind = Kind::kOk;
  Filter filter = Filter::ill_formed;  // of kRejected
  // Of kOk; smaller is better. Of kStopped: what it scored at the hurdle.
  double objective = 0;
  uint8_t hurdle = 0;  // of kStopped, counted from 0

  static Outcome Rejected(Filter filter) { return {Kind::kRejected, filter, 0}; }
  static Outcome Ok(double objective) { return {Kind::kOk, {}, objective}; }
  static Outcome Diverged() { return {Kind::kDiverged, {}, 0}; }
  static Outcome Failed() { return {Kind::kFailed, {}, 0}; }
  static Outcome Stopped(size_t hurdle, double score) {
    return {Kind::kStopped, {}, score, static_cast<uint8_t>(hurdle)};
  }
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// One training run.
struct SeedScore {
  bool diverged = false;
  double objective = 0;   // on the validation split
  double test_loss = 0;   // where it was asked for
  double test_error = 0;  // share classified wrongly
};

// Training runs of one program that are scored together.
struct EvaluationRequest {
  std::shared_ptr<const CanonicalForm> program;
  // The job's own task is arena 0; then a study's further tasks, then those of hurdles.
  int arena = 0;
  // Replaces the task's base learning rate.
  std::optional<double> base_lr;
  std::vector<int> seeds;  // seed indices
  // Whether the rest is left out once a seed diverges.
  bool stop_at_divergence = false;
  bool measure_test = false;
};

// A score per seed of the request, in its order; fewer if it stopped at the last of them.
using EvaluationResult = std::vector<SeedScore>;

// The mean over the seeds, or diverged if any of them did: one divergence in twenty ruins a mean.
Outcome OutcomeOf(const EvaluationResult& result);

}  // namespace lathe

#endif  // LATHE_SEARCH_OUTCOME_H_
