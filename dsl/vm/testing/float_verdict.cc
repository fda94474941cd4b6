#include "dsl/vm/testing/float_verdict.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "dsl/testing/model_run.h"

namespace lathe::testing {
namespace {

constexpr uint64_t kSeed = 20240611;
constexpr double kTolerance = 1e-3;  // of the scale of a piece
constexpr uint64_t kInputNudges = 64, kTensorNudges = 1024, kNumberNudges = 256;
constexpr int64_t kLarge = 1000;       // elements of a parameter
constexpr uint64_t kFewerNudges = 16;  // of large models: so many times fewer

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
  if (SameBits(a, b) || a == b) return 0;
  if (std::isnan(a) && std::isnan(b)) return 0;
  const double distance = std::fabs(a - b) / std::max(scale, 1e-38);
  return std::isnan(distance) ? INFINITY : distance;
}

}  // namespace

bool Difference::IsExplainedBy(const FloatTrace& moved, double tolerance) const {
  return Distance(moved.pieces[piece][element], expected, scale) >= tolerance / 10;
}

std::vector<Difference> Differences(const FloatTrace& trace, const FloatTrace& reference,
                                    double tolerance) {
  std::vector<Difference> differences;
  for (size_t i = 0; i < reference.pieces.size(); ++i) {
    const double scale = ScaleOf(reference.pieces[i]);
    for (size_t k = 0; k < reference.pieces[i].size(); ++k) {
      const double expected = reference.pieces[i][k];
      if (Distance(trace.pieces[i][k], expected, scale) <= tolerance) continue;
      differences.push_back({i, k, expected, scale});
    }
  }
  return differences;
}

std::string DifferenceText(const Difference& difference, const FloatTrace& trace) {
  return absl::StrCat("piece ", difference.piece, "[", difference.element, "] is ",
                      trace.pieces[difference.piece][difference.element], ", the reference says ",
                      difference.expected);
}

FloatVerdict Judge(const Program& program, std::span<const Shape> shapes,
                   std::span<const FloatStep> steps, const FloatTrace& trace, std::string& told) {
  const auto run = [&](const Executor& executor, std::span<const FloatStep> of) {
    return RunFloats(executor, program, shapes, of);
  };
  std::vector<Difference> left = Differences(trace, run(ReferenceExecutor(), steps), kTolerance);
  const auto explain = [&](const FloatTrace& moved) {
    std::erase_if(left, [&](const Difference& d) { return d.IsExplainedBy(moved, kTolerance); });
  };
  if (left.empty()) return kEqual;
  const bool large =
      std::ranges::any_of(shapes, [](const Shape& shape) { return shape.Elements() > kLarge; });
  const uint64_t fewer = large ? kFewerNudges : 1;
  for (uint64_t n = 0; n < kInputNudges / fewer && !left.empty(); ++n) {
    RandomStream random(kSeed + 1, {n});
    explain(run(ReferenceExecutor(), Nudged({steps.begin(), steps.end()}, random)));
  }
  if (left.empty()) return kMovesWithInputs;
  explain(run(RoundingReferenceExecutor(), steps));
  for (uint64_t n = 0; n < kTensorNudges / fewer && !left.empty(); ++n) {
    explain(run(*MakeNudgingReferenceExecutor(n), steps));
  }
  // Numbers are doubles everywhere, but the last bits of functions and sums differ.
  for (uint64_t n = 0; n < kNumberNudges / fewer && !left.empty(); ++n) {
    explain(run(*MakeMovingReferenceExecutor(n), steps));
  }
  if (left.empty()) return kMovesWithTensors;
  told = DifferenceText(left.front(), trace);
  return kDiffers;
}

}  // namespace lathe::testing
