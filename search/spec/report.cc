#include "search/spec/report.h"

#include <cmath>
#include <utility>

#include "search/spec/build_search.h"

namespace lathe {
namespace {

v1::FoundProgram FoundOf(const CanonicalForm& form, const std::string& setting) {
  v1::FoundProgram found;
  found.set_text(form.text);
  found.set_hash(form.hash.Hex());
  found.set_setting(setting);
  return found;
}

// The share of the budget that is used up, as (done, total).
std::pair<uint64_t, uint64_t> BudgetProgress(const v1::JobSpec& job,
                                             const Trajectory::Counts& counts) {
  const uint64_t candidates = job.budget().candidates(), evaluations = job.budget().evaluations();
  if (candidates == 0) return {counts.evaluated, evaluations};
  if (evaluations == 0) return {counts.proposed, candidates};
  const bool by_evaluations = static_cast<double>(counts.evaluated) * candidates >=
                              static_cast<double>(counts.proposed) * evaluations;
  return by_evaluations ? std::pair(counts.evaluated, evaluations)
                        : std::pair(counts.proposed, candidates);
}

// Where the best objective so far improved, in slot order: the curve of the search.
void AddImprovements(const Trajectory& trajectory, v1::JobReport* report) {
  double best = INFINITY;
  const auto& candidates = trajectory.Candidates();
  for (size_t slot = 0; slot < candidates.size(); ++slot) {
    const auto& outcome = candidates[slot].outcome;
    if (!outcome || outcome->kind != Outcome::Kind::kOk || outcome->objective >= best) continue;
    best = outcome->objective;
    v1::Improvement& improvement = *report->add_improvements();
    improvement.set_slot(slot);
    improvement.set_objective(best);
  }
}

v1::Summary ToMessage(const Summary& summary) {
  v1::Summary message;
  message.set_runs(summary.runs);
  message.set_failures(summary.failures);
  message.set_mean(summary.mean);
  message.set_standard_deviation(summary.standard_deviation);
  message.set_median(summary.median);
  return message;
}

v1::PairedComparison ToMessage(const PairedComparison& comparison) {
  v1::PairedComparison message;
  message.set_pairs(comparison.pairs);
  message.set_wins(comparison.wins);
  message.set_losses(comparison.losses);
  message.set_mean_difference(comparison.mean_difference);
  message.set_low(comparison.low);
  message.set_high(comparison.high);
  message.set_effect_size(comparison.effect_size);
  message.set_p_value(comparison.p_value);
  return message;
}

v1::SearchSummary ToMessage(const SearchSummary& search) {
  v1::SearchSummary message;
  message.set_name(search.name);
  message.set_proposed(search.proposed);
  message.set_evaluated(search.evaluated);
  message.set_chosen(search.chosen);
  for (const RescoredWinner& winner : search.winners) {
    v1::RescoredWinner& added = *message.add_winners();
    added.set_candidate(winner.candidate);
    added.set_search_objective(winner.search_objective);
    *added.mutable_fresh() = ToMessage(winner.fresh);
  }
  return message;
}

v1::MethodResult ToMessage(const MethodResult& method, bool is_found) {
  v1::MethodResult message;
  message.set_name(method.name);
  message.set_setting(method.setting);
  message.set_on_grid_edge(method.on_grid_edge);
  message.set_grid_points(method.grid_points);
  message.set_program(method.program->text);
  message.set_program_hash(method.program->hash.Hex());
  if (method.base_lr > 0) message.set_base_lr(method.base_lr);
  *message.mutable_tuning() = ToMessage(method.tuning);
  *message.mutable_test_loss() = ToMessage(method.test_loss);
  *message.mutable_test_error() = ToMessage(method.test_error);
  if (is_found) return message;
  *message.mutable_loss_difference() = ToMessage(method.loss_difference);
  *message.mutable_error_difference() = ToMessage(method.error_difference);
  return message;
}

v1::ArenaResult ToMessage(const ArenaResult& arena, const v1::Task& task) {
  v1::ArenaResult message;
  message.set_name(arena.name);
  for (const MethodResult& method : arena.methods) {
    *message.add_methods() = ToMessage(method, &method == &arena.methods.front());
  }
  message.set_verdict(VerdictText(arena));
  message.set_controls(ControlText(arena));
  message.set_test_examples(static_cast<int>(task.test_examples()));
  return message;
}

v1::StudyReport ToMessage(const StudyReport& study, const std::vector<v1::Task>& tasks) {
  v1::StudyReport message;
  message.set_seeds(study.seeds);
  for (const SearchSummary& search : study.searches) *message.add_searches() = ToMessage(search);
  for (size_t i = 0; i < study.arenas.size(); ++i) {
    *message.add_arenas() = ToMessage(study.arenas[i], tasks[i]);
  }
  return message;
}

}  // namespace

v1::CandidateCounts CountsOf(const Trajectory::Counts& counts) {
  v1::CandidateCounts message;
  message.set_proposed(counts.proposed);
  for (int i = 0; i < kFilterCount; ++i) {
    (*message.mutable_rejected())[std::string(kFilterNames[i])] = counts.rejected[i];
  }
  message.set_duplicates(counts.duplicates);
  message.set_evaluated(counts.evaluated);
  message.set_diverged(counts.failed);
  message.set_failed(counts.broken);
  message.mutable_stopped()->Assign(counts.stopped.begin(), counts.stopped.end());
  return message;
}

std::optional<v1::BestCandidate> BestOf(const Trajectory& trajectory) {
  const Trajectory::Winner* best = trajectory.BestSoFar();
  if (best == nullptr) return std::nullopt;
  v1::BestCandidate message;
  message.set_candidate(best->index);
  *message.mutable_program() = FoundOf(*best->canonical, "");
  message.set_objective(best->objective);
  return message;
}

v1::JobProgress ProgressOf(const v1::JobSpec& job, const Trajectory& trajectory,
                           const Study* study) {
  v1::JobProgress message;
  *message.mutable_candidates() = CountsOf(trajectory.Count());
  if (auto best = BestOf(trajectory)) *message.mutable_best() = *std::move(best);
  if (study == nullptr) {
    const auto [done, total] = BudgetProgress(job, trajectory.Count());
    message.set_phase("search");
    message.set_done(done);
    message.set_total(total);
    return message;
  }
  const Study::Progress progress = study->CurrentProgress();
  message.set_phase(progress.phase);
  message.set_done(progress.done);
  // A control has the job's budget.
  message.set_total(progress.total > 0 ? progress.total : job.budget().evaluations());
  if (progress.phase == "done") {  // all of the last phase
    message.set_phase("comparing");
    message.set_done(1);
    message.set_total(1);
  }
  return message;
}

v1::JobReport MakeReport(const v1::JobSpec& job, const Trajectory& trajectory, const Study* study) {
  v1::JobReport report;
  report.set_display_name(job.name());
  report.set_seed(job.seed());
  report.set_trajectory_hash(trajectory.HashSoFar().Hex());
  *report.mutable_candidates() = CountsOf(trajectory.Count());
  AddImprovements(trajectory, &report);
  const uint64_t failed = trajectory.Count().broken + (study == nullptr ? 0 : study->Failed());
  report.set_failed_evaluations(failed);
  report.set_reproducible(failed == 0);
  if (auto best = BestOf(trajectory)) {
    *report.mutable_found() = best->program();
    *report.mutable_best() = *std::move(best);
  }
  if (study == nullptr) return report;
  const StudyReport& result = study->Report();
  *report.mutable_study() = ToMessage(result, ArenaTasks(job));
  if (!result.arenas.empty()) {
    const MethodResult& found = result.arenas.front().methods.front();
    *report.mutable_found() = FoundOf(*found.program, found.setting);
  }
  return report;
}

}  // namespace lathe
