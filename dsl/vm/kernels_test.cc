// Every loop of every build: the same bits, whatever the length and whichever operands are numbers.
#include "dsl/vm/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dsl/random.h"

namespace lathe::vm {
namespace {

constexpr size_t kLength = 333;

// Random numbers of many sizes, edges and steps near them.
std::vector<float> Numbers(uint64_t seed) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr std::array<float, 16> kEdges = {
      0.0f, -0.0f, kInfinity, -kInfinity, NAN,   1e-45f,  -1e-40f, 1.1754944e-38f,
      1.0f, -1.0f, 3.4e38f,   -3.4e38f,   88.9f, -104.0f, 1e-8f,   0.99999994f};
  RandomStream random(seed, {});
  std::vector<float> numbers(kEdges.begin(), kEdges.end());
  while (numbers.size() < kLength) {
    const double size =
        PortableExp2(random.Chance(0.2) ? 120 * random.Normal() / 3 : random.Normal());
    numbers.push_back(static_cast<float>((random.Chance(0.5) ? 1 : -1) * size));
  }
  // Edges meet each other at other places for other seeds.
  for (size_t i = numbers.size(); i-- > 1;) std::swap(numbers[i], numbers[random.Below(i + 1)]);
  return numbers;
}

// NaN counts as NaN, whatever its payload.
bool SameBits(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::memcmp(&a, &b, sizeof a) == 0;
}

class KernelsTest : public testing::Test {
 protected:
  const std::array<std::vector<float>, 4> in_ = {Numbers(1), Numbers(2), Numbers(3), Numbers(4)};
  const Kernels& first_ = *AvailableKernels()[0];

