// Every backend, by the name that a user gives it.
//
//   const Executor* executor = ExecutorByName("reference");
#ifndef LATHE_DSL_EXECUTORS_H_
#define LATHE_DSL_EXECUTORS_H_

#include <string>
#include <string_view>
#include <vector>

#include "dsl/executor.h"

namespace lathe {

// By its short name, or by Executor::Name(). Null if there is none.
const Executor* ExecutorByName(std::string_view name);

// The short names.
std::vector<std::string> ExecutorNames();

}  // namespace lathe

#endif  // LATHE_DSL_EXECUTORS_H_
