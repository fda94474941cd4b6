#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "clients/report/report.h"

namespace lathe {
namespace {

std::string Fixed(double value, int digits) {
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  return absl::StrFormat("%.*f", digits, value);
}

std::string PValue(double p) {
  return p < 1e-4 ? "<0.0001" : absl::StrFormat("%.4f", p);
}

std::string SearchText(const v1::SearchSummary& search) {
  std::string text = absl::StrFormat("  %-22s %7d evaluated of %8d proposed", search.name(),
                                     search.evaluated(), search.proposed());
  if (search.chosen() < 0 || search.chosen() >= search.winners_size()) {
    return text + "; nothing ran through\n";
  }
  const v1::RescoredWinner& first = search.winners(0);
  const v1::RescoredWinner& chosen = search.winners(search.chosen());
  absl::StrAppendFormat(&text, "; best %s -> %s on fresh seeds", Fixed(first.search_objective(), 4),
                        Fixed(first.fresh().mean(), 4));
  absl::StrAppendFormat(&text, "; chosen %s -> %s\n", Fixed(chosen.search_objective(), 4),
                        Fixed(chosen.fresh().mean(), 4));
  return text;
}

std::string MethodText(const v1::MethodResult& method, int test_examples) {
  std::string text = absl::StrFormat(
      "  %-16s %8s %8s %8s %4d  %7s", method.name(), Fixed(method.test_loss().mean(), 4),
      Fixed(method.test_loss().median(), 4), Fixed(method.test_loss().standard_deviation(), 4),
      method.test_loss().failures(), Fixed(100 * (1 - method.test_error().mean()), 2));
  if (!method.has_loss_difference()) {  // the found program itself
    absl::StrAppendFormat(&text, "  %-40s", "");
  } else {
    const v1::PairedComparison& loss = method.loss_difference();
    absl::StrAppendFormat(&text, "  %8s [%8s,%8s] %8s %6s", Fixed(loss.mean_difference(), 4),
                          Fixed(loss.low(), 4), Fixed(loss.high(), 4), PValue(loss.p_value()),
                          Fixed(-method.error_difference().mean_difference() * test_examples, 1));
  }
  return absl::StrCat(text, "  ", method.setting(),
                      method.on_grid_edge() ? " (edge of its grid)" : "", "\n");
}

std::string ArenaText(const v1::ArenaResult& arena, int seeds) {
  std::string text =
      absl::StrFormat("\n%s: test split of %d images, %d fresh seeds, each with its own split\n",
                      arena.name(), arena.test_examples(), seeds);
  absl::StrAppendFormat(&text, "  %-16s %8s %8s %8s %4s  %7s  %8s %-19s %8s %6s  %s\n", "method",
                        "mean", "median", "sd", "fail", "acc %", "found -", " 95 % interval", "p",
                        "images", "best of its grid");
  for (const v1::MethodResult& method : arena.methods()) {
    text += MethodText(method, arena.test_examples());
  }
  return text;
}

// How the program that is handed out differs from the one that the search proposed.
std::string TunedText(const v1::FoundProgram& found) {
  if (found.setting().empty()) return "";
  return absl::StrCat(", tuned on the search's own task (", found.setting(), ")");
}

std::string StudyText(const v1::StudyReport& study) {
  std::string text =
      "\nSearches at the same budget (objective on the search's seeds -> on fresh seeds)\n";
  for (const v1::SearchSummary& search : study.searches()) text += SearchText(search);
  if (study.arenas().empty() || study.arenas(0).methods().empty()) {
    return text + "\nNothing was found: no candidate ran through.\n";
  }
  absl::StrAppendFormat(
      &text,
      "\nEvery method below is tuned on the validation split of other seeds (found: %d points).\n"
      "found -: test loss of the found program minus this method's, paired by seed; negative is "
      "better.\n"
      "mean, sd and interval are over runs that did not fail (diverge); the median and p count "
      "failures as worst.\n"
      "p: Wilcoxon signed-rank, two-sided. images: how many more test images it gets right.\n",
      study.arenas(0).methods(0).grid_points());
  for (const v1::ArenaResult& arena : study.arenas()) text += ArenaText(arena, study.seeds());
  text += "\n";
  for (const v1::ArenaResult& arena : study.arenas()) {
    absl::StrAppend(&text, arena.verdict(), " ", arena.controls(), "\n");
  }
  return text;
}

}  // namespace

std::string ReportText(const v1::JobReport& report) {
  const v1::CandidateCounts& counts = report.candidates();
  std::string text = absl::StrFormat("\n%s: ended by %s after %.1f s\n", report.display_name(),
                                     report.stop_reason(), report.search_seconds());
  absl::StrAppendFormat(&text, "trajectory_hash %s (seed %d, %s)\n", report.trajectory_hash(),
                        report.seed(), report.numeric_class());
  absl::StrAppendFormat(&text, "proposed %d, duplicates %d, evaluated %d, diverged %d",
                        counts.proposed(), counts.duplicates(), counts.evaluated(),
                        counts.diverged());
  if (counts.stopped_size() > 0) {
    absl::StrAppend(&text, ", stopped at hurdles ", absl::StrJoin(counts.stopped(), " + "));
  }
  text += '\n';
  if (report.failed_evaluations() > 0) {
    absl::StrAppendFormat(&text,
                          "not reproducible: %d evaluations failed for reasons of the machines\n",
                          report.failed_evaluations());
  }
  if (report.has_study()) text += StudyText(report.study());
  if (report.has_found()) {
    absl::StrAppend(&text, "\nThe found program", TunedText(report.found()), ":\n\n",
                    report.found().text());
  }
  return text;
}

std::string FoundProgramFile(const v1::JobReport& report) {
  const v1::FoundProgram& found = report.found();
  std::string text =
      absl::StrFormat("# Found by the job %s, seed %d.\n", report.display_name(), report.seed());
  absl::StrAppend(&text, "# trajectory ", report.trajectory_hash(), ", ", report.numeric_class(),
                  "\n# program ", found.hash(), TunedText(found), "\n");
  return text + found.text();
}

}  // namespace lathe
