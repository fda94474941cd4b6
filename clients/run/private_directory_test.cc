#include "clients/run/private_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "process/child_process.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PrivateDirectoryTest : public testing::Test {
 protected:
  PrivateDirectoryTest() {
    std::string pattern = testing::TempDir() + "/private-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~PrivateDirectoryTest() override { fs::remove_all(folder_); }

  // A folder as a run of that process makes it, with something in it.
  fs::path RunFolder(pid_t pid, const std::string& ending) {
    fs::path path = folder_ / ("lathe-run-" + std::to_string(pid) + "-" + ending);
    fs::create_directories(path / "store");
    std::ofstream(path / "store" / "data") << "some";
    return path;
  }

  // The number of a process that has ended.
  pid_t DeadProcess() {
    auto child = ChildProcess::Start({.program = "/bin/true"});
    EXPECT_TRUE(child.ok()) << child.status();
    const pid_t pid = child->Pid();
    child->KillTree();
    return pid;
  }

  fs::path folder_;
};

TEST_F(PrivateDirectoryTest, IsForItsOwnerAndGoesWithAllThatIsInIt) {
  std::string path;
  {
    const auto directory = PrivateDirectory::Create({folder_});
    ASSERT_TRUE(directory.ok()) << directory.status();
    path = directory->Path();
    EXPECT_EQ(path.rfind((folder_ / "lathe-run-").string() + std::to_string(getpid()), 0), 0u);
    EXPECT_EQ(directory->SocketPath(), path + "/socket");
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
    fs::create_directories(path + "/store/logs");
    std::ofstream(path + "/store/logs/x") << "some";
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(PrivateDirectoryTest, IsInTheFirstFolderThatWillDo) {
  const fs::path deep = folder_ / std::string(60, 'a') / std::string(40, 'b');
  fs::create_directories(deep);
  std::ofstream(folder_ / "file") << "no folder";
  const auto directory =
      PrivateDirectory::Create({folder_ / "missing", folder_ / "file", deep, folder_});
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(fs::path(directory->Path()).parent_path(), folder_);
  EXPECT_TRUE(fs::is_empty(deep));

  const absl::Status none = PrivateDirectory::Create({folder_ / "missing", deep}).status();
  EXPECT_EQ(none.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(none.message()), HasSubstr("missing: No such file or directory"));
  EXPECT_THAT(std::string(none.message()), HasSubstr("the most is 107"));
}

TEST_F(PrivateDirectoryTest, ASocketPathMayHaveExactlyTheMost) {
  // The letters of mkdtemp and the process's number are as long in each.
  const std::string tail = "/lathe-run-" + std::to_string(getpid()) + "-XXXXXX/socket";
  const size_t room = 107 - tail.size() - folder_.string().size() - 1;
  for (const size_t length : {room, room + 1}) {
    const fs::path folder = folder_ / std::string(length, 'c');
    fs::create_directories(folder);
    EXPECT_EQ(PrivateDirectory::Create({folder}).ok(), length == room) << length;
  }
}

TEST_F(PrivateDirectoryTest, RemovesWhatKilledRunsHaveLeft) {
  const fs::path left = RunFolder(DeadProcess(), "aaaaaa");
  const auto directory = PrivateDirectory::Create({folder_});
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_FALSE(fs::exists(left));
}

TEST_F(PrivateDirectoryTest, LeavesWhatIsInUseOrNotOfARun) {
  const pid_t dead = DeadProcess();
  const fs::path alive = RunFolder(getppid(), "aaaaaa");
  const fs::path locked = RunFolder(dead, "bbbbbb");
  const int lock = open(locked.c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(lock, LOCK_EX), 0);
  const fs::path kept = folder_ / "kept";
  fs::create_directories(kept / "x");
  const std::string number = std::to_string(dead);
  const fs::path link = folder_ / ("lathe-run-" + number + "-cccccc");
  fs::create_directory_symlink(kept, link);
  const fs::path no_ending = folder_ / ("lathe-run-" + number);
  const fs::path other = folder_ / ("lathe-ran-" + number + "-dddddd");
  for (const fs::path& path : {no_ending, other}) fs::create_directory(path);

  ASSERT_TRUE(PrivateDirectory::Create({folder_}).ok());
  for (const fs::path& path : {alive / "store" / "data", locked / "store" / "data", kept / "x",
                               link / "x", no_ending, other}) {
    EXPECT_TRUE(fs::exists(path)) << path;
  }
  close(lock);
  ASSERT_TRUE(PrivateDirectory::Create({folder_}).ok());
  EXPECT_FALSE(fs::exists(locked)) << "it is not in use any more";
}

TEST_F(PrivateDirectoryTest, ADirectoryInUseIsLocked) {
  const auto directory = PrivateDirectory::Create({folder_});
  ASSERT_TRUE(directory.ok()) << directory.status();
  const int again = open(directory->Path().c_str(), O_RDONLY | O_DIRECTORY);
  EXPECT_NE(flock(again, LOCK_EX | LOCK_NB), 0);
  close(again);
}

}  // namespace
}  // namespace lathe
