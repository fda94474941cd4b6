// Matrices over memory of the caller's, and what torch and the vm make of them.
#ifndef LATHE_EVALUATORS_TORCH_MATRIX_H_
#define LATHE_EVALUATORS_TORCH_MATRIX_H_

#include <cstdint>
#include <memory>

namespace lathe {

// Rows are one after another; `transposed` is read as [cols, rows].
struct Matrix {
  float* data = nullptr;
  int64_t rows = 0, cols = 0;
  bool transposed = false;

  Matrix Transposed() const { return {data, rows, cols, !transposed}; }
};

// out = a * b, over the same memory each time. By the BLAS that torch uses; where b is small enough
// to stay in a cache, by the vm's loops, which are up to twice as fast then. Sizes alone decide.
//
// Not thread-safe.
class Product {
 public:
  Product(const Matrix& a, const Matrix& b, const Matrix& out);
  ~Product();
  Product(Product&&) noexcept;

  // Throws what torch throws.
  void Run() const;

  class Way;  // to compute it

 private:
  std::unique_ptr<Way> way_;
};

// out[i] = the softmax of in[i], or its logarithm, for each row.
class Softmax {
 public:
  enum class Of : uint8_t { kProbabilities, kLogarithms };
  Softmax(Of of, const Matrix& in, const Matrix& out);
  ~Softmax();
  Softmax(Softmax&&) noexcept;

  void Run() const;

 private:
  struct Tensors;
  Of of_;
  std::unique_ptr<Tensors> tensors_;
};

// out[i] = exp(in[i]) over rows and columns.
void Exp(const Matrix& in, const Matrix& out);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_MATRIX_H_
