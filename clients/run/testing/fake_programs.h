// Shell scripts in the place of lathe-server and lathe-worker.
#ifndef LATHE_CLIENTS_RUN_TESTING_FAKE_PROGRAMS_H_
#define LATHE_CLIENTS_RUN_TESTING_FAKE_PROGRAMS_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "process/testing/script.h"

namespace lathe {

// A folder for a test's programs and for what they write.
class FakePrograms {
 public:
  FakePrograms() {
    std::string pattern = testing::TempDir() + "/programs-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  FakePrograms(const FakePrograms&) = delete;
  FakePrograms& operator=(const FakePrograms&) = delete;
  ~FakePrograms() { std::filesystem::remove_all(folder_); }

  std::string Folder() const { return folder_.string(); }

  // $HERE is the folder.
  std::string Write(const std::string& name, const std::string& script) {
    const std::filesystem::path path = folder_ / name;
    std::ofstream(path) << "#!/bin/sh\nHERE=" << folder_.string() << "\n" << script << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path.string();
  }

  // The lines of a file that scripts have written; none if there is no file.
  std::vector<std::string> Lines(const std::string& name) const {
    std::ifstream file(folder_ / name);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_RUN_TESTING_FAKE_PROGRAMS_H_
