#include "server/listen.h"

#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "lathe/v1/search_service.grpc.pb.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ListenTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/listen_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    address_ = *ParseAddress("unix:" + folder_ + "/socket");
    lock_path_ = address_.path + ".lock";
  }

  void TearDown() override {
    for (const int socket : sockets_) close(socket);
    fs::remove_all(folder_);
  }

  std::string Error() const {
    const auto lock = PrepareToListen(address_);
    EXPECT_EQ(lock.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(lock.status().message()), testing::StartsWith(address_.Text() + " "));
    return std::string(lock.status().message());
  }

  // A socket that has the address's path; open until the end of the test.
  int Bind(int type = SOCK_STREAM) {
    const int socket = ::socket(AF_UNIX, type, 0);
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    address_.path.copy(name.sun_path, sizeof(name.sun_path) - 1);
    EXPECT_EQ(bind(socket, reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
    sockets_.push_back(socket);
    return socket;
  }

  std::unique_ptr<grpc::Server> Serve(Address& address) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    builder.AddListeningPort(address.Target(), grpc::InsecureServerCredentials(), &address.port);
    return builder.BuildAndStart();
  }

  std::string folder_, lock_path_;
  Address address_;
  std::vector<int> sockets_;
  v1::SearchService::Service service_;
};

TEST_F(ListenTest, APathIsOursUntilTheLockEnds) {
  {
    const auto lock = PrepareToListen(address_);
    ASSERT_TRUE(lock.ok()) << lock.status();
    EXPECT_TRUE(fs::exists(lock_path_));
    EXPECT_FALSE(fs::exists(address_.path));
    EXPECT_THAT(Error(), HasSubstr("is in use by another server"));
    Bind();
    EXPECT_THAT(Error(), HasSubstr("is in use by another server"));
  }
  EXPECT_TRUE(fs::is_empty(folder_)) << "neither the socket nor the lock is left";
  EXPECT_TRUE(PrepareToListen(address_).ok());
}

TEST_F(ListenTest, TheLockMoves) {
  auto lock = PrepareToListen(address_);
  ASSERT_TRUE(lock.ok());
  ListenLock second = *std::move(lock);
  lock = absl::CancelledError();
  EXPECT_THAT(Error(), HasSubstr("is in use by another server"));
  const Address other = *ParseAddress("unix:" + folder_ + "/other");
  ListenLock third = *PrepareToListen(other);
  third = std::move(second);
  EXPECT_FALSE(fs::exists(other.path + ".lock"));
  EXPECT_THAT(Error(), HasSubstr("is in use by another server"));
}

TEST_F(ListenTest, AServerThatIsKilledLeavesNothingInTheWay) {
  Bind();  // nobody listens, as when the server is gone
  std::ofstream(lock_path_).flush();
  const auto lock = PrepareToListen(address_);
  EXPECT_TRUE(lock.ok()) << lock.status();
  EXPECT_FALSE(fs::exists(address_.path));
}

TEST_F(ListenTest, AServerWithoutALockIsNotDisturbed) {
  const int socket = Bind();
  ASSERT_EQ(listen(socket, 0), 0);
  // Fills the queue of those who wait to be accepted.
  for (int i = 0; i < 4; ++i) EXPECT_THAT(Error(), HasSubstr("is in use by another program"));
  EXPECT_TRUE(fs::is_socket(address_.path));
  EXPECT_FALSE(fs::exists(lock_path_));
}

TEST_F(ListenTest, ASocketOfAnotherSortIsNotDisturbed) {
  Bind(SOCK_DGRAM);
  EXPECT_THAT(Error(), HasSubstr("is a socket of something else: "));
  EXPECT_TRUE(fs::is_socket(address_.path));
}

TEST_F(ListenTest, WhatIsNoSocketStays) {
  const auto expect_refused = [&](const std::string& kind) {
    EXPECT_THAT(Error(), HasSubstr("is " + kind + ", not a socket"));
    EXPECT_TRUE(fs::exists(fs::symlink_status(address_.path)));
    EXPECT_FALSE(fs::exists(lock_path_));
    fs::remove(address_.path);
  };
  std::ofstream(address_.path) << "text";
  expect_refused("a file");
  fs::create_directory(address_.path);
  expect_refused("a folder");
  fs::create_symlink("/no/such/file", address_.path);
  expect_refused("a symbolic link");
  ASSERT_EQ(mkfifo(address_.path.c_str(), 0600), 0);
  expect_refused("a pipe");
}

