// From a program to nodes that are one kind of work each: arithmetic on numbers, arithmetic on
// tensors, reductions, products of matrices.
//
// Values without an element axis are numbers (of a model, a parameter, a channel) and computed in
// double. All others are tensors of floats.
#ifndef LATHE_DSL_VM_LOWERING_H_
#define LATHE_DSL_VM_LOWERING_H_

#include <array>
#include <vector>

#include "dsl/program.h"
#include "dsl/vm/code.h"

namespace lathe::vm {

struct Ref {
  enum class Kind : uint8_t { kConstant, kInput, kState, kBuffer, kNode };
  Kind kind = Kind::kConstant;
  int index = 0;
  double constant = 0;

  static Ref Constant(double value) { return {Kind::kConstant, 0, value}; }
  static Ref Node(int index) { return {Kind::kNode, index, 0}; }
  bool IsNode() const { return kind == Kind::kNode; }
  friend bool operator==(const Ref&, const Ref&) = default;
};

// What a reduction adds up, and what it makes of the total.
enum class Moment : uint8_t { kSum, kMean, kProducts, kMeanSquare, kVariance, kMax, kMin };

struct Node {
  enum class Kind : uint8_t {
    kNumber,         // `code` on numbers; an op of the language
    kReduceNumbers,  // `op` on numbers
    kTensor,         // `code` on tensors and numbers
    kReduce,         // `moment` of a tensor, of the products of two, then its root if `root`
    kEinsum,
    kTranspose,
  };
  Kind kind = Kind::kNumber;
  Code code = Code::copy;
  Op op = Op::sum;
  Moment moment = Moment::kSum;
  bool root = false;
  AxisSet type;  // of the result
  AxisSet all;   // of what is reduced: the axes of all operands
  int arity = 0;
  std::array<Ref, kMaxOperands> operands = {};
  std::array<AxisLabels, 2> labels = {};
  // Of a division by a number: its reciprocal, a number.
  int reciprocal = -1;

  bool OfNest() const { return kind == Kind::kTensor || kind == Kind::kReduce; }
  // What a nest with this node in it runs over.
  AxisSet Domain() const { return kind == Kind::kReduce ? all : type; }
};

struct Lowered {
  std::vector<Node> nodes;  // operands first; nothing in it is dead
  // Of outputs and of states with element axes the node has exactly their type.
  std::vector<Ref> outputs, next;
  std::vector<Ref> moments;  // that the buffers follow, in training
};

bool IsNumberType(AxisSet type);

// In evaluation (`training` false) reductions over B read their buffers.
Lowered Lower(const Program& program, bool training);

// The type of what a ref stands for.
AxisSet TypeOf(const Program& program, const std::vector<Node>& nodes, const Ref& ref);

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_LOWERING_H_
