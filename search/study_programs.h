// Variants of a program that a study tries.
#ifndef LATHE_SEARCH_STUDY_PROGRAMS_H_
#define LATHE_SEARCH_STUDY_PROGRAMS_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "dsl/program.h"

namespace lathe {

// `program` with its update u replaced by scale * u + decay * lr * w (decoupled weight decay). With
// scale 1 and decay 0 the program as it is. `program` is an optimizer.
Program ScaleAndDecay(const Program& program, double scale, double decay);

// `program` with the hyper of that name set. Not found if it has none; out of range, with the
// range, if the value is outside of it.
absl::StatusOr<Program> WithHyper(const Program& program, std::string_view name, double value);

}  // namespace lathe

#endif  // LATHE_SEARCH_STUDY_PROGRAMS_H_
