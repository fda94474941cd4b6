// Random well-typed programs over a signature: the control of every search, and what the property
// tests are fed with.
#ifndef LATHE_DSL_RANDOM_PROGRAM_H_
#define LATHE_DSL_RANDOM_PROGRAM_H_

#include <array>
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
  // Every op, also those that only a job names, and every input.
  static SearchSpace Everything(const Signature& signature);
};

struct RandomProgramSize {
  int min_statements = 4;
  int max_statements = 16;
  // With the axes of the first output, starting at 0; of mixed axes and starts if `tangled`. None
  // for signatures without states.
  int states = 2;
  // Statements read what nothing has read yet, so that most of them are alive.
  bool tangled = false;

  // For property tests: most programs have 15 live statements and more.
  static RandomProgramSize Large() { return {24, 48, 3, true}; }
};

// Verifies. Operands lean towards recent results so that little of it is dead.
Program RandomProgram(const Signature& signature, const SearchSpace& space,
                      const RandomProgramSize& size, RandomStream& random);

// One operand that may stand at instruction `position`: an input of the space, a hyper, a state,
// an earlier result, or with probability `constant_chance` a constant from N(0, 1).
Operand RandomOperand(const Program& program, const SearchSpace& space, int position,
                      double constant_chance, RandomStream& random);

// An instruction for `position` with a drawn op, drawn operands and drawn axes. `types` are those
// of the instructions before it. Well-formed.
Instruction RandomInstruction(const Program& program, const SearchSpace& space, int position,
                              const std::vector<AxisSet>& types, RandomStream& random);

// Draws anew the axes that a reduction or a normalization names.
AxisSet RandomNamedAxes(const Signature& signature, const SearchSpace& space, RandomStream& random);
// Draws anew the labels and the result of an einsum whose operands have the given types.
void DrawLabels(const Signature& signature, Instruction& einsum,
                const std::array<AxisSet, kMaxArity>& operands, RandomStream& random);

}  // namespace lathe

#endif  // LATHE_DSL_RANDOM_PROGRAM_H_
