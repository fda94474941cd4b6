// What a power loss leaves of a store, with and without syncs.
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "server/store/keys.h"
#include "server/store/rocksdb_store.h"
#include "server/store/testing/forgetful_file_system.h"
#include "server/store/testing/temporary_directory.h"

namespace lathe {
namespace {

class RocksDbPowerTest : public testing::Test {
 protected:
  std::unique_ptr<Store> Open(Durability durability) {
    auto store = OpenRocksDbStore(directory_.Path(), {durability, env_.get()});
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

  // How many candidates from 0 on are there if the power fails now.
  uint64_t LeftByPowerLoss() const {
    const TemporaryDirectory copy;
    file_system_->CopyAfterPowerLoss(directory_.Path(), copy.Path());
    const auto store = OpenRocksDbStore(copy.Path());
    EXPECT_TRUE(store.ok()) << store.status();
    if (!store.ok()) return 0;
    const auto entries = (*store)->Scan(Kind::kCandidates, "", "", 1000000);
    EXPECT_TRUE(entries.ok());
    for (size_t i = 0; i < entries->size(); ++i) {
      EXPECT_EQ((*entries)[i].first, CandidateKey(1, i)) << "a gap";
    }
    return entries->size();
  }

  static absl::Status WriteOne(Store& store, uint64_t number) {
    WriteBatch batch;
    batch.Put(Kind::kCandidates, CandidateKey(1, number), std::string(5000, 'x'));
    return store.Write(batch);
  }

  const std::shared_ptr<ForgetfulFileSystem> file_system_ = std::make_shared<ForgetfulFileSystem>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(file_system_);
  const TemporaryDirectory directory_;
};

TEST_F(RocksDbPowerTest, WithSyncsWhatIsAcknowledgedIsOnTheDisk) {
  for (uint64_t written = 0; written < 60;) {
    // Each life also writes the log of the one before it to a table.
    const auto store = Open(Durability::kMachine);
    for (int i = 0; i < 12; ++i) {
      ASSERT_TRUE(WriteOne(*store, written++).ok());
      EXPECT_GE(LeftByPowerLoss(), written);
    }
  }
}

TEST_F(RocksDbPowerTest, WithoutSyncsTheLastBatchesMayBeLost) {
  const auto store = Open(Durability::kProcess);
  for (uint64_t i = 0; i < 20; ++i) ASSERT_TRUE(WriteOne(*store, i).ok());
  EXPECT_LT(LeftByPowerLoss(), 20u) << "or this test could not tell the difference";
}

TEST_F(RocksDbPowerTest, WritersAtTheSameTimeAreAllOnTheDisk) {
  const auto store = Open(Durability::kMachine);
  std::vector<std::thread> writers;
  for (uint64_t writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      for (uint64_t i = 0; i < 50; ++i) EXPECT_TRUE(WriteOne(*store, writer * 50 + i).ok());
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(LeftByPowerLoss(), 200u);
}

}  // namespace
}  // namespace lathe
