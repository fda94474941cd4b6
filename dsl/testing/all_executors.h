// The executors that tests compare with something written from scratch.
#ifndef LATHE_DSL_TESTING_ALL_EXECUTORS_H_
#define LATHE_DSL_TESTING_ALL_EXECUTORS_H_

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "dsl/executor.h"
#include "dsl/vm/executor.h"

namespace lathe::testing {

inline std::vector<const Executor*> AllExecutors() {
  return {&ReferenceExecutor(), &RoundingReferenceExecutor(), &VmExecutor()};
}

// Whether tensors are kept in float.
inline bool IsInFloat(const Executor& executor) {
  return executor.Name() != ReferenceExecutor().Name();
}

// How far results may be off, relative to the largest one: the rounding of a few operations.
inline double Tolerance(const Executor& executor) {
  return IsInFloat(executor) ? 1e-5 : 1e-12;
}

// The name as a part of a test's name.
inline std::string TestName(const Executor& executor) {
  std::string name(executor.Name());
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

inline double LargestMagnitude(const std::vector<double>& values) {
  double largest = 0;
  for (double value : values) largest = std::max(largest, std::fabs(value));
  return largest;
}

// The largest difference relative to the largest of `expected`; NaN where anything is.
inline double LargestError(const std::vector<double>& actual, const std::vector<double>& expected) {
  if (actual.size() != expected.size()) return NAN;
  double largest = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double difference = std::fabs(actual[i] - expected[i]);
    if (!(difference <= largest)) largest = difference;
    if (std::isnan(largest)) return NAN;
  }
  return largest == 0 ? 0 : largest / LargestMagnitude(expected);
}

// Makes numbers such that the executor is given them as they are.
inline void RoundFor(const Executor& executor, std::vector<double>& values) {
  if (!IsInFloat(executor)) return;
  for (double& value : values) value = static_cast<float>(value);
}

}  // namespace lathe::testing

#endif  // LATHE_DSL_TESTING_ALL_EXECUTORS_H_
