// Every byte of a store that is flipped is noticed.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "server/store/rocksdb_store.h"
#include "server/store/testing/batches.h"
#include "server/store/testing/temporary_directory.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void WriteFile(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

fs::path TheFile(const fs::path& directory, const std::string& extension) {
  fs::path found;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const bool matches = entry.path().extension() == extension && entry.file_size() > 0;
    if (matches && (found.empty() || entry.file_size() > fs::file_size(found))) {
      found = entry.path();
    }
  }
  return found;
}

std::string Flipped(std::string bytes, size_t at, int bits) {
  bytes[at] = static_cast<char>(bytes[at] ^ bits);
  return bytes;
}

enum class Reading { kNo, kYes };

// What opening says of a copy of a store with another content of one file.
absl::Status OpenDamaged(const TemporaryDirectory& original, const fs::path& file,
                         const std::string& bytes, Reading reading) {
  const TemporaryDirectory copy;
  fs::copy(original.Path(), copy.Path(),
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  WriteFile(copy / file.string(), bytes);
  return reading == Reading::kYes ? OpenRocksDbStoreForReading(copy.Path()).status()
                                  : OpenRocksDbStore(copy.Path()).status();
}

bool Names(const absl::Status& status, const fs::path& file) {
  return absl::IsDataLoss(status) &&
         std::string(status.message()).find(file.string()) != std::string::npos;
}

// Of a log all but its last record, whose loss a crash explains.
TEST(RocksDbDamage, AFlippedByteInALogIsRefusedAndNamed) {
  const TemporaryDirectory original;
  size_t before_last = 0;
  {
    auto store = OpenRocksDbStore(original.Path());
    ASSERT_TRUE(store.ok());
    for (int i = 0; i < 12; ++i) {
      WriteBatch batch;
      batch.Put(Kind::kJobs, absl::StrCat("key", i), std::string(20, 'v'));
      before_last = fs::file_size(TheFile(original.Path(), ".log"));
      ASSERT_TRUE((*store)->Write(batch).ok());
    }
  }
  const fs::path log = TheFile(original.Path(), ".log").filename();
  const std::string bytes = ReadFile(original / log.string());
  ASSERT_GT(bytes.size(), before_last);
  for (size_t i = 0; i < before_last; ++i) {
    // Lengths in particular: 1 makes most of them longer, 128 all of them.
    const std::string damaged = Flipped(bytes, i, i % 2 == 0 ? 1 : 128);
    const absl::Status opened = OpenDamaged(original, log, damaged, Reading::kNo);
    ASSERT_TRUE(Names(opened, log)) << "byte " << i << " of " << bytes.size() << ": " << opened;
    if (i % 5 > 0) continue;
    const absl::Status read = OpenDamaged(original, log, damaged, Reading::kYes);
    ASSERT_TRUE(Names(read, log)) << "byte " << i << " of " << bytes.size() << ": " << read;
  }
  // The same log, cut short anywhere, is what a crash leaves.
  for (size_t size = before_last; size < bytes.size(); size += 3) {
    const absl::Status status = OpenDamaged(original, log, bytes.substr(0, size), Reading::kNo);
    EXPECT_TRUE(status.ok()) << status;
  }
}

TEST(RocksDbDamage, AFlippedByteInATableIsFoundByReadingAllOfIt) {
  const TemporaryDirectory original;
  for (int life = 0; life < 2; ++life) {  // the second one writes the first one's log to a table
    auto store = OpenRocksDbStore(original.Path());
    ASSERT_TRUE(store.ok());
    WriteBatch batch;
    for (int i = 0; i < 20; ++i) batch.Put(Kind::kJobs, absl::StrCat("key", i), "value");
    ASSERT_TRUE((*store)->Write(batch).ok());
  }
  const fs::path table = TheFile(original.Path(), ".sst").filename();
  const std::string bytes = ReadFile(original / table.string());
  ASSERT_GT(bytes.size(), 100u);
  ASSERT_TRUE(OpenDamaged(original, table, bytes, Reading::kYes).ok());
  for (size_t i = 0; i < bytes.size(); i += 7) {
    const absl::Status status = OpenDamaged(original, table, Flipped(bytes, i, 16), Reading::kYes);
    // Bytes between the blocks' ends and the index do not matter to anybody.
    if (status.ok()) continue;
    ASSERT_TRUE(Names(status, table)) << "byte " << i << " of " << bytes.size() << ": " << status;
  }
}

}  // namespace
}  // namespace lathe
