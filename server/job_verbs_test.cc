// Pause, resume, stop, cancel, delete, from every state; budgets of time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rpc/status.h"
#include "server/search_log.h"
#include "server/store/faulty_store.h"
#include "server/store/memory_store.h"
#include "server/testing/server_life.h"

namespace lathe {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::vector<std::string> CandidatesOf(const Store& store, JobId id) {
  std::vector<std::string> texts;
  const auto candidates = ReadCandidates(store, id, 0, 1000000);
  EXPECT_TRUE(candidates.ok()) << candidates.status();
  for (v1::Candidate candidate : *candidates) {
    candidate.clear_name();
    texts.push_back(candidate.SerializeAsString());
  }
  return texts;
}

// Whether one is the beginning of the other.
bool Agree(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::equal(
      a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())), b.begin());
}

std::function<bool(const v1::Job&)> Evaluated(uint64_t count) {
  return [count](const v1::Job& job) {
    return job.progress().candidates().evaluated() >= count || HasEnded(job.state());
  };
}

class JobVerbsTest : public testing::Test {
 protected:
  MemoryStore store_;
};

enum class Verb { kPause, kResume, kStop, kCancel, kDelete };
constexpr std::array kVerbs = {Verb::kPause, Verb::kResume, Verb::kStop, Verb::kCancel,
                               Verb::kDelete};

absl::Status Do(JobBoard& board, Verb verb, JobId id) {
  switch (verb) {
    case Verb::kPause: return board.PauseJob(id).status();
    case Verb::kResume: return board.ResumeJob(id).status();
    case Verb::kStop: return board.StopJob(id).status();
    case Verb::kCancel: return board.CancelJob(id).status();
    case Verb::kDelete: return board.DeleteJob(id);
  }
  return absl::InternalError("unknown verb");
}

// A life with jobs in every state, none of which has a worker.
struct EveryState {
  explicit EveryState(Store& store) : life(store) {
    std::vector<JobId> ids;
    for (int i = 0; i < kJobSlots + 1; ++i) ids.push_back(life.Create(SmallJob()));
    for (int i = 0; i < kJobSlots; ++i) {
      life.WaitUntil(ids[i], [](const v1::Job& job) { return job.state() == v1::Job::RUNNING; });
    }
    jobs[v1::Job::RUNNING] = ids[0];
    jobs[v1::Job::QUEUED] = ids[kJobSlots];
    const JobId paused = life.Create(SmallJob()), cancelled = life.Create(SmallJob());
    EXPECT_TRUE(life.Board().PauseJob(paused).ok());
    EXPECT_TRUE(life.Board().CancelJob(cancelled).ok());
    jobs[v1::Job::PAUSED] = paused;
    jobs[v1::Job::CANCELLED] = cancelled;
  }

  Life life;
  std::map<v1::Job::State, JobId> jobs;
};

TEST_F(JobVerbsTest, EachIsAllowedWhereItHasAMeaningAndNowhereElse) {
  const std::map<v1::Job::State, std::set<Verb>> allowed = {
      {v1::Job::QUEUED, {Verb::kPause, Verb::kStop, Verb::kCancel}},
      {v1::Job::RUNNING, {Verb::kPause, Verb::kStop, Verb::kCancel}},
      {v1::Job::PAUSED, {Verb::kResume, Verb::kStop, Verb::kCancel}},
      {v1::Job::CANCELLED, {Verb::kDelete}}};
  for (Verb verb : kVerbs) {
    MemoryStore store;
    EveryState states(store);
    for (const auto& [state, verbs] : allowed) {
      const JobId id = states.jobs.at(state);
      ASSERT_EQ(states.life.Board().Get(id)->state(), state);
      const absl::Status status = Do(states.life.Board(), verb, id);
      if (verbs.contains(verb)) {
        EXPECT_TRUE(status.ok()) << status;
        continue;
      }
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(v1::Job::State_Name(state)));
      EXPECT_THAT(std::string(ReasonOf(status)), AnyOf("JOB_STATE", "JOB_HAS_ENDED"));
      EXPECT_EQ(states.life.Board().Get(id)->state(), state);
    }
    EXPECT_EQ(ReasonOf(Do(states.life.Board(), verb, 12345)), "JOB_NOT_FOUND");
  }
}

