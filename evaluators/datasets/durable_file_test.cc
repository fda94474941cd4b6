// What a dataset that is registered leaves on the disk, and what a disk that fails makes of it. The
// calls that matter are those of this file, which go on to the C library.
#include "evaluators/datasets/durable_file.h"

#include <dirent.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "evaluators/datasets/registered.h"

namespace {

std::vector<std::string> synced;  // paths, in order
int entries_left = -1;            // that can be read of folders; below 0: all

}  // namespace

extern "C" int fsync(int descriptor) {
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  synced.push_back(std::filesystem::read_symlink(link));
  return static_cast<int>(syscall(SYS_fsync, descriptor));
}

extern "C" dirent* readdir(DIR* folder) {
  using Function = dirent* (*)(DIR*);
  static const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "readdir"));
  if (entries_left != 0) {
    --entries_left;
    return next(folder);
  }
  errno = EIO;
  return nullptr;
}

namespace lathe {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class DurableFile : public testing::Test {
 protected:
  DurableFile() {
    std::string pattern = testing::TempDir() + "/lathe-durable-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    // Whatever the path to it is.
    folder_ = fs::canonical(folder_);
    synced.clear();
    dataset_.bytes = {'t', 'o'};
    EXPECT_TRUE(CompleteDataset(dataset_).ok());
  }
  ~DurableFile() override {
    entries_left = -1;
    fs::remove_all(folder_);
  }

  std::string folder_;
  Dataset dataset_;
};

TEST_F(DurableFile, EveryFolderThatWasMadeIsSyncedInTheOneAboveIt) {
  const std::string directory = folder_ + "/of/data";
  ASSERT_TRUE(RegisterDataset(directory, "mine", dataset_, {"text"}).ok());
  // From the one that was there down to the one with the files.
  for (const std::string path : {"", "/of", "/of/data", "/of/data/mine"}) {
    EXPECT_THAT(synced, Contains(folder_ + path));
  }
  synced.clear();
  ASSERT_TRUE(RegisterDataset(directory, "mine", dataset_, {"text", true}).ok());
  EXPECT_THAT(synced, Not(Contains(directory))) << "nothing was made";
}

TEST_F(DurableFile, AFolderThatCannotBeMadeIsNamed) {
  ASSERT_TRUE(WriteDurably(folder_ + "/file", {}).ok());
  const absl::Status status = DirectoryLock::Acquire(folder_ + "/file/below").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(folder_ + "/file"), HasSubstr("Not a directory")));
}

TEST_F(DurableFile, WhatIsRegisteredStandsThoughItsFolderCannotBeReadToTheEnd) {
  const int itself_and_above_and_a_file = 3;
  entries_left = itself_and_above_and_a_file;
  const absl::Status status = RegisterDataset(folder_, "mine", dataset_, {"text"});
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(entries_left, 0) << "it was read";
  const absl::Status names = RegisteredNames(folder_).status();
  EXPECT_EQ(names.code(), absl::StatusCode::kUnavailable);
  entries_left = -1;
  EXPECT_TRUE(LoadRegistered(folder_, "mine").ok());
}

}  // namespace
}  // namespace lathe
