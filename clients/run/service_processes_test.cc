#include "clients/run/service_processes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "clients/run/testing/fake_programs.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kServer =
    "echo server $@ >>$HERE/events\n"
    "trap 'echo server ends >>$HERE/events; exit 0' TERM\n"
    "echo 'lathe-server: listening on here, metrics on there'\n"
    "while :; do sleep 60 & wait; done";
constexpr const char* kWorker =
    "trap 'echo worker ends >>$HERE/events; exit 0' TERM\n"
    "echo worker $@ >>$HERE/events\n"
    "while :; do sleep 60 & wait; done";

class ServiceProcessesTest : public testing::Test {
 protected:
  // The programs are there already.
  ServiceProcesses& Service() {
    return service_.emplace(ServiceOptions{.programs = programs_.Folder(),
                                           .directory = programs_.Folder(),
                                           .socket = "S",
                                           .store = "D",
                                           .metrics = "off",
                                           .workers = 1,
                                           .batch = 4,
                                           .data = "data",
                                           .evaluator = "evaluator"},
                            [](const std::string&) {});
  }

  std::vector<std::string> Events() { return programs_.Lines("events"); }

  template <typename Condition>
  bool UpdatedUntil(Condition condition) {
    return Eventually([&] {
      EXPECT_TRUE(service_->Update(0).ok());
      return condition();
    });
  }

  absl::Status UpdatedToAnError() {
    absl::Status status;
    EXPECT_TRUE(Eventually([&] { return !(status = service_->Update(0)).ok(); }));
    return status;
  }

  FakePrograms programs_;
  std::optional<ServiceProcesses> service_;
};

TEST_F(ServiceProcessesTest, StartsTheServerThenWorkersAndEndsThemTheOtherWayRound) {
  programs_.Write("lathe-server", kServer);
  programs_.Write("lathe-worker", kWorker);
  ServiceProcesses& service = Service();
  ASSERT_TRUE(service.Start().ok());
  EXPECT_FALSE(service.Stopped());
  EXPECT_TRUE(UpdatedUntil([&] { return service.Serving(); }));
  EXPECT_EQ(service.Announcement(), "lathe-server: listening on here, metrics on there");
  EXPECT_EQ(service.Descriptor(), -1) << "there is nothing more to read";
  EXPECT_EQ(service.WakeAt(), std::nullopt);
  service.StartWorkers();
  EXPECT_TRUE(UpdatedUntil([&] { return Events().size() == 2; }));
  service.Stop();
  EXPECT_TRUE(UpdatedUntil([&] { return service.Stopped(); }));
  EXPECT_THAT(
      Events(),
      ElementsAre("server --listen unix:S --store D --metrics off --abandon-unfinished --no-sync",
                  "worker --server unix:S --batch 4 --data data --evaluator evaluator",
                  "worker ends", "server ends"));
}

TEST_F(ServiceProcessesTest, AServerThatDoesNotStartSaysWhy) {
  programs_.Write("lathe-server", "echo 'lathe-server: the store is in use' >&2; exit 1");
  ASSERT_TRUE(Service().Start().ok());
  EXPECT_EQ(UpdatedToAnError().message(),
            "the server did not start: it exited with status 1; the end of its log:\n"
            "  lathe-server: the store is in use");
}

TEST_F(ServiceProcessesTest, AServerThatDiesIsTold) {
  programs_.Write("lathe-server", "echo serving; echo trouble >&2; kill -SEGV $$");
  ASSERT_TRUE(Service().Start().ok());
  EXPECT_EQ(UpdatedToAnError().message(),
            "the server was killed by signal 11 (Segmentation fault); the end of its log:\n"
            "  trouble");
}

TEST_F(ServiceProcessesTest, AMissingServerIsTold) {
  const absl::Status status = Service().Start();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("lathe-server"));
}

TEST_F(ServiceProcessesTest, StopAsksTwiceAndKillsThen) {
  programs_.Write("lathe-server", kServer);
  programs_.Write("lathe-worker",
                  "trap 'echo asked >>$HERE/events' TERM\n"
                  "echo $$ >>$HERE/worker\nwhile :; do sleep 60 & wait; done");
  ServiceProcesses& service = Service();
  ASSERT_TRUE(service.Start().ok());
  ASSERT_TRUE(UpdatedUntil([&] { return service.Serving(); }));
  service.StartWorkers();
  ASSERT_TRUE(UpdatedUntil([&] { return !programs_.Lines("worker").empty(); }));
  service.Stop();
  EXPECT_TRUE(UpdatedUntil([&] { return service.Stopped(); }));
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("server"), "asked", "asked", "server ends"));
  EXPECT_TRUE(IsGone(std::stoi(programs_.Lines("worker")[0])));
}

TEST_F(ServiceProcessesTest, KillEndsAllAtOnce) {
  programs_.Write("lathe-server", "trap '' TERM; echo serving; while :; do sleep 60; done");
  programs_.Write("lathe-worker",
                  "trap '' TERM; echo $$ >>$HERE/worker; while :; do sleep 60; done");
  ServiceProcesses& service = Service();
  ASSERT_TRUE(service.Start().ok());
  ASSERT_TRUE(UpdatedUntil([&] { return service.Serving(); }));
  service.StartWorkers();
  ASSERT_TRUE(UpdatedUntil([&] { return !programs_.Lines("worker").empty(); }));
  service.Kill();
  EXPECT_TRUE(service.Stopped());
  EXPECT_TRUE(IsGone(std::stoi(programs_.Lines("worker")[0])));
}

}  // namespace
}  // namespace lathe
