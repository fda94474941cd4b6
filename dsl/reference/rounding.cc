// What tensors are rounded to, and how they are nudged.
#include <algorithm>
#include <cmath>
#include <limits>

#include "dsl/reference/execution.h"

namespace lathe::reference {
namespace {

// Implementations of functions that grow fast give up a little before doubles end, or floats.
constexpr double kAlmostInfinite = 1e307;
constexpr float kAlmostInfiniteFloat = 1e38f;
constexpr uint64_t kMostMoves = 17;  // less than so many units in the last place
// What is left of a variance, or of a difference, that another order of sums makes zero.
constexpr double kAlmostZero = 1e-25;

float Nudged(float x, uint64_t way, bool loses_subnormals) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (loses_subnormals && std::fabs(x) < std::numeric_limits<float>::min()) {
    return std::copysign(0.0f, x);
  }
  return way < 2 ? std::nextafter(x, way == 1 ? kInfinity : -kInfinity) : x;
}

double LargestMagnitude(std::span<const double> numbers) {
  double largest = 0;
  for (double x : numbers) {
    if (std::isfinite(x)) largest = std::max(largest, std::fabs(x));
  }
  return largest;
}

bool SumsSquares(Op op) {
  switch (op) {
    case Op::mean_square:
    case Op::rms:
    case Op::var:
    case Op::stddev:
    case Op::norm:
    case Op::global_norm:
    case Op::cosine_sim: return true;
    default: return false;
  }
}

}  // namespace

void ReferenceExecution::Round(Value& value, const Parameters& active) {
  if (value.Type().Within(kElementAxes).Empty()) return;
  const uint64_t way_of_all = rounding_ == Rounding::kNudged ? nudging_.random.Below(2) : 0;
  const auto way_of_one = [&]() -> uint64_t {
    if (nudging_.one_in == 0) return 2;
    return nudging_.one_in == 1 ? way_of_all : nudging_.random.Below(nudging_.one_in);
  };
  for (int p : PositionsOf(value.Type(), active)) {
    for (double& x : value.At(p)) {
      float rounded = static_cast<float>(x);
      const bool overflows = rounding_ == Rounding::kNudged && nudging_.overflows_early;
      if (overflows && std::fabs(rounded) > kAlmostInfiniteFloat) {
        rounded = std::copysign(std::numeric_limits<float>::infinity(), rounded);
      }
      x = rounding_ == Rounding::kNudged ? Nudged(rounded, way_of_one(), nudging_.loses_subnormals)
                                         : rounded;
    }
  }
}

void ReferenceExecution::Move(const Instruction& instruction, Value& value,
                              const Parameters& active) {
  for (int p : PositionsOf(value.Type(), active)) {
    for (double& x : value.At(p)) {
      if (nudging_.in_float && std::fabs(x) > kAlmostInfinite) x = std::copysign(INFINITY, x);
      if (nudging_.loses_subnormals && std::fabs(x) < kAlmostZero) x = 0;
      // Zeros are exact everywhere, but sums start at either of them.
      if (x == 0 && IsReduction(instruction.op)) x = nudging_.random.Chance(0.5) ? 0.0 : -0.0;
      if (x == 0) continue;
      const double to = nudging_.random.Chance(0.5) ? INFINITY : -INFINITY;
      for (uint64_t n = nudging_.random.Below(kMostMoves); n > 0; --n) x = std::nextafter(x, to);
    }
  }
}

void ReferenceExecution::CoarsenTotals(const Instruction& instruction, Value& value,
                                       const Parameters& active) {
  const bool totals =
      IsReduction(instruction.op) || Info(instruction.op).rule == TypeRule::contract;
  if (!totals || UnionOf(instruction).Within(kElementAxes).Empty()) return;
  for (int p : PositionsOf(value.Type(), active)) {
    double scale = 1;
    for (int k = 0; k < instruction.Arity(); ++k) {
      double largest = 0;
      // A result without P is made of all parameters.
      const AxisSet of = value.Type().Has(Axis::kP) ? AxisSet() : UnionOf(instruction);
      for (int q : PositionsOf(of, active)) {
        const int from = value.Type().Has(Axis::kP) ? p : q;
        largest = std::max(largest, LargestMagnitude(DataOf(instruction.operands[k], from)));
      }
      scale *= largest;
    }
    const float coarse = static_cast<float>(scale);
    const float term = SumsSquares(instruction.op) ? coarse * coarse : coarse;
    for (double& x : value.At(p)) {
      const float sum = static_cast<float>(x) + coarse;
      x = std::isfinite(term) ? static_cast<double>(sum - coarse) : std::fabs(x) * INFINITY;
    }
  }
}

}  // namespace lathe::reference
