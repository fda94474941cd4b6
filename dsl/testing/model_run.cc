#include "dsl/testing/model_run.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace lathe::testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <typename Rows>
Arrays Zeros(const Rows& rows, std::span<const Shape> shapes) {
  Arrays arrays;
  for (const auto& row : rows) {
    auto& of_row = arrays.emplace_back();
    size_t count = row.axes.Has(Axis::kP) ? shapes.size() : 1;
    for (size_t p = 0; p < count; ++p) {
      of_row.emplace_back(shapes[p].Elements(row.axes), 0.0);
    }
  }
  return arrays;
}

double RandomNumber(Company company, RandomStream& random) {
  static constexpr std::array<double, 8> kSpecial = {0.0,  -0.0,      1e-10,      1e3,
                                                     -1.0, kInfinity, -kInfinity, kNaN};
  static constexpr std::array<size_t, 3> kCount = {5, 7, 8};
  if (random.Chance(0.5)) return random.Normal();
  return kSpecial[random.Below(kCount[static_cast<size_t>(company)])];
}

}  // namespace

Arrays ZeroInputs(const Signature& signature, std::span<const Shape> shapes) {
  return Zeros(signature.inputs, shapes);
}

Arrays ZeroOutputs(const Signature& signature, std::span<const Shape> shapes) {
  return Zeros(signature.outputs, shapes);
}

std::vector<std::vector<ArrayRef>> Refs(Arrays& arrays) {
  std::vector<std::vector<ArrayRef>> refs;
  for (auto& of_row : arrays) {
    auto& views = refs.emplace_back();
    for (std::vector<double>& array : of_row) views.emplace_back(array.data());
  }
  return refs;
}

Arrays RandomInputs(const Signature& signature, std::span<const Shape> shapes, Company company,
                    RandomStream& random) {
  Arrays arrays = ZeroInputs(signature, shapes);
  for (auto& of_row : arrays) {
    for (std::vector<double>& array : of_row) {
      for (double& number : array) number = RandomNumber(company, random);
    }
  }
  return arrays;
}

std::vector<double> RunSteps(const Program& program, std::span<const Shape> shapes,
                             std::span<const Arrays> steps, bool evaluate_last) {
  std::vector<double> all;
  auto run = ReferenceExecutor().Prepare(program, shapes);
  EXPECT_TRUE(run.ok()) << run.status();
  if (!run.ok()) return all;
  for (size_t i = 0; i < steps.size(); ++i) {
    Arrays inputs = steps[i], outputs = ZeroOutputs(*program.signature, shapes);
    StepBindings bindings{Refs(inputs), Refs(outputs), {}};
    bindings.training = !evaluate_last || i + 1 < steps.size();
    absl::Status status = (*run)->Step(bindings);
    EXPECT_TRUE(status.ok()) << status;
    for (const auto& of_row : outputs) {
      for (const auto& array : of_row) all.insert(all.end(), array.begin(), array.end());
    }
  }
  return all;
}

bool SameBits(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool SameBits(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!SameBits(a[i], b[i])) return false;
  }
  return true;
}

}  // namespace lathe::testing
