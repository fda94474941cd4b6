#include "server/store/rocksdb_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>

#include "server/store/testing/batches.h"
#include "server/store/testing/temporary_directory.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void FlipMiddle(const std::string& path) {
  std::string bytes = ReadFile(path);
  ASSERT_FALSE(bytes.empty());
  bytes[bytes.size() / 2] ^= 0x10;
  WriteFile(path, bytes);
}

// The largest file whose name has this part.
std::string FileWith(const std::string& directory, const std::string& part) {
  std::string largest;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string path = entry.path().string();
    if (entry.path().filename().string().find(part) == std::string::npos) continue;
    if (largest.empty() || entry.file_size() > fs::file_size(largest)) largest = path;
  }
  EXPECT_FALSE(largest.empty()) << part;
  return largest;
}

std::map<std::string, std::string> AllFiles(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    files[entry.path().string()] = entry.is_directory() ? "" : ReadFile(entry.path().string());
  }
  return files;
}

std::unique_ptr<Store> Open(const std::string& directory) {
  auto store = OpenRocksDbStore(directory);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

absl::Status OpenStatus(const std::string& directory) {
  return OpenRocksDbStore(directory).status();
}

void WriteBatches(Store& store, uint64_t count) {
  for (uint64_t number = 0; number < count; ++number) {
    ASSERT_TRUE(store.Write(BatchOf(number)).ok());
  }
}

size_t CountEntries(const Store& store) {
  const auto entries = store.Scan(Kind::kLogEntries, "", "", 1000000);
  EXPECT_TRUE(entries.ok()) << entries.status();
  return entries.ok() ? entries->size() : 0;
}

// Batches that are in the write-ahead log.
void MakeLoggedStore(const std::string& directory, uint64_t batches) {
  WriteBatches(*Open(directory), batches);
}

// Batches that are in table files, of which an opening makes some from the log.
void MakeFlushedStore(const std::string& directory, uint64_t batches) {
  MakeLoggedStore(directory, batches);
  Open(directory);
}

TEST(RocksDbStoreTest, ReopeningKeepsEverything) {
  const TemporaryDirectory directory;
  for (uint64_t number = 0; number < 30; ++number) {
    const auto store = Open(directory.Path());
    EXPECT_EQ(CountEntries(*store), number);
    ASSERT_TRUE(store->Write(BatchOf(number)).ok());
  }
  const auto store = Open(directory.Path());
  for (uint64_t number = 0; number < 30; ++number) {
    EXPECT_TRUE(*store->Get(Kind::kLogEntries, LogEntryKey(kBatchJob, number)) ==
                BatchValue(number));
  }
}

TEST(RocksDbStoreTest, CreatesTheDirectoryForItsOwnerAlone) {
  const TemporaryDirectory directory;
  for (const char* name : {"a", "b/c/d", "e/"}) {
    Open(directory / name);
    EXPECT_EQ(fs::status(directory / name).permissions(), fs::perms::owner_all) << name;
  }
  // The first file of a new file system does not matter.
  fs::create_directories(directory / "disk/lost+found");
  EXPECT_NE(Open(directory / "disk"), nullptr);
}

TEST(RocksDbStoreTest, AnEmptyStoreOpensFastAndIsSmall) {
  const TemporaryDirectory directory;
  Open(directory.Path());
  double best = 1e9;
  for (int i = 0; i < 10; ++i) {
    const auto start = std::chrono::steady_clock::now();
    Open(directory.Path());
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count());
  }
  uint64_t bytes = 0;
  for (const auto& [path, content] : AllFiles(directory.Path())) bytes += content.size();
  std::printf("opened and closed in %.1f ms, %llu bytes\n", best,
              static_cast<unsigned long long>(bytes));
  EXPECT_LT(bytes, 300000u);
}

TEST(RocksDbStoreTest, IsOpenOnceOnly) {
  const TemporaryDirectory directory;
  const auto store = Open(directory.Path());
  EXPECT_EQ(
      OpenStatus(directory.Path()),
      absl::FailedPreconditionError("store " + directory.Path() + " is in use by another server"));
  EXPECT_TRUE(store->Write(BatchOf(0)).ok());
}

TEST(RocksDbStoreTest, AnotherSchemaVersionIsRefused) {
  const TemporaryDirectory directory;
  WriteBatch batch;
  batch.Put(Kind::kMeta, std::string(kSchemaVersionKey), "9");
  ASSERT_TRUE(Open(directory.Path())->Write(batch).ok());
  EXPECT_EQ(OpenStatus(directory.Path()),
            absl::FailedPreconditionError("store " + directory.Path() +
                                          " has schema version 9; this server knows version 2"));
}

TEST(RocksDbStoreTest, ADirectoryWithOtherFilesIsLeftAlone) {
  const TemporaryDirectory directory;
  WriteFile(directory / "notes.txt", "mine");
  WriteFile(directory / "LOG", "mine too");
  fs::create_directory(directory / "folder");
  const auto before = AllFiles(directory.Path());
  const absl::Status status = OpenStatus(directory.Path());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(directory.Path() + " has files but is no store"));
  EXPECT_EQ(AllFiles(directory.Path()), before);
}

