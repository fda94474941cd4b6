// The loops of kernels.h. Included once by each build, after one of dsl/vm/isa_*.inc.h.
#include "dsl/vm/vectors.inc.h"
#include "evaluators/population/kernels.h"

namespace lathe {
namespace {

using vm::Choose;
using vm::I;
using vm::kFloats;
using vm::Lift;
using vm::Load;
using vm::Save;
using vm::V;

// Eight floats, whatever the width of the machine's registers.
typedef float Eight __attribute__((vector_size(32)));
typedef float EightAnywhere __attribute__((vector_size(32), aligned(4), may_alias));

inline Eight LoadEight(const float* p) {
  return *reinterpret_cast<const EightAnywhere*>(p);
}
inline void SaveEight(float* p, Eight v) {
  *reinterpret_cast<EightAnywhere*>(p) = v;
}

// A block of 8 rows becomes one of 8 columns: pairs, then fours, then eights of rows are mixed.
inline void TransposeEight(Eight (&rows)[8]) {
  Eight pairs[8], fours[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = __builtin_shufflevector(rows[i], rows[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[i + 1] = __builtin_shufflevector(rows[i], rows[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
#pragma GCC unroll 2
    for (int k = 0; k < 2; ++k) {
      const Eight a = pairs[i + k], b = pairs[i + k + 2];
      fours[i + 2 * k] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
      fours[i + 2 * k + 1] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Eight a = fours[i], b = fours[i + 4];
    rows[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
    rows[i + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

void Transpose(size_t rows, size_t cols, const float* in, size_t ld_in, float* out, size_t ld_out) {
  for (size_t i = 0; i < rows; i += 8) {
    for (size_t j = 0; j < cols; j += 8) {
      Eight block[8];
#pragma GCC unroll 8
      for (size_t k = 0; k < 8; ++k) block[k] = LoadEight(in + (i + k) * ld_in + j);
      TransposeEight(block);
#pragma GCC unroll 8
      for (size_t k = 0; k < 8; ++k) SaveEight(out + (j + k) * ld_out + i, block[k]);
    }
  }
}

void Rectify(size_t n, float* x) {
  const V zero = Lift(0.0f);
  for (size_t i = 0; i < n; i += kFloats) {
    const V value = Load(x + i);
    Save(x + i, Choose(value <= zero, zero, value));
  }
}

void RectifyBackward(size_t n, const float* activation, float* delta) {
  const V zero = Lift(0.0f);
  for (size_t i = 0; i < n; i += kFloats) {
    Save(delta + i, Choose(Load(activation + i) <= zero, zero, Load(delta + i)));
  }
}

// Of one row: lanes go to 16 accumulators, of which number k and k + 8 are added at the end.
inline Eight FoldedSum(size_t lanes, const float* x) {
  Eight low = LoadEight(x), high = LoadEight(x + 8);
  for (size_t i = kLanes; i < lanes; i += kLanes) {
    low += LoadEight(x + i);
    high += LoadEight(x + i + 8);
  }
  return low + high;
}

void RowSums(size_t rows, size_t lanes, const float* x, float* sums) {
  for (size_t begin = 0; begin < rows; begin += 8) {
    Eight block[8];
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; ++i) {
      // The last row again where fewer than eight are left.
      block[i] = FoldedSum(lanes, x + (begin + i < rows ? begin + i : rows - 1) * lanes);
    }
    TransposeEight(block);
    Eight total = block[0];
#pragma GCC unroll 8
    for (size_t i = 1; i < 8; ++i) total += block[i];
    std::memcpy(sums + begin, &total, (rows - begin < 8 ? rows - begin : 8) * sizeof(float));
  }
}

inline I LabelsAt(const int32_t* labels) {
  I out;
  std::memcpy(&out, labels, sizeof out);
  return out;
}
inline I LiftInt(int number) {
  return I{} + number;
}

// The largest logit of each lane. One that is NaN makes the loss NaN, here or later.
inline V LargestLogit(size_t classes, size_t lanes, const float* logits) {
  V largest = Load(logits);
  for (size_t c = 1; c < classes; ++c) {
    const V logit = Load(logits + c * lanes);
    largest = Choose(logit > largest, logit, largest);
  }
  return largest;
}

// Lanes that are worked on side by side.
constexpr int kTogether = static_cast<int>(kLanes) / kFloats;

// Saves the loss of each lane and returns the sum over the classes of exp(logit - largest); `keep`
// takes each of these.
template <typename Keep>
inline void SaveLosses(size_t classes, size_t lanes, const float* logits, const int32_t* labels,
                       const V (&largest)[kTogether], float* losses, V (&sum)[kTogether],
                       Keep keep) {
  V chosen[kTogether] = {};
  for (V& v : sum) v = Lift(0.0f);
  for (size_t c = 0; c < classes; ++c) {
    V power[kTogether];
#pragma GCC unroll 8
    for (int k = 0; k < kTogether; ++k) {
      power[k] = Load(logits + c * lanes + k * kFloats) - largest[k];
      const I here = LabelsAt(labels + k * kFloats) == LiftInt(static_cast<int>(c));
      chosen[k] = Choose(here, power[k], chosen[k]);
    }
    vm::ExpOfEach(power);
#pragma GCC unroll 8
    for (int k = 0; k < kTogether; ++k) {
      sum[k] += power[k];
      keep(c, k, power[k]);
    }
  }
  for (int k = 0; k < kTogether; ++k) Save(losses + k * kFloats, vm::Log(sum[k]) - chosen[k]);
}

void CrossEntropy(size_t classes, size_t lanes, const int32_t* labels, const float* weights,
                  float* logits, float* losses) {
  for (size_t lane = 0; lane < lanes; lane += kLanes) {
    float* at = logits + lane;
    V largest[kTogether], sum[kTogether];
    for (int k = 0; k < kTogether; ++k) {
      largest[k] = LargestLogit(classes, lanes, at + k * kFloats);
    }
    SaveLosses(classes, lanes, at, labels + lane, largest, losses + lane, sum,
               [&](size_t c, int k, V power) { Save(at + c * lanes + k * kFloats, power); });
    for (int k = 0; k < kTogether; ++k) {
      const I label = LabelsAt(labels + lane + k * kFloats);
      const V share = 1.0f / sum[k], weight = Load(weights + lane + k * kFloats);
      for (size_t c = 0; c < classes; ++c) {
        float* logit = at + c * lanes + k * kFloats;
        const V probability = Load(logit) * share;
        const V delta =
            Choose(label == LiftInt(static_cast<int>(c)), probability - 1.0f, probability) * weight;
        Save(logit, Choose(weight == Lift(0.0f), Lift(0.0f), delta));
      }
    }
  }
}

void Score(size_t classes, size_t lanes, const int32_t* labels, const float* logits, float* losses,
           int32_t* best) {
  for (size_t lane = 0; lane < lanes; lane += kLanes) {
    const float* at = logits + lane;
    V largest[kTogether], sum[kTogether];
    for (int k = 0; k < kTogether; ++k) {
      largest[k] = Load(at + k * kFloats);
      I where = {};
      for (size_t c = 1; c < classes; ++c) {
        const V logit = Load(at + c * lanes + k * kFloats);
        const I above = logit > largest[k];
        largest[k] = Choose(above, logit, largest[k]);
        where = (above & static_cast<int>(c)) | (~above & where);
      }
      std::memcpy(best + lane + k * kFloats, &where, sizeof where);
    }
    SaveLosses(classes, lanes, at, labels + lane, largest, losses + lane, sum,
               [](size_t, int, V) {});
  }
}

constexpr PopulationKernels kTable = {
    .matrices = nullptr,
    .transpose = &Transpose,
    .rectify = &Rectify,
    .rectify_backward = &RectifyBackward,
    .row_sums = &RowSums,
    .cross_entropy = &CrossEntropy,
    .score = &Score,
};

}  // namespace
}  // namespace lathe
