// Whether a program is well formed.
#ifndef LATHE_DSL_VERIFY_H_
#define LATHE_DSL_VERIFY_H_

#include "absl/status/status.h"
#include "dsl/program.h"

namespace lathe {

// OK, or an invalid argument that names the first instruction, state or output at fault and what
// is allowed there. Every other function of this room may assume a program that verifies.
absl::Status Verify(const Program& program);

}  // namespace lathe

#endif  // LATHE_DSL_VERIFY_H_
