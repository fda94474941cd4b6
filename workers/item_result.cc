#include "workers/item_result.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "workers/evaluate_item.h"

namespace lathe {
namespace {

constexpr double kLeastAllowance = 1e-3, kMostAllowance = 7 * 24 * 3600;
// Of an item that says nothing.
constexpr double kDefaultAllowance = 600;

// One result per seed index, or as many as there are up to the divergence it stopped at.
bool Answers(const v1::EvaluationItem& item, const v1::SeedResults& scores) {
  const int expected = item.seed_indices_size(), given = scores.seeds_size();
  if (given == expected) return true;
  return item.stop_at_divergence() && given > 0 && given < expected &&
         scores.seeds(given - 1).diverged();
}

}  // namespace

absl::StatusOr<v1::ItemResult> ToItemResult(const v1::EvaluationItem& item,
                                            v1::EvaluatorResult result) {
  v1::ItemResult item_result;
  switch (result.result_case()) {
    case v1::EvaluatorResult::kError:
      item_result = FaultResult(v1::EvaluationFault::ERROR, result.error());
      break;
    case v1::EvaluatorResult::kMissingData:
      item_result = FaultResult(v1::EvaluationFault::MISSING_DATA, result.missing_data());
      break;
    case v1::EvaluatorResult::kScores:
      if (!Answers(item, result.scores())) {
        return absl::DataLossError(absl::StrCat("scores of ", result.scores().seeds_size(),
                                                " seeds for ", item.seed_indices_size()));
      }
      *item_result.mutable_scores() = std::move(*result.mutable_scores());
      break;
    case v1::EvaluatorResult::RESULT_NOT_SET: return absl::DataLossError("a result without scores");
  }
  *item_result.mutable_duration() = result.duration();
  return item_result;
}

v1::ItemResult FaultResult(v1::EvaluationFault::Kind kind, const std::string& message) {
  v1::ItemResult result;
  result.mutable_fault()->set_kind(kind);
  result.mutable_fault()->set_message(WireMessage(message));
  return result;
}

double AllowanceSeconds(const v1::EvaluationItem& item) {
  if (!item.has_allowance()) return kDefaultAllowance;
  const double seconds =
      static_cast<double>(item.allowance().seconds()) + item.allowance().nanos() * 1e-9;
  return std::clamp(seconds, kLeastAllowance, kMostAllowance);
}

}  // namespace lathe
