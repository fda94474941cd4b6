// Reads every testdata/*.yaml and compares the job, or the errors, with the file NAME.expected
// beside it. Comments "# --set OVERRIDE" at the top of a file are its overrides.
// LATHE_REBASE_GOLDENS=1 in the environment writes the expected files anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/str_replace.h"
#include "clients/job/job_file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> OverridesOf(const fs::path& path) {
  static constexpr std::string_view kMark = "# --set ";
  std::ifstream file(path, std::ios::binary);
  std::vector<std::string> overrides;
  for (std::string line; std::getline(file, line) && line.starts_with(kMark);) {
    overrides.push_back(line.substr(kMark.size()));
  }
  return overrides;
}

std::string Outcome(const fs::path& path) {
  const absl::StatusOr<v1::JobSpec> job = ReadJobFile(path.string(), OverridesOf(path));
  if (job.ok()) return job->DebugString();
  const std::string message = std::string(job.status().message()) + "\n";
  return absl::StrReplaceAll(message, {{path.parent_path().string() + "/", ""}});
}

TEST(JobFileGolden, OutcomesAreAsExpected) {
  const bool rebase = std::getenv("LATHE_REBASE_GOLDENS") != nullptr;
  const fs::path folder = fs::path(LATHE_SOURCE_DIR) / "clients/job/testdata";
  std::set<fs::path> cases, expectations;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") cases.insert(entry.path().stem());
    if (entry.path().extension() == ".expected") expectations.insert(entry.path().stem());
  }
  ASSERT_GT(cases.size(), 30U);
  for (const fs::path& name : cases) {
    const std::string outcome = Outcome(folder / (name.string() + ".yaml"));
    const fs::path expected = folder / (name.string() + ".expected");
    if (rebase) std::ofstream(expected, std::ios::binary) << outcome;
    EXPECT_EQ(outcome, ReadAll(expected)) << name;
  }
  EXPECT_TRUE(rebase || expectations == cases) << "an expected file has no case";
}

}  // namespace
}  // namespace lathe
