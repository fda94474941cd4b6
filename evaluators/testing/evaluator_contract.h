// What every evaluator of optimizers does. A test program defines MakeEvaluator and links this
// file.
#ifndef LATHE_EVALUATORS_TESTING_EVALUATOR_CONTRACT_H_
#define LATHE_EVALUATORS_TESTING_EVALUATOR_CONTRACT_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "dsl/program.h"
#include "evaluators/evaluator.h"

namespace lathe {

// The evaluator under test, with data in this folder.
std::unique_ptr<Evaluator> MakeEvaluator(const std::string& data_directory);

// The model that tasks have unless they say another, in the text form of a task.
extern const char* const kContractModel;

inline constexpr char kShippedData[] = LATHE_SOURCE_DIR "/evaluators/data";

// A resolved task from the text form of its message.
v1::Task TaskFrom(const std::string& text = "");

// An optimizer whose update is the gradient times `factor`, an operand as text.
Program Sgd(const std::string& factor);

struct Bits {
  bool diverged;
  int steps;
  double objective, loss, error, test_loss, test_error;
  friend bool operator==(const Bits&, const Bits&) = default;
};

inline Bits BitsOf(const absl::StatusOr<Evaluation>& e) {
  EXPECT_TRUE(e.ok()) << e.status();
  if (!e.ok()) return {};
  return {e->diverged,         e->steps,     e->objective, e->validation.loss,
          e->validation.error, e->test.loss, e->test.error};
}

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TESTING_EVALUATOR_CONTRACT_H_
