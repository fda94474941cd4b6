// One program over one model, in double, op by op.
#ifndef LATHE_DSL_REFERENCE_EXECUTION_H_
#define LATHE_DSL_REFERENCE_EXECUTION_H_

#include <string_view>
#include <vector>

#include "dsl/executor.h"
#include "dsl/reference/lanes.h"
#include "dsl/reference/value.h"

namespace lathe::reference {

class ReferenceExecution : public Execution {
 public:
  // The program verifies and every extent is positive.
  ReferenceExecution(const Program& program, std::span<const Shape> shapes);

  absl::Status Step(const StepBindings& bindings) override;
  void Reset() override;
  std::vector<double> ReadState(int state, int parameter) const override;
  absl::Status WriteState(int state, int parameter, std::span<const double> values) override;

 private:
  using Parameters = std::vector<int>;

  void FillExtents();
  const Parameters& ActiveOf(const StepBindings& bindings) const;
  bool NeedsBinding(size_t input) const;
  absl::Status CheckBindings(const StepBindings& bindings) const;
  absl::Status CheckActive(const Parameters& active) const;
  absl::Status CheckArrays(const std::vector<std::vector<ArrayRef>>& arrays, size_t index,
                           AxisSet axes, std::string_view name, const Parameters& active) const;
  void LoadInputs(const StepBindings& bindings, const Parameters& active);
  void StartStates(const Parameters& active);

  void RunElementwise(const Instruction& instruction, Value& out, const Parameters& active);
  void RunReduction(const Instruction& instruction, Value& out, const Parameters& active);
  // out = value, along the axes that `value` lacks as often as needed.
  void Broadcast(const Operand& value, Value& out, const Parameters& active);
  void StoreOutput(size_t index, const std::vector<ArrayRef>& arrays, const Parameters& active);

  const Layout& LayoutOf(const Operand& operand) const;
  const double* DataOf(const Operand& operand, int parameter) const;
  Lane LaneOf(const Operand& operand, int parameter, int64_t row) const;
  // Whether all R x C elements of a parameter can be treated as one row.
  bool IsFlat(const Instruction& instruction, AxisSet out) const;

  Program program_;
  std::vector<Shape> shapes_;
  Parameters everyone_;
  std::vector<bool> input_used_;
  std::vector<Value> inputs_, results_, outputs_;
  std::vector<Value> states_, next_states_;
  // By state and parameter: whether a state that starts at an input has taken it or been written.
  std::vector<std::vector<bool>> started_;
  Layout scalar_;
};

}  // namespace lathe::reference

#endif  // LATHE_DSL_REFERENCE_EXECUTION_H_
