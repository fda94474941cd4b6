// Counter-based random streams (Philox 4x32-10: Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). A stream is named by a seed and a path of numbers; any stream can be opened
// at any time without drawing from another, and every draw is the same on every machine: only
// exactly rounded arithmetic is used.
//
//   RandomStream random(seed, {kMutation, index});
//   double x = random.Normal();
#ifndef LATHE_DSL_RANDOM_H_
#define LATHE_DSL_RANDOM_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

namespace lathe {

class RandomStream {
 public:
  // Streams with different (seed, path) share nothing: the path is hashed into the 128 bits that
  // the counter and the key leave free, the seed is the key.
  RandomStream(uint64_t seed, std::initializer_list<uint64_t> path);

  uint32_t Bits32();
  uint64_t Bits64();
  // Uniform on [0, bound), without bias; bound > 0.
  uint64_t Below(uint64_t bound);
  // Uniform on [0, 1), 53 bits.
  double Uniform();
  // Standard normal (Marsaglia's polar method).
  double Normal();
  // True with the given probability.
  bool Chance(double probability) { return Uniform() < probability; }
  // An index drawn with probability proportional to its weight; some weight must be positive.
  int Weighted(std::span<const double> weights);
  // A uniformly drawn permutation of 0 .. n-1.
  std::vector<int> Permutation(int n);

 private:
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> block_ = {};
  int used_ = 4;
};

// Natural logarithm and power of two from + - * / alone, for draws that must not depend on a math
// library. Within 4 ulp; Log takes positive normal numbers, Exp2 |x| <= 1000.
double PortableLog(double x);
double PortableExp2(double x);

}  // namespace lathe

#endif  // LATHE_DSL_RANDOM_H_
