// The vm against the reference, and the builds of its kernels against each other, on random
// programs. LATHE_CASES in the environment is another number of programs.
#include <gtest/gtest.h>

#include <cmath>
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

namespace lathe {
namespace {

using testing::FloatStep;
using testing::FloatTrace;

constexpr uint64_t kSeed = 20240611;
constexpr double kTolerance = 1e-3;  // of the scale of a piece
constexpr uint64_t kInputNudges = 64, kTensorNudges = 1024;
constexpr uint64_t kLargeEvery = 512;  // an outer product of such a model takes a second
constexpr uint64_t kFewerNudges = 16;  // of large models: so many times fewer

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

double ScaleOf(const std::vector<double>& piece) {
  double scale = 0;
  for (double x : piece) {
    if (std::isfinite(x)) scale = std::max(scale, std::fabs(x));
  }
  return scale;
}

// How far apart two numbers are, in the given scale; infinite if only one is finite, or both are
// different infinities.
double Distance(double a, double b, double scale) {
  if (testing::SameBits(a, b) || a == b) return 0;
  if (std::isnan(a) && std::isnan(b)) return 0;
  const double distance = std::fabs(a - b) / std::max(scale, 1e-38);
  return std::isnan(distance) ? INFINITY : distance;
}

enum Verdict : uint8_t { kEqual, kMovesWithInputs, kMovesWithTensors, kDiffers };

// One number that the vm and the reference do not agree on.
struct Difference {
  size_t piece, element;
  double expected, scale;

  bool IsExplainedBy(const FloatTrace& moved) const {
    return Distance(moved.pieces[piece][element], expected, scale) >= kTolerance / 10;
  }
};

std::vector<Difference> Differences(const FloatTrace& vm, const FloatTrace& reference) {
  std::vector<Difference> differences;
  for (size_t i = 0; i < reference.pieces.size(); ++i) {
    const double scale = ScaleOf(reference.pieces[i]);
    for (size_t k = 0; k < reference.pieces[i].size(); ++k) {
      const double expected = reference.pieces[i][k];
      if (Distance(vm.pieces[i][k], expected, scale) <= kTolerance) continue;
      differences.push_back({i, k, expected, scale});
    }
  }
  return differences;
}

// Whether the reference moves, by a tenth of what the vm may be off, when its inputs move by one
// unit in the last place of a float, or when the tensors do that its ops read. Nudges until no
// difference is left unexplained.
Verdict Judge(const Case& c, const FloatTrace& vm, std::string& told) {
  const FloatTrace reference = RunFloats(ReferenceExecutor(), c.canonical, c.shapes, c.steps);
  std::vector<Difference> left = Differences(vm, reference);
  const auto explain = [&](const FloatTrace& moved) {
    std::erase_if(left, [&](const Difference& d) { return d.IsExplainedBy(moved); });
  };
  if (left.empty()) return kEqual;
  const bool large = c.shapes.size() > 1 && c.shapes[1].Elements() > 1000;
  const uint64_t fewer = large ? kFewerNudges : 1;
  for (uint64_t n = 0; n < kInputNudges / fewer && !left.empty(); ++n) {
    RandomStream random(kSeed + 1, {n});
    explain(
        RunFloats(ReferenceExecutor(), c.canonical, c.shapes, testing::Nudged(c.steps, random)));
  }
  if (left.empty()) return kMovesWithInputs;
  explain(RunFloats(RoundingReferenceExecutor(), c.canonical, c.shapes, c.steps));
  for (uint64_t n = 0; n < kTensorNudges / fewer && !left.empty(); ++n) {
    explain(RunFloats(*MakeNudgingReferenceExecutor(n), c.canonical, c.shapes, c.steps));
  }
  if (left.empty()) return kMovesWithTensors;
  const Difference& first = left.front();
  told =
      absl::StrCat("piece ", first.piece, "[", first.element, "] is ",
                   vm.pieces[first.piece][first.element], ", the reference says ", first.expected);
  return kDiffers;
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
    const Verdict verdict = Judge(c, vm, told);
    ++verdicts[verdict];
    EXPECT_NE(verdict, kDiffers) << told << "\n" << testing::CaseText(i, c.canonical);
    if (verdicts[kDiffers] > 3) break;
  }
  std::printf("%llu agree, %llu move with their inputs, %llu with the last bits of tensors\n",
              static_cast<unsigned long long>(verdicts[kEqual]),
              static_cast<unsigned long long>(verdicts[kMovesWithInputs]),
              static_cast<unsigned long long>(verdicts[kMovesWithTensors]));
  EXPECT_GT(verdicts[kEqual], cases / 2);
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
