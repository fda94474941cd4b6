#include "clients/local/local_run.h"

#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/local/progress.h"
#include "search/spec/build_search.h"

namespace lathe {
namespace {

// The share of the budget that is used up, as (done, total).
std::pair<uint64_t, uint64_t> BudgetProgress(const v1::Job& job, const Trajectory::Counts& counts) {
  const uint64_t candidates = job.budget().candidates(), evaluations = job.budget().evaluations();
  if (candidates == 0) return {counts.evaluated, evaluations};
  if (evaluations == 0) return {counts.proposed, candidates};
  const bool by_evaluations = counts.evaluated * candidates >= counts.proposed * evaluations;
  return by_evaluations ? std::pair(counts.evaluated, evaluations)
                        : std::pair(counts.proposed, candidates);
}

std::string Describe(const Trajectory& trajectory, double seconds) {
  const Trajectory::Counts& counts = trajectory.Count();
  std::string rejections;
  for (int i = 0; i < kFilterCount; ++i) {
    if (counts.rejected[i] == 0) continue;
    absl::StrAppend(&rejections, " ", std::string(kFilterNames[i]), " ", counts.rejected[i]);
  }
  if (rejections.empty()) rejections = " none";
  std::string best = "none";
  if (auto top = trajectory.Best(1); !top.empty()) {
    best = absl::StrFormat("%.4f", top[0]->outcome->objective);
  }
  return absl::StrFormat(
      "%.0f proposals/s, rejected:%s, duplicates %d, evaluated %d (%.1f/s, diverged %d), best %s",
      counts.proposed / std::max(seconds, 1e-9), rejections, counts.duplicates, counts.evaluated,
      counts.evaluated / std::max(seconds, 1e-9), counts.failed, best);
}

absl::StatusOr<DriveResult> RunSearch(const v1::Job& job, Trajectory& trajectory,
                                      EvaluationPool& pool, bool show) {
  ProgressLine line;
  auto draw = [&](bool last) {
    auto [done, total] = BudgetProgress(job, trajectory.Count());
    std::string text = Describe(trajectory, line.SecondsSinceStart());
    last ? line.Finish(done, total, text) : line.Show(done, total, text);
  };
  auto result = Drive(trajectory, pool, [&] {
    if (show && line.Due()) draw(false);
  });
  if (show && result.ok()) draw(true);
  return result;
}

absl::Status RunStudy(const v1::Job& job, Study& study, EvaluationPool& pool, bool show) {
  ProgressLine line;
  std::string phase;
  auto draw = [&] {
    Study::Progress progress = study.CurrentProgress();
    uint64_t total = progress.total > 0 ? progress.total : job.budget().evaluations();
    std::string text = absl::StrCat("study: ", progress.phase, " ", progress.done);
    // A finished phase leaves its line standing.
    if (!phase.empty() && phase != progress.phase) line.Finish(1, 1, "study: " + phase);
    phase = progress.phase;
    line.Show(progress.done, total, text);
  };
  auto result = Drive(study, pool, [&] {
    if (show && (line.Due() || study.CurrentProgress().phase != phase)) draw();
  });
  if (show && result.ok()) line.Finish(1, 1, "study: done");
  return result.status();
}

}  // namespace

std::shared_ptr<const CanonicalForm> LocalRunResult::Found() const {
  if (study != nullptr && !study->Report().arenas.empty()) {
    return study->Report().arenas[0].methods[0].program;
  }
  auto best = trajectory->Best(1);
  return best.empty() ? nullptr : best[0]->canonical;
}

absl::StatusOr<LocalRunResult> RunLocally(const v1::Job& job, Evaluator& evaluator,
                                          const LocalRunOptions& options) {
  ProgressLine clock;
  const std::vector<v1::Task> arenas = ArenaTasks(job);
  for (const v1::Task& task : arenas) {
    if (absl::Status status = evaluator.Check(task); !status.ok()) return status;
  }
  LocalRunResult result;
  result.job = job;
  result.numeric_class = evaluator.NumericClass();
  result.trajectory = BuildTrajectory(job);
  EvaluationPool pool(evaluator, arenas, options.threads);
  auto search = RunSearch(job, *result.trajectory, pool, options.show_progress);
  if (!search.ok()) return search.status();
  result.search = *search;
  result.search_seconds = clock.SecondsSinceStart();
  if (job.has_study()) {
    result.study = BuildStudy(job, *result.trajectory);
    absl::Status status = RunStudy(job, *result.study, pool, options.show_progress);
    if (!status.ok()) return status;
  }
  result.wall_seconds = clock.SecondsSinceStart();
  return result;
}

}  // namespace lathe
