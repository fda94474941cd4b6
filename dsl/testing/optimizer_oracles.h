// The optimizers of the papers as loops over doubles, written from the papers and from PyTorch's
// documentation. They share nothing with the executors.
#ifndef LATHE_DSL_TESTING_OPTIMIZER_ORACLES_H_
#define LATHE_DSL_TESTING_OPTIMIZER_ORACLES_H_

#include <map>
#include <string>
#include <vector>

namespace lathe::testing::oracles {

using Values = std::vector<double>;
using Hypers = std::map<std::string, double>;

inline constexpr double kTotalSteps = 100;

// One parameter, and what the oracle keeps of it under the names of the program's states.
struct Parameter {
  int rows, cols;
  Values w, g;
  std::map<std::string, Values> states;

  size_t Size() const { return w.size(); }
};

struct Step {
  double lr, t;
  const Hypers& hypers;
  double operator[](const std::string& hyper) const { return hypers.at(hyper); }
};

// The update of a parameter; moves its states on.
using Oracle = Values (*)(Parameter& parameter, const Step& step);

struct State0 {
  std::string name, axes;
  double start = 0;
};

struct Case {
  std::string program;
  Oracle oracle;
  std::vector<State0> states;
  Hypers hypers;  // the program's own that are meant; others are set beside them
  Hypers changed;
};

// One for every optimizer that ships with the language.
const std::vector<Case>& Cases();

}  // namespace lathe::testing::oracles

#endif  // LATHE_DSL_TESTING_OPTIMIZER_ORACLES_H_
