// No bytes make a reader of job files crash, hang or answer without saying where and what.
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>

#include "clients/job/job_file.h"

namespace lathe {
namespace {

#ifdef LATHE_SANITIZED
constexpr int kRandomTexts = 5000, kMutants = 1000;
#else
constexpr int kRandomTexts = 100000, kMutants = 20000;
#endif

const std::string kFolder = std::string(LATHE_SOURCE_DIR) + "/clients/job/testdata/";

size_t Below(std::mt19937& random, size_t bound) {
  return random() % bound;
}

const std::vector<std::string>& Pieces() {
  static const std::vector<std::string> pieces = {"\n",
                                                  "\n  ",
                                                  "\n    ",
                                                  "\n- ",
                                                  ": ",
                                                  ":",
                                                  "- ",
                                                  "? ",
                                                  "[",
                                                  "]",
                                                  "{",
                                                  "}",
                                                  ",",
                                                  "\"",
                                                  "'",
                                                  "&a ",
                                                  "*a",
                                                  "!",
                                                  "!!int ",
                                                  "!<x> ",
                                                  "|",
                                                  ">",
                                                  "%YAML 1.2\n",
                                                  "---\n",
                                                  "...\n",
                                                  "#",
                                                  "~",
                                                  "\t",
                                                  "\r",
                                                  "\\",
                                                  "\\x0",
                                                  "\xc3\xa9",
                                                  "\xef\xbb\xbf",
                                                  "@",
                                                  "`",
                                                  "<<",
                                                  "name",
                                                  "budget",
                                                  "candidates",
                                                  "strategy",
                                                  "kind",
                                                  "evolution",
                                                  "ops",
                                                  "warm_start",
                                                  "task",
                                                  "mlp",
                                                  "hidden",
                                                  "study",
                                                  "baselines",
                                                  "program",
                                                  "base_lr",
                                                  "momentum.lathe",
                                                  "1",
                                                  "-1",
                                                  "1e3",
                                                  ".nan",
                                                  "="};
  return pieces;
}

std::string RandomPiece(std::mt19937& random) {
  return Pieces()[Below(random, Pieces().size())];
}

// Bytes, printable characters, or pieces of YAML.
std::string RandomText(std::mt19937& random) {
  const size_t kind = Below(random, 3), length = Below(random, 60);
  std::string text;
  for (size_t i = 0; i < length; ++i) {
    if (kind == 0) text += static_cast<char>(random());
    if (kind == 1) text += static_cast<char>(' ' + Below(random, 95));
    if (kind == 2) text += RandomPiece(random);
  }
  return text;
}

// Removes, repeats, moves or inserts something.
std::string Mutated(std::mt19937& random, std::string text) {
  for (size_t n = 1 + Below(random, 4); n > 0; --n) {
    const size_t at = Below(random, text.size() + 1);
    const size_t size = Below(random, 1 + std::min<size_t>(text.size() - at, 40));
    const std::string part = text.substr(at, size);
    switch (Below(random, 5)) {
      case 0: text.erase(at, size); break;
      case 1: text.insert(at, part); break;
      case 2: text.erase(at, size).insert(Below(random, text.size() + 1), part); break;
      case 3: text.insert(at, RandomPiece(random)); break;
      case 4: text.insert(at, 1, static_cast<char>(random())); break;
    }
  }
  return text;
}

// What must hold of every answer. Whether there was a job.
bool ExpectSound(const absl::StatusOr<v1::JobSpec>& job, const std::string& file) {
  if (job.ok()) {
    v1::JobSpec back;
    EXPECT_TRUE(back.ParseFromString(job->SerializeAsString()));
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*job, back));
    return true;
  }
  EXPECT_EQ(job.status().code(), absl::StatusCode::kInvalidArgument);
  std::istringstream lines{std::string(job.status().message())};
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_TRUE(line.starts_with(file + ":") || line.starts_with("--set ")) << line;
  }
  EXPECT_GE(count, 1);
  EXPECT_LE(count, 20);
  return false;
}

TEST(JobFileFuzz, RandomTexts) {
  int jobs = 0;
  for (int seed = 0; seed < kRandomTexts && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    jobs += ExpectSound(ParseJob(RandomText(random), kFolder + "f", {}), kFolder + "f");
  }
  EXPECT_LT(jobs, kRandomTexts / 10);
}

TEST(JobFileFuzz, RandomOverrides) {
  for (int seed = 0; seed < kRandomTexts && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const std::string value = RandomText(random);
    const std::string text = seed % 2 == 0 ? value : RandomPiece(random) + "=" + value;
    ExpectSound(ParseJob("{}", kFolder + "f", {&text, 1}), kFolder + "f");
  }
}

TEST(JobFileFuzz, MutantsOfAJob) {
  std::ifstream file(kFolder + "valid.yaml");
  std::stringstream valid;
  valid << file.rdbuf();
  int jobs = 0;
  for (int seed = 0; seed < kMutants && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    jobs += ExpectSound(ParseJob(Mutated(random, valid.str()), kFolder + "f", {}), kFolder + "f");
  }
  // Most mutants are wrong, and enough are right for both ways to be tried.
  EXPECT_GT(jobs, kMutants / 100);
  EXPECT_LT(jobs, kMutants / 2);
}

}  // namespace
}  // namespace lathe
