// Runs programs step by step on any executor, with arrays of floats.
#ifndef LATHE_DSL_VM_TESTING_FLOAT_RUN_H_
#define LATHE_DSL_VM_TESTING_FLOAT_RUN_H_

#include <string>
#include <vector>

#include "dsl/executor.h"
#include "dsl/random.h"

namespace lathe::testing {

// By input or output of the signature, and by parameter.
using FloatArrays = std::vector<std::vector<std::vector<float>>>;

// What one step is given beside the program.
struct FloatStep {
  FloatArrays inputs;
  FloatArrays outputs;      // what the arrays hold before
  std::vector<int> active;  // as in StepBindings
  bool subtract = false, training = true;
  // The output is the memory of this input; -1: of none.
  int aliased_input = -1;
};

// Views of the arrays of a step.
StepBindings BindingsOf(FloatStep& step);

// What comes of steps: the values of outputs, states and buffers after each, one after another, in
// pieces that have a scale of their own.
struct FloatTrace {
  std::string error;  // of Prepare or Step, if one failed
  std::vector<std::vector<double>> pieces;
};

FloatTrace RunFloats(const Executor& executor, const Program& program,
                     std::span<const Shape> shapes, std::span<const FloatStep> steps);

// Normal numbers with outliers, zeros and equal ones; `wild`: and infinities, NaN and subnormals.
std::vector<FloatStep> RandomSteps(const Program& program, std::span<const Shape> shapes, bool wild,
                                   RandomStream& random);

// The steps with every input moved by one unit in its last place, up or down.
std::vector<FloatStep> Nudged(std::vector<FloatStep> steps, RandomStream& random);

}  // namespace lathe::testing

#endif  // LATHE_DSL_VM_TESTING_FLOAT_RUN_H_
