// y = x * weight^T, there and back, over the same memory each time.
#ifndef LATHE_EVALUATORS_TORCH_LINEAR_H_
#define LATHE_EVALUATORS_TORCH_LINEAR_H_

#include "evaluators/torch/matrix.h"

namespace lathe {

// x [rows, inputs], weight [outputs, inputs], y [rows, outputs], and their gradients.
struct LinearMatrices {
  Matrix x, weight, y;
  Matrix x_gradient, weight_gradient, y_gradient;
};

// Not thread-safe. Throws what torch throws.
class Linear {
 public:
  explicit Linear(const LinearMatrices& m)
      : forward_(m.x, m.weight.Transposed(), m.y),
        backward_weight_(m.y_gradient.Transposed(), m.x, m.weight_gradient),
        backward_x_(m.y_gradient, m.weight, m.x_gradient) {}

  void Forward() const { forward_.Run(); }
  void Backward() const {
    backward_weight_.Run();
    backward_x_.Run();
  }

 private:
  Product forward_, backward_weight_, backward_x_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_LINEAR_H_
