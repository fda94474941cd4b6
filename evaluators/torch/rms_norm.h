// y = gain * x / sqrt(mean(x^2) + 1e-5) for each row, there and back.
#ifndef LATHE_EVALUATORS_TORCH_RMS_NORM_H_
#define LATHE_EVALUATORS_TORCH_RMS_NORM_H_

#include <cstddef>
#include <vector>

namespace lathe {

// Not thread-safe.
class RmsNorm {
 public:
  static constexpr double kEpsilon = 1e-5;

  RmsNorm(size_t rows, size_t width);

  void Forward(const float* x, const float* gain, float* y);
  // Adds the gradient by x to `x_gradient`; sets that by the gain.
  void Backward(const float* y_gradient, const float* gain, float* x_gradient,
                float* gain_gradient) const;

 private:
  const size_t rows_, width_;
  std::vector<float> normed_;   // x before the gain
  std::vector<float> inverse_;  // of each row's root mean square
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_RMS_NORM_H_
