// What a study found: numbers, and the statement that they support.
#ifndef LATHE_SEARCH_STUDY_REPORT_H_
#define LATHE_SEARCH_STUDY_REPORT_H_

#include <memory>
#include <string>
#include <vector>

#include "dsl/canonicalize.h"
#include "search/statistics.h"

namespace lathe {

// A candidate re-scored on seeds that the search did not see.
struct RescoredWinner {
  uint64_t candidate = 0;       // index in its search
  double search_objective = 0;  // mean over the search's own seeds
  Summary fresh;                // on fresh seeds; the difference is what luck had given
};

// A search of the study: the job's own or a control.
struct SearchSummary {
  std::string name;
  uint64_t proposed = 0, evaluated = 0;
  std::vector<RescoredWinner> winners;  // by search objective
  int chosen = 0;                       // of `winners`: fewest failures, then the lowest mean
};

// One method on one arena, tuned there.
struct MethodResult {
  std::string name;
  std::string setting;  // of the best grid point, e.g. "base_lr 0.01, weight_decay 0.3"
  // A wider grid might do better. No decay at all is no edge: there is nothing below it.
  bool on_grid_edge = false;
  int grid_points = 0;
  Summary tuning;  // of the best grid point, on the tuning seeds
  std::shared_ptr<const CanonicalForm> program;
  double base_lr = 0;  // 0: the task's own
  Summary test_loss, test_error;
  // Found program minus this method, on the same seeds; empty for the found program itself.
  PairedComparison loss_difference, error_difference;
};

struct ArenaResult {
  std::string name;
  std::vector<MethodResult> methods;  // the found program first, then baselines, then controls
  int baselines = 0;                  // how many of them are baselines
};

struct StudyReport {
  std::vector<SearchSummary> searches;  // the job's own first
  std::vector<ArenaResult> arenas;      // the job's own task first
  int seeds = 0;
};

// What the comparisons of one arena say about the found program: better or worse than all
// baselines (p < 0.05 against each, with the interval on the same side), or what lies between.
enum class Verdict { kBetter, kWorse, kMixed, kNoDifference };
enum class Difference { kBetter, kWorse, kNone };
Difference DifferenceShown(const MethodResult& baseline);
Verdict VerdictOf(const ArenaResult& arena);
// One plain sentence about the baselines, and one about the controls (empty without any).
std::string VerdictText(const ArenaResult& arena);
std::string ControlText(const ArenaResult& arena);

}  // namespace lathe

#endif  // LATHE_SEARCH_STUDY_REPORT_H_