TEST_F(ListenTest, WhatIsNoLockStays) {
  std::ofstream(lock_path_) << "text";
  EXPECT_THAT(Error(), HasSubstr("socket.lock is not the lock of a server"));
  EXPECT_EQ(fs::file_size(lock_path_), 4u);
  fs::remove(lock_path_);
  fs::create_symlink(folder_ + "/target", lock_path_);
  EXPECT_THAT(Error(), HasSubstr("socket.lock cannot be opened for writing"));
  EXPECT_FALSE(fs::exists(folder_ + "/target"));
  fs::remove(lock_path_);
  fs::create_directory(lock_path_);
  EXPECT_THAT(Error(), HasSubstr("Is a directory"));
}

TEST_F(ListenTest, TheFolderMustExistAndBeWritable) {
  const std::string folder = folder_ + "/inner";
  address_ = *ParseAddress("unix:" + folder + "/socket");
  EXPECT_THAT(Error(), HasSubstr("cannot be used: there is no folder " + folder));
  std::ofstream(folder) << "a file";
  EXPECT_THAT(Error(), HasSubstr("there is no folder " + folder));
  fs::remove(folder);
  fs::create_directory(folder);
  ASSERT_EQ(chmod(folder.c_str(), 0500), 0);
  // File modes do not bind root, but they bind nobody.
  const uid_t user = geteuid();
  ASSERT_EQ(seteuid(user == 0 ? 65534 : user), 0);
  const std::string error = Error();
  ASSERT_EQ(seteuid(user), 0);
  EXPECT_THAT(error, HasSubstr("socket.lock cannot be opened for writing: Permission denied"));
}

TEST_F(ListenTest, OneOfManyGetsThePath) {
  std::atomic<int> owners = 0, times = 0;
  const auto contend = [&] {
    for (int i = 0; i < 2000; ++i) {
      const auto lock = PrepareToListen(address_);
      if (!lock.ok()) continue;
      EXPECT_EQ(++owners, 1);
      for (int turn = 0; turn < 5; ++turn) std::this_thread::yield();  // so that others try
      ++times;
      --owners;
    }
  };
  std::vector<std::thread> threads(16);
  for (std::thread& thread : threads) thread = std::thread(contend);
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(times, 0);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(ListenTest, AServerServesThereAndLeavesNothing) {
  {
    const auto lock = PrepareToListen(address_);
    const auto server = Serve(address_);
    ASSERT_NE(server, nullptr);
    EXPECT_TRUE(fs::is_socket(address_.path));
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(ListenTest, APortMustBeFree) {
  for (Address address : {*ParseAddress("127.0.0.1:0"), *ParseAddress("[::1]:0")}) {
    auto server = Serve(address);
    if (server == nullptr && address.host == "::1") continue;  // a machine without IPv6
    ASSERT_NE(server, nullptr);
    EXPECT_EQ(
        PrepareToListen(address).status(),
        absl::FailedPreconditionError(address.Text() + " is in use by another server or program"));
    server->Shutdown();
    server.reset();
    EXPECT_EQ(PrepareToListen(address).status(), absl::OkStatus()) << address.Text();
  }
  EXPECT_TRUE(PrepareToListen(*ParseAddress("127.0.0.1:0")).ok());
}

TEST_F(ListenTest, ConnectionsThatHaveJustEndedDoNotCount) {
  // The side that closes first keeps the port for a while.
  const int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in name = {};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(name);
  auto* const any = reinterpret_cast<sockaddr*>(&name);
  const int yes = 1;
  ASSERT_EQ(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);  // as gRPC does
  ASSERT_EQ(bind(listener, any, size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, any, &size), 0);
  ASSERT_EQ(connect(client, any, size), 0);
  const int accepted = accept(listener, nullptr, nullptr);
  close(accepted);
  close(client);
  close(listener);
  address_ = *ParseAddress("127.0.0.1:" + std::to_string(ntohs(name.sin_port)));
  EXPECT_EQ(PrepareToListen(address_).status(), absl::OkStatus());
}

}  // namespace
}  // namespace lathe
