// What every evaluator of optimizers does. A test program defines MakeEvaluator and Contract and
// links this file.
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

inline constexpr char kShippedData[] = LATHE_SOURCE_DIR "/evaluators/data";

// What the evaluator is tried with. The default is digits, which every model learns in 100 steps of
// gradient descent.
struct ContractCase {
  std::string task;  // what tasks say unless a test does, in text form
  std::string deep = "mlp { hidden: [16, 16, 16] }";   // another model, deeper
  std::string data = kShippedData;                     // the folder that has its dataset
  std::string missing = "/nonexistent/digits.csv.gz";  // what is named where it is not
  double guess = 2.3;                                  // nats of a model that knows nothing
  // Validation losses on the way, and one that 100 steps go below.
  double early = 1.5, late = 0.7, learned = 0.5;
  double learned_error = 0.2;
  std::string huge = "1e38";  // times the gradient: no number is left of the loss
  std::string rate = "0.5";   // of gradient descent
};
const ContractCase& Contract();

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
