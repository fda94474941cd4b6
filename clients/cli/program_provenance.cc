#include "clients/cli/program_provenance.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dsl/program.h"

namespace lathe {
namespace {

std::string TaskText(const v1::Task& task) {
  return absl::StrFormat("%s, %d steps of %d examples", task.dataset(), task.steps(), task.batch());
}

void AddJob(const v1::Job& job, ProvenanceFacts& facts) {
  const std::string name =
      job.display_name().empty() ? job.name() : absl::StrCat(job.name(), ", ", job.display_name());
  facts.emplace_back("job", absl::StrCat(name, ", seed ", job.spec().seed()));
  if (job.spec().has_task()) {
    facts.emplace_back("task", absl::StrCat(TaskText(job.spec().task()), ", ",
                                            job.spec().task().seeds(), " seeds"));
  }
  if (!job.numeric_class().empty()) facts.emplace_back("numeric class", job.numeric_class());
}

std::string LossText(const v1::Summary& loss) {
  return absl::StrFormat("test loss %.4f (mean of %d seeds, %d failed)", loss.mean(), loss.runs(),
                         loss.failures());
}

// The found program, then what it was compared with.
std::string MethodText(const v1::MethodResult& method) {
  std::string text = LossText(method.test_loss());
  if (!method.has_loss_difference()) return text;
  const v1::PairedComparison& difference = method.loss_difference();
  return absl::StrCat(
      text, absl::StrFormat("; found - %s: %.4f [%.4f, %.4f], p = %.4f", method.name(),
                            difference.mean_difference(), difference.low(), difference.high(),
                            difference.p_value()));
}

}  // namespace

ProvenanceFacts FactsOfHash(const std::string& hash) {
  return {{"program", absl::StrCat(hash, ", language version ", kLanguageVersion)}};
}

ProvenanceFacts FactsOfReport(const v1::Job& job, const v1::JobReport& report) {
  ProvenanceFacts facts;
  AddJob(job, facts);
  if (!report.trajectory_hash().empty()) {
    facts.emplace_back("trajectory hash", report.trajectory_hash());
  }
  if (!report.found().setting().empty()) facts.emplace_back("tuned", report.found().setting());
  if (report.has_best()) {
    facts.emplace_back("objective of the search's best",
                       absl::StrFormat("%.6f", report.best().objective()));
  }
  if (report.study().arenas().empty()) return facts;
  const v1::ArenaResult& arena = report.study().arenas(0);
  for (const v1::MethodResult& method : arena.methods()) {
    facts.emplace_back(method.name(), MethodText(method));
  }
  if (!arena.verdict().empty()) facts.emplace_back("verdict", arena.verdict());
  return facts;
}

ProvenanceFacts FactsOfCandidate(const v1::Job& job, const v1::Candidate& candidate) {
  ProvenanceFacts facts;
  AddJob(job, facts);
  facts.emplace_back("candidate", candidate.name());
  if (candidate.outcome() == v1::Candidate::OK) {
    facts.emplace_back("objective", absl::StrFormat("%.6f", candidate.objective()));
  }
  return facts;
}

ProvenanceFacts FactsOfEvaluations(const std::vector<v1::Evaluation>& evaluations) {
  struct Runs {
    int count = 0, diverged = 0;
    double total = 0;
  };
  std::map<std::string, Runs> by_task;
  for (const v1::Evaluation& evaluation : evaluations) {
    Runs& runs = by_task[absl::StrCat(TaskText(evaluation.task()), ", base rate ",
                                      evaluation.task().base_lr())];
    ++runs.count;
    if (evaluation.result().diverged()) {
      ++runs.diverged;
    } else {
      runs.total += evaluation.result().objective();
    }
  }
  ProvenanceFacts facts;
  for (const auto& [task, runs] : by_task) {
    const int good = runs.count - runs.diverged;
    const std::string mean =
        good > 0 ? absl::StrFormat("mean objective %.6f, ", runs.total / good) : std::string();
    facts.emplace_back("evaluated", absl::StrFormat("%s: %s%d seeds, %d diverged", task, mean,
                                                    runs.count, runs.diverged));
  }
  return facts;
}

}  // namespace lathe