// A server that dies in every state, and the next one.
TEST_F(JobVerbsTest, EveryStateSurvivesARestart) {
  std::map<v1::Job::State, JobId> jobs;
  {
    EveryState states(store_);
    jobs = states.jobs;
    jobs[v1::Job::SUCCEEDED] = 0;
  }
  jobs.erase(v1::Job::SUCCEEDED);
  Life life(store_);
  ASSERT_TRUE(life.Restored().ok()) << life.Restored();
  for (const auto& [state, id] : jobs) {
    const v1::Job::State now = life.Board().Get(id)->state();
    const bool goes_on = state == v1::Job::RUNNING || state == v1::Job::QUEUED;
    EXPECT_TRUE(now == state || (goes_on && !HasEnded(now) && now != v1::Job::PAUSED))
        << v1::Job::State_Name(state) << " is now " << v1::Job::State_Name(now);
  }
  life.AddWorkers(2, 32);
  EXPECT_TRUE(life.Board().ResumeJob(jobs[v1::Job::PAUSED]).ok());
  for (const auto& [state, id] : jobs) {
    EXPECT_EQ(life.WaitForEnd(id).state(),
              state == v1::Job::CANCELLED ? v1::Job::CANCELLED : v1::Job::SUCCEEDED);
  }
  EXPECT_TRUE(life.Board().Get(jobs[v1::Job::RUNNING])->has_end_time());
}

TEST_F(JobVerbsTest, APausedJobStartsNothingUntilItIsResumedAndEndsAsItWouldHave) {
  MemoryStore undisturbed_store;
  Life undisturbed(undisturbed_store);
  undisturbed.AddWorkers(1);
  const v1::JobReport expected = undisturbed.RunToReport(LongJob());
  EvaluationAudit audit;
  JobId id = 0;
  for (uint64_t share : {40, 200, 400}) {
    // Each pause is followed by another life of the server.
    Life life(store_);
    if (id == 0) id = life.Create(LongJob());
    life.AddWorkers(2, 4, &audit);
    if (share > 40) {
      EXPECT_EQ(life.Board().Get(id)->state(), v1::Job::PAUSED);
      EXPECT_TRUE(life.Board().ResumeJob(id).ok());
    }
    life.WaitUntil(id, Evaluated(share));
    const auto paused = life.Board().PauseJob(id);
    ASSERT_TRUE(paused.ok()) << paused.status();
    EXPECT_EQ(paused->state(), v1::Job::PAUSED);
    EXPECT_EQ(paused->state_reason(), "paused by a user");
    // Another job comes through meanwhile, so workers have had time to take what they should not.
    const uint64_t candidates = CandidatesOf(store_, id).size();
    v1::JobSpec other = SmallJob();
    other.set_seed(share);
    life.RunToReport(other);
    EXPECT_EQ(CandidatesOf(store_, id).size(), candidates);
    EXPECT_EQ(life.Board().Get(id)->state(), v1::Job::PAUSED);
  }
  Life life(store_);
  life.AddWorkers(1, 4, &audit);
  EXPECT_TRUE(life.Board().ResumeJob(id).ok());
  EXPECT_EQ(life.WaitForEnd(id).state(), v1::Job::SUCCEEDED);
  EXPECT_EQ(life.Report(id).trajectory_hash(), expected.trajectory_hash());
  EXPECT_EQ(audit.RunAgain(), 0u);
  EXPECT_EQ(audit.MissingIn(store_), 0u);
}

TEST_F(JobVerbsTest, AStoppedJobFinishesWhatItHasProposedAndReports) {
  Life life(store_);
  life.AddWorkers(2);
  v1::JobSpec spec = LongJob();
  *spec.mutable_study() = SmallJob(/*with_study=*/true).study();
  const JobId id = life.Create(spec);
  life.WaitUntil(id, Evaluated(100));
  ASSERT_TRUE(life.Board().StopJob(id).ok());
  const v1::Job job = life.WaitForEnd(id);
  EXPECT_EQ(job.state(), v1::Job::SUCCEEDED);
  EXPECT_EQ(job.stop_reason(), "stopped");
  const v1::JobReport report = life.Report(id);
  EXPECT_EQ(report.stop_reason(), "stopped");
  EXPECT_EQ(report.candidates().proposed(), job.stop_index());
  EXPECT_LT(report.candidates().evaluated(), 1500u);
  EXPECT_TRUE(report.has_found());
  EXPECT_FALSE(report.has_study());
  // It is the beginning of the whole search.
  MemoryStore whole;
  Life other(whole);
  other.AddWorkers(1);
  const JobId whole_id = other.Create(LongJob());
  other.WaitForEnd(whole_id);
  const auto some = CandidatesOf(store_, id), all = CandidatesOf(whole, whole_id);
  EXPECT_EQ(some.size(), job.stop_index());
  EXPECT_LT(some.size(), all.size());
  EXPECT_TRUE(Agree(some, all));
}

