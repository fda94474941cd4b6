// States that cannot be told apart.
#ifndef LATHE_DSL_EQUAL_STATES_H_
#define LATHE_DSL_EQUAL_STATES_H_

#include <vector>

#include "dsl/program.h"

namespace lathe {

// For each state the lowest state that is equal to it at every step, which is itself for most: the
// coarsest partition in which equal states start equal and have equal next values (as in the
// minimization of automata: start from the starts, split until nothing splits).
std::vector<int> EqualStates(const Program& program);

}  // namespace lathe

#endif  // LATHE_DSL_EQUAL_STATES_H_
