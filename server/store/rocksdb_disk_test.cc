// The store on disks that are full or fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "server/store/disk_room.h"
#include "server/store/keys.h"
#include "server/store/rocksdb_store.h"
#include "server/store/testing/temporary_directory.h"

namespace lathe {
namespace {

using testing::HasSubstr;

constexpr uint64_t kMebibyte = uint64_t{1} << 20;

// A store with random records, beside a model of what must be in it.
class ModelledStore {
 public:
  ModelledStore(std::string directory, uint64_t seed)
      : directory_(std::move(directory)), random_(seed) {}

  absl::Status Open() {
    store_.reset();
    auto store = OpenRocksDbStore(directory_);
    if (store.ok()) store_ = *std::move(store);
    return store.status();
  }
  void Close() { store_.reset(); }
  bool IsOpen() const { return store_ != nullptr; }
  // Two kinds get the same record, which does not compress.
  absl::Status Write(size_t bytes) {
    std::string value(bytes, '\0');
    for (char& byte : value) byte = static_cast<char>(random_());
    const std::string key = CandidateKey(1, random_() % 500);
    WriteBatch batch;
    batch.Put(Kind::kCandidates, key, value);
    batch.Put(Kind::kPrograms, key, value);
    absl::Status status = store_->Write(batch);
    if (status.ok()) model_[key] = std::move(value);
    return status;
  }
  void Check() const {
    const std::vector<Store::Entry> expected(model_.begin(), model_.end());
    for (Kind kind : {Kind::kCandidates, Kind::kPrograms}) {
      const auto entries = store_->Scan(kind, "", "", 1000000);
      ASSERT_TRUE(entries.ok()) << entries.status();
      ASSERT_TRUE(*entries == expected);
    }
  }
  size_t Size() const { return model_.size(); }

 private:
  const std::string directory_;
  std::mt19937_64 random_;
  std::map<std::string, std::string> model_;
  std::unique_ptr<Store> store_;
};

// Files of this process cannot grow beyond a size while it lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit limit = {bytes, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  ~FileSizeLimit() {
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before_), 0);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_;
  void (*handler_)(int);
};

TEST(RocksDbDiskTest, AFailedWriteLeavesNothingAndLaterOnesSucceed) {
  const TemporaryDirectory directory;
  ModelledStore store(directory.Path(), 1);
  ASSERT_TRUE(store.Open().ok());
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(store.Write(1000).ok());
    {
      // More than all that succeeds: whether RocksDB compacts meanwhile makes no difference.
      const FileSizeLimit limit(2 * kMebibyte);
      for (int failure = 0; failure < 3; ++failure) {
        const absl::Status status = store.Write(3 * kMebibyte);
        EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
        EXPECT_THAT(std::string(status.message()), HasSubstr("File too large"));
        store.Check();
      }
      // What is small enough succeeds all the same.
      EXPECT_TRUE(store.Write(10).ok());
    }
    ASSERT_TRUE(store.Write(200000).ok());
    store.Check();
    ASSERT_TRUE(store.Open().ok());
    store.Check();
  }
}

TEST(RocksDbDiskTest, AFailedWriteLeavesNothingAfterARestart) {
  const TemporaryDirectory directory;
  ModelledStore store(directory.Path(), 2);
  ASSERT_TRUE(store.Open().ok());
  ASSERT_TRUE(store.Write(1000).ok());
  {
    const FileSizeLimit limit(100);  // less than it takes to open
    EXPECT_EQ(store.Write(200000).code(), absl::StatusCode::kUnavailable);
    store.Check();
    EXPECT_EQ(store.Write(10).code(), absl::StatusCode::kUnavailable);
    store.Check();
    store.Close();
  }
  ASSERT_TRUE(store.Open().ok());
  store.Check();
  EXPECT_TRUE(store.Write(10).ok());
}

TEST(RocksDbDiskTest, WritersThatFailTogetherRecoverTogether) {
  const TemporaryDirectory directory;
  auto store = OpenRocksDbStore(directory.Path());
  ASSERT_TRUE(store.ok());
  const auto write = [&store](int writer, int step, size_t bytes) {
    WriteBatch batch;
    batch.Put(Kind::kCandidates, CandidateKey(writer, step), std::string(bytes, 'x'));
    return (*store)->Write(batch).ok();
  };
  std::array<int, 4> written = {};
  std::vector<std::thread> writers;
  {
    const FileSizeLimit limit(100000);
    for (int writer = 0; writer < 4; ++writer) {
      writers.emplace_back([&, writer] {
        for (int step = 0; step < 30; ++step) {
          written[writer] += write(writer, step, step % 10 == 9 ? 200000 : 100);
        }
      });
    }
    for (std::thread& writer : writers) writer.join();
  }
  for (int writer = 0; writer < 4; ++writer) {
    EXPECT_TRUE(write(writer, 1000, 200000));
    const auto entries = (*store)->Scan(Kind::kCandidates, CandidateKey(writer, 0),
                                        CandidateKey(writer + 1, 0), 999);
    EXPECT_EQ(entries->size(), written[writer] + 1u);
  }
  EXPECT_GE(written[0], 1);
}

