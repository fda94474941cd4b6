#include "clients/cli/replace_file.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "clients/report/atomic_file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ReplaceFileTest : public testing::Test {
 protected:
  ReplaceFileTest() {
    std::string pattern = testing::TempDir() + "/replace-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = (folder_ / "p.lathe").string();
    std::ofstream(path_) << "old";
  }
  ~ReplaceFileTest() override { fs::remove_all(folder_); }

  std::string Content() const {
    std::stringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  auto Files() const { return std::distance(fs::directory_iterator(folder_), {}); }

  fs::path folder_;
  std::string path_;
};

TEST_F(ReplaceFileTest, KeepsPermissionsAndLinks) {
  fs::create_symlink("p.lathe", folder_ / "link");
  chmod(path_.c_str(), 0751);
  EXPECT_TRUE(ReplaceFile((folder_ / "link").string(), "new").ok());
  EXPECT_EQ(Content(), "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0751u);
  EXPECT_EQ(Files(), 2);
}

TEST_F(ReplaceFileTest, WithoutRoomTheOldFileStays) {
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit;
  getrlimit(RLIMIT_FSIZE, &old_limit);
  const rlimit tiny = {4, old_limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tiny);
  const absl::Status status = ReplaceFile(path_, "more than fits");
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, before);
  EXPECT_THAT(std::string(status.message()), HasSubstr(path_ + ": cannot be changed: File too"));
  EXPECT_EQ(Content(), "old");
  EXPECT_EQ(Files(), 1);
}

TEST_F(ReplaceFileTest, WhatIsBesideItIsNotTouched) {
  std::ofstream(PartialName(path_)) << "of somebody else";
  EXPECT_FALSE(ReplaceFile(path_, "new").ok());
  EXPECT_EQ(Content(), "old");
  EXPECT_EQ(fs::file_size(PartialName(path_)), 16u);
}

TEST_F(ReplaceFileTest, OnlyFilesThatAreThere) {
  EXPECT_THAT(std::string(ReplaceFile("/dev/null", "new").message()),
              HasSubstr("/dev/null: cannot be changed: it is not a regular file"));
  EXPECT_FALSE(ReplaceFile((folder_ / "no.lathe").string(), "new").ok());
  EXPECT_FALSE(ReplaceFile(folder_.string(), "new").ok());
  EXPECT_EQ(Files(), 1);
}

}  // namespace
}  // namespace lathe