TEST(RocksDbStoreTest, PathsThatAreNoDirectoryAreRefused) {
  const TemporaryDirectory directory;
  WriteFile(directory / "file", "");
  for (const std::string& path : {directory / "file", directory / "file/store", std::string()}) {
    const absl::Status status = OpenStatus(path);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  }
  EXPECT_EQ(OpenStatus(directory / "file").message(),
            "cannot open store " + (directory / "file") + ": it is not a directory");
}

TEST(RocksDbStoreTest, ADirectoryThatMayNotBeWrittenIsRefused) {
  const TemporaryDirectory directory;
  ASSERT_EQ(chmod(directory.Path().c_str(), 0755), 0);
  Open(directory / "store");
  ASSERT_EQ(chmod((directory / "store").c_str(), 0555), 0);
  constexpr uid_t kNobody = 65534;
  const uid_t user = geteuid();
  ASSERT_EQ(seteuid(user == 0 ? kNobody : user), 0);
  const absl::Status status = OpenStatus(directory / "store");
  const absl::Status creation = OpenStatus(directory / "store/inner");
  ASSERT_EQ(seteuid(user), 0);
  ASSERT_EQ(chmod((directory / "store").c_str(), 0700), 0);
  EXPECT_EQ(status, absl::PermissionDeniedError("cannot read and write store " +
                                                (directory / "store") + ": Permission denied"));
  EXPECT_EQ(creation,
            absl::PermissionDeniedError("cannot create store " + (directory / "store/inner") +
                                        ": Permission denied"));
}

// Damage.
// ------------------------------------------------------------------------------------------

void ExpectDataLoss(const absl::Status& status, const std::string& path) {
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  const std::string name = fs::path(path).stem().string();
  EXPECT_THAT(std::string(status.message()), HasSubstr(name));
}

TEST(RocksDbDamageTest, ATornEndOfTheLogCostsTheLastBatchAlone) {
  const TemporaryDirectory directory;
  MakeLoggedStore(directory / "whole", 5);
  const uintmax_t size = fs::file_size(FileWith(directory / "whole", ".log"));
  for (int torn : {1, 2, 7, 8, 30}) {
    const std::string copy = directory / std::to_string(torn);
    fs::copy(directory / "whole", copy);
    fs::resize_file(FileWith(copy, ".log"), size - torn);
    const auto store = Open(copy);
    EXPECT_EQ(CountEntries(*store), 4u);
    EXPECT_EQ(*store->Get(Kind::kRequests, kLastBatch), "3");
  }
}

TEST(RocksDbDamageTest, DamageWithinTheLogIsNamed) {
  const TemporaryDirectory directory;
  MakeLoggedStore(directory.Path(), 30);
  const std::string log = FileWith(directory.Path(), ".log");
  FlipMiddle(log);
  ExpectDataLoss(OpenStatus(directory.Path()), log);
}

TEST(RocksDbDamageTest, ADamagedTableIsNamedByWhoReadsIt) {
  const TemporaryDirectory directory;
  MakeFlushedStore(directory.Path(), 30);
  const std::string table = FileWith(directory.Path(), ".sst");
  FlipMiddle(table);
  const auto store = OpenRocksDbStore(directory.Path());
  ExpectDataLoss(
      store.ok() ? (*store)->Scan(Kind::kLogEntries, "", "", 100).status() : store.status(), table);
}

TEST(RocksDbDamageTest, ATableThatIsCutShortOrGoneIsNamed) {
  const TemporaryDirectory directory;
  MakeFlushedStore(directory.Path(), 30);
  const std::string table = FileWith(directory.Path(), ".sst");
  fs::resize_file(table, fs::file_size(table) - 1);
  ExpectDataLoss(OpenStatus(directory.Path()), table);
  fs::remove(table);
  ExpectDataLoss(OpenStatus(directory.Path()), table);
}

TEST(RocksDbDamageTest, ADamagedManifestIsNamed) {
  const TemporaryDirectory directory;
  MakeFlushedStore(directory.Path(), 30);
  const std::string manifest = FileWith(directory.Path(), "MANIFEST-");
  FlipMiddle(manifest);
  ExpectDataLoss(OpenStatus(directory.Path()), manifest);
  fs::remove(manifest);
  ExpectDataLoss(OpenStatus(directory.Path()), manifest);
}

TEST(RocksDbDamageTest, ADamagedOrMissingStartIsNamed) {
  const TemporaryDirectory directory;
  MakeFlushedStore(directory.Path(), 30);
  WriteFile(directory / "CURRENT", "junk");
  ExpectDataLoss(OpenStatus(directory.Path()), "CURRENT");
  fs::remove(directory / "CURRENT");
  ExpectDataLoss(OpenStatus(directory.Path()), "CURRENT");
}

}  // namespace
}  // namespace lathe
