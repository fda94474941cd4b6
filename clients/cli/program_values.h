// Values of a program's input as a user writes them.
#ifndef LATHE_CLIENTS_CLI_PROGRAM_VALUES_H_
#define LATHE_CLIENTS_CLI_PROGRAM_VALUES_H_

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dsl/executor.h"

namespace lathe {

// `text` is a number, for every element, or the path of a JSON file, "-" for standard input: nested
// lists of numbers and of "NaN", "Infinity", "-Infinity", read row-major; for a type with P the
// outermost list has an entry per parameter, and may be left out if there is one. `values` has the
// size that is wanted: a list, or one per parameter. Invalid argument if there are other than as
// many values.
absl::Status ReadValues(const std::string& text, AxisSet type, std::span<const Shape> shapes,
                        std::vector<std::vector<double>>& values);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_PROGRAM_VALUES_H_
