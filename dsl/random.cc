#include "dsl/random.h"

#include <Random123/philox.h>

#include <bit>
#include <cmath>
#include <numeric>

#include "dsl/hash.h"

namespace lathe {

RandomStream::RandomStream(uint64_t seed, std::initializer_list<uint64_t> path)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)} {
  FieldHasher hasher;
  hasher.Number(seed);
  for (uint64_t step : path) hasher.Number(step);
  Hash128 start = hasher.Digest();
  // The low word counts blocks; 2^32 blocks of a stream never run into another stream.
  counter_ = {0, static_cast<uint32_t>(start.high), static_cast<uint32_t>(start.high >> 32),
              static_cast<uint32_t>(start.low)};
  // The key takes what is left of the hash, so that seeds that differ in few bits do not lean on
  // Philox alone.
  key_[1] ^= static_cast<uint32_t>(start.low >> 32);
}

uint32_t RandomStream::Bits32() {
  if (used_ == 4) {
    r123::Philox4x32::ctr_type counter = {{counter_[0], counter_[1], counter_[2], counter_[3]}};
    r123::Philox4x32::key_type key = {{key_[0], key_[1]}};
    auto block = r123::Philox4x32()(counter, key);
    for (int i = 0; i < 4; ++i) block_[i] = block[i];
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

uint64_t RandomStream::Bits64() {
  uint64_t low = Bits32();
  return low | static_cast<uint64_t>(Bits32()) << 32;
}

uint64_t RandomStream::Below(uint64_t bound) {
  constexpr uint64_t kLargest = ~uint64_t{0};
  uint64_t draw = Bits64();
  // Draws from the incomplete last multiple of `bound` are thrown away. Most are below any such,
  // which saves a division.
  if (draw > kLargest - bound) {
    const uint64_t limit = kLargest - kLargest % bound;
    while (draw >= limit) draw = Bits64();
  }
  return draw % bound;
}

double RandomStream::Uniform() {
  return static_cast<double>(Bits64() >> 11) * 0x1p-53;
}

double RandomStream::Normal() {
  while (true) {
    double x = 2 * Uniform() - 1;
    double y = 2 * Uniform() - 1;
    double square = x * x + y * y;
    if (square < 1 && square > 1e-300) return x * std::sqrt(-2 * PortableLog(square) / square);
  }
}

int RandomStream::Weighted(std::span<const double> weights) {
  double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double point = Uniform() * total;
  int last = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    last = static_cast<int>(i);
    if (point < weights[i]) return last;
    point -= weights[i];
  }
  return last;  // rounding ate the last sliver
}

std::vector<int> RandomStream::Permutation(int n) {
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (int i = n - 1; i > 0; --i) std::swap(order[i], order[Below(i + 1)]);
  return order;
}

double PortableLog(double x) {
  // x = m * 2^e with m in [sqrt(1/2), sqrt(2)); log(m) = 2 artanh((m - 1) / (m + 1)).
  int exponent;
  double mantissa = std::frexp(x, &exponent);
  if (mantissa < 0.70710678118654752) {
    mantissa *= 2;
    --exponent;
  }
  double z = (mantissa - 1) / (mantissa + 1);
  double z2 = z * z;
  double series = 0;
  for (int k = 21; k >= 1; k -= 2) series = series * z2 + 1.0 / k;
  return exponent * 0.69314718055994531 + 2 * z * series;
}

double PortableExp2(double x) {
  // 2^x = 2^n * e^(r ln 2) with |r| <= 1/2.
  double n = std::floor(x + 0.5);
  double r = (x - n) * 0.69314718055994531;
  double series = 1;
  for (int k = 16; k >= 1; --k) series = series * r / k + 1;
  return std::ldexp(series, static_cast<int>(n));
}

}  // namespace lathe