// A small disk of its own, where the machine permits to mount one.
class FullDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    if (mount("none", directory_.Path().c_str(), "tmpfs", 0, "size=64m") != 0) {
      GTEST_SKIP() << "cannot mount a small disk: " << std::strerror(errno);
    }
    mounted_ = true;
  }
  void TearDown() override {
    EXPECT_TRUE(!mounted_ || umount2(directory_.Path().c_str(), MNT_DETACH) == 0);
  }

  std::string StorePath() const { return directory_ / "store"; }
  // Fills the disk with a file of its own up to so many bytes.
  void LeaveFree(uint64_t bytes) {
    std::filesystem::remove(directory_ / "filler");
    struct statvfs disk;
    ASSERT_EQ(statvfs(directory_.Path().c_str(), &disk), 0);
    const uint64_t available = disk.f_bavail * disk.f_frsize;
    std::ofstream filler(directory_ / "filler", std::ios::binary);
    if (available > bytes) filler << std::string(available - bytes, 'x');
  }

  const TemporaryDirectory directory_;
  bool mounted_ = false;
};

TEST_F(FullDiskTest, AWriteIsRefusedBeforeTheDiskIsFull) {
  ModelledStore store(StorePath(), 3);
  ASSERT_TRUE(store.Open().ok());
  ASSERT_TRUE(store.Write(3 * kMebibyte).ok());
  LeaveFree(kReservedDiskBytes - kMebibyte);
  const absl::Status full =
      absl::ResourceExhaustedError("the disk of store " + StorePath() + " is full");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(store.Write(10), full);
  store.Check();
  ASSERT_TRUE(store.Open().ok());
  store.Check();
  EXPECT_EQ(store.Write(10), full);
  LeaveFree(kReservedDiskBytes + kMebibyte);
  EXPECT_TRUE(store.Write(10).ok());
  store.Check();
}

TEST_F(FullDiskTest, AWriteThatFindsTheDiskFullLeavesNothing) {
  ModelledStore store(StorePath(), 4);
  ASSERT_TRUE(store.Open().ok());
  ASSERT_TRUE(store.Write(10).ok());
  for (uint64_t free : {0, 4096, 40960, 409600}) {
    LeaveFree(free);
    absl::Status status;
    for (int i = 0; i < 100 && status.ok(); ++i) status = store.Write(5000);
    EXPECT_EQ(status,
              absl::ResourceExhaustedError("the disk of store " + StorePath() + " is full"));
    store.Check();
    LeaveFree(64 * kMebibyte);
    EXPECT_TRUE(store.Write(10).ok());
    store.Check();
  }
  ASSERT_TRUE(store.Open().ok());
  store.Check();
}

TEST_F(FullDiskTest, WhateverHappensNothingThatWasAcknowledgedIsLost) {
  std::mt19937_64 random(5);
  ModelledStore store(StorePath(), 6);
  int failed = 0, not_opened = 0;
  for (int step = 0; step < 300; ++step) {
    const uint64_t action = random() % 10;
    if (action < 2) LeaveFree(random() % 2 == 0 ? random() % 50000 : random() % (4 * kMebibyte));
    if (action == 2) LeaveFree(60 * kMebibyte);
    if (action == 3 || !store.IsOpen()) {
      const absl::Status status = store.Open();
      EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kResourceExhausted) << status;
      not_opened += !status.ok();
    }
    if (!store.IsOpen()) continue;
    const absl::Status status = store.Write(random() % 2 == 0 ? random() % 200 : random() % 20000);
    EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kResourceExhausted) << status;
    failed += !status.ok();
    if (!status.ok() || step % 8 == 0) store.Check();
    ASSERT_FALSE(HasFatalFailure()) << "seed 5, step " << step;
  }
  LeaveFree(64 * kMebibyte);
  ASSERT_TRUE(store.Open().ok());
  store.Check();
  std::printf("%d writes failed, %d openings; %zu records\n", failed, not_opened, store.Size());
  EXPECT_GT(failed, 30);
  EXPECT_GT(store.Size(), 30u);
}

TEST_F(FullDiskTest, ADiskThatIsReadOnlyIsRefused) {
  ModelledStore store(StorePath(), 7);
  ASSERT_TRUE(store.Open().ok());
  store.Close();
  ASSERT_EQ(mount("none", directory_.Path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr), 0);
  EXPECT_EQ(store.Open(), absl::FailedPreconditionError("cannot read and write store " +
                                                        StorePath() + ": Read-only file system"));
}

}  // namespace
}  // namespace lathe
