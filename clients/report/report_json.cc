#include <cmath>

#include "clients/report/report.h"

namespace lathe {
namespace {

using nlohmann::json;

// JSON has no NaN and no infinity.
json Number(double value) {
  return std::isfinite(value) ? json(value) : json(nullptr);
}

json SummaryJson(const v1::Summary& summary) {
  return {{"runs", summary.runs()},
          {"failures", summary.failures()},
          {"mean", Number(summary.mean())},
          {"median", Number(summary.median())},
          {"standard_deviation", Number(summary.standard_deviation())}};
}

json ComparisonJson(const v1::PairedComparison& comparison) {
  return {{"pairs", comparison.pairs()},
          {"wins", comparison.wins()},
          {"losses", comparison.losses()},
          {"mean_difference", Number(comparison.mean_difference())},
          {"low", Number(comparison.low())},
          {"high", Number(comparison.high())},
          {"effect_size", Number(comparison.effect_size())},
          {"p_value", Number(comparison.p_value())}};
}

// The index of the chosen candidate.
json ChosenJson(const v1::SearchSummary& search) {
  if (search.chosen() < 0 || search.chosen() >= search.winners_size()) return nullptr;
  return search.winners(search.chosen()).candidate();
}

json SearchJson(const v1::SearchSummary& search) {
  json winners = json::array();
  for (const v1::RescoredWinner& winner : search.winners()) {
    winners.push_back({{"candidate", winner.candidate()},
                       {"search_objective", Number(winner.search_objective())},
                       {"fresh", SummaryJson(winner.fresh())}});
  }
  return {{"name", search.name()},
          {"proposed", search.proposed()},
          {"evaluated", search.evaluated()},
          {"chosen", ChosenJson(search)},
          {"winners", winners}};
}

json MethodJson(const v1::MethodResult& method) {
  json result = {{"name", method.name()},
                 {"setting", method.setting()},
                 {"on_grid_edge", method.on_grid_edge()},
                 {"grid_points", method.grid_points()},
                 {"program", method.program()},
                 {"tuning", SummaryJson(method.tuning())},
                 {"test_loss", SummaryJson(method.test_loss())},
                 {"test_error", SummaryJson(method.test_error())}};
  if (method.has_base_lr()) result["base_lr"] = Number(method.base_lr());
  if (method.has_loss_difference()) {
    result["found_minus_this_loss"] = ComparisonJson(method.loss_difference());
  }
  if (method.has_error_difference()) {
    result["found_minus_this_error"] = ComparisonJson(method.error_difference());
  }
  return result;
}

json StudyJson(const v1::StudyReport& study) {
  json searches = json::array(), arenas = json::array();
  for (const v1::SearchSummary& search : study.searches()) searches.push_back(SearchJson(search));
  for (const v1::ArenaResult& arena : study.arenas()) {
    json methods = json::array();
    for (const v1::MethodResult& method : arena.methods()) methods.push_back(MethodJson(method));
    arenas.push_back({{"name", arena.name()},
                      {"methods", methods},
                      {"verdict", arena.verdict()},
                      {"controls", arena.controls()}});
  }
  return {{"seeds", study.seeds()}, {"searches", searches}, {"arenas", arenas}};
}

json CandidatesJson(const v1::CandidateCounts& counts) {
  json rejected = json::object();
  for (const auto& [filter, count] : counts.rejected()) rejected[filter] = count;
  return {{"proposed", counts.proposed()},
          {"rejected", rejected},
          {"duplicates", counts.duplicates()},
          {"evaluated", counts.evaluated()},
          {"failed", counts.diverged()},
          {"stopped", std::vector<uint64_t>(counts.stopped().begin(), counts.stopped().end())}};
}

json BestJson(const v1::JobReport& report) {
  if (!report.has_best()) return nullptr;
  return {{"id", report.best().program().hash()},
          {"candidate", report.best().candidate()},
          {"program", report.best().program().text()},
          {"objectives", json::array({Number(report.best().objective())})}};
}

}  // namespace

json ReportJson(const v1::JobReport& report) {
  json improvements = json::array();
  for (const v1::Improvement& improvement : report.improvements()) {
    improvements.push_back(
        {{"slot", improvement.slot()}, {"objective", Number(improvement.objective())}});
  }
  return {{"state", "succeeded"},
          {"stop_reason", report.stop_reason()},
          {"seed", report.seed()},
          {"numeric_class", report.numeric_class()},
          {"candidates", CandidatesJson(report.candidates())},
          {"best", BestJson(report)},
          {"improvements", improvements},
          {"completed_out_of_order", report.completed_out_of_order()},
          {"trajectory_hash", report.trajectory_hash()},
          {"search_seconds", report.search_seconds()},
          {"wall_seconds", report.wall_seconds()},
          {"evaluations",
           {{"run", report.evaluations().run()},
            {"from_store", report.evaluations().from_store()},
            {"merged", report.evaluations().merged()},
            {"device_seconds", report.evaluations().device_seconds()}}},
          {"reproducible", report.reproducible()},
          {"failed_evaluations", report.failed_evaluations()},
          {"study", report.has_study() ? StudyJson(report.study()) : json(nullptr)}};
}

}  // namespace lathe
