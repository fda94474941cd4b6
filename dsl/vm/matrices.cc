// Products of matrices and their transposes.
#include <algorithm>
#include <cmath>
#include <vector>

#include "dsl/loops.h"
#include "dsl/vm/node_operands.h"
#include "dsl/vm/singles.h"

namespace lathe::vm {
namespace {

int64_t Count(std::span<const Loop> loops) {
  int64_t count = 1;
  for (const Loop& loop : loops) count *= loop.extent;
  return count;
}

std::vector<Loop> Joined(std::initializer_list<std::span<const Loop>> parts) {
  std::vector<Loop> all;
  for (std::span<const Loop> part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// An einsum over parameters of one shape: the loops over all labels, sorted by whether the result,
// and both operands, have them. With them an einsum is `batch` products of a matrix of
// rows x inner and one of inner x cols.
struct EinsumLoops {
  EinsumLoops(const NodeOperands& operands, const Shape& shape) {
    const Node& node = operands.node;
    std::array<Strides, 2> moves = {};
    std::array<AxisSet, 2> labels;
    for (int i = 0; i < 2; ++i) {
      const Strides strides = StridesOf(operands.types[i], shape);
      ForEachAxis(operands.types[i].Without({Axis::kP}), [&](Axis axis) {
        const Axis label = LabelOf(axis, node.labels[i]);
        moves[i][static_cast<size_t>(label)] = strides[static_cast<size_t>(axis)];
        labels[i] = labels[i].With({label});
      });
    }
    const Strides result = StridesOf(node.type, shape);
    std::vector<Loop> of_batch, of_rows, of_cols, of_inner;
    ForEachAxis(labels[0].With(labels[1]), [&](Axis label) {
      const size_t i = static_cast<size_t>(label);
      const Loop loop{shape.Extent(label), {moves[0][i], moves[1][i], result[i]}};
      const bool shared = labels[0].Has(label) && labels[1].Has(label);
      std::vector<Loop>& outer = shared ? of_batch : labels[0].Has(label) ? of_rows : of_cols;
      (node.type.Has(label) ? outer : of_inner).push_back(loop);
    });
    left = Joined({of_batch, of_rows, of_inner});
    right = Joined({of_batch, of_inner, of_cols});
    product = Joined({of_batch, of_rows, of_cols});
    all = Joined({of_batch, of_rows, of_cols, of_inner});
    batch = Count(of_batch);
    rows = Count(of_rows);
    cols = Count(of_cols);
    inner = Count(of_inner);
  }

  std::vector<Loop> left, right, product, all;
  int64_t batch, rows, cols, inner;
};

class Einsum : public Single {
 public:
  Einsum(NodeOperands operands, const Kernels& kernels)
      : operands_(std::move(operands)), kernels_(kernels) {
    for (const Shape& shape : operands_.shapes) loops_.emplace_back(operands_, shape);
  }

  void Run(Memory& memory, NodeMemory& nodes) override {
    const Values values(memory, nodes);
    for (int p : memory.PositionsOf(operands_.node.type)) {
      if (IsNumberType(operands_.node.type)) {
        MakeNumbers(values, nodes, p);
      } else {
        MakeMatrices(values, nodes, p);
      }
    }
  }

 private:
  // Few numbers of many products each: in double, one product after the other.
  void MakeNumbers(const Values& values, NodeMemory& nodes, int p) {
    for (int k = 0; k < 2; ++k) operands_.Copy(values, k, p, numbers_[k]);
    Numbers& out = nodes.numbers[operands_.index];
    const bool each = operands_.node.type.Has(Axis::kP);
    double* to = out.Data() + (each ? p : 0);
    std::fill_n(to, each ? 1 : out.Size(), 0.0);
    RunLoops(loops_[p].all,
             [&](int64_t a, int64_t b, int64_t c) { to[c] += numbers_[0][a] * numbers_[1][b]; });
    out.Round();
  }

  void MakeMatrices(const Values& values, NodeMemory& nodes, int p) {
    const EinsumLoops& loops = loops_[p];
    for (int k = 0; k < 2; ++k) operands_.Copy(values, k, p, floats_[k]);
    left_.clear();
    RunLoops(loops.left, [&](int64_t a, int64_t, int64_t) { left_.push_back(floats_[0][a]); });
    right_.clear();
    RunLoops(loops.right, [&](int64_t, int64_t b, int64_t) { right_.push_back(floats_[1][b]); });
    const auto [rows, cols, inner] = std::array{loops.rows, loops.cols, loops.inner};
    product_.resize(loops.batch * rows * cols);
    for (int64_t i = 0; i < loops.batch; ++i) {
      const float* left = left_.data() + i * rows * inner;
      const float* right = right_.data() + i * inner * cols;
      float* product = product_.data() + i * rows * cols;
      kernels_.multiply(rows, cols, inner, left, inner, 1, right, cols, nullptr, 0, product, cols);
      MendOverflows(loops, left, right, product);
    }
    std::span<float> to = nodes.tensors[operands_.index].At(p);
    size_t next = 0;
    RunLoops(loops.product, [&](int64_t, int64_t, int64_t place) { to[place] = product_[next++]; });
  }

  // A sum of floats may overflow on its way to a total that does not. Such elements are summed
  // again in double.
  static void MendOverflows(const EinsumLoops& loops, const float* left, const float* right,
                            float* product) {
    const int64_t count = loops.rows * loops.cols;
    // Zero unless some element is infinite or NaN.
    float probe = 0;
    for (int64_t i = 0; i < count; ++i) probe += product[i] * 0.0f;
    if (probe == 0) return;
    for (int64_t i = 0; i < count; ++i) {
      if (std::isfinite(product[i])) continue;
      const float* row = left + i / loops.cols * loops.inner;
      const float* col = right + i % loops.cols;
      double total = 0;
      for (int64_t k = 0; k < loops.inner; ++k) {
        total += static_cast<double>(row[k]) * static_cast<double>(col[k * loops.cols]);
      }
      product[i] = static_cast<float>(total);
    }
  }

  const NodeOperands operands_;
  const Kernels& kernels_;
  std::vector<EinsumLoops> loops_;  // by parameter
  std::array<std::vector<double>, 2> numbers_;
  std::array<std::vector<float>, 2> floats_;
  std::vector<float> left_, right_, product_;
};

class Transpose : public Single {
 public:
  explicit Transpose(NodeOperands operands) : operands_(std::move(operands)) {
    for (const Shape& shape : operands_.shapes) loops_.push_back(LoopsOver(shape));
  }

  void Run(Memory& memory, NodeMemory& nodes) override {
    const Values values(memory, nodes);
    for (int p : memory.PositionsOf(operands_.node.type)) {
      const float* from = values.ArrayOf(operands_.node.operands[0], p);
      std::span<float> to = nodes.tensors[operands_.index].At(p);
      RunLoops(loops_[p], [&](int64_t i, int64_t j, int64_t) { to[i] = from[j]; });
    }
  }

 private:
  // Over the places of the result and those of the operand.
  std::vector<Loop> LoopsOver(const Shape& shape) const {
    const AxisSet type = operands_.node.type;
    const Strides own = StridesOf(type, shape);
    Strides swapped = own;
    auto swap = [&](Axis a, Axis b) {
      if (!type.Contains({a, b})) return;
      std::swap(swapped[static_cast<size_t>(a)], swapped[static_cast<size_t>(b)]);
    };
    swap(Axis::kR, Axis::kR1);
    swap(Axis::kC, Axis::kC1);
    std::vector<Loop> loops;
    ForEachAxis(type.Without({Axis::kP}), [&](Axis axis) {
      const size_t i = static_cast<size_t>(axis);
      loops.push_back({shape.Extent(axis), {own[i], swapped[i], 0}});
    });
    return loops;
  }

  const NodeOperands operands_;
  std::vector<std::vector<Loop>> loops_;  // by parameter
};

}  // namespace

std::unique_ptr<Single> MakeEinsum(const Program& program, const Lowered& lowered, int node,
                                   const Kernels& kernels, std::span<const Shape> shapes) {
  return std::make_unique<Einsum>(NodeOperands(program, lowered, node, shapes), kernels);
}

std::unique_ptr<Single> MakeTranspose(const Program& program, const Lowered& lowered, int node,
                                      std::span<const Shape> shapes) {
  return std::make_unique<Transpose>(NodeOperands(program, lowered, node, shapes));
}

}  // namespace lathe::vm
