#include "clients/run/worker_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "clients/run/testing/fake_programs.h"

namespace lathe {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// Says who it is and that it runs until it is told to end.
constexpr const char* kSteady =
    "trap 'exit 0' TERM; echo $$ >>$HERE/started\n"
    "while :; do sleep 60 & wait; done";

class WorkerGroupTest : public testing::Test {
 protected:
  WorkerGroup Group(const std::string& script, int workers) {
    return WorkerGroup({.program = programs_.Write("worker", script),
                        .arguments = {"--batch", "3"},
                        .log_folder = programs_.Folder(),
                        .workers = workers,
                        .first_wait = milliseconds(1),
                        .longest_wait = milliseconds(4)},
                       [this](const std::string& text) { said_.push_back(text); });
  }

  // Updates until the condition holds.
  template <typename Condition>
  bool UpdatedUntil(WorkerGroup& group, Condition condition) {
    return Eventually([&] {
      EXPECT_TRUE(group.Update(completed_).ok());
      return condition();
    });
  }

  std::vector<std::string> Started() { return programs_.Lines("started"); }

  FakePrograms programs_;
  std::vector<std::string> said_;
  uint64_t completed_ = 0;
};

TEST_F(WorkerGroupTest, StartsEachOnceAndEndsThem) {
  WorkerGroup group = Group(std::string("echo $@ >>$HERE/arguments\n") + kSteady, 3);
  EXPECT_FALSE(group.Running());
  EXPECT_TRUE(UpdatedUntil(group, [&] { return Started().size() >= 3; }));
  EXPECT_EQ(group.WakeAt(), std::nullopt);
  EXPECT_TRUE(group.Running());
  group.Signal(SIGTERM);
  EXPECT_TRUE(UpdatedUntil(group, [&] { return !group.Running(); }));
  EXPECT_THAT(programs_.Lines("arguments"), ElementsAre("--batch 3", "--batch 3", "--batch 3"));
  EXPECT_THAT(Started(), SizeIs(3));
  EXPECT_THAT(said_, SizeIs(0)) << "they were told to end";
  EXPECT_EQ(group.WakeAt(), std::nullopt);
}

TEST_F(WorkerGroupTest, StartsAgainWhatWasKilled) {
  WorkerGroup group = Group(kSteady, 2);
  ASSERT_TRUE(UpdatedUntil(group, [&] { return Started().size() >= 2; }));
  kill(std::stoi(Started()[0]), SIGKILL);
  EXPECT_TRUE(UpdatedUntil(group, [&] { return Started().size() >= 3; }));
  ASSERT_THAT(said_, SizeIs(1));
  EXPECT_THAT(said_[0], HasSubstr("was killed by signal 9 (Killed); starting it again"));
  EXPECT_TRUE(IsGone(std::stoi(Started()[0])));
}

TEST_F(WorkerGroupTest, GivesUpOnWorkersThatEndBeforeTheyCompleteAnything) {
  WorkerGroup group = Group("echo started >>$HERE/started; echo no data >&2; exit 3", 1);
  absl::Status status;
  ASSERT_TRUE(Eventually([&] { return !(status = group.Update(7)).ok(); }));
  EXPECT_EQ(status.message(),
            "the workers end as soon as they are started: worker 0 exited with status 3; the end "
            "of its log:\n  no data\n  no data\n  no data\n  no data\n  no data");
  EXPECT_THAT(Started(), SizeIs(5));
  EXPECT_THAT(said_, SizeIs(4));
}

TEST_F(WorkerGroupTest, GoesOnForAsLongAsSomethingIsCompleted) {
  WorkerGroup group = Group("echo started >>$HERE/started; exit 3", 1);
  EXPECT_TRUE(Eventually([&] {
    completed_ = Started().size();
    EXPECT_TRUE(group.Update(completed_).ok());
    return completed_ >= 12;
  }));
}

TEST_F(WorkerGroupTest, WaitsLongerEachTime) {
  WorkerGroup group({.program = programs_.Write("worker", "exit 1"),
                     .arguments = {},
                     .log_folder = programs_.Folder(),
                     .workers = 1,
                     .first_wait = milliseconds(10),
                     .longest_wait = milliseconds(25)},
                    [](const std::string&) {});
  std::vector<milliseconds> waits;
  while (group.Update(0).ok()) {
    const auto wake = group.WakeAt();
    if (!wake) continue;
    const auto wait = std::chrono::ceil<milliseconds>(*wake - WorkerGroup::Clock::now());
    if (wait > milliseconds(0) && (waits.empty() || wait > waits.back())) waits.push_back(wait);
  }
  ASSERT_GE(waits.size(), 2u);
  EXPECT_LE(waits.front(), milliseconds(10));
  EXPECT_GT(waits.back(), milliseconds(10));
  EXPECT_LE(waits.back(), milliseconds(25));
}

TEST_F(WorkerGroupTest, KillsTreesOfThoseThatDoNotMind) {
  WorkerGroup group = Group(
      "trap '' TERM\nsetsid sleep 600 &\necho $! >>$HERE/sleeper\necho $$ >>$HERE/started\n"
      "while :; do sleep 60; done",
      1);
  ASSERT_TRUE(UpdatedUntil(group, [&] { return Started().size() == 1; }));
  group.Signal(SIGTERM);
  group.Kill();
  EXPECT_FALSE(group.Running());
  EXPECT_TRUE(IsGone(std::stoi(Started()[0])));
  EXPECT_TRUE(Eventually([&] { return !Runs(std::stoi(programs_.Lines("sleeper")[0])); }));
}

TEST_F(WorkerGroupTest, SaysWhatCannotBeStarted) {
  WorkerGroup group({.program = programs_.Folder() + "/missing",
                     .arguments = {},
                     .log_folder = programs_.Folder()},
                    [](const std::string&) {});
  const absl::Status status = group.Update(0);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/missing"));
}

}  // namespace
}  // namespace lathe
