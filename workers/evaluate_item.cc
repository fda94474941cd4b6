#include "workers/evaluate_item.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dsl/canonicalize.h"
#include "dsl/text.h"
#include "evaluators/datasets/without_exceptions.h"
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

// An item on its way to a result.
struct Work {
  const v1::EvaluationItem* item;
  v1::Task task;
  Program program;
  absl::StatusOr<v1::SeedResults> scores;
  bool missing_data = false;  // why there are no scores
  steady_clock::duration duration{};
};

absl::Status Prepare(Work& work) {
  absl::StatusOr<Program> program = CheckedProgram(*work.item);
  if (!program.ok()) return program.status();
  absl::StatusOr<v1::Task> task = ResolveTask(work.item->task());
  if (!task.ok()) return task.status();
  if (work.item->seed_indices().empty()) return absl::InvalidArgumentError("no seed indices");
  for (const int seed : work.item->seed_indices()) {
    if (seed < 0) return absl::InvalidArgumentError(absl::StrCat("seed index ", seed));
  }
  work.program = *std::move(program);
  work.task = *std::move(task);
  return absl::OkStatus();
}

// What items that are evaluated together have in common.
std::string RequestKey(const Work& work) {
  return absl::StrCat(work.task.SerializeAsString(), "|",
                      absl::StrJoin(work.item->seed_indices(), ","), "|", work.item->measure_test(),
                      "|", work.item->stop_at_divergence());
}

v1::SeedResults ToMessage(std::span<const Evaluation> evaluations) {
  v1::SeedResults results;
  for (const Evaluation& evaluation : evaluations) {
    v1::SeedResult& result = *results.add_seeds();
    result.set_diverged(evaluation.diverged);
    result.set_objective(evaluation.objective);
    result.set_test_loss(evaluation.test.loss);
    result.set_test_error(evaluation.test.error);
  }
  return results;
}

// Whether the data of items that ask for the same can be used; otherwise they have their results.
bool CheckData(Evaluator& evaluator, std::span<Work* const> together) {
  const absl::Status status = evaluator.Check(together.front()->task);
  // What is asked for in a way that is wrong is told by the evaluation itself.
  if (status.ok() || absl::IsInvalidArgument(status)) return true;
  for (Work* work : together) {
    work->scores = status;
    work->missing_data = true;
  }
  return false;
}

void Evaluate(Evaluator& evaluator, std::span<Work* const> together) {
  const auto begin = steady_clock::now();
  if (!CheckData(evaluator, together)) return;
  std::vector<const Program*> programs;
  for (const Work* work : together) programs.push_back(&work->program);
  const Work& first = *together.front();
  const std::vector<int> seeds(first.item->seed_indices().begin(),
                               first.item->seed_indices().end());
  evaluator.EvaluatePopulation(
      {.programs = programs,
       .task = first.task,
       .seeds = seeds,
       .measure = first.item->measure_test() ? Measure::kValidationAndTest : Measure::kValidation,
       .stop_at_divergence = first.item->stop_at_divergence()},
      [&](size_t i, const absl::StatusOr<std::vector<Evaluation>>& evaluations) {
        together[i]->scores = evaluations.ok()
                                  ? absl::StatusOr<v1::SeedResults>(ToMessage(*evaluations))
                                  : evaluations.status();
      });
  const auto share = (steady_clock::now() - begin) / static_cast<int64_t>(together.size());
  for (Work* work : together) work->duration = share;
}

v1::EvaluatorResult ResultOf(uint64_t id, const Work& work) {
  v1::EvaluatorResult result;
  result.set_id(id);
  if (work.scores.ok()) {
    *result.mutable_scores() = *work.scores;
  } else {
    const std::string message = WireMessage(std::string(work.scores.status().message()));
    work.missing_data ? result.set_missing_data(message) : result.set_error(message);
  }
  const auto nanoseconds =
      std::chrono::duration_cast<std::chrono::nanoseconds>(work.duration).count();
  result.mutable_duration()->set_seconds(nanoseconds / 1'000'000'000);
  result.mutable_duration()->set_nanos(static_cast<int>(nanoseconds % 1'000'000'000));
  return result;
}

}  // namespace

std::vector<v1::EvaluatorResult> EvaluateItems(Evaluator& evaluator,
                                               std::span<const v1::EvaluatorItem> items) {
  std::vector<Work> works(items.size());
  std::map<std::string, std::vector<Work*>> requests;
  for (size_t i = 0; i < items.size(); ++i) {
    Work& work = works[i];
    work.item = &items[i].item();
    const absl::Status status = WithoutExceptions([&] {
      absl::Status prepared = Prepare(work);
      if (prepared.ok()) requests[RequestKey(work)].push_back(&work);
      return prepared;
    });
    if (!status.ok()) work.scores = status;
  }
  for (const auto& request : requests) {
    const std::vector<Work*>& together = request.second;
    const absl::Status status = WithoutExceptions([&] {
      Evaluate(evaluator, together);
      return absl::OkStatus();
    });
    if (status.ok()) continue;
    for (Work* work : together) work->scores = status;
  }
  std::vector<v1::EvaluatorResult> results;
  for (size_t i = 0; i < items.size(); ++i) results.push_back(ResultOf(items[i].id(), works[i]));
  return results;
}

std::string WireMessage(std::string_view message) {
  std::string text(message.substr(0, kMaxMessageBytes));
  const auto plain = [](char c) { return (c >= ' ' && c <= '~') || c == '\n'; };
  if (!std::all_of(text.begin(), text.end(), plain)) text = absl::CHexEscape(text);
  return text.substr(0, kMaxMessageBytes);
}

}  // namespace lathe
