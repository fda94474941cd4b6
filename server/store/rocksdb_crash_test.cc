#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <random>

#include "server/store/rocksdb_store.h"
#include "server/store/testing/batches.h"
#include "server/store/testing/store_process.h"
#include "server/store/testing/temporary_directory.h"

namespace {

std::atomic<int> syncs{0};

}  // namespace

// Stands in for that of the C library in the whole process, also for RocksDB. No test can cut the
// power, so it is counted how often the disk is asked to keep what it has.
extern "C" int fdatasync(int file) {
  ++syncs;
  return static_cast<int>(syscall(SYS_fdatasync, file));
}

namespace lathe {
namespace {

std::unique_ptr<Store> Open(const std::string& directory) {
  auto store = OpenRocksDbStore(directory);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

// How many batches there are, from 0 on, each of them whole.
uint64_t CountBatches(const Store& store) {
  const auto candidates = store.Scan(Kind::kCandidates, "", "", 1000000);
  const auto entries = store.Scan(Kind::kLogEntries, "", "", 1000000);
  EXPECT_TRUE(candidates.ok() && entries.ok());
  EXPECT_EQ(candidates->size(), entries->size());
  for (uint64_t number = 0; number < candidates->size(); ++number) {
    EXPECT_EQ((*candidates)[number],
              Store::Entry(CandidateKey(kBatchJob, number), std::to_string(number)));
    EXPECT_EQ((*entries)[number].first, LogEntryKey(kBatchJob, number));
    EXPECT_TRUE((*entries)[number].second == BatchValue(number)) << number;
  }
  const auto last = store.Get(Kind::kRequests, kLastBatch);
  EXPECT_TRUE(last.ok());
  if (!candidates->empty()) {
    EXPECT_EQ(*last, std::to_string(candidates->size() - 1));
  }
  return candidates->size();
}

TEST(RocksDbCrashTest, WhatWasAcknowledgedSurvivesAKill) {
  const TemporaryDirectory directory;
  std::mt19937_64 random(1);
  uint64_t batches = 0;
  for (int round = 0; round < 12; ++round) {
    StoreProcess process({directory.Path(), "write", std::to_string(batches)});
    uint64_t acknowledged = 0;
    for (uint64_t count = 1 + random() % 150; count > 0; --count) {
      ASSERT_TRUE(process.Read(&acknowledged, sizeof acknowledged));
    }
    process.Kill();
    while (process.Read(&acknowledged, sizeof acknowledged)) {
    }
    batches = CountBatches(*Open(directory.Path()));
    // The batch after the last acknowledged one may be there, whole.
    EXPECT_GE(batches, acknowledged + 1);
    EXPECT_LE(batches, acknowledged + 2);
  }
  std::printf("%llu batches survived 12 kills\n", static_cast<unsigned long long>(batches));
}

// Before how many acknowledgements of 20 there is a sync.
int CountSynced(Durability durability) {
  const TemporaryDirectory directory;
  const auto store = OpenRocksDbStore(directory.Path(), {durability});
  EXPECT_TRUE(store.ok()) << store.status();
  int synced = 0;
  for (uint64_t number = 0; number < 20; ++number) {
    const int before = syncs;
    EXPECT_TRUE((*store)->Write(BatchOf(number)).ok());
    synced += syncs > before;
  }
  return synced;
}

TEST(RocksDbCrashTest, WhatIsAcknowledgedIsSyncedWhereTheMachineMayFail) {
  EXPECT_EQ(CountSynced(Durability::kMachine), 20);
  EXPECT_EQ(CountSynced(Durability::kProcess), 0);
}

TEST(RocksDbCrashTest, AStoreIsOpenInOneProcessOnly) {
  const TemporaryDirectory directory;
  {
    StoreProcess process({directory.Path(), "hold"});
    char opened;
    ASSERT_TRUE(process.Read(&opened, 1));
    const absl::Status status = OpenRocksDbStore(directory.Path()).status();
    EXPECT_EQ(status, absl::FailedPreconditionError("store " + directory.Path() +
                                                    " is in use by another server"));
    process.Kill();
  }
  EXPECT_NE(Open(directory.Path()), nullptr);
}

TEST(RocksDbCrashTest, ACreationThatWasCutShortIsCompletedByTheNextOne) {
  int deaths = 0;
  for (int bytes : {0, 10, 50, 100, 200, 400, 1000, 20000, 44000}) {
    const TemporaryDirectory directory;
    StoreProcess process({directory.Path(), "die-beyond", std::to_string(bytes)});
    deaths += WIFSIGNALED(process.Wait());
    const auto store = OpenRocksDbStore(directory.Path());
    ASSERT_TRUE(store.ok()) << bytes << ": " << store.status();
    EXPECT_TRUE((*store)->Write(BatchOf(0)).ok());
    EXPECT_EQ(CountBatches(**store), 1u);
  }
  EXPECT_GE(deaths, 7);
}

}  // namespace
}  // namespace lathe
