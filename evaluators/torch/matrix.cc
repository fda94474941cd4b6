#include "evaluators/torch/matrix.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/_log_softmax.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <vector>

#include "dsl/vm/kernels.h"

namespace lathe {
namespace {

// Every tensor here is made and used under this guard: no autograd, no version counters.
using Guard = c10::InferenceMode;

at::Tensor Over(const Matrix& matrix) {
  const at::Tensor tensor = at::from_blob(matrix.data, {matrix.rows, matrix.cols}, at::kFloat);
  return matrix.transposed ? tensor.t() : tensor;
}

// Floats of b up to which the vm's loops were at least as fast, on a machine whose second-level
// cache holds twice as much.
constexpr int64_t kNarrow = 1 << 16;

}  // namespace

class Product::Way {
 public:
  virtual ~Way() = default;
  virtual void Run() = 0;
};

namespace {

class ByBlas : public Product::Way {
 public:
  ByBlas(const Matrix& a, const Matrix& b, const Matrix& out) {
    const Guard guard;
    a_ = Over(a);
    b_ = Over(b);
    out_ = Over(out);
  }

  void Run() override {
    const Guard guard;
    at::mm_out(out_, a_, b_);
  }

 private:
  at::Tensor a_, b_, out_;
};

class ByLoops : public Product::Way {
 public:
  ByLoops(const Matrix& a, const Matrix& b, const Matrix& out)
      : a_(a), b_(b), out_(out), kernels_(*vm::AvailableKernels().front()) {
    if (b.transposed) turned_.resize(static_cast<size_t>(b.rows * b.cols));
  }

  void Run() override {
    if (b_.transposed) Turn();
    const auto rows = static_cast<size_t>(out_.rows), cols = static_cast<size_t>(out_.cols);
    const auto a_cols = static_cast<size_t>(a_.cols);
    kernels_.multiply(rows, cols, static_cast<size_t>(a_.transposed ? a_.rows : a_.cols), a_.data,
                      a_.transposed ? 1 : a_cols, a_.transposed ? a_cols : 1,
                      b_.transposed ? turned_.data() : b_.data, cols, nullptr, 0, out_.data, cols);
  }

 private:
  void Turn() {
    const auto rows = static_cast<size_t>(b_.rows), cols = static_cast<size_t>(b_.cols);
    for (size_t j = 0; j < cols; ++j) {
      for (size_t i = 0; i < rows; ++i) turned_[j * rows + i] = b_.data[i * cols + j];
    }
  }

  const Matrix a_, b_, out_;
  const vm::Kernels& kernels_;
  std::vector<float> turned_;  // b as its rows are read
};

}  // namespace

Product::Product(const Matrix& a, const Matrix& b, const Matrix& out) {
  if (b.rows * b.cols <= kNarrow) {
    way_ = std::make_unique<ByLoops>(a, b, out);
  } else {
    way_ = std::make_unique<ByBlas>(a, b, out);
  }
}

Product::~Product() = default;
Product::Product(Product&&) noexcept = default;

void Product::Run() const {
  way_->Run();
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
