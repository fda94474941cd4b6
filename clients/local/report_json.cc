#include <cmath>

#include "clients/local/report.h"

namespace lathe {
namespace {

using nlohmann::json;

// JSON has no NaN and no infinity.
json Number(double value) {
  return std::isfinite(value) ? json(value) : json(nullptr);
}

json SummaryJson(const Summary& summary) {
  return {{"runs", summary.runs},
          {"failures", summary.failures},
          {"mean", Number(summary.mean)},
          {"median", Number(summary.median)},
          {"standard_deviation", Number(summary.standard_deviation)}};
}

json ComparisonJson(const PairedComparison& comparison) {
  return {{"pairs", comparison.pairs},
          {"wins", comparison.wins},
          {"losses", comparison.losses},
          {"mean_difference", Number(comparison.mean_difference)},
          {"low", Number(comparison.low)},
          {"high", Number(comparison.high)},
          {"effect_size", Number(comparison.effect_size)},
          {"p_value", comparison.p_value}};
}

json SearchJson(const SearchSummary& search) {
  json winners = json::array();
  for (const RescoredWinner& winner : search.winners) {
    winners.push_back({{"candidate", winner.candidate},
                       {"search_objective", winner.search_objective},
                       {"fresh", SummaryJson(winner.fresh)}});
  }
  return {{"name", search.name},
          {"proposed", search.proposed},
          {"evaluated", search.evaluated},
          {"chosen",
           search.winners.empty() ? json(nullptr) : json(search.winners[search.chosen].candidate)},
          {"winners", winners}};
}

json MethodJson(const MethodResult& method, bool is_found) {
  json result = {{"name", method.name},
                 {"setting", method.setting},
                 {"on_grid_edge", method.on_grid_edge},
                 {"grid_points", method.grid_points},
                 {"program", method.program->text},
                 {"tuning", SummaryJson(method.tuning)},
                 {"test_loss", SummaryJson(method.test_loss)},
                 {"test_error", SummaryJson(method.test_error)}};
  if (method.base_lr > 0) result["base_lr"] = method.base_lr;
  if (!is_found) {
    result["found_minus_this_loss"] = ComparisonJson(method.loss_difference);
    result["found_minus_this_error"] = ComparisonJson(method.error_difference);
  }
  return result;
}

json StudyJson(const StudyReport& report) {
  json searches = json::array(), arenas = json::array();
  for (const SearchSummary& search : report.searches) searches.push_back(SearchJson(search));
  for (const ArenaResult& arena : report.arenas) {
    json methods = json::array();
    for (const MethodResult& method : arena.methods) {
      methods.push_back(MethodJson(method, &method == &arena.methods.front()));
    }
    arenas.push_back({{"name", arena.name},
                      {"methods", methods},
                      {"verdict", VerdictText(arena)},
                      {"controls", ControlText(arena)}});
  }
  return {{"seeds", report.seeds}, {"searches", searches}, {"arenas", arenas}};
}

// Where the best objective so far improved, in slot order: the curve of the search.
json ImprovementsJson(const Trajectory& trajectory) {
  json improvements = json::array();
  double best = INFINITY;
  const auto& candidates = trajectory.Candidates();
  for (size_t slot = 0; slot < candidates.size(); ++slot) {
    const auto& outcome = candidates[slot].outcome;
    if (!outcome || outcome->kind != Outcome::Kind::kOk || outcome->objective >= best) continue;
    best = outcome->objective;
    improvements.push_back({{"slot", slot}, {"objective", best}});
  }
  return improvements;
}

}  // namespace

json ReportJson(const LocalRunResult& run) {
  const Trajectory::Counts& counts = run.trajectory->Count();
  json rejected = json::object();
  for (int i = 0; i < kFilterCount; ++i)
    rejected[std::string(kFilterNames[i])] = counts.rejected[i];
  json best = nullptr;
  if (auto top = run.trajectory->Best(1); !top.empty()) {
    best = {{"id", top[0]->canonical->hash.Hex()},
            {"candidate", top[0]->index},
            {"program", top[0]->canonical->text},
            {"objectives", json::array({top[0]->outcome->objective})}};
  }
  json report = {{"state", "succeeded"},
                 {"stop_reason", run.search.reason},
                 {"seed", run.job.seed()},
                 {"numeric_class", run.numeric_class},
                 {"candidates",
                  {{"proposed", counts.proposed},
                   {"rejected", rejected},
                   {"duplicates", counts.duplicates},
                   {"evaluated", counts.evaluated},
                   {"failed", counts.failed}}},
                 {"best", best},
                 {"improvements", ImprovementsJson(*run.trajectory)},
                 {"completed_out_of_order", run.search.out_of_order},
                 {"trajectory_hash", run.trajectory->HashSoFar().Hex()},
                 {"search_seconds", run.search_seconds},
                 {"wall_seconds", run.wall_seconds},
                 {"study", nullptr}};
  if (run.study != nullptr) report["study"] = StudyJson(run.study->Report());
  return report;
}

}  // namespace lathe
