// The filters that need no training. A rejection is a value: the commonest outcome there is.
#ifndef LATHE_SEARCH_FILTERS_H_
#define LATHE_SEARCH_FILTERS_H_

#include <optional>
#include <vector>

#include "dsl/executor.h"
#include "dsl/program.h"
#include "search/outcome.h"

namespace lathe {

struct FilterOptions {
  // Shapes that costs are counted over: those of the task's model.
  std::vector<Shape> shapes;
  double max_operations_per_parameter = 400;
  double max_bytes_per_parameter = 2000;
  double max_state_bytes_per_parameter = 16;
};

class Filters {
 public:
  explicit Filters(FilterOptions options);

  // The first filter that rejects a canonical program, or nothing. Follows from the program alone.
  std::optional<Filter> Judge(const Program& canonical) const;

 private:
  // Steps with inputs of every size that training meets: three parameters of different shapes;
  // gradients from 1e-10 to 1e3 with exact zeros and outliers, small and large weights; t far
  // apart.
  struct Probe {
    std::vector<std::vector<double>> w, g;  // by parameter
    double lr, t, total_steps;
  };

  bool IsOverCost(const Program& program) const;
  std::optional<Filter> RunProbes(const Program& program) const;
  static void Bind(const Probe& probe, StepBindings& bindings);

  FilterOptions options_;
  std::vector<Shape> probe_shapes_;
  std::vector<Probe> probes_;
};

}  // namespace lathe

#endif  // LATHE_SEARCH_FILTERS_H_
