// Programs of the tests, beside the known ones.
#ifndef LATHE_TESTS_EXPORT_EVERY_OP_H_
#define LATHE_TESTS_EXPORT_EVERY_OP_H_

#include <string>
#include <utility>
#include <vector>

namespace lathe {

// Name and text of optimizers that keep the result of every op in a state of its own: over
// tensors, over numbers of a parameter, over numbers of a model; with reductions over the model.
// And those whose names have a meaning in a header.
std::vector<std::pair<std::string, std::string>> EveryOpPrograms();

}  // namespace lathe

#endif  // LATHE_TESTS_EXPORT_EVERY_OP_H_
