// Random programs for property tests: wider than what a search draws, and rich in what the rewrites
// of the canonical form look for.
#ifndef LATHE_DSL_TESTING_RANDOM_CASE_H_
#define LATHE_DSL_TESTING_RANDOM_CASE_H_

#include <cstdint>
#include <string>

#include "dsl/program.h"
#include "dsl/random.h"

namespace lathe::testing {

// An optimizer that verifies: every op and input, hypers, states of every type and start, states
// that swap or repeat each other, reductions over absent axes, products of matrices, transposes,
// negations, repeated instructions and operands, constants from {0, 1, -1, 2, 0.5}.
Program RandomCase(RandomStream& random);

// What a failing property prints: the index that opens the case's stream, and its text.
std::string CaseText(uint64_t index, const Program& program);

}  // namespace lathe::testing

#endif  // LATHE_DSL_TESTING_RANDOM_CASE_H_