TEST_F(JobVerbsTest, AStopStandsOverARestartAndAPause) {
  JobId id = 0;
  {
    Life life(store_);
    life.AddWorkers(2);
    id = life.Create(LongJob());
    life.WaitUntil(id, Evaluated(100));
    ASSERT_TRUE(life.Board().PauseJob(id).ok());
  }
  const size_t proposed = [&] {
    const auto entries = store_.Scan(Kind::kCandidates, CandidateKey(id, 0),
                                     CandidateKey(id, kMostCandidates), 9999);
    return entries->size();
  }();
  {
    // The server dies with the next write after it has answered.
    FaultyStore store(std::shared_ptr<Store>(std::shared_ptr<Store>(), &store_));
    Life life(store);  // without workers
    store.CrashAtWrite(2, /*happens=*/false);
    const auto stopped = life.Board().StopJob(id);
    ASSERT_TRUE(stopped.ok()) << stopped.status();
    EXPECT_FALSE(HasEnded(stopped->state()));
  }
  Life life(store_);
  life.AddWorkers(2);
  EXPECT_EQ(life.WaitForEnd(id).state(), v1::Job::SUCCEEDED);
  EXPECT_EQ(life.Report(id).stop_reason(), "stopped");
  EXPECT_EQ(life.Report(id).candidates().proposed(), proposed);
}

TEST_F(JobVerbsTest, AJobThatWaitsForAWorkerCanBeStopped) {
  Life life(store_);
  const JobId id = life.Create(SmallJob(/*with_study=*/true));
  life.WaitUntil(id, [](const v1::Job& job) { return !job.waiting_for().empty(); });
  ASSERT_TRUE(life.Board().StopJob(id).ok());
  const v1::Job job = life.WaitForEnd(id);
  EXPECT_EQ(job.state(), v1::Job::SUCCEEDED) << job.state_reason();
  EXPECT_EQ(job.stop_index(), 0u);
  EXPECT_FALSE(life.Report(id).has_found());
}

TEST_F(JobVerbsTest, AStudyThatIsStoppedIsLeftOut) {
  Life life(store_);
  v1::JobSpec spec = SmallJob(/*with_study=*/true);
  // Tuning takes a while.
  v1::Baseline& baseline = *spec.mutable_study()->mutable_baselines(0);
  for (int i = 0; i < 60; ++i) {
    baseline.add_base_lr(0.2 + 0.01 * i);
    baseline.add_weight_decay(0.01 * i);
  }
  life.AddWorkers(1, 1);
  const JobId id = life.Create(spec);
  life.WaitUntil(id, [](const v1::Job& job) { return job.progress().phase() == "tuning"; });
  ASSERT_TRUE(life.Board().StopJob(id).ok());
  EXPECT_EQ(life.WaitForEnd(id).state(), v1::Job::SUCCEEDED);
  EXPECT_FALSE(life.Report(id).has_study());
  EXPECT_EQ(life.Report(id).stop_reason(), "budget.evaluations");
}

TEST_F(JobVerbsTest, AJobThatNeverBeganIsCancelledByAStop) {
  EveryState states(store_);
  const JobId id = states.jobs[v1::Job::QUEUED];
  EXPECT_EQ(states.life.Board().StopJob(id)->state(), v1::Job::CANCELLED);
  EXPECT_EQ(states.life.Board().Get(id)->state_reason(), "stopped by a user before it began");
}

