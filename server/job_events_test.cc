// Watches: each revision once, over deaths of the server.
#include "server/job_events.h"

#include <gtest/gtest.h>

#include "dsl/testing/case_count.h"
#include "rpc/status.h"
#include "server/store/faulty_store.h"
#include "server/store/memory_store.h"
#include "server/testing/server_life.h"

namespace lathe {
namespace {

const auto kNever = [] { return false; };
const int kDeaths = static_cast<int>(testing::Cases(100)) / 2;

// What a watch tells until it ends.
struct Seen {
  std::vector<int64_t> revisions;
  v1::Job last;
  absl::Status status;
};

Seen WatchFrom(const Store& store, const JobBoard& board, JobId id, int64_t after,
               const std::function<bool()>& is_gone = kNever) {
  Seen seen;
  seen.status = JobEvents(store, board, id)
                    .Tell(
                        after,
                        [&](v1::Job job) {
                          seen.revisions.push_back(job.revision());
                          seen.last = std::move(job);
                          return true;
                        },
                        is_gone, kNever);
  return seen;
}

TEST(JobEvents, EveryRevisionIsToldOnceAndAgainFromAnyPoint) {
  MemoryStore store;
  Life life(store);
  life.AddWorkers(2);
  const JobId id = life.Create(SmallJob());
  const Seen all = WatchFrom(store, life.Board(), id, 0);
  ASSERT_TRUE(all.status.ok()) << all.status;
  ASSERT_GT(all.revisions.size(), 3u);
  for (size_t i = 0; i < all.revisions.size(); ++i) {
    ASSERT_EQ(all.revisions[i], static_cast<int64_t>(i) + 1);
  }
  EXPECT_EQ(all.last.state(), v1::Job::SUCCEEDED);
  EXPECT_EQ(all.last.name(), JobName(id));
  const int64_t end = all.revisions.back();
  for (int64_t after : {int64_t{1}, end / 2, end - 1}) {
    const Seen rest = WatchFrom(store, life.Board(), id, after);
    EXPECT_TRUE(rest.status.ok());
    ASSERT_EQ(rest.revisions.size(), static_cast<size_t>(end - after));
    EXPECT_EQ(rest.revisions.front(), after + 1);
  }
  EXPECT_TRUE(WatchFrom(store, life.Board(), id, end).revisions.empty());
  EXPECT_EQ(WatchFrom(store, life.Board(), id, -1).revisions, std::vector<int64_t>{end});
  const Seen beyond = WatchFrom(store, life.Board(), id, end + 1);
  EXPECT_EQ(beyond.status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReasonOf(beyond.status), "REVISION_UNKNOWN");
  EXPECT_EQ(ReasonOf(WatchFrom(store, life.Board(), id + 1, 0).status), "JOB_NOT_FOUND");
}

TEST(JobEvents, AWatchFromWhereAJobIsRepeatsNothing) {
  MemoryStore store;
  Life life(store);
  const JobId id = life.Create(SmallJob());  // without a worker
  const auto live = life.Board().Live(id);
  int polls = 0;
  const Seen seen = WatchFrom(store, life.Board(), id, -1, [&] {
    EXPECT_TRUE(live->Update([](v1::Job&) {}).ok());
    return ++polls > 3;
  });
  ASSERT_GE(seen.revisions.size(), 3u);
  for (size_t i = 1; i < seen.revisions.size(); ++i) {
    ASSERT_EQ(seen.revisions[i], seen.revisions[i - 1] + 1);
  }
}

TEST(JobEvents, AReaderOverFiftyDeathsSeesEachRevisionOnce) {
  const auto disk = std::make_shared<MemoryStore>();
  RandomStream random(3, {});
  v1::JobSpec spec = LongJob();
  spec.mutable_budget()->set_evaluations(4000);
  std::vector<int64_t> revisions;
  int64_t last = 0;
  int deaths = 0;
  for (bool ended = false; !ended;) {
    FaultyStore store(disk);
    if (deaths < kDeaths) store.CrashAtWrite(3 + random.Below(30), random.Chance(0.5));
    Life life(store);
    if (!life.Restored().ok()) {
      ++deaths;
      continue;
    }
    life.AddWorkers(2, 16);
    v1::CreateJobRequest request;
    *request.mutable_spec() = spec;
    request.set_request_id("one");
    const auto job = life.Board().Create(request);
    if (job.ok()) {
      const JobId id = *ParseJobName(job->name(), "name");
      const Seen seen =
          WatchFrom(store, life.Board(), id, last, [&store] { return store.Crashed(); });
      revisions.insert(revisions.end(), seen.revisions.begin(), seen.revisions.end());
      if (!seen.revisions.empty()) last = seen.revisions.back();
      ended = seen.status.ok() && HasEnded(seen.last.state());
    }
    deaths += store.Crashed();
  }
  EXPECT_GE(deaths, kDeaths);
  ASSERT_GT(revisions.size(), 2 * static_cast<size_t>(kDeaths));
  for (size_t i = 0; i < revisions.size(); ++i) {
    ASSERT_EQ(revisions[i], static_cast<int64_t>(i) + 1);
  }
}

TEST(JobEvents, WhatCouldNotBeWrittenIsNotTold) {
  FaultyStore store(std::make_shared<MemoryStore>());
  Metrics metrics;
  v1::Job job;
  job.set_state(v1::Job::RUNNING);
  LiveJob live(store, metrics, 1, job, SmallJob(), 0);
  const auto change = [](v1::Job& changed) { changed.set_state(v1::Job::PAUSED); };
  store.FailWrite(1, absl::UnavailableError("no disk"));
  EXPECT_FALSE(live.Update(change).ok());
  EXPECT_EQ(live.Snapshot().state(), v1::Job::RUNNING);
  EXPECT_EQ(live.Snapshot().revision(), 0);
  EXPECT_TRUE(live.Update(change).ok());
  EXPECT_EQ(live.Snapshot().state(), v1::Job::PAUSED);
  EXPECT_EQ(live.Snapshot().revision(), 1);
}

TEST(JobEvents, ARevisionThatIsNoLongerKeptIsOutOfRange) {
  MemoryStore store;
  Metrics metrics;
  Life life(store);
  const JobId id = life.Create(SmallJob());  // without a worker
  // After that nothing but this test changes the job.
  life.WaitUntil(id, [](const v1::Job& job) { return !job.waiting_for().empty(); });
  const auto live = life.Board().Live(id);
  const int64_t count = kEventsKept + 50;
  while (live->Snapshot().revision() < count) {
    ASSERT_TRUE(live->Update([](v1::Job& job) { job.set_state_reason("changed"); }).ok());
  }
  const int64_t latest = live->Snapshot().revision(), oldest = latest - kEventsKept + 1;
  EXPECT_EQ(store.Scan(Kind::kEvents, "", "", 100000)->size(), static_cast<size_t>(kEventsKept));
  const Seen too_old = WatchFrom(store, life.Board(), id, oldest - 2);
  EXPECT_EQ(too_old.status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReasonOf(too_old.status), "WATCH_TOO_OLD");
  EXPECT_NE(std::string(too_old.status.message()).find(std::to_string(oldest)), std::string::npos);
  EXPECT_TRUE(too_old.revisions.empty());
  int polls = 0;
  const Seen kept = WatchFrom(store, life.Board(), id, oldest - 1, [&] { return ++polls > 20; });
  ASSERT_GE(kept.revisions.size(), static_cast<size_t>(kEventsKept));
  EXPECT_EQ(kept.revisions.front(), oldest);

  // A reader that falls behind is cut off rather than told of a later one.
  int64_t told = 0;
  const absl::Status slow = JobEvents(store, life.Board(), id)
                                .Tell(
                                    -1,
                                    [&](v1::Job job) {
                                      if (told++ > 0) return true;
                                      for (int i = 0; i < kEventsKept + 10; ++i) {
                                        EXPECT_TRUE(live->Update([](v1::Job&) {}).ok());
                                      }
                                      return job.revision() > 0;
                                    },
                                    kNever, kNever);
  EXPECT_EQ(ReasonOf(slow), "WATCH_TOO_OLD");
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace lathe
