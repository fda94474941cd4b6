#include "clients/cli/job_text.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "clients/report/job_progress.h"

namespace lathe {
namespace {

std::string BestText(const v1::JobProgress& progress) {
  return progress.has_best() ? absl::StrFormat("%.4f", progress.best().objective()) : "-";
}

std::string AgeText(const google::protobuf::Timestamp& time, double now) {
  if (SecondsOf(time) == 0) return "-";
  const double age = std::max(1.0, std::floor(now - SecondsOf(time)));
  return age < 60 ? absl::StrFormat("%.0f s", age) : DurationText(age);
}

// Where a job is: its phase, or what it waits for.
std::string PhaseText(const v1::Job& job) {
  if (HasEnded(job.state())) return OneLine(job.state_reason());
  if (!job.waiting_for().empty()) return OneLine("waits: " + job.waiting_for());
  return OneLine(job.progress().phase());
}

std::string ProgressBar(const v1::Job& job) {
  if (job.state() == v1::Job::SUCCEEDED) return Bar(1, 1);
  if (job.state() != v1::Job::RUNNING) return "";
  return Bar(job.progress().done(), job.progress().total());
}

Row WorkerRow(const v1::Worker& worker, double now) {
  return {OneLine(worker.display_name()),
          OneLine(worker.device()),
          absl::StrCat(worker.leased(), " of ", worker.batch()),
          absl::StrCat(worker.completed()),
          AgeText(worker.heartbeat_time(), now) + " ago",
          worker.draining() ? "draining" : "",
          OneLine(worker.numeric_class())};
}

std::string CountsText(const v1::CandidateCounts& counts) {
  uint64_t rejected = 0;
  for (const auto& [filter, count] : counts.rejected()) rejected += count;
  std::string text = absl::StrFormat(
      "%d proposed, %d rejected, %d duplicates, %d evaluated, %d diverged", counts.proposed(),
      rejected, counts.duplicates(), counts.evaluated(), counts.diverged());
  if (counts.stopped_size() > 0) {
    absl::StrAppend(&text, ", ", absl::StrJoin(counts.stopped(), " + "), " stopped at hurdles");
  }
  if (counts.failed() > 0) absl::StrAppend(&text, ", ", counts.failed(), " failed");
  return text;
}

std::string EvaluationsText(const v1::EvaluationCounts& counts) {
  return absl::StrFormat("%d run, %d from the store, %d shared", counts.run(), counts.from_store(),
                         counts.merged());
}

std::string StrategyText(const v1::Strategy& strategy) {
  const std::string kind = absl::AsciiStrToLower(v1::Strategy::Kind_Name(strategy.kind()));
  if (strategy.kind() == v1::Strategy::RANDOM) {
    return absl::StrFormat("%s, %d to %d statements", kind, strategy.random_min_statements(),
                           strategy.random_max_statements());
  }
  const std::string islands =
      strategy.islands() > 1 ? absl::StrFormat("%d islands, ", strategy.islands()) : "";
  return absl::StrFormat("%s, %spopulation %d, tournament %d", kind, islands, strategy.population(),
                         strategy.tournament());
}

std::string BudgetText(const v1::Budget& budget) {
  std::string text;
  if (budget.candidates() > 0) absl::StrAppend(&text, budget.candidates(), " candidates");
  if (budget.evaluations() > 0) {
    absl::StrAppend(&text, text.empty() ? "" : " or ", budget.evaluations(), " evaluations");
  }
  return text;
}

Row EvaluationRow(const v1::Evaluation& evaluation) {
  const v1::SeedResult& result = evaluation.result();
  const bool tested = evaluation.measured_test() && !result.diverged();
  return {OneLine(evaluation.task().dataset()),
          absl::StrCat(evaluation.task().steps()),
          absl::StrCat(evaluation.task().base_lr()),
          absl::StrCat(evaluation.seed_index()),
          result.diverged() ? "diverged" : absl::StrFormat("%.6f", result.objective()),
          tested ? absl::StrFormat("%.6f", result.test_loss()) : "-",
          tested ? absl::StrFormat("%.4f", result.test_error()) : "-",
          TimeText(evaluation.provenance().end_time()),
          OneLine(evaluation.provenance().worker())};
}

}  // namespace

bool HasEnded(v1::Job::State state) {
  return state == v1::Job::SUCCEEDED || state == v1::Job::FAILED || state == v1::Job::CANCELLED;
}

std::string StateText(v1::Job::State state) {
  const std::string name = v1::Job::State_Name(state);
  return name.empty() ? absl::StrCat("state ", static_cast<int>(state))
                      : absl::AsciiStrToLower(name);
}

std::string JobTable(const std::vector<v1::Job>& jobs, double now) {
  if (jobs.empty()) return "no jobs\n";
  std::vector<Row> rows = {{"JOB", "NAME", "STATE", "AGE", "BEST", "PROGRESS", ""}};
  for (const v1::Job& job : jobs) {
    rows.push_back({OneLine(job.name()), OneLine(job.display_name()), StateText(job.state()),
                    AgeText(job.create_time(), now), BestText(job.progress()), ProgressBar(job),
                    PhaseText(job)});
  }
  return Table(rows);
}

std::string WorkerTable(const std::vector<v1::Worker>& workers, double now) {
  if (workers.empty()) return "no workers\n";
  std::vector<Row> rows = {{"WORKER", "DEVICE", "HOLDS", "RUNS", "HEARTBEAT", "", "NUMERIC CLASS"}};
  for (const v1::Worker& worker : workers) rows.push_back(WorkerRow(worker, now));
  return Table(rows);
}

double RunningSeconds(const v1::Job& job) {
  return std::max(0.0, SecondsOf(job.progress().update_time()) - SecondsOf(job.start_time()));
}

std::string JobText(const v1::Job& job) {
  std::vector<Row> rows;
  auto add = [&](const std::string& what, const std::string& text) {
    if (!text.empty()) rows.push_back({what, OneLine(text)});
  };
  add("state", StateText(job.state()));
  add("", job.state_reason());
  add("waiting for", job.waiting_for());
  const v1::JobProgress& progress = job.progress();
  if (!progress.phase().empty() && !HasEnded(job.state())) {
    add("progress", absl::StrCat(Bar(progress.done(), progress.total()), "  ",
                                 ProgressText(progress, RunningSeconds(job))));
  }
  if (progress.has_candidates()) add("candidates", CountsText(progress.candidates()));
  if (progress.has_evaluations()) add("training runs", EvaluationsText(progress.evaluations()));
  if (job.progress().has_best()) {
    add("best",
        absl::StrFormat("%.6f, candidate %d, programs/%s", job.progress().best().objective(),
                        job.progress().best().candidate(), job.progress().best().program().hash()));
  }
  add("created", TimeText(job.create_time()));
  if (job.has_start_time()) add("started", TimeText(job.start_time()));
  if (job.has_end_time()) add("ended", TimeText(job.end_time()));
  add("numeric class", job.numeric_class());
  return absl::StrCat(OneLine(job.name()), "  ", OneLine(job.display_name()), "\n", Table(rows));
}

std::string SpecText(const v1::JobSpec& spec) {
  std::vector<Row> rows;
  rows.push_back({"seed", absl::StrFormat("%d, window %d", spec.seed(), spec.window())});
  rows.push_back({"budget", BudgetText(spec.budget())});
  rows.push_back({"strategy", StrategyText(spec.strategy())});
  rows.push_back(
      {"task", absl::StrFormat("%s, %d steps of %d, %d seeds", OneLine(spec.task().dataset()),
                               spec.task().steps(), spec.task().batch(), spec.task().seeds())});
  if (spec.has_study()) {
    const v1::Study& study = spec.study();
    rows.push_back({"study", absl::StrFormat("%d seeds, %d baselines, %d controls, %d transfers",
                                             study.seeds(), study.baselines_size(),
                                             study.controls_size(), study.transfers_size())});
  }
  return Table(rows);
}

std::string CandidateText(const v1::Candidate& candidate) {
  std::vector<Row> rows;
  if (candidate.has_slot()) rows.push_back({"slot", absl::StrCat(candidate.slot())});
  std::string outcome = absl::AsciiStrToLower(v1::Candidate::Outcome_Name(candidate.outcome()));
  if (candidate.outcome() == v1::Candidate::REJECTED) outcome += " by " + candidate.filter();
  if (candidate.outcome() == v1::Candidate::OK) {
    outcome = absl::StrFormat("objective %.6f", candidate.objective());
  }
  rows.push_back({"outcome", OneLine(outcome)});
  std::string made = OneLine(candidate.operation());
  for (const uint64_t parent : candidate.parents()) absl::StrAppend(&made, " ", parent);
  rows.push_back({"made by", made});
  if (!candidate.program().empty()) rows.push_back({"program", OneLine(candidate.program())});
  return absl::StrCat(OneLine(candidate.name()), "\n", Table(rows), "\n",
                      PlainLines(candidate.raw_text()));
}

std::string ProgramText(const v1::Program& program,
                        const std::vector<v1::Evaluation>& evaluations) {
  std::string text =
      absl::StrCat(OneLine(program.name()), "\n\n", PlainLines(program.text()), "\n");
  if (evaluations.empty()) return text + "no evaluations\n";
  std::vector<Row> rows = {{"DATASET", "STEPS", "BASE LR", "SEED", "OBJECTIVE", "TEST LOSS",
                            "TEST ERROR", "ENDED", "WORKER"}};
  for (const v1::Evaluation& evaluation : evaluations) rows.push_back(EvaluationRow(evaluation));
  return text + Table(rows);
}

std::string LogLine(const v1::LogEntry& entry) {
  const std::string severity = absl::AsciiStrToLower(v1::LogEntry::Severity_Name(entry.severity()));
  return absl::StrFormat("%s  %-7s  %s", TimeText(entry.time()), severity,
                         OneLine(entry.message()));
}

}  // namespace lathe
