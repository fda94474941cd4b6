// The program itself, run as a user runs it.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "dsl/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

struct Finished {
  int status;
  std::string output;  // standard output and standard error
};

class LatheLocalTest : public testing::Test {
 protected:
  LatheLocalTest() {
    std::string pattern = testing::TempDir() + "/lathe-local-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~LatheLocalTest() override { fs::remove_all(folder_); }

  Finished RunLocal(const std::string& arguments) {
    const std::string command =
        "cd " + folder_.string() + " && " + LATHE_LOCAL + " " + arguments + " 2>&1 </dev/null";
    FILE* pipe = popen(command.c_str(), "r");
    std::string output;
    char buffer[4096];
    while (size_t n = fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, n);
    const int status = pclose(pipe);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  std::string Read(const std::string& name) {
    std::stringstream text;
    text << std::ifstream(folder_ / name, std::ios::binary).rdbuf();
    return text.str();
  }

  std::vector<std::string> Files() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  fs::path folder_;
};

constexpr const char* kJob = R"(name: tiny
window: 4
budget: {evaluations: 12}
strategy: {population: 10, tournament: 3}
task: {steps: 20, seeds: 2}
study:
  seeds: 3
  winners: 2
  winner_seeds: 2
  tuning_seeds: 2
  baselines: [{program: lion, base_lr: [0.001, 0.01]}]
  controls: [{name: random, strategy: {kind: random}}]
)";

TEST_F(LatheLocalTest, RunsAJobAndWritesWhatItFound) {
  Write("job.yaml", kJob);
  nlohmann::json reports[2];
  for (int threads : {1, 2}) {
    Finished run =
        RunLocal("job.yaml --seed 7 --json out.json --threads " + std::to_string(threads));
    ASSERT_EQ(run.status, 0) << run.output;
    EXPECT_NE(run.output.find("better"), std::string::npos) << run.output;
    nlohmann::json& report = reports[threads - 1] = nlohmann::json::parse(Read("out.json"));
    EXPECT_EQ(report["seed"], 7);
    EXPECT_EQ(report["candidates"]["evaluated"], 12);
    EXPECT_NE(run.output.find(report["trajectory_hash"].get<std::string>()), std::string::npos);
    for (const char* field : {"search_seconds", "wall_seconds", "completed_out_of_order"}) {
      report.erase(field);
    }
    report["evaluations"].erase("device_seconds");
  }
  EXPECT_EQ(reports[0], reports[1]);
  EXPECT_TRUE(Parse(Read("tiny.lathe")).program) << Read("tiny.lathe");
  EXPECT_EQ(Files(), (std::vector<std::string>{"job.yaml", "out.json", "tiny.lathe"}));
}

TEST_F(LatheLocalTest, AnotherSeedOfTheSearchOrOfTheTaskGivesAnotherTrajectory) {
  Write("job.yaml", kJob);
  std::set<std::string> hashes;
  for (const char* flags : {"--seed 1", "--seed 2", "--seed 1 --set task.seed=9"}) {
    Finished run = RunLocal(std::string("job.yaml --json out.json ") + flags);
    ASSERT_EQ(run.status, 0) << run.output;
    hashes.insert(nlohmann::json::parse(Read("out.json"))["trajectory_hash"]);
  }
  EXPECT_EQ(hashes.size(), 3u);
}

struct BadInput {
  const char* name;
  const char* flags;
  int status;
  const char* said;  // part of the message
};

// How test listings show a case.
void PrintTo(const BadInput& input, std::ostream* out) {
  *out << input.flags;
}

class BadInputTest : public LatheLocalTest, public testing::WithParamInterface<BadInput> {};

TEST_P(BadInputTest, IsToldAndLeavesNothingBehind) {
  Write("job.yaml", kJob);
  Write("typo.yaml", "name: tiny\nbudget: {evaluatoins: 3}\n");
  Write("ill_typed.yaml", "name: tiny\nbudget:\n  evaluations: many\n");
  Write("no_op.lathe", "lathe 1 optimizer x\ninput g[P,R,C]\nupdate = frobnicate(g)\n");
  Write("no_axis.lathe", "lathe 1 optimizer x\ninput g[P,Q]\nupdate = neg(g)\n");
  Write("ill_typed.lathe",
        "lathe 1 optimizer x\ninput g[P,R,C]\nstate s[P] = 0\nupdate = neg(g)\nnext s = g\n");
  fs::create_directory(folder_ / "empty");
  fs::create_directory(folder_ / "damaged");
  Write("damaged/digits.csv.gz", "this is no gzip file");
  const std::vector<std::string> before = Files();
  Finished run = RunLocal(GetParam().flags);
  EXPECT_EQ(run.status, GetParam().status) << run.output;
  EXPECT_NE(run.output.find(GetParam().said), std::string::npos) << run.output;
  EXPECT_EQ(Files(), before);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadInputTest,
    testing::Values(
        BadInput{"no_job", "", 2, "JOB"},
        BadInput{"unknown_flag", "job.yaml --frobnicate", 2, "--frobnicate"},
        BadInput{"no_threads", "job.yaml --threads 0", 2, "--threads"},
        BadInput{"missing_job", "nowhere.yaml", 2, "nowhere.yaml"},
        BadInput{"unknown_field", "typo.yaml", 2, "typo.yaml:2:10: budget.evaluatoins"},
        BadInput{"ill_typed_field", "ill_typed.yaml", 2, "ill_typed.yaml:3:16: budget.evaluations"},
        BadInput{"unknown_override", "job.yaml --set budget.x=3", 2, "--set budget.x=3"},
        BadInput{"bad_value", "job.yaml --set strategy.tournament=11", 2, "strategy.tournament"},
        BadInput{"unknown_program", "job.yaml --set warm_start=[adamv]", 2, "adamw_warm_start"},
        BadInput{"unknown_op", "job.yaml --set warm_start=[no_op.lathe]", 2, "\"frobnicate\""},
        BadInput{"unknown_axis", "job.yaml --set warm_start=[no_axis.lathe]", 2, "\"Q\""},
        BadInput{"ill_typed_program", "job.yaml --set warm_start=[ill_typed.lathe]", 2, "5:6"},
        BadInput{"missing_program_file", "job.yaml --set warm_start=[gone.lathe]", 2, "gone.lathe"},
        BadInput{"unknown_dataset", "job.yaml --set task.dataset=mnist", 2, "task.dataset"},
        BadInput{"model_of_torch", "job.yaml --set task.conv_net.channels=[4]", 1,
                 "task.conv_net: is trained by lathe-evaluator-torch"},
        BadInput{"missing_data", "job.yaml --data empty", 1, "empty/digits.csv.gz"},
        BadInput{"damaged_data", "job.yaml --data damaged", 1, "damaged/digits.csv.gz"},
        BadInput{"negative_seed", "job.yaml --seed -1", 2, "seed"},
        BadInput{"one_file_twice", "job.yaml --json x --out x", 2, "same file"},
        BadInput{"no_folder_for_json", "job.yaml --json no/where.json", 1, "no/where.json"},
        BadInput{"folder_as_out", "job.yaml --out empty", 1, "empty"}),
    [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace lathe
