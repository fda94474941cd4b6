#include "rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "lathe/v1/search_service.grpc.pb.h"
#include "rpc/status.h"

namespace lathe {
namespace {

// Answers GetJob with the name that was asked for, or with an error.
class Service : public v1::SearchService::Service {
 public:
  absl::Status error;

  grpc::Status GetJob(grpc::ServerContext*, const v1::GetJobRequest* request,
                      v1::Job* job) override {
    job->set_name(request->name());
    return ToGrpc(error);
  }
};

class ChannelTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/channel_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Nothing if the address cannot be bound.
  std::unique_ptr<grpc::Server> Serve(Address& address) {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.RegisterService(&service_);
    builder.AddListeningPort(address.Target(), grpc::InsecureServerCredentials(), &address.port);
    return builder.BuildAndStart();
  }

  absl::Status Call(const std::shared_ptr<grpc::Channel>& channel, const std::string& name,
                    bool wait = true) {
    grpc::ClientContext context;
    context.set_wait_for_ready(wait);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::GetJobRequest request;
    request.set_name(name);
    v1::Job job;
    const grpc::Status status =
        v1::SearchService::NewStub(channel)->GetJob(&context, request, &job);
    EXPECT_TRUE(!status.ok() || job.name() == name);
    return FromGrpc(status);
  }

  Address Socket(const std::string& name) { return *ParseAddress("unix:" + folder_ + "/" + name); }

  std::string folder_;
  Service service_;
};

TEST_F(ChannelTest, ReachesEverySortOfAddress) {
  for (Address address :
       {*ParseAddress("127.0.0.1:0"), *ParseAddress("127.3.2.1:0"), *ParseAddress("[::1]:0"),
        Socket("plain"), Socket("a b%20c#d?e=\xC3\xBC:1")}) {
    const auto server = Serve(address);
    if (server == nullptr && address.host == "::1") continue;  // a machine without IPv6
    ASSERT_NE(server, nullptr) << address.Text();
    EXPECT_TRUE(address.kind == Address::Kind::kTcp || std::filesystem::is_socket(address.path));
    EXPECT_EQ(Call(OpenChannel(address), "jobs/1"), absl::OkStatus()) << address.Text();
  }
}

TEST_F(ChannelTest, LargeMessagesPassBothWays) {
  Address address = Socket("large");
  const auto server = Serve(address);
  EXPECT_EQ(Call(OpenChannel(address), std::string(kMaxMessageBytes - 100, 'x')), absl::OkStatus());
  EXPECT_EQ(Call(OpenChannel(address), std::string(kMaxMessageBytes, 'x')).code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(ChannelTest, ConnectsAgainOnceTheServerIsBack) {
  Address address = Socket("comes and goes");
  const auto channel = OpenChannel(address);
  EXPECT_EQ(Call(channel, "too early", false).code(), absl::StatusCode::kUnavailable);
  for (int round = 0; round < 3; ++round) {
    const auto server = Serve(address);
    ASSERT_NE(server, nullptr);
    EXPECT_EQ(Call(channel, "while it serves"), absl::OkStatus());
    server->Shutdown();
    EXPECT_EQ(Call(channel, "while it is gone", false).code(), absl::StatusCode::kUnavailable);
  }
}

TEST_F(ChannelTest, ProxiesOfTheEnvironmentAreNotAsked) {
  for (const char* name : {"grpc_proxy", "http_proxy", "https_proxy"}) {
    setenv(name, "http://127.0.0.1:1", 1);
  }
  Address address = *ParseAddress("127.0.0.1:0");
  const auto server = Serve(address);
  EXPECT_EQ(Call(OpenChannel(address), "jobs/1", false), absl::OkStatus());
  for (const char* name : {"grpc_proxy", "http_proxy", "https_proxy"}) unsetenv(name);
}

TEST_F(ChannelTest, TheLongestErrorReachesAStockClient) {
  Address address = *ParseAddress("127.0.0.1:0");
  const auto server = Serve(address);
  const auto stock = grpc::CreateChannel(address.Target(), grpc::InsecureChannelCredentials());
  for (std::string_view unit : {"x", "%", "\xC3\xBC", "\xFF", "\n"}) {
    std::string text;
    for (int i = 0; i < 20000; ++i) text += unit;
    service_.error = WithReason(WithField(absl::NotFoundError(text), text), "LONG",
                                {{text, text}, {"x" + text, text}});
    const absl::Status status = Call(stock, "jobs/1");
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status.message().substr(0, 100);
    EXPECT_EQ(ReasonOf(status), "LONG");
  }
}

}  // namespace
}  // namespace lathe
