// Runs programs on the reference executor with arrays that the test owns.
#ifndef LATHE_DSL_TESTING_MODEL_RUN_H_
#define LATHE_DSL_TESTING_MODEL_RUN_H_

#include <cstdint>
#include <span>
#include <vector>

#include "dsl/executor.h"
#include "dsl/random.h"

namespace lathe::testing {

// By input (or output) of the signature, by parameter (one for values without P), row-major.
using Arrays = std::vector<std::vector<std::vector<double>>>;

Arrays ZeroInputs(const Signature& signature, std::span<const Shape> shapes);
Arrays ZeroOutputs(const Signature& signature, std::span<const Shape> shapes);

// Views of arrays, to bind.
std::vector<std::vector<ArrayRef>> Refs(Arrays& arrays);

// Which numbers RandomInputs draws beside normal ones: ever worse company for arithmetic.
enum class Company : uint8_t { kZeros, kInfinities, kNaNs };
Arrays RandomInputs(const Signature& signature, std::span<const Shape> shapes, Company company,
                    RandomStream& random);

// Runs one step per entry of `steps` from the start and gives all outputs one after another. The
// last step of a layer is one of evaluation if `evaluate_last`.
std::vector<double> RunSteps(const Program& program, std::span<const Shape> shapes,
                             std::span<const Arrays> steps, bool evaluate_last = false);

// Equal bit for bit, where one NaN is like another.
bool SameBits(double a, double b);
bool SameBits(std::span<const double> a, std::span<const double> b);

}  // namespace lathe::testing

#endif  // LATHE_DSL_TESTING_MODEL_RUN_H_
