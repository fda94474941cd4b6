#include "clients/run/signal_descriptor.h"

#include <gtest/gtest.h>
#include <poll.h>

namespace lathe {
namespace {

bool Readable(const SignalDescriptor& signals) {
  pollfd descriptor = {signals.Descriptor(), POLLIN, 0};
  return poll(&descriptor, 1, 0) == 1;
}

TEST(SignalDescriptorTest, TellsSignalsInsteadOfDyingOfThem) {
  SignalDescriptor signals({SIGTERM, SIGINT});
  EXPECT_EQ(signals.Next(), std::nullopt);
  EXPECT_FALSE(Readable(signals));
  raise(SIGTERM);
  EXPECT_TRUE(Readable(signals));
  EXPECT_EQ(signals.Next(), SIGTERM);
  raise(SIGINT);
  EXPECT_EQ(signals.Next(), SIGINT);
  EXPECT_EQ(signals.Next(), std::nullopt);
}

TEST(SignalDescriptorTest, WhatIsIgnoredStaysIgnored) {
  const auto former = signal(SIGHUP, SIG_IGN);
  {
    SignalDescriptor signals({SIGHUP, SIGTERM});
    raise(SIGHUP);
    EXPECT_EQ(signals.Next(), std::nullopt);
  }
  signal(SIGHUP, former);
}

TEST(SignalDescriptorTest, LeavesNothingBehind) {
  {
    SignalDescriptor signals({SIGTERM});
    raise(SIGTERM);  // not read, and no end of this process afterwards
  }
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  EXPECT_EQ(sigismember(&blocked, SIGTERM), 0);
}

}  // namespace
}  // namespace lathe
