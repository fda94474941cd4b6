// The canonical form: one program for all programs that can be shown equal by rewrites that keep
// every result bit for bit (a NaN stays a NaN, whatever its payload).
//
// Applied until nothing changes: dead code, also dead across steps; states with equal start and
// equal next are one; common subexpressions; folding of constants by exactly rounded ops; order
// of commutative operands; exact identities. x * 0 and x - x stay.
#ifndef LATHE_DSL_CANONICALIZE_H_
#define LATHE_DSL_CANONICALIZE_H_

#include <string>

#include "dsl/hash.h"
#include "dsl/program.h"

namespace lathe {

// A program that verifies gives one that verifies. Hypers that are still used keep their names and
// ranges, all other names go.
Program Canonicalize(Program program);

struct CanonicalForm {
  Program program;
  std::string text;  // Print(program), which decides equality
  Hash128 hash;      // of the text, which names the program
};
CanonicalForm MakeCanonical(Program program);

}  // namespace lathe

#endif  // LATHE_DSL_CANONICALIZE_H_
