#include "search/study_report.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lathe {
namespace {

constexpr double kSignificance = 0.05;

// Names of methods by the difference to them that is shown.
using Relations = std::array<std::vector<std::string>, 3>;

// Of the methods first .. end-1.
Relations Relate(const ArenaResult& arena, int first, int end) {
  Relations relations;
  for (int i = first; i < end; ++i) {
    const MethodResult& method = arena.methods[i];
    relations[static_cast<size_t>(DifferenceShown(method))].push_back(method.name);
  }
  return relations;
}

std::string Listed(const Relations& relations, Difference difference) {
  return absl::StrJoin(relations[static_cast<size_t>(difference)], ", ");
}

// "better than A, B; not shown to differ from C"
std::string Described(const Relations& relations) {
  static constexpr std::array<const char*, 3> kWords = {"better than ", "worse than ",
                                                        "not shown to differ from "};
  std::vector<std::string> parts;
  for (size_t i = 0; i < relations.size(); ++i) {
    if (!relations[i].empty()) {
      parts.push_back(kWords[i] + Listed(relations, static_cast<Difference>(i)));
    }
  }
  return absl::StrJoin(parts, "; ");
}

// What a mean over the runs that went through would hide.
std::string FailureText(const ArenaResult& arena) {
  const Summary& found = arena.methods.front().test_loss;
  if (found.failures == 0) return "";
  return absl::StrCat(" It failed on ", found.failures, " of ", found.runs, " seeds.");
}

}  // namespace

Difference DifferenceShown(const MethodResult& baseline) {
  const PairedComparison& difference = baseline.loss_difference;
  if (!(difference.p_value < kSignificance)) return Difference::kNone;
  // The interval speaks of runs that went through on both sides. It is no evidence for a method
  // that fails more often, and where failures decide, it does not have to agree.
  const int more_failures = difference.failures_a - difference.failures_b;
  const bool no_interval = difference.pairs < 2;
  if (difference.wins > difference.losses && more_failures <= 0) {
    const bool agrees = more_failures < 0 || no_interval || difference.high < 0;
    return agrees ? Difference::kBetter : Difference::kNone;
  }
  if (difference.losses > difference.wins && more_failures >= 0) {
    const bool agrees = more_failures > 0 || no_interval || difference.low > 0;
    return agrees ? Difference::kWorse : Difference::kNone;
  }
  return Difference::kNone;
}

Verdict VerdictOf(const ArenaResult& arena) {
  int better = 0, worse = 0;
  for (int i = 1; i <= arena.baselines; ++i) {
    Difference difference = DifferenceShown(arena.methods[i]);
    better += difference == Difference::kBetter;
    worse += difference == Difference::kWorse;
  }
  if (arena.baselines > 0 && better == arena.baselines) return Verdict::kBetter;
  if (arena.baselines > 0 && worse == arena.baselines) return Verdict::kWorse;
  return better + worse > 0 ? Verdict::kMixed : Verdict::kNoDifference;
}

std::string VerdictText(const ArenaResult& arena) {
  const Relations baselines = Relate(arena, 1, arena.baselines + 1);
  const std::string failures = FailureText(arena);
  const std::string start = absl::StrCat("On ", arena.name, " ");
  switch (VerdictOf(arena)) {
    case Verdict::kBetter:
      return absl::StrCat(start, "the found program is better than every tuned baseline (",
                          Listed(baselines, Difference::kBetter), ").", failures);
    case Verdict::kWorse:
      return absl::StrCat(start, "the found program is worse than every tuned baseline (",
                          Listed(baselines, Difference::kWorse), ").", failures);
    case Verdict::kNoDifference:
      return absl::StrCat(start, "no difference to any tuned baseline is shown; it is not better.",
                          failures);
    case Verdict::kMixed: break;
  }
  return absl::StrCat(start, "the found program is ", Described(baselines),
                      "; it is not better than every tuned baseline.", failures);
}

std::string ControlText(const ArenaResult& arena) {
  const Relations controls =
      Relate(arena, arena.baselines + 1, static_cast<int>(arena.methods.size()));
  std::string text = Described(controls);
  if (text.empty()) return "";
  return absl::StrCat("Next to the other searches at the same budget it is ", text, ".");
}

}  // namespace lathe
