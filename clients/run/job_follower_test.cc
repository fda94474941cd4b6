#include "clients/run/job_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "clients/run/testing/fake_search_service.h"
#include "process/testing/script.h"

namespace lathe {
namespace {

using testing::ElementsAre;

const grpc::Status kGone(grpc::UNAVAILABLE, "the server stops");

v1::Job JobAt(int64_t revision, v1::Job::State state, const std::string& reason = "") {
  v1::Job job;
  job.set_name("jobs/1");
  job.set_revision(revision);
  job.set_state(state);
  job.set_state_reason(reason);
  return job;
}

// All that a follower tells until the job has ended.
struct Told {
  std::optional<v1::Job> created;
  std::vector<int64_t> revisions;
  absl::StatusOr<v1::JobReport> end = absl::UnknownError("none");
};

class JobFollowerTest : public testing::Test {
 protected:
  JobFollowerTest() { spec_.set_name("small"); }

  static Told FollowToEnd(JobFollower& follower) {
    Told told;
    while (true) {
      pollfd descriptor = {follower.Descriptor(), POLLIN, 0};
      const bool news_is_there = poll(&descriptor, 1, 30000) == 1;
      EXPECT_TRUE(news_is_there) << "nothing new for too long";
      if (!news_is_there) return told;
      const JobFollower::News news = follower.Take();
      if (news.created) told.created = news.created;
      if (news.job) told.revisions.push_back(news.job->revision());
      if (!news.end) continue;
      told.end = *news.end;
      return told;
    }
  }

  Told FollowToEnd() {
    JobFollower follower(service_.Channel(), spec_);
    return FollowToEnd(follower);
  }

  v1::JobReport Report() {
    v1::JobReport report;
    report.set_display_name("small");
    return report;
  }

  FakeSearchService service_;
  v1::JobSpec spec_;
};

TEST_F(JobFollowerTest, FollowsAJobToItsReport) {
  service_.created = {grpc::Status::OK};
  service_.watches = {{{JobAt(1, v1::Job::RUNNING), JobAt(2, v1::Job::SUCCEEDED)}, {}}};
  service_.reports = {{Report(), grpc::Status::OK}};
  const Told told = FollowToEnd();
  ASSERT_TRUE(told.created);
  EXPECT_EQ(told.created->spec().name(), "small");
  EXPECT_EQ(told.created->spec().window(), 32u) << "as the server has filled it in";
  ASSERT_FALSE(told.revisions.empty());
  EXPECT_EQ(told.revisions.back(), 2);
  ASSERT_TRUE(told.end.ok()) << told.end.status();
  EXPECT_EQ(told.end->display_name(), "small");
  EXPECT_THAT(service_.Asked(), ElementsAre("create", "watch", "report"));
}

TEST_F(JobFollowerTest, ASpecThatIsRefusedIsAnInvalidArgument) {
  service_.created = {{grpc::INVALID_ARGUMENT, "window: 1 to 4096"}};
  const Told told = FollowToEnd();
  EXPECT_EQ(told.end.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(told.end.status().message(), "window: 1 to 4096");
  EXPECT_FALSE(told.created);
}

TEST_F(JobFollowerTest, SaysWhyAJobHasNotSucceeded) {
  service_.created = {grpc::Status::OK, grpc::Status::OK};
  service_.watches = {{{JobAt(1, v1::Job::FAILED, "disk full")}, {}},
                      {{JobAt(1, v1::Job::CANCELLED, "by a user")}, {}}};
  EXPECT_EQ(FollowToEnd().end.status(), absl::AbortedError("the job has failed: disk full"));
  EXPECT_EQ(FollowToEnd().end.status(), absl::CancelledError("the job was cancelled: by a user"));
}

TEST_F(JobFollowerTest, WatchesAgainWhenTheStreamBreaks) {
  service_.created = {grpc::Status::OK};
  service_.watches = {{{}, kGone},
                      {{JobAt(3, v1::Job::RUNNING)}, kGone},
                      {{JobAt(3, v1::Job::RUNNING)}, grpc::Status::OK},
                      {{JobAt(3, v1::Job::RUNNING), JobAt(4, v1::Job::SUCCEEDED)}, {}}};
  service_.reports = {{{}, kGone}, {Report(), grpc::Status::OK}};
  const Told told = FollowToEnd();
  EXPECT_TRUE(told.end.ok()) << told.end.status();
  EXPECT_THAT(told.revisions, testing::AnyOf(ElementsAre(3, 4), ElementsAre(4)));
  EXPECT_THAT(service_.Asked(),
              ElementsAre("create", "watch", "watch", "watch", "watch", "report", "report"));
}

TEST_F(JobFollowerTest, CreatesAgainUnderTheSameId) {
  service_.created = {kGone, grpc::Status::OK};
  service_.watches = {{{JobAt(1, v1::Job::FAILED)}, {}}};
  EXPECT_EQ(FollowToEnd().end.status().code(), absl::StatusCode::kAborted);
  const auto requests = service_.Requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].request_id(), requests[1].request_id());
  EXPECT_LE(requests[0].request_id().size(), 64u);
  EXPECT_GE(requests[0].request_id().size(), 16u);
}

TEST_F(JobFollowerTest, AJobThatIsGoneIsAnError) {
  service_.created = {grpc::Status::OK};
  service_.watches = {{{}, {grpc::NOT_FOUND, "there is no jobs/1"}}};
  EXPECT_EQ(FollowToEnd().end.status().code(), absl::StatusCode::kNotFound);
}

TEST_F(JobFollowerTest, CancelsTheJobAtTheServer) {
  service_.created = {grpc::Status::OK};
  JobFollower follower(service_.Channel(), spec_);
  ASSERT_TRUE(Eventually([&] { return service_.Asked().size() == 2; }));
  follower.Cancel();
  EXPECT_EQ(FollowToEnd(follower).end.status().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(service_.Asked(), ElementsAre("create", "watch", "cancel jobs/1"));
}

TEST_F(JobFollowerTest, CancelDoesNotWaitForAServerThatIsSilent) {
  JobFollower follower(service_.Channel(), spec_);
  ASSERT_TRUE(Eventually([&] { return service_.Asked().size() == 1; }));
  follower.Cancel();
  EXPECT_EQ(FollowToEnd(follower).end.status().code(), absl::StatusCode::kCancelled);
}

TEST_F(JobFollowerTest, DestructionLeavesTheJobAsItIs) {
  service_.created = {grpc::Status::OK};
  {
    JobFollower follower(service_.Channel(), spec_);
    ASSERT_TRUE(Eventually([&] { return service_.Asked().size() == 2; }));
  }
  EXPECT_THAT(service_.Asked(), ElementsAre("create", "watch"));
}

TEST_F(JobFollowerTest, DestructionDoesNotWaitForAServerThatIsNotThere) {
  JobFollower follower(OpenChannel({Address::Kind::kUnix, "/nowhere/socket", "", 0}), spec_);
  const JobFollower::News news = follower.Take();
  EXPECT_FALSE(news.created || news.job || news.end);
}

}  // namespace
}  // namespace lathe
