#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/local/report.h"
#include "dsl/text.h"
#include "search/spec/build_search.h"

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

std::string SearchText(const SearchSummary& search) {
  std::string text = absl::StrFormat("  %-22s %7d evaluated of %8d proposed", search.name,
                                     search.evaluated, search.proposed);
  if (search.winners.empty()) return text + "; nothing ran through\n";
  const RescoredWinner& first = search.winners.front();
  const RescoredWinner& chosen = search.winners[search.chosen];
  absl::StrAppendFormat(&text, "; best %s -> %s on fresh seeds", Fixed(first.search_objective, 4),
                        Fixed(first.fresh.mean, 4));
  absl::StrAppendFormat(&text, "; chosen %s -> %s\n", Fixed(chosen.search_objective, 4),
                        Fixed(chosen.fresh.mean, 4));
  return text;
}

std::string MethodText(const MethodResult& method, bool is_found, int test_examples) {
  std::string text = absl::StrFormat(
      "  %-16s %8s %8s %8s %4d  %7s", method.name, Fixed(method.test_loss.mean, 4),
      Fixed(method.test_loss.median, 4), Fixed(method.test_loss.standard_deviation, 4),
      method.test_loss.failures, Fixed(100 * (1 - method.test_error.mean), 2));
  if (is_found) {
    absl::StrAppendFormat(&text, "  %-40s", "");
  } else {
    const PairedComparison& loss = method.loss_difference;
    absl::StrAppendFormat(&text, "  %8s [%8s,%8s] %8s %6s", Fixed(loss.mean_difference, 4),
                          Fixed(loss.low, 4), Fixed(loss.high, 4), PValue(loss.p_value),
                          Fixed(-method.error_difference.mean_difference * test_examples, 1));
  }
  return absl::StrCat(text, "  ", method.setting, method.on_grid_edge ? " (edge of its grid)" : "",
                      "\n");
}

std::string ArenaText(const ArenaResult& arena, int seeds, int test_examples) {
  std::string text =
      absl::StrFormat("\n%s: test split of %d images, %d fresh seeds, each with its own split\n",
                      arena.name, test_examples, seeds);
  absl::StrAppendFormat(&text, "  %-16s %8s %8s %8s %4s  %7s  %8s %-19s %8s %6s  %s\n", "method",
                        "mean", "median", "sd", "fail", "acc %", "found -", " 95 % interval", "p",
                        "images", "best of its grid");
  for (const MethodResult& method : arena.methods) {
    text += MethodText(method, &method == &arena.methods.front(), test_examples);
  }
  return text;
}

// How the program that is handed out differs from the one that the search proposed.
std::string TunedText(const LocalRunResult& run) {
  if (run.study == nullptr || run.study->Report().arenas.empty()) return "";
  return absl::StrCat(", tuned on the search's own task (",
                      run.study->Report().arenas[0].methods[0].setting, ")");
}

std::string StudyText(const LocalRunResult& run) {
  const StudyReport& report = run.study->Report();
  std::string text =
      "\nSearches at the same budget (objective on the search's seeds -> on fresh seeds)\n";
  for (const SearchSummary& search : report.searches) text += SearchText(search);
  if (report.arenas.empty()) return text + "\nNothing was found: no candidate ran through.\n";
  const int points = report.arenas[0].methods[0].grid_points;
  absl::StrAppendFormat(
      &text,
      "\nEvery method below is tuned on the validation split of other seeds (found: %d points).\n"
      "found -: test loss of the found program minus this method's, paired by seed; negative is "
      "better.\n"
      "mean, sd and interval are over runs that did not fail (diverge); the median and p count "
      "failures as worst.\n"
      "p: Wilcoxon signed-rank, two-sided. images: how many more test images it gets right.\n",
      points);
  const std::vector<v1::Task> tasks = ArenaTasks(run.job);
  for (size_t i = 0; i < report.arenas.size(); ++i) {
    text += ArenaText(report.arenas[i], report.seeds, static_cast<int>(tasks[i].test_examples()));
  }
  text += "\n";
  for (const ArenaResult& arena : report.arenas) {
    absl::StrAppend(&text, VerdictText(arena), " ", ControlText(arena), "\n");
  }
  return text;
}

}  // namespace

std::string ReportText(const LocalRunResult& run) {
  const Trajectory::Counts& counts = run.trajectory->Count();
  std::string text = absl::StrFormat("\n%s: ended by %s after %.1f s\n", run.job.name(),
                                     run.search.reason, run.search_seconds);
  absl::StrAppendFormat(&text, "trajectory_hash %s (seed %d, %s)\n",
                        run.trajectory->HashSoFar().Hex(), run.job.seed(), run.numeric_class);
  absl::StrAppendFormat(&text, "proposed %d, duplicates %d, evaluated %d, diverged %d\n",
                        counts.proposed, counts.duplicates, counts.evaluated, counts.failed);
  if (run.study != nullptr) text += StudyText(run);
  if (auto found = run.Found()) {
    absl::StrAppend(&text, "\nThe found program", TunedText(run), ":\n\n", found->text);
  }
  return text;
}

std::string FoundProgramFile(const LocalRunResult& run) {
  auto found = run.Found();
  std::string text =
      absl::StrFormat("# Found by the job %s, seed %d.\n", run.job.name(), run.job.seed());
  absl::StrAppend(&text, "# trajectory ", run.trajectory->HashSoFar().Hex(), ", ",
                  run.numeric_class, "\n");
  absl::StrAppend(&text, "# program ", found->hash.Hex(), TunedText(run), "\n");
  return text + found->text;
}

std::string PartialName(const std::string& path) {
  return absl::StrCat(path, ".partial-", getpid());
}

absl::Status WriteFileAtomically(const std::string& path, const std::string& content) {
  const std::string partial = PartialName(path);
  std::ofstream file(partial, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(partial, path, error);
  if (file && !error) return absl::OkStatus();
  std::filesystem::remove(partial, error);
  return absl::UnavailableError(absl::StrCat(path,
                                             ": cannot be written; the folder must exist and "
                                             "have room"));
}

}  // namespace lathe
