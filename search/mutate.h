// Mutations of programs, after Chen et al., "Symbolic discovery of optimization algorithms", 2023,
// section 2.1: insert, delete or modify one statement; constants are multiplied by 2^a with
// a ~ N(0, 1) or drawn anew from N(0, 1).
#ifndef LATHE_SEARCH_MUTATE_H_
#define LATHE_SEARCH_MUTATE_H_

#include <string_view>

#include "dsl/program.h"
#include "dsl/random.h"
#include "dsl/random_program.h"

namespace lathe {

struct MutationOptions {
  SearchSpace space;
  double insert_weight = 1, delete_weight = 1, modify_weight = 1;
  int max_statements = 40;  // a program this long gets no insertion
  bool constants_only = false;
};

struct Mutation {
  Program program;
  std::string_view operation;  // "insert", "delete", "modify" or "constant"
};

// One mutation. The result verifies except that a value may have got too many axes for a state or
// an output, or a reduction of a layer the wrong ones. A hyper stays a hyper and in its range. A
// program with nothing to mutate comes back as it was.
Mutation Mutate(const Program& parent, const MutationOptions& options, RandomStream& random);

}  // namespace lathe

#endif  // LATHE_SEARCH_MUTATE_H_
