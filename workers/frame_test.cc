#include "workers/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <thread>

#include "lathe/v1/evaluator.pb.h"
#include "workers/file_descriptor.h"

namespace lathe {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

struct Sockets {
  Sockets() {
    std::array<int, 2> pair;
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    here = FileDescriptor(pair[0]);
    there = FileDescriptor(pair[1]);
  }
  void Send(std::string_view bytes) const {
    ASSERT_EQ(write(there.Number(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }
  FileDescriptor here, there;
};

v1::EvaluatorResult Result(uint64_t id, const std::string& error) {
  v1::EvaluatorResult result;
  result.set_id(id);
  result.set_error(error);
  return result;
}

// A message as it stands on the wire, by the description in the header.
std::string Framed(const v1::EvaluatorResult& message) {
  const std::string body = message.SerializeAsString();
  std::string frame;
  for (int shift : {0, 8, 16, 24}) frame.push_back(static_cast<char>(body.size() >> shift));
  return frame + body;
}

TEST(Frame, CarriesMessagesOneAfterTheOther) {
  const Sockets sockets;
  for (uint64_t id : {1, 2, 3}) {
    ASSERT_TRUE(WriteFrame(sockets.there.Number(), Result(id, "e")).ok());
  }
  v1::EvaluatorResult read;
  for (uint64_t id : {1, 2, 3}) {
    ASSERT_TRUE(ReadFrame(sockets.here.Number(), read).ok());
    EXPECT_EQ(read.SerializeAsString(), Result(id, "e").SerializeAsString());
  }
}

TEST(Frame, IsTheLengthAndTheMessage) {
  const Sockets sockets;
  const std::string expected = Framed(Result(7, std::string(300, 'x')));
  ASSERT_TRUE(WriteFrame(sockets.there.Number(), Result(7, std::string(300, 'x'))).ok());
  std::string bytes(expected.size() + 1, '\0');
  bytes.resize(static_cast<size_t>(recv(sockets.here.Number(), bytes.data(), bytes.size(), 0)));
  EXPECT_EQ(bytes, expected);
}

TEST(Frame, ABigMessageGoesThroughASmallBuffer) {
  const Sockets sockets;
  const v1::EvaluatorResult big = Result(1, std::string(5'000'000, 'x'));
  std::thread writer([&] { EXPECT_TRUE(WriteFrame(sockets.there.Number(), big).ok()); });
  v1::EvaluatorResult read;
  EXPECT_TRUE(ReadFrame(sockets.here.Number(), read).ok());
  writer.join();
  EXPECT_EQ(read.error().size(), 5'000'000u);
}

TEST(Frame, AnEmptyMessageIsAMessage) {
  const Sockets sockets;
  ASSERT_TRUE(WriteFrame(sockets.there.Number(), v1::EvaluatorBatch()).ok());
  v1::EvaluatorBatch read;
  EXPECT_TRUE(ReadFrame(sockets.here.Number(), read).ok());
}

TEST(Frame, AnEndBetweenMessagesIsOrderlyAndWithinOneIsNot) {
  const std::string frame = Framed(Result(9, "some text"));
  for (size_t cut = 0; cut < frame.size(); ++cut) {
    Sockets sockets;
    sockets.Send(frame + frame.substr(0, cut));
    sockets.there.Close();
    v1::EvaluatorResult read;
    ASSERT_TRUE(ReadFrame(sockets.here.Number(), read).ok());
    const absl::Status status = ReadFrame(sockets.here.Number(), read);
    EXPECT_EQ(status.code(), cut == 0 ? absl::StatusCode::kOutOfRange : absl::StatusCode::kDataLoss)
        << cut;
  }
}

TEST(Frame, TheLongestMessageMayBeReadAndALongerOneMayNot) {
  for (uint32_t length : {kMaxFrameBytes, kMaxFrameBytes + 1, ~uint32_t{0}}) {
    Sockets sockets;
    std::string prefix;
    for (int shift : {0, 8, 16, 24}) prefix.push_back(static_cast<char>(length >> shift));
    sockets.Send(prefix + "x");
    sockets.there.Close();
    v1::EvaluatorResult read;
    const std::string message(ReadFrame(sockets.here.Number(), read).message());
    EXPECT_THAT(message,
                HasSubstr(length == kMaxFrameBytes ? "in the middle" : "at most 67108864"));
  }
}

TEST(Frame, ATooLongMessageIsNotWritten) {
  const Sockets sockets;
  const v1::EvaluatorResult big = Result(1, std::string(kMaxFrameBytes, 'x'));
  EXPECT_EQ(WriteFrame(sockets.there.Number(), big).code(), absl::StatusCode::kInvalidArgument);
  char byte;
  EXPECT_LT(recv(sockets.here.Number(), &byte, 1, MSG_DONTWAIT), 0);
}

TEST(Frame, BytesThatAreNoMessageAreDataLoss) {
  const Sockets sockets;
  sockets.Send(std::string("\x03\0\0\0\xff\xff\xff", 7));
  v1::EvaluatorResult read;
  const absl::Status status = ReadFrame(sockets.here.Number(), read);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("lathe.v1.EvaluatorResult"));
}

TEST(Frame, WaitsNoLongerThanItsDeadline) {
  const Sockets sockets;
  const auto begin = steady_clock::now();
  v1::EvaluatorResult read;
  absl::Status status =
      ReadFrame(sockets.here.Number(), read, {.deadline = begin + milliseconds(20)});
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_GE(steady_clock::now() - begin, milliseconds(20));
  // Nobody reads, and the message does not fit into the socket's buffer.
  status = WriteFrame(sockets.here.Number(), Result(1, std::string(5'000'000, 'x')),
                      {.deadline = steady_clock::now() + milliseconds(20)});
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(Frame, WhatWasSentIsReadBeforeTheEndOfTheOtherSideCounts) {
  const Sockets sockets;
  Sockets end;
  end.there.Close();  // the other end is readable from now on
  const FrameWait wait = {.end = end.here.Number()};
  sockets.Send(Framed(Result(1, "last words")));
  v1::EvaluatorResult read;
  EXPECT_TRUE(ReadFrame(sockets.here.Number(), read, wait).ok());
  EXPECT_EQ(read.error(), "last words");
  EXPECT_EQ(ReadFrame(sockets.here.Number(), read, wait).code(), absl::StatusCode::kUnavailable);
}

TEST(Frame, WritingToNobodyIsAnErrorAndNoSignal) {
  Sockets sockets;
  sockets.there.Close();
  EXPECT_EQ(WriteFrame(sockets.here.Number(), Result(1, "e")).code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace lathe