TEST_F(JobVerbsTest, TimeBudgetsEndTheSearchAtALoggedCandidate) {
  MemoryStore whole;
  Life other(whole);
  other.AddWorkers(1);
  const JobId whole_id = other.Create(LongJob());
  other.WaitForEnd(whole_id);
  const auto all = CandidatesOf(whole, whole_id);
  for (const bool wall : {true, false}) {
    MemoryStore store;
    v1::JobSpec spec = LongJob();
    spec.mutable_budget()->set_evaluations(0);
    // A worker says that an item takes a millisecond.
    if (wall) {
      spec.mutable_budget()->set_wall_seconds(0.3);
    } else {
      spec.mutable_budget()->set_device_seconds(0.2);
    }
    JobId id = 0;
    {
      // Part of it in an earlier life: the time counts on.
      Life life(store);
      life.AddWorkers(1);
      id = life.Create(spec);
      life.WaitUntil(id, Evaluated(20));
    }
    Life life(store);
    life.AddWorkers(2);
    const v1::Job job = life.WaitForEnd(id);
    EXPECT_EQ(job.state(), v1::Job::SUCCEEDED) << job.state_reason();
    const std::string reason = wall ? "budget.wall_seconds" : "budget.device_seconds";
    EXPECT_EQ(job.stop_reason(), reason);
    EXPECT_EQ(life.Report(id).stop_reason(), reason);
    const auto some = CandidatesOf(store, id);
    EXPECT_EQ(some.size(), job.stop_index());
    EXPECT_TRUE(Agree(some, all));
    if (wall) {
      EXPECT_GE(job.running_seconds(), 0.3);
    } else {
      const v1::JobReport report = life.Report(id);
      EXPECT_GE(report.evaluations().device_seconds(), 0.2);
      EXPECT_LE(report.evaluations().device_seconds(), 0.2 + 0.001 * (100 + 8));
    }
  }
}

// A page begins at a key, so a job that is there all the time is listed once.
TEST_F(JobVerbsTest, PagesOfJobsStandWhileJobsComeAndGo) {
  Life life(store_);
  std::vector<JobId> ids;
  for (int i = 0; i < 8; ++i) {
    ids.push_back(life.Create(SmallJob()));
    EXPECT_TRUE(life.Board().CancelJob(ids.back()).ok());
    life.WaitForEnd(ids.back());
  }
  std::vector<std::string> listed;
  std::string first_key;
  for (int page = 0; page < 4; ++page) {
    const auto jobs = life.Board().List(first_key, 3);
    ASSERT_TRUE(jobs.ok()) << jobs.status();
    for (size_t i = 0; i < std::min<size_t>(jobs->size(), 2); ++i) {
      listed.push_back((*jobs)[i].name());
    }
    if (jobs->size() < 3) break;
    first_key = JobKey(*ParseJobName(jobs->back().name(), "name"));
    // The one at which the next page begins goes, and so does one that was listed; one comes.
    if (page == 0) {
      EXPECT_TRUE(life.Board().DeleteJob(*ParseJobName(jobs->back().name(), "name")).ok());
      EXPECT_TRUE(life.Board().DeleteJob(*ParseJobName(listed[0], "name")).ok());
      life.Create(SmallJob());
    }
  }
  std::vector<std::string> expected;
  for (size_t i = ids.size(); i-- > 0;) {
    if (i != ids.size() - 3) expected.push_back(JobName(ids[i]));
  }
  EXPECT_EQ(listed, expected);
}

TEST_F(JobVerbsTest, ADeletedJobLeavesNothingButWhatBelongsToAll) {
  Life life(store_);
  life.AddWorkers(2);
  const JobId keep = life.Create(SmallJob());
  life.WaitForEnd(keep);
  std::map<Kind, size_t> before;
  const auto count = [&](Kind kind) { return store_.Scan(kind, "", "", 1000000)->size(); };
  for (size_t kind = 0; kind < kKindNames.size(); ++kind) {
    before[static_cast<Kind>(kind)] = count(static_cast<Kind>(kind));
  }
  v1::JobSpec spec = SmallJob(/*with_study=*/true);
  spec.set_seed(77);
  const JobId id = life.Create(spec, "request");
  life.WaitForEnd(id);
  ASSERT_GT(count(Kind::kEvaluations), before[Kind::kEvaluations]);
  WriteBatch checkpoint;  // as a longer search leaves it
  checkpoint.Put(Kind::kCheckpoints, CheckpointKey(id, 1), "state");
  ASSERT_TRUE(store_.Write(checkpoint).ok());
  ASSERT_TRUE(life.Board().DeleteJob(id).ok());
  for (const auto& [kind, entries] : before) {
    if (kind == Kind::kEvaluations || kind == Kind::kPrograms) continue;
    EXPECT_EQ(count(kind), entries) << kKindNames[static_cast<size_t>(kind)];
  }
  EXPECT_EQ(ReasonOf(life.Board().Get(id).status()), "JOB_NOT_FOUND");
  EXPECT_EQ(ReasonOf(life.Board().DeleteJob(id)), "JOB_NOT_FOUND");
  // Its request may be made again; its evaluations are still known.
  const JobId again = life.Create(spec, "request");
  EXPECT_NE(again, id);
  life.WaitForEnd(again);
  EXPECT_EQ(life.Report(again).evaluations().run(), 0u);
}

}  // namespace
}  // namespace lathe
