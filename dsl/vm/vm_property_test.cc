// The vm against the reference, and the builds of its kernels against each other, on random
// programs. LATHE_CASES in the environment is another number of programs.
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "absl/strings/str_cat.h"
#include "dsl/canonicalize.h"
#include "dsl/random_program.h"
#include "dsl/testing/case_count.h"
#include "dsl/testing/model_run.h"
#include "dsl/testing/random_case.h"
#include "dsl/text.h"
#include "dsl/verify.h"
#include "dsl/vm/executor.h"
#include "dsl/vm/testing/float_run.h"
#include "dsl/vm/testing/float_verdict.h"

namespace lathe {
namespace {

using testing::FloatStep;
using testing::FloatTrace;
using testing::FloatVerdict;

constexpr uint64_t kSeed = 20240611;
constexpr uint64_t kLargeEvery = 512;  // an outer product of such a model takes a second

uint64_t CaseCount(uint64_t count) {
  const char* wanted = std::getenv("LATHE_CASES");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : testing::Cases(count);
}

struct Case {
  Program raw, canonical;
  std::vector<Shape> shapes;
  std::vector<FloatStep> steps;
};

// Optimizers and layers, tame and wild data, by turns.
Case MakeCase(uint64_t index) {
  RandomStream random(kSeed, {index});
  const bool layer = index % 4 == 3;
  const Signature& signature = layer ? LayerSignature() : OptimizerSignature();
  Case made;
  made.raw = RandomProgram(signature, SearchSpace::Everything(signature),
                           RandomProgramSize::Large(), random);
  made.canonical = Canonicalize(made.raw);
  if (layer) {
    made.shapes = {LayerShape(2, 6, 2, 3, 3)};
  } else {
    made.shapes = {{3, 5}, {4, 1}, {1, 1}};
    // Now and then a parameter of several blocks, rows that are blocks of their own.
    if (index % kLargeEvery == 0) made.shapes[1] = {7, 300};
  }
  made.steps = testing::RandomSteps(made.canonical, made.shapes, index % 8 < 2, random);
  return made;
}

bool SameBits(const FloatTrace& a, const FloatTrace& b) {
  if (a.pieces.size() != b.pieces.size()) return false;
  for (size_t i = 0; i < a.pieces.size(); ++i) {
    if (!testing::SameBits(a.pieces[i], b.pieces[i])) return false;
  }
  return true;
}

TEST(VmProperty, AgreesWithTheReference) {
  const uint64_t cases = CaseCount(4000);
  std::array<uint64_t, 4> verdicts = {};
  for (uint64_t i = 0; i < cases; ++i) {
    const Case c = MakeCase(i);
    const FloatTrace vm = RunFloats(VmExecutor(), c.canonical, c.shapes, c.steps);
    ASSERT_EQ(vm.error, "") << testing::CaseText(i, c.canonical);
    std::string told;
    const FloatVerdict verdict = testing::Judge(c.canonical, c.shapes, c.steps, vm, told);
    ++verdicts[verdict];
    EXPECT_NE(verdict, testing::kDiffers) << told << "\n" << testing::CaseText(i, c.canonical);
    if (verdicts[testing::kDiffers] > 3) break;
  }
  std::printf("%llu agree, %llu move with their inputs, %llu with the last bits of tensors\n",
              static_cast<unsigned long long>(verdicts[testing::kEqual]),
              static_cast<unsigned long long>(verdicts[testing::kMovesWithInputs]),
              static_cast<unsigned long long>(verdicts[testing::kMovesWithTensors]));
  EXPECT_GT(verdicts[testing::kEqual], cases / 2);
}

TEST(VmProperty, TextIsExactAndTheCanonicalFormKeepsEveryBit) {
  const uint64_t cases = CaseCount(4000);
  for (uint64_t i = 0; i < cases; ++i) {
    const Case c = MakeCase(i);
    ASSERT_TRUE(Verify(c.raw).ok()) << Verify(c.raw) << testing::CaseText(i, c.raw);
    ASSERT_TRUE(Verify(c.canonical).ok()) << testing::CaseText(i, c.raw);
    for (const Program* program : {&c.raw, &c.canonical}) {
      const ParseResult again = Parse(Print(*program));
      ASSERT_TRUE(again.program.has_value()) << testing::CaseText(i, *program);
      ASSERT_TRUE(*again.program == *program) << testing::CaseText(i, *program);
    }
    ASSERT_TRUE(Canonicalize(c.canonical) == c.canonical) << testing::CaseText(i, c.raw);
    const FloatTrace raw = RunFloats(ReferenceExecutor(), c.raw, c.shapes, c.steps);
    const FloatTrace canonical = RunFloats(ReferenceExecutor(), c.canonical, c.shapes, c.steps);
    // States and buffers may be fewer; the outputs of each step come first.
    const size_t outputs = c.shapes.size();
    for (size_t step = 0; step < c.steps.size(); ++step) {
      for (size_t p = 0; p < outputs; ++p) {
        const size_t at_raw = step * (raw.pieces.size() / c.steps.size()) + p;
        const size_t at_canonical = step * (canonical.pieces.size() / c.steps.size()) + p;
        ASSERT_TRUE(testing::SameBits(raw.pieces[at_raw], canonical.pieces[at_canonical]))
            << testing::CaseText(i, c.raw);
      }
    }
  }
}

TEST(VmProperty, EveryBuildGivesTheSameBits) {
  const uint64_t cases = CaseCount(10000);
  std::vector<std::unique_ptr<Executor>> executors;
  for (const vm::Kernels* kernels : vm::AvailableKernels()) {
    executors.push_back(MakeVmExecutor(*kernels));
  }
  ASSERT_GE(executors.size(), 1u);
  for (uint64_t i = 0; i < cases; ++i) {
    const Case c = MakeCase(i);
    const FloatTrace first = RunFloats(*executors[0], c.canonical, c.shapes, c.steps);
    for (size_t k = 1; k < executors.size(); ++k) {
      const FloatTrace other = RunFloats(*executors[k], c.canonical, c.shapes, c.steps);
      ASSERT_TRUE(SameBits(first, other))
          << vm::AvailableKernels()[0]->name << " and " << vm::AvailableKernels()[k]->name << "\n"
          << testing::CaseText(i, c.canonical);
    }
  }
}

TEST(VmProperty, TwoThreadsGiveTheBitsOfOne) {
  const uint64_t cases = CaseCount(2000);
  std::vector<FloatTrace> alone(cases), together(cases);
  const auto run = [&](uint64_t begin, uint64_t step, std::vector<FloatTrace>& traces) {
    for (uint64_t i = begin; i < cases; i += step) {
      const Case c = MakeCase(i);
      traces[i] = RunFloats(VmExecutor(), c.canonical, c.shapes, c.steps);
    }
  };
  run(0, 1, alone);
  std::thread other([&] { run(1, 2, together); });
  run(0, 2, together);
  other.join();
  for (uint64_t i = 0; i < cases; ++i) ASSERT_TRUE(SameBits(alone[i], together[i])) << i;
}

}  // namespace
}  // namespace lathe
