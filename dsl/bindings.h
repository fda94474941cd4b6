// What every executor checks before a step.
#ifndef LATHE_DSL_BINDINGS_H_
#define LATHE_DSL_BINDINGS_H_

#include <span>
#include <vector>

#include "absl/status/status.h"
#include "dsl/executor.h"

namespace lathe {

// Invalid argument if a program cannot be prepared for the shapes: it does not verify, a shape is
// not positive, or what it reads and computes takes more than kMaxValueBytes in all.
inline constexpr int64_t kMaxValueBytes = int64_t{1} << 34;
absl::Status CheckPreparation(const Program& program, std::span<const Shape> shapes);

// By input of the signature, whether the caller has to bind it: the program reads it or starts a
// state there, and the executor does not know it by itself.
std::vector<bool> BoundInputs(const Program& program);

// Invalid argument, naming what is wrong, if an array that is needed is missing or the active
// parameters are not ascending ones of the model. `bound` is BoundInputs(program).
absl::Status CheckBindings(const Program& program, const std::vector<bool>& bound,
                           size_t parameters, const StepBindings& bindings);

}  // namespace lathe

#endif  // LATHE_DSL_BINDINGS_H_
