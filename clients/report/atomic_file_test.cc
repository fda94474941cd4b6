#include "clients/report/atomic_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace lathe {
namespace {

namespace fs = std::filesystem;

class AtomicFileTest : public testing::Test {
 protected:
  AtomicFileTest() {
    std::string pattern = testing::TempDir() + "/atomic-file-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~AtomicFileTest() override { fs::remove_all(folder_); }

  std::string Path(const std::string& name) { return (folder_ / name).string(); }
  int Files() {
    return static_cast<int>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

TEST_F(AtomicFileTest, LeavesNothingHalfWritten) {
  const std::string path = Path("whole.txt");
  ASSERT_TRUE(WriteFileAtomically(path, "first").ok());
  ASSERT_TRUE(WriteFileAtomically(path, "second").ok());
  EXPECT_FALSE(WriteFileAtomically(Path("no/such/folder/x"), "text").ok());
  EXPECT_FALSE(WriteFileAtomically(folder_, "a folder is in the way").ok());
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "second");
  EXPECT_EQ(Files(), 1) << "what was written beside it";
}

TEST_F(AtomicFileTest, ChecksWithoutATrace) {
  EXPECT_TRUE(CheckWritable("").ok());
  EXPECT_TRUE(CheckWritable(Path("new.txt")).ok());
  const absl::Status no_folder = CheckWritable(Path("no/where.txt"));
  EXPECT_EQ(no_folder.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(no_folder.message().rfind(Path("no/where.txt"), 0), 0u) << no_folder;
  EXPECT_FALSE(CheckWritable(folder_).ok()) << "it is a folder";
  EXPECT_EQ(Files(), 0);
}

}  // namespace
}  // namespace lathe
