// The seam behind which programs run. One meaning, several backends; `reference` is the one that
// the others are checked against.
//
//   std::unique_ptr<Execution> run = *ReferenceExecutor().Prepare(program, {{32, 64}, {32, 1}});
//   run->Step({.inputs = ..., .outputs = ...});
#ifndef LATHE_DSL_EXECUTOR_H_
#define LATHE_DSL_EXECUTOR_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dsl/program.h"

namespace lathe {

// Extents of the axes. For an optimizer there is one shape per parameter: a tensor [d0, d1, ...]
// has rows = d0 and cols = the product of the rest; scalars and vectors have cols = 1. A layer has
// one shape: batch examples of groups x channels x height x width.
struct Shape {
  int64_t rows = 1;
  int64_t cols = 1;
  int64_t batch = 1;
  int64_t groups = 1;
  int64_t channels = 1;  // of a group
  int64_t height = 1;
  int64_t width = 1;

  int64_t Extent(Axis axis) const;  // 1 for P
  // Of a parameter; of a value of a type, for one parameter.
  int64_t Elements() const { return rows * cols; }
  int64_t Elements(AxisSet type) const;
  friend bool operator==(const Shape&, const Shape&) = default;
};

// The shape of a layer over batch x channels x height x width: G is the largest divisor of the
// channels that is not above `groups`. All are positive.
Shape LayerShape(int64_t batch, int64_t channels, int64_t height, int64_t width, int64_t groups);

// A caller's array, row-major, dense. The extents follow from the type of what is bound: of
// [P,R,C] one array of rows x cols per parameter, of [P] one of 1, of [] a single one of 1, of
// [B,G,K,H,W] a single one.
struct ArrayRef {
  enum class Element : uint8_t { kFloat32, kFloat64 };
  void* data = nullptr;
  Element element = Element::kFloat64;

  ArrayRef() = default;
  ArrayRef(double* p) : data(p), element(Element::kFloat64) {}  // NOLINT: a view, like span
  ArrayRef(float* p) : data(p), element(Element::kFloat32) {}   // NOLINT
};

// What one step reads and writes.
struct StepBindings {
  // By signature input; per parameter for an input with P, one array otherwise. What the program
  // does not read, and what the executor knows by itself, may be left empty. Arrays are only read.
  std::vector<std::vector<ArrayRef>> inputs;
  // By signature output, per parameter. May be the same memory as an input.
  std::vector<std::vector<ArrayRef>> outputs;
  // Parameters that take part in this step, ascending; those without a gradient are absent from P:
  // they are not reduced over and keep their states. Empty: all take part.
  std::vector<int> active;
  // Outputs are subtracted from what their arrays hold instead of stored: with the parameters as
  // output, a step of the optimizer and the update in one pass.
  bool subtract_outputs = false;
  // Of layers: in training, reductions over B look at the batch and move their buffers on; else
  // they read the buffers.
  bool training = true;
};

// A program made ready for parameters of given shapes, together with its states. Not thread-safe;
// different executions are independent.
class Execution {
 public:
  virtual ~Execution() = default;

  // Runs the program once and moves its states on. Invalid argument if an array that the program
  // reads is not bound or an element type is not supported; nothing has changed then.
  virtual absl::Status Step(const StepBindings& bindings) = 0;

  // Puts every state back to its start.
  virtual void Reset() = 0;

  // The value of a state for one parameter (0 for a state without P), row-major.
  virtual std::vector<double> ReadState(int state, int parameter) const = 0;
  virtual absl::Status WriteState(int state, int parameter, std::span<const double> values) = 0;

  // The values of a buffer, numbered as by Buffers() in dsl/buffers.h, row-major.
  virtual std::vector<double> ReadBuffer(int buffer) const = 0;
  virtual absl::Status WriteBuffer(int buffer, std::span<const double> values) = 0;
};

// A backend. Stateless; safe to use from any thread.
class Executor {
 public:
  virtual ~Executor() = default;
  // Short and stable; part of the numeric class, e.g. "reference-f64".
  virtual std::string_view Name() const = 0;
  // Invalid argument if the program does not verify or a shape is not positive.
  virtual absl::StatusOr<std::unique_ptr<Execution>> Prepare(
      const Program& program, std::span<const Shape> shapes) const = 0;
};

// Every value in double, op by op: slow and obviously right.
const Executor& ReferenceExecutor();

// The same, but every tensor (a result with an element axis) is rounded to float as soon as it is
// computed, and a number where it meets one: they overflow, underflow and lose digits where
// floats do.
const Executor& RoundingReferenceExecutor();

// And then nudged, as a seed says: elements are moved by one unit in their last place (two in three
// of them, one in eight, all of a tensor the same way, none), elementwise ops and totals of tensors
// compute in float, numbers below the smallest normal float are lost, numbers above 1e38 overflow.
// Shows how much of a result hangs on the last bits of what it is computed from. 32 seeds in a row
// have every combination.
std::unique_ptr<Executor> MakeNudgingReferenceExecutor(uint64_t seed);

// In double, but most results of ops are moved by up to 16 units in their last place: how much of a
// result hangs on the last bits of doubles. With half of the seeds, results above 1e307 overflow;
// with another half, results below 1e-25 are lost.
std::unique_ptr<Executor> MakeMovingReferenceExecutor(uint64_t seed);

}  // namespace lathe

#endif  // LATHE_DSL_EXECUTOR_H_
