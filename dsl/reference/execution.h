// One program over one model, in double, op by op.
#ifndef LATHE_DSL_REFERENCE_EXECUTION_H_
#define LATHE_DSL_REFERENCE_EXECUTION_H_

#include <span>
#include <vector>

#include "dsl/buffers.h"
#include "dsl/executor.h"
#include "dsl/random.h"
#include "dsl/reference/lanes.h"
#include "dsl/reference/value.h"

namespace lathe::reference {

// What becomes of a tensor, a result with an element axis, once it is computed: nothing; rounded to
// float; and then nudged, as a float of another implementation might have come out. kMoved: every
// result stays a double, and is moved as another implementation's might have come out.
enum class Rounding : uint8_t { kNone, kFloat, kNudged, kMoved };

// How tensors are nudged. By seed: see MakeNudgingReferenceExecutor.
struct Nudging {
  explicit Nudging(uint64_t seed)
      : one_in(std::array{3, 16, 1, 0}[seed % 4]),
        in_float(seed / 4 % 2 == 1),
        loses_subnormals(seed / 8 % 2 == 1),
        overflows_early(seed / 16 % 2 == 1),
        random(seed, {}) {}

  uint64_t one_in;        // of so many elements one goes up and one down; 1: all alike; 0: none
  bool in_float;          // elementwise ops and totals of tensors compute in float
  bool loses_subnormals;  // what is smaller than a normal float becomes zero
  bool overflows_early;   // what is larger than 1e38 becomes infinite
  RandomStream random;
};

class ReferenceExecution : public Execution {
 public:
  // The program passes CheckPreparation. `seed` is that of the nudges.
  ReferenceExecution(const Program& program, std::span<const Shape> shapes, Rounding rounding,
                     uint64_t seed);

  absl::Status Step(const StepBindings& bindings) override;
  void Reset() override;
  std::vector<double> ReadState(int state, int parameter) const override;
  absl::Status WriteState(int state, int parameter, std::span<const double> values) override;
  std::vector<double> ReadBuffer(int buffer) const override;
  absl::Status WriteBuffer(int buffer, std::span<const double> values) override;

 private:
  using Parameters = std::vector<int>;

  void FillExtents();
  void LoadInputs(const StepBindings& bindings, const Parameters& active);
  void StartStates(const Parameters& active);

  // The positions of P at which a value of this type lives: just 0 for one without P.
  const Parameters& PositionsOf(AxisSet type, const Parameters& active) const;
  void Run(size_t index, const Parameters& active, bool training);
  void RunElementwise(const Instruction& instruction, Value& out, const Parameters& active);
  void RunReduction(size_t index, const Parameters& active, bool training);
  void RunNormalizeOver(const Instruction& instruction, Value& out, const Parameters& active);
  void RunNormalizeModel(const Instruction& instruction, Value& out, const Parameters& active);
  void RunEinsum(const Instruction& instruction, Value& out, const Parameters& active);
  void RunTranspose(const Instruction& instruction, Value& out, const Parameters& active);
  bool RoundsToFloat() const {
    return rounding_ == Rounding::kFloat || rounding_ == Rounding::kNudged;
  }
  bool ComputesInFloat() const { return rounding_ == Rounding::kNudged && nudging_.in_float; }
  // Totals lose what is smaller than the last place of their largest term, as sums of floats do,
  // and overflow where that does.
  void CoarsenTotals(const Instruction& instruction, Value& value, const Parameters& active);
  void Round(Value& value, const Parameters& active);
  void Move(const Instruction& instruction, Value& value, const Parameters& active);
  // out = value, along the axes that `value` lacks as often as needed.
  void Broadcast(const Operand& value, Value& out, const Parameters& active);
  void StoreOutput(size_t index, const std::vector<ArrayRef>& arrays, const Parameters& active,
                   bool subtract);

  AxisSet TypeOf(const Operand& operand) const;
  AxisSet UnionOf(const Instruction& instruction) const;
  std::span<const double> DataOf(const Operand& operand, int parameter) const;
  // The elements of an operand as those of a value of `type`; `scratch` may hold them.
  // Numbers among tensors are rounded if the execution rounds, but for those up to `exact_up_to`.
  Lane LaneOf(const Operand& operand, AxisSet type, int parameter, std::vector<double>& scratch,
              double exact_up_to = 0);

  struct EinsumOperand {
    AxisSet type;
    std::span<const double> data;
  };
  // Of one parameter, without what is summed out of the operand alone. Numbers are rounded if the
  // execution rounds and the result is a tensor. `scratch` may hold the data.
  EinsumOperand EinsumOperandOf(const Instruction& instruction, int which, const Value& out,
                                int parameter, std::vector<double>& scratch) const;

  Program program_;
  std::vector<Shape> shapes_;
  Rounding rounding_;
  Nudging nudging_;
  Parameters everyone_, first_ = {0};
  std::vector<bool> bound_;
  std::vector<Value> inputs_, results_, outputs_;
  std::vector<Value> states_, next_states_;
  std::vector<Buffer> buffers_;
  std::vector<Value> buffer_values_;
  // By state and parameter: whether a state that starts at an input has taken it or been written.
  std::vector<std::vector<bool>> started_;
  std::array<std::vector<double>, kMaxArity> scratch_;
};

}  // namespace lathe::reference

#endif  // LATHE_DSL_REFERENCE_EXECUTION_H_