  std::vector<float> Run(const Kernels& kernels, int code, int mask, size_t start, size_t n) const {
    std::vector<float> out(n + 1, 12345.0f);
    const Elementwise loop = kernels.elementwise[code][mask];
    loop(n, &in_[0][start], &in_[1][start], &in_[2][start], &in_[3][start], out.data());
    EXPECT_EQ(out[n], 12345.0f) << "wrote beyond the end";
    return out;
  }
};

TEST_F(KernelsTest, TheLastIsForEveryMachine) {
  EXPECT_EQ(AvailableKernels().back()->name, "portable");
}

TEST_F(KernelsTest, EveryBuildGivesTheSameBits) {
  int loops = 0;
  for (const Kernels* kernels : AvailableKernels()) {
    for (int code = 0; code < kCodeCount; ++code) {
      for (int mask = 0; mask < 1 << kMaxOperands; ++mask) {
        const bool there = first_.elementwise[code][mask] != nullptr;
        ASSERT_EQ(kernels->elementwise[code][mask] != nullptr, there) << code;
        if (!there) continue;
        ++loops;
        // One number stands for all: each of the edges takes a turn.
        for (size_t start = 0; start < (mask == 0 ? 1u : 64u); ++start) {
          const std::vector<float> expected = Run(first_, code, mask, start, kLength - 64);
          const std::vector<float> actual = Run(*kernels, code, mask, start, kLength - 64);
          for (size_t i = 0; i < expected.size(); ++i) {
            ASSERT_TRUE(SameBits(expected[i], actual[i]))
                << kernels->name << ", code " << code << ", mask " << mask << ", at " << i << ": "
                << actual[i] << " is not " << expected[i] << " of " << in_[0][start + i] << ", "
                << in_[1][start + i];
          }
        }
      }
    }
  }
  EXPECT_GT(loops, 100);
}

TEST_F(KernelsTest, AnElementDoesNotDependOnItsPlaceOrTheLength) {
  for (const Kernels* kernels : AvailableKernels()) {
    for (int code = 0; code < kCodeCount; ++code) {
      if (kernels->elementwise[code][0] == nullptr) continue;
      const std::vector<float> all = Run(*kernels, code, 0, 0, kLength);
      for (size_t start : {0, 1, 7, 100}) {
        for (size_t n = 0; n <= 40; ++n) {
          const std::vector<float> part = Run(*kernels, code, 0, start, n);
          for (size_t i = 0; i < n; ++i) {
            ASSERT_TRUE(SameBits(part[i], all[start + i])) << kernels->name << ", code " << code;
          }
        }
      }
    }
  }
}

TEST_F(KernelsTest, AResultMayOverwriteAnOperand) {
  for (const Kernels* kernels : AvailableKernels()) {
    for (int code = 0; code < kCodeCount; ++code) {
      const Elementwise loop = kernels->elementwise[code][0];
      if (loop == nullptr) continue;
      const std::vector<float> expected = Run(*kernels, code, 0, 0, kLength);
      for (int overwritten = 0; overwritten < kMaxOperands; ++overwritten) {
        auto in = in_;
        loop(kLength, in[0].data(), in[1].data(), in[2].data(), in[3].data(),
             in[overwritten].data());
        for (size_t i = 0; i < kLength; ++i) {
          ASSERT_TRUE(SameBits(in[overwritten][i], expected[i])) << kernels->name << " " << code;
        }
      }
    }
  }
}

// Less than one unit in the last place from the true value, everywhere from 0 to infinity.
TEST_F(KernelsTest, ExpIsExact) {
  std::vector<float> in, out(1 << 16);
  for (uint32_t i = 0; i < out.size(); ++i) in.push_back(std::bit_cast<float>(i * 65'521));
  for (const Kernels* kernels : AvailableKernels()) {
    const Elementwise loop = kernels->elementwise[static_cast<size_t>(Code::exp)][0];
    loop(in.size(), in.data(), in.data(), in.data(), in.data(), out.data());
    for (size_t i = 0; i < in.size(); ++i) {
      const double expected = std::exp(double{in[i]});
      const auto near = static_cast<float>(expected);
      if (std::isnan(near) || std::isinf(near)) {
        ASSERT_TRUE(SameBits(out[i], near)) << kernels->name << " " << in[i];
      } else {
        const double unit = std::nextafter(near, INFINITY) - near;
        ASSERT_LT(std::fabs(out[i] - expected), unit) << kernels->name << " " << in[i];
      }
    }
  }
}

// Some vectors are computed side by side, in one way or the other for all of them.
TEST_F(KernelsTest, ExpOfANumberIsTheSameBesideAnyOther) {
  const size_t count = 80;
  for (const Kernels* kernels : AvailableKernels()) {
    const Elementwise loop = kernels->elementwise[static_cast<size_t>(Code::exp)][0];
    const auto exp = [&](const std::vector<float>& in) {
      std::vector<float> out(in.size());
      loop(in.size(), in.data(), in.data(), in.data(), in.data(), out.data());
      return out;
    };
    for (const float number : {-INFINITY, -120.0f, -95.0f, 88.5f, 100.0f, INFINITY, NAN}) {
      for (size_t place = 0; place < count; ++place) {
        std::vector<float> in(count, -1.75f);
        std::vector<float> expected(count, exp({-1.75f})[0]);
        in[place] = number;
        expected[place] = exp({number})[0];
        const std::vector<float> out = exp(in);
        for (size_t i = 0; i < count; ++i) {
          ASSERT_TRUE(SameBits(out[i], expected[i])) << kernels->name << " " << number << " " << i;
        }
      }
    }
  }
}

// As IEEE 754-2019 has it: -0 is less than 0, and what is next to NaN is NaN.
TEST_F(KernelsTest, MinAndMaxOrderZerosAndKeepNan) {
  const std::vector<float> numbers = {NAN, -NAN, -INFINITY, -1.5f, -0.0f, 0.0f, 1e-45f, INFINITY};
  for (const Kernels* kernels : AvailableKernels()) {
    for (int mask = 0; mask < 4; ++mask) {
      const Elementwise min = kernels->elementwise[static_cast<size_t>(Code::min)][mask];
      const Elementwise max = kernels->elementwise[static_cast<size_t>(Code::max)][mask];
      for (size_t i = 0; i < numbers.size(); ++i) {
        for (size_t j = 0; j < numbers.size(); ++j) {
          const float a = numbers[i], b = numbers[j];
          const bool nan = i < 2 || j < 2;
          float low = 0, high = 0;
          min(1, &a, &b, &a, &a, &low);
          max(1, &a, &b, &a, &a, &high);
          EXPECT_TRUE(SameBits(low, nan ? NAN : numbers[std::min(i, j)])) << a << " " << b;
          EXPECT_TRUE(SameBits(high, nan ? NAN : numbers[std::max(i, j)])) << a << " " << b;
        }
      }
    }
  }
}

TEST_F(KernelsTest, TotalsHaveTheSameBitsAndAreRight) {
  std::vector<float> x, y;
  RandomStream random(9, {});
  for (int i = 0; i < 1000; ++i) {
    x.push_back(static_cast<float>(random.Normal()));
    y.push_back(static_cast<float>(random.Normal()));
  }
  for (size_t n : {1, 2, 15, 16, 17, 31, 64, 999, 1000}) {
    double sum = 0, products = 0;
    float largest = x[0];
    for (size_t i = 0; i < n; ++i) {
      sum += x[i];
      products += double{x[i]} * y[i];
      largest = std::max(largest, x[i]);
    }
    for (const Kernels* kernels : AvailableKernels()) {
      EXPECT_EQ(kernels->sum(n, x.data()), first_.sum(n, x.data())) << n;
      EXPECT_NEAR(kernels->sum(n, x.data()), sum, 1e-12);
      EXPECT_EQ(kernels->sum_products(n, x.data(), y.data()),
                first_.sum_products(n, x.data(), y.data()));
      EXPECT_NEAR(kernels->sum_products(n, x.data(), y.data()), products, 1e-12);
      double sums[2] = {}, squares[2] = {};
      kernels->sum_deviations(n, x.data(), 0.5, &sums[0], &squares[0]);
      first_.sum_deviations(n, x.data(), 0.5, &sums[1], &squares[1]);
      EXPECT_EQ(sums[0], sums[1]);
      EXPECT_EQ(squares[0], squares[1]);
      EXPECT_EQ(kernels->largest(n, x.data(), x[0]), largest);
      EXPECT_TRUE(std::isnan(kernels->smallest(n, x.data(), NAN)));
    }
  }
  EXPECT_TRUE(std::signbit(first_.sum(1, std::array{-0.0f}.data())));
}

// Each result is a chain of fused multiply-adds in order of k, from its row's start.
TEST_F(KernelsTest, ProductsOfMatricesAreChainsInOrder) {
  RandomStream random(10, {});
  const auto draw = [&](size_t count) {
    std::vector<float> numbers(count);
    for (float& number : numbers) number = static_cast<float>(random.Normal());
    return numbers;
  };
  for (const auto& [rows, cols, inner] : {std::array<size_t, 3>{1, 1, 1},
                                          {3, 5, 7},
                                          {4, 16, 9},
                                          {9, 33, 20},
                                          {13, 70, 1},
                                          {7, 13, 131},
                                          {10, 32, 64},
                                          {8, 64, 64}}) {
    const std::vector<float> a = draw(rows * inner), b = draw(inner * cols), start = draw(2 * rows);
    for (const bool turned : {false, true}) {  // whether the rows of a lie side by side
      const size_t a_row = turned ? 1 : inner, a_step = turned ? rows : 1;
      std::vector<float> expected(rows * cols), from_zero(rows * cols);
      for (size_t i = 0; i < rows; ++i) {
        for (size_t j = 0; j < cols; ++j) {
          float& sum = expected[i * cols + j] = start[i * 2];
          float& other = from_zero[i * cols + j];
          for (size_t k = 0; k < inner; ++k) {
            sum = std::fma(a[i * a_row + k * a_step], b[k * cols + j], sum);
            other = std::fma(a[i * a_row + k * a_step], b[k * cols + j], other);
          }
        }
      }
      for (const Kernels* kernels : AvailableKernels()) {
        std::vector<float> result(rows * cols, NAN);
        const auto multiply = [&](const float* from, size_t step) {
          kernels->multiply(rows, cols, inner, a.data(), a_row, a_step, b.data(), cols, from, step,
                            result.data(), cols);
          return result;
        };
        const std::string shape =
            absl::StrCat(std::string(kernels->name), " ", rows, " ", cols, " ", inner);
        EXPECT_EQ(multiply(start.data(), 2), expected) << shape;
        EXPECT_EQ(multiply(nullptr, 0), from_zero) << shape;
      }
    }
  }
}

// Rows of b and c may lie further apart than there are columns; what is between them is not
// touched.
TEST_F(KernelsTest, ProductsOfMatricesStayWithinTheirColumns) {
  constexpr size_t kRows = 7, kInner = 70, kApart = 48;
  RandomStream random(12, {});
  std::vector<float> a(kRows * kInner), b(kInner * kApart);
  for (float& number : a) number = static_cast<float>(random.Normal());
  for (float& number : b) number = static_cast<float>(random.Normal());
  for (const size_t cols : {1, 3, 8, 13, 16, 30, 45}) {
    for (const Kernels* kernels : AvailableKernels()) {
      std::vector<float> c(kRows * kApart, 0.5f);
      const float start = 0.25f;
      kernels->multiply(kRows, cols, kInner, a.data(), kInner, 1, b.data(), kApart, &start, 0,
                        c.data(), kApart);
      for (size_t i = 0; i < kRows; ++i) {
        for (size_t j = 0; j < kApart; ++j) {
          float sum = j < cols ? start : 0.5f;
          for (size_t k = 0; k < kInner && j < cols; ++k) {
            sum = std::fma(a[i * kInner + k], b[k * kApart + j], sum);
          }
          EXPECT_EQ(c[i * kApart + j], sum) << kernels->name << " " << cols;
        }
      }
    }
  }
}

}  // namespace
}  // namespace lathe::vm
