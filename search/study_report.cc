#include "search/study_report.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lathe {
namespace {

constexpr double kSignificance = 0.05;

}  // namespace

Difference DifferenceShown(const MethodResult& baseline) {
  const PairedComparison& difference = baseline.loss_difference;
  if (!(difference.p_value < kSignificance)) return Difference::kNone;
  // Where failures decide, there may be no interval; the signs then speak alone.
  bool no_interval = difference.pairs < 2;
  if (difference.wins > difference.losses && (no_interval || difference.high < 0)) {
    return Difference::kBetter;
  }
  if (difference.losses > difference.wins && (no_interval || difference.low > 0)) {
    return Difference::kWorse;
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
  std::array<std::vector<std::string>, 3> names;
  for (int i = 1; i <= arena.baselines; ++i) {
    names[static_cast<size_t>(DifferenceShown(arena.methods[i]))].push_back(arena.methods[i].name);
  }
  auto list = [&](Difference difference) {
    return absl::StrJoin(names[static_cast<size_t>(difference)], ", ");
  };
  switch (VerdictOf(arena)) {
    case Verdict::kBetter:
      return absl::StrCat("On ", arena.name,
                          " the found program is better than every tuned baseline (",
                          list(Difference::kBetter), ").");
    case Verdict::kWorse:
      return absl::StrCat("On ", arena.name,
                          " the found program is worse than every tuned baseline (",
                          list(Difference::kWorse), ").");
    case Verdict::kNoDifference:
      return absl::StrCat("On ", arena.name,
                          " no difference to any tuned baseline is shown; it is not better.");
    case Verdict::kMixed: break;
  }
  std::vector<std::string> parts;
  if (!names[0].empty()) parts.push_back("better than " + list(Difference::kBetter));
  if (!names[1].empty()) parts.push_back("worse than " + list(Difference::kWorse));
  if (!names[2].empty()) parts.push_back("not shown to differ from " + list(Difference::kNone));
  return absl::StrCat("On ", arena.name, " the found program is ", absl::StrJoin(parts, ", "),
                      "; it is not better than every tuned baseline.");
}

}  // namespace lathe
