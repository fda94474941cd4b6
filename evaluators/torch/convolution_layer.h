// A 3x3 convolution with ReLU and perhaps pooling over a batch of images, there and back. Images
// lie pixel by pixel with their channels together; the nine pixels below a filter become a row of a
// matrix, so that the convolution is one product.
#ifndef LATHE_EVALUATORS_TORCH_CONVOLUTION_LAYER_H_
#define LATHE_EVALUATORS_TORCH_CONVOLUTION_LAYER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "evaluators/task/model.h"
#include "evaluators/torch/matrix.h"

namespace lathe {

// The weights of a convolution as a row of pixels is multiplied by them: [3][3][in][out].
class Filters {
 public:
  explicit Filters(const Convolution& convolution);

  // From and to [out][in][3][3].
  void Pack(const float* weight);
  void UnpackGradient(float* gradient) const;

  Matrix Values() { return {values_.data(), 9 * inputs_, outputs_}; }
  Matrix Gradient() { return {gradient_.data(), 9 * inputs_, outputs_}; }

 private:
  const int64_t outputs_, inputs_;
  std::vector<float> values_, gradient_;
};

// Not thread-safe. Throws what torch throws.
class ConvolutionLayer {
 public:
  // `filters` outlives the layer.
  ConvolutionLayer(const Convolution& convolution, int64_t batch, Filters& filters);

  // What comes in: [batch][height][width][channels].
  void TakeInput(const float* images);
  void Forward(const float* bias);
  // What comes out, likewise.
  std::span<const float> Output() const { return pooled_; }

  // From the gradient by the output, in this memory, to those of filters and bias.
  std::span<float> Delta() { return delta_; }
  void Backward(float* bias_gradient);
  // After Backward: the gradient by the input.
  void InputGradient(float* images);

 private:
  void Pool(const float* const* taps, int count, const float* bias, size_t pixel);
  void Unpool(float* const* taps, int count, float* bias_gradient, size_t pixel) const;
  template <typename Visit>
  void ForEachPooled(float* values, Visit visit) const;
  template <typename Visit>
  void ForEachRow(Visit visit) const;
  size_t PaddedLine(int64_t line) const;
  Matrix Rows(std::vector<float>& values) const;

  const int64_t batch_, height_, width_, inputs_, outputs_;
  const bool pools_;
  std::vector<float> padded_;            // [batch][height + 2][width + 2][inputs], 0 around
  std::vector<float> columns_, values_;  // [batch][height][width][9 * inputs or outputs]
  std::vector<float> pooled_, delta_;
  std::vector<int32_t> winners_;  // of each pool
  std::vector<float> value_gradient_, column_gradient_;
  std::vector<float> input_gradient_;  // as padded_
  Product forward_, backward_filters_, backward_columns_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_CONVOLUTION_LAYER_H_
