#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "evaluators/datasets/input_file.h"
#include "evaluators/datasets/load_dataset.h"

namespace lathe {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Gt;

constexpr char kShipped[] = LATHE_SOURCE_DIR "/evaluators/data";

std::string Bytes(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

// A data directory of this test's own with a digits file in it.
class DamagedFile : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = testing::TempDir() + "/lathe_dataset_" + test->name();
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Path() const { return directory_ + "/digits.csv.gz"; }

  void WriteRaw(const std::string& bytes) { std::ofstream(Path(), std::ios::binary) << bytes; }

  void WriteText(const std::string& text) {
    gzFile file = gzopen(Path().c_str(), "wb");
    ASSERT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())),
              static_cast<int>(text.size()));
    ASSERT_EQ(gzclose(file), Z_OK);
  }

  // The shipped rows with line `line` (from 1) replaced.
  void WriteWithLine(int line, const std::string& replacement) {
    std::istringstream shipped(
        ReadGzipFile(std::string(kShipped) + "/digits.csv.gz", 1 << 20).value());
    std::string text, row;
    for (int i = 1; std::getline(shipped, row); ++i) text += (i == line ? replacement : row) + "\n";
    WriteText(text);
  }

  absl::Status Load() const { return LoadDataset(directory_, "digits").status(); }

  void ExpectDataLoss(const std::string& what) {
    const absl::Status status = Load();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(std::string(status.message()), Path() + what);
  }

  std::string directory_;
};

std::string Repeat(const std::string& text, int times) {
  std::string repeated;
  for (int i = 0; i < times; ++i) repeated += text;
  return repeated;
}

std::vector<int> Pixels(const Dataset& dataset, size_t begin) {
  return {&dataset.bytes[begin], &dataset.bytes[begin] + 6};
}

TEST(LoadDataset, ReadsTheShippedDigits) {
  const absl::StatusOr<Dataset> digits = LoadDataset(kShipped, "digits");
  ASSERT_TRUE(digits.ok()) << digits.status();
  EXPECT_EQ(digits->data.DebugString(), ShippedDatasets().at("digits").DebugString());
  EXPECT_EQ(digits->max_value, 16);
  ASSERT_EQ(digits->bytes.size(), 1797u * 64);
  ASSERT_EQ(digits->classes.size(), 1797u);
  EXPECT_THAT(Pixels(*digits, 0), ElementsAre(0, 0, 5, 13, 9, 1));
  EXPECT_EQ(digits->classes.front(), 0);
  EXPECT_THAT(Pixels(*digits, 1797 * 64 - 6), ElementsAre(8, 12, 14, 12, 1, 0));
  EXPECT_EQ(digits->classes.back(), 8);
}

TEST(LoadDataset, FindsEveryClass) {
  const Dataset digits = LoadDataset(kShipped, "digits").value();
  std::array<int, 10> counts = {};
  for (uint8_t label : digits.classes) ++counts.at(label);
  EXPECT_THAT(counts, Each(Gt(170)));
}

TEST(LoadDataset, ReadsEveryDatasetThatShips) {
  for (const auto& [name, data] : ShippedDatasets()) {
    const absl::StatusOr<Dataset> dataset = LoadDataset(kShipped, name);
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    EXPECT_EQ(dataset->data.DebugString(), data.DebugString());
  }
}

TEST(LoadDataset, RefusesAnUnknownName) {
  EXPECT_EQ(LoadDataset(kShipped, "../digits").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(DamagedFile, Missing) {
  const absl::Status status = Load();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(std::string(status.message()),
            Path() + ": cannot be opened: No such file or directory");
}

TEST_F(DamagedFile, Truncated) {
  const std::string shipped = Bytes(std::string(kShipped) + "/digits.csv.gz");
  WriteRaw(shipped.substr(0, shipped.size() / 2));
  ExpectDataLoss(": unexpected end of file");
  WriteRaw(shipped.substr(0, shipped.size() - 1));
  ExpectDataLoss(": unexpected end of file");
}

TEST_F(DamagedFile, OneByteFlipped) {
  std::string bytes = Bytes(std::string(kShipped) + "/digits.csv.gz");
  bytes[bytes.size() - 6] ^= 1;  // in the checksum
  WriteRaw(bytes);
  ExpectDataLoss(": incorrect data check");
}

TEST_F(DamagedFile, NotGzip) {
  WriteRaw("0,0,5,13\n");
  ExpectDataLoss(": is not a gzip file");
}

TEST_F(DamagedFile, Empty) {
  WriteText("");
  ExpectDataLoss(": has 0 rows; required: 1797");
}

TEST_F(DamagedFile, Endless) {
  WriteText(std::string(1 << 20, '0'));
  ExpectDataLoss(": decodes to more than the 467220 bytes allowed");
}

TEST_F(DamagedFile, FieldMissing) {
  WriteWithLine(3, Repeat("1,", 63) + "9");
  ExpectDataLoss(":3: has 64 fields; required: 64 pixels and a class");
}

TEST_F(DamagedFile, FieldTooMany) {
  WriteWithLine(1797, Repeat("1,", 65) + "9");
  ExpectDataLoss(":1797: has 66 fields; required: 64 pixels and a class");
}

TEST_F(DamagedFile, PixelOutOfRange) {
  WriteWithLine(5, "16,17," + Repeat("1,", 62) + "9");
  ExpectDataLoss(":5: field 2: \"17\" is not a pixel; allowed: 0 to 16");
}

TEST_F(DamagedFile, PixelNotANumber) {
  for (const char* text : {"", " 1", "+1", "-1", "1.0", "0x1"}) {
    WriteWithLine(1, Repeat("1,", 63) + text + ",9");
    ExpectDataLoss(":1: field 64: \"" + std::string(text) + "\" is not a pixel; allowed: 0 to 16");
  }
}

TEST_F(DamagedFile, StrangeBytesAreShownEscaped) {
  WriteWithLine(1, "\x1b\xff," + Repeat("1,", 63) + "9");
  ExpectDataLoss(":1: field 1: \"\\x1b\\xff\" is not a pixel; allowed: 0 to 16");
}

TEST_F(DamagedFile, ClassOutOfRange) {
  WriteWithLine(7, Repeat("1,", 64) + "10");
  ExpectDataLoss(":7: field 65: \"10\" is not a class; allowed: 0 to 9");
}

TEST_F(DamagedFile, RowsMissingOrTooMany) {
  const std::string row = Repeat("1,", 64) + "9\n";
  WriteText(Repeat(row, 1796));
  ExpectDataLoss(": has 1796 rows; required: 1797");
  WriteText(Repeat(row, 1798));
  ExpectDataLoss(": has 1798 rows; required: 1797");
}

TEST_F(DamagedFile, OtherContent) {
  WriteWithLine(1000, Repeat("1,", 64) + "9");
  const absl::Status status = Load();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              testing::MatchesRegex(".*: content hash is [0-9a-f]*; required: [0-9a-f]*"));
}

}  // namespace
}  // namespace lathe
