// Random well-typed programs over a signature: the control of every search, and what the property
// tests are fed with.
#ifndef LATHE_DSL_RANDOM_PROGRAM_H_
#define LATHE_DSL_RANDOM_PROGRAM_H_

#include <vector>

#include "dsl/program.h"
#include "dsl/random.h"

namespace lathe {

// What may be drawn. Drawing is by relative weight over ops and uniform over inputs.
struct SearchSpace {
  std::vector<Op> ops;
  std::vector<double> op_weights;  // one per op, some positive
  std::vector<int> inputs;         // indices into the signature's inputs, not empty

  // Every op with its default weight, every input marked as searched.
  static SearchSpace Default(const Signature& signature);
};

struct RandomProgramSize {
  int min_statements = 4;
  int max_statements = 16;
  int states = 2;  // with the axes of the first output, starting at 0
};

// Verifies, except that a state with fewer axes than its next value is possible only for states
// that `size` does not draw. Operands lean towards recent results so that little of it is dead.
Program RandomProgram(const Signature& signature, const SearchSpace& space,
                      const RandomProgramSize& size, RandomStream& random);

// One operand that may stand at instruction `position`: an input of the space, a hyper, a state,
// an earlier result, or with probability `constant_chance` a constant from N(0, 1).
Operand RandomOperand(const Program& program, const SearchSpace& space, int position,
                      double constant_chance, RandomStream& random);

// An instruction for `position` with a drawn op and drawn operands.
Instruction RandomInstruction(const Program& program, const SearchSpace& space, int position,
                              RandomStream& random);

// The axes that a reduction names: R, C, both, or all.
AxisSet RandomReducedAxes(RandomStream& random);

}  // namespace lathe

#endif  // LATHE_DSL_RANDOM_PROGRAM_H_
