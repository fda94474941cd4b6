// Whether another implementation of a program, which computes in floats, agrees with the reference,
// and if it does not, whether the last bits of what it computes with explain that.
#ifndef LATHE_DSL_VM_TESTING_FLOAT_VERDICT_H_
#define LATHE_DSL_VM_TESTING_FLOAT_VERDICT_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dsl/vm/testing/float_run.h"

namespace lathe::testing {

// One number that an implementation and the reference do not agree on.
struct Difference {
  size_t piece, element;
  double expected, scale;

  // Whether the reference itself moves that number, by a tenth of what is allowed, when something
  // that it computes with is moved.
  bool IsExplainedBy(const FloatTrace& moved, double tolerance) const;
};

// Where two traces are further apart than `tolerance`, in the scale of the piece. Numbers that are
// not finite have to be the same.
std::vector<Difference> Differences(const FloatTrace& trace, const FloatTrace& reference,
                                    double tolerance);

// "piece 3[7] is 0.5, the reference says 0.25".
std::string DifferenceText(const Difference& difference, const FloatTrace& trace);

enum FloatVerdict : uint8_t { kEqual, kMovesWithInputs, kMovesWithTensors, kDiffers };

// Equal is within 1e-3. Otherwise: whether the reference moves when its inputs move by one unit in
// the last place of a float, or when the tensors or the numbers do that its ops read. Nudges until
// no difference is left unexplained; `told` says what is left.
FloatVerdict Judge(const Program& program, std::span<const Shape> shapes,
                   std::span<const FloatStep> steps, const FloatTrace& trace, std::string& told);

}  // namespace lathe::testing

#endif  // LATHE_DSL_VM_TESTING_FLOAT_VERDICT_H_
