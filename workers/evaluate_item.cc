#include "workers/evaluate_item.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "dsl/canonicalize.h"
#include "dsl/text.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

using std::chrono::steady_clock;

constexpr size_t kMaxMessageBytes = 4096;

// The program of an item that is what it says it is: scores are kept under its text and hash.
absl::StatusOr<Program> CheckedProgram(const v1::EvaluationItem& item) {
  if (item.language_version() != kLanguageVersion) {
    return absl::InvalidArgumentError(absl::StrCat("language version ", item.language_version(),
                                                   " is not known; known: ", kLanguageVersion));
  }
  absl::StatusOr<Program> program = ParseOrStatus(item.program_text(), "program");
  if (!program.ok()) return program.status();
  CanonicalForm form = MakeCanonical(*program);
  if (form.text != item.program_text()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the program's text is not canonical; canonical:\n", form.text));
  }
  if (form.hash.Hex() != item.program_hash()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the program's hash is ", form.hash.Hex(), " and not ", item.program_hash()));
  }
  return std::move(form.program);
}

absl::StatusOr<v1::SeedResults> Scores(Evaluator& evaluator, const v1::EvaluationItem& item) {
  absl::StatusOr<Program> program = CheckedProgram(item);
  if (!program.ok()) return program.status();
  absl::StatusOr<v1::Task> task = ResolveTask(item.task());
  if (!task.ok()) return task.status();
  if (item.seed_indices().empty()) return absl::InvalidArgumentError("no seed indices");
  const Measure measure = item.measure_test() ? Measure::kValidationAndTest : Measure::kValidation;
  v1::SeedResults results;
  for (int seed : item.seed_indices()) {
    if (seed < 0) return absl::InvalidArgumentError(absl::StrCat("seed index ", seed));
    absl::StatusOr<Evaluation> evaluation = evaluator.Evaluate(*program, *task, seed, measure);
    if (!evaluation.ok()) return evaluation.status();
    v1::SeedResult& result = *results.add_seeds();
    result.set_diverged(evaluation->diverged);
    result.set_objective(evaluation->objective);
    result.set_test_loss(evaluation->test.loss);
    result.set_test_error(evaluation->test.error);
    if (evaluation->diverged && item.stop_at_divergence()) break;
  }
  return results;
}

absl::StatusOr<v1::SeedResults> ScoresWithoutExceptions(Evaluator& evaluator,
                                                        const v1::EvaluationItem& item) {
  try {
    return Scores(evaluator, item);
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

}  // namespace

v1::EvaluatorResult EvaluateItem(Evaluator& evaluator, const v1::EvaluatorItem& item) {
  const auto begin = steady_clock::now();
  absl::StatusOr<v1::SeedResults> scores = ScoresWithoutExceptions(evaluator, item.item());
  const auto nanoseconds =
      std::chrono::duration_cast<std::chrono::nanoseconds>(steady_clock::now() - begin).count();
  v1::EvaluatorResult result;
  result.set_id(item.id());
  if (scores.ok()) {
    *result.mutable_scores() = *std::move(scores);
  } else {
    result.set_error(WireMessage(std::string(scores.status().message())));
  }
  result.mutable_duration()->set_seconds(nanoseconds / 1'000'000'000);
  result.mutable_duration()->set_nanos(static_cast<int>(nanoseconds % 1'000'000'000));
  return result;
}

std::string WireMessage(std::string_view message) {
  std::string text(message.substr(0, kMaxMessageBytes));
  const auto plain = [](char c) { return (c >= ' ' && c <= '~') || c == '\n'; };
  if (!std::all_of(text.begin(), text.end(), plain)) text = absl::CHexEscape(text);
  return text.substr(0, kMaxMessageBytes);
}

}  // namespace lathe
