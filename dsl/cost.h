// What a program costs over given parameter shapes, counted, not measured.
#ifndef LATHE_DSL_COST_H_
#define LATHE_DSL_COST_H_

#include <span>

#include "dsl/executor.h"
#include "dsl/program.h"

namespace lathe {

struct Cost {
  double operations = 0;   // per step, in units of one addition (column `cost` of ops.def)
  double bytes = 0;        // float32 read and written per step, each op reading its operands anew
  double state_bytes = 0;  // float32 kept between steps
  double parameters = 0;   // elements of the first output: of all parameters together
};

// Counts dead code too: pass the canonical form to leave it out.
Cost CountCost(const Program& program, std::span<const Shape> shapes);

}  // namespace lathe

#endif  // LATHE_DSL_COST_H_
