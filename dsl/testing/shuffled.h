// The same program written down differently.
#ifndef LATHE_DSL_TESTING_SHUFFLED_H_
#define LATHE_DSL_TESTING_SHUFFLED_H_

#include "dsl/program.h"
#include "dsl/random.h"

namespace lathe::testing {

// `program` with its states and its instructions in another order, the operands of commutative ops
// the other way around at random, and other names. Hypers keep their order, which is part of a
// program.
Program Shuffled(const Program& program, RandomStream& random);

}  // namespace lathe::testing

#endif  // LATHE_DSL_TESTING_SHUFFLED_H_
