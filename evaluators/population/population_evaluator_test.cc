#include "evaluators/population/population_evaluator.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "dsl/canonicalize.h"
#include "dsl/known_programs.h"
#include "dsl/random_program.h"
#include "dsl/vm/executor.h"
#include "evaluators/testing/evaluator_contract.h"

namespace lathe {

const ContractCase& Contract() {
  static const ContractCase* const contract = new ContractCase{.task = "mlp { hidden: 32 }"};
  return *contract;
}

std::unique_ptr<Evaluator> MakeEvaluator(const std::string& data_directory) {
  return std::make_unique<PopulationEvaluator>(data_directory);
}

namespace {

using ::testing::MatchesRegex;
using Results = std::map<size_t, std::vector<Bits>>;

// Programs of many kinds: what the papers wrote, and some that nobody would write.
std::vector<Program> ManyPrograms() {
  std::vector<Program> programs;
  for (const std::string_view name : KnownProgramNames(OptimizerSignature())) {
    programs.push_back(Canonicalize(*KnownProgram(name)));
  }
  RandomStream random(11, {});
  const SearchSpace space = SearchSpace::Default(OptimizerSignature());
  while (programs.size() < 64) {
    programs.push_back(Canonicalize(RandomProgram(OptimizerSignature(), space, {}, random)));
  }
  return programs;
}

std::vector<const Program*> PointersTo(const std::vector<Program>& programs) {
  std::vector<const Program*> pointers;
  for (const Program& program : programs) pointers.push_back(&program);
  return pointers;
}

Results ResultsOf(PopulationEvaluator& evaluator, const PopulationRequest& request) {
  Results results;
  evaluator.EvaluatePopulation(
      request, [&](size_t i, const absl::StatusOr<std::vector<Evaluation>>& evaluations) {
        ASSERT_TRUE(evaluations.ok()) << evaluations.status();
        ASSERT_FALSE(results.contains(i)) << "told twice";
        for (const Evaluation& evaluation : *evaluations) results[i].push_back(BitsOf(evaluation));
      });
  return results;
}

class PopulationEvaluatorTest : public testing::Test {
 protected:
  const v1::Task task_ = TaskFrom("steps: 12 base_lr: 0.01 mlp { hidden: [20, 7] } batch: 19");
  const std::vector<Program> programs_ = ManyPrograms();
  const std::vector<const Program*> pointers_ = PointersTo(programs_);
  const std::vector<int> seeds_ = {2, 0};
};

TEST_F(PopulationEvaluatorTest, AProgramScoresTheSameAmongOthersAndAlone) {
  PopulationEvaluator evaluator(kShippedData);
  Results alone;
  std::set<double> different;
  for (size_t i = 0; i < programs_.size(); ++i) {
    for (const int seed : seeds_) {
      alone[i].push_back(
          BitsOf(evaluator.Evaluate(programs_[i], task_, seed, Measure::kValidationAndTest)));
      different.insert(alone[i].back().objective);
    }
  }
  EXPECT_GT(different.size(), programs_.size() / 2) << "else the test would say little";
  for (const size_t count : {size_t{1}, size_t{7}, size_t{64}}) {
    const auto results = ResultsOf(evaluator, {.programs = std::span(pointers_).first(count),
                                               .task = task_,
                                               .seeds = seeds_,
                                               .measure = Measure::kValidationAndTest});
    ASSERT_EQ(results.size(), count);
    for (const auto& [i, bits] : results) EXPECT_EQ(bits, alone[i]) << count << " " << i;
  }
}

TEST_F(PopulationEvaluatorTest, ThreadsAndKernelsMakeNoDifference) {
  const PopulationRequest request = {.programs = pointers_, .task = task_, .seeds = seeds_};
  PopulationEvaluator first(kShippedData);
  const Results expected = ResultsOf(first, request);
  EXPECT_EQ(expected.size(), programs_.size());
  for (const PopulationKernels& kernels : AvailablePopulationKernels()) {
    for (const int threads : {1, 2, 5}) {
      PopulationEvaluator evaluator(kShippedData, {.threads = threads, .kernels = &kernels});
      EXPECT_EQ(evaluator.NumericClass(), first.NumericClass());
      EXPECT_EQ(ResultsOf(evaluator, request), expected)
          << kernels.matrices->name << " " << threads;
    }
  }
}

TEST_F(PopulationEvaluatorTest, StopsAtADivergenceWhereAsked) {
  const std::vector<Program> programs = {Sgd("1e30"), Sgd("0.01")};
  const std::vector<const Program*> pointers = PointersTo(programs);
  PopulationEvaluator evaluator(kShippedData);
  PopulationRequest request = {.programs = pointers, .task = task_, .seeds = seeds_};
  Results results = ResultsOf(evaluator, request);
  EXPECT_EQ(results[0].size(), 2u);
  EXPECT_TRUE(results[0][0].diverged);
  request.stop_at_divergence = true;
  Results stopped = ResultsOf(evaluator, request);
  EXPECT_EQ(stopped[0], std::vector(results[0].begin(), results[0].begin() + 1));
  EXPECT_EQ(stopped[1], results[1]);
}

TEST_F(PopulationEvaluatorTest, TellsEveryProgramWhatIsWrongWithTheRequest) {
  PopulationEvaluator evaluator(kShippedData);
  v1::Task wrong = task_;
  wrong.set_batch(0xffff);
  for (const auto& [task, seeds] :
       {std::pair{wrong, std::vector{0}}, std::pair{task_, std::vector{0, -1}}}) {
    size_t told = 0;
    evaluator.EvaluatePopulation(
        {.programs = pointers_, .task = task, .seeds = seeds},
        [&](size_t, const absl::StatusOr<std::vector<Evaluation>>& evaluations) {
          ++told;
          EXPECT_EQ(evaluations.status().code(), absl::StatusCode::kInvalidArgument);
        });
    EXPECT_EQ(told, programs_.size());
  }
}

TEST_F(PopulationEvaluatorTest, NumericClassNamesWhatTheBitsDependOn) {
  EXPECT_THAT(PopulationEvaluator(kShippedData).NumericClass(),
              MatchesRegex("lathe-[0-9]+-vm-f32-[0-9]+-glibc-[0-9.]+-(fma|nofma|other)"));
}

}  // namespace
}  // namespace lathe
