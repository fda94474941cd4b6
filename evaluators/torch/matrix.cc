#include "evaluators/torch/matrix.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/_log_softmax.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <c10/core/InferenceMode.h>

namespace lathe {
namespace {

// Every tensor here is made and used under this guard: no autograd, no version counters.
using Guard = c10::InferenceMode;

at::Tensor Over(const Matrix& matrix) {
  const at::Tensor tensor = at::from_blob(matrix.data, {matrix.rows, matrix.cols}, at::kFloat);
  return matrix.transposed ? tensor.t() : tensor;
}

}  // namespace

struct Product::Tensors {
  at::Tensor a, b, out;
};

Product::Product(const Matrix& a, const Matrix& b, const Matrix& out) {
  const Guard guard;
  tensors_ = std::make_unique<Tensors>(Tensors{Over(a), Over(b), Over(out)});
}

Product::~Product() = default;
Product::Product(Product&&) noexcept = default;

void Product::Run() const {
  const Guard guard;
  at::mm_out(tensors_->out, tensors_->a, tensors_->b);
}

struct Softmax::Tensors {
  at::Tensor in, out;
};

Softmax::Softmax(Of of, const Matrix& in, const Matrix& out) : of_(of) {
  const Guard guard;
  tensors_ = std::make_unique<Tensors>(Tensors{Over(in), Over(out)});
}

Softmax::~Softmax() = default;
Softmax::Softmax(Softmax&&) noexcept = default;

void Softmax::Run() const {
  const Guard guard;
  if (of_ == Of::kProbabilities) {
    at::_softmax_out(tensors_->out, tensors_->in, /*dim=*/1, /*half_to_float=*/false);
  } else {
    at::_log_softmax_out(tensors_->out, tensors_->in, /*dim=*/1, /*half_to_float=*/false);
  }
}

void Exp(const Matrix& in, const Matrix& out) {
  const Guard guard;
  at::Tensor result = Over(out);
  at::exp_out(result, Over(in));
}

}  // namespace lathe
