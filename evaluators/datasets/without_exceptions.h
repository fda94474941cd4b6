// Where what the standard library throws becomes a status.
#ifndef LATHE_EVALUATORS_DATASETS_WITHOUT_EXCEPTIONS_H_
#define LATHE_EVALUATORS_DATASETS_WITHOUT_EXCEPTIONS_H_

#include <exception>
#include <new>

#include "absl/status/status.h"

namespace lathe {

// What `function` returns, a status or what can be made from one, or what it has thrown.
template <typename Function>
auto WithoutExceptions(Function function) -> decltype(function()) {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_WITHOUT_EXCEPTIONS_H_
