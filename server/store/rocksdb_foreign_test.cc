// Databases that are somebody else's: they are refused and not touched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>

#include "server/store/rocksdb_store.h"
#include "server/store/testing/temporary_directory.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::map<std::string, std::string> AllFiles(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    files[entry.path().string()] = ReadFile(entry.path());
  }
  return files;
}

// The checksum of RocksDB's logs.
uint32_t MaskedCrc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (unsigned char byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0u);
  }
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

// Has `edit` change the records of a new store's manifest: a checksum (4), a length (2), a type (1)
// and the content, each.
void EditManifest(const std::string& directory,
                  const std::function<void(std::vector<std::string>&)>& edit) {
  fs::path path;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename().string().starts_with("MANIFEST-")) path = entry.path();
  }
  const std::string bytes = ReadFile(path);
  std::vector<std::string> records;
  for (size_t at = 0; at + 7 <= bytes.size();) {
    const size_t length = static_cast<unsigned char>(bytes[at + 4]) +
                          static_cast<unsigned char>(bytes[at + 5]) * size_t{256};
    records.push_back(bytes.substr(at + 4, 3 + length));
    at += 7 + length;
  }
  edit(records);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  for (const std::string& record : records) {
    const uint32_t checksum = MaskedCrc32c(std::string_view(record).substr(2));
    for (int shift = 0; shift < 32; shift += 8) file.put(static_cast<char>(checksum >> shift));
    file << record;
  }
}

void ExpectRefused(const std::string& directory) {
  const auto before = AllFiles(directory);
  const absl::Status status = OpenRocksDbStore(directory).status();
  EXPECT_EQ(status, absl::FailedPreconditionError(
                        directory + " has a database that is no store of this server"));
  EXPECT_EQ(AllFiles(directory), before);
}

TEST(RocksDbForeignTest, AnEditThatChangesNothingIsFine) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(OpenRocksDbStore(directory.Path()).ok());
  EditManifest(directory.Path(), [](auto& records) { EXPECT_GE(records.size(), 10u); });
  EXPECT_TRUE(OpenRocksDbStore(directory.Path()).ok());
}

TEST(RocksDbForeignTest, AFamilyThatIsNotKnownIsRefused) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(OpenRocksDbStore(directory.Path()).ok());
  EditManifest(directory.Path(), [](auto& records) {
    int renamed = 0;
    for (std::string& record : records) {
      const size_t at = record.find("programs");
      if (at == std::string::npos) continue;
      record.replace(at, 8, "pictures");
      ++renamed;
    }
    EXPECT_EQ(renamed, 1);
  });
  ExpectRefused(directory.Path());
}

TEST(RocksDbForeignTest, RecordsWithoutAllFamiliesAreRefused) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(OpenRocksDbStore(directory.Path()).ok());
  EditManifest(directory.Path(), [](auto& records) { records.resize(2); });
  ExpectRefused(directory.Path());
}

}  // namespace
}  // namespace lathe
