// When each node of a lowered program runs, and what has to lie in memory in between.
//
// Work goes in levels. A level first runs what is no loop over elements (numbers, matrices), then
// its nests: a nest runs over all elements of one type, block by block, with everything that is
// computed on the way in registers. The result of a reduction is there from the next level on.
#ifndef LATHE_DSL_VM_SCHEDULE_H_
#define LATHE_DSL_VM_SCHEDULE_H_

#include <vector>

#include "dsl/vm/lowering.h"

namespace lathe::vm {

struct Nest {
  AxisSet domain;
  std::vector<int> nodes;  // kTensor and kReduce, in order
  // Outputs and states that are written from registers of this nest; those whose memory something
  // reads later are left to the end of the step.
  std::vector<int> outputs, states;
};

struct Level {
  std::vector<int> singles;  // all other nodes, in order
  std::vector<Nest> nests;
};

struct Schedule {
  std::vector<Level> levels;
  // By node: a tensor that is read outside of its nest, or copied at the end of the step.
  std::vector<bool> stored;
  // Outputs and states that are copied from stored tensors at the end of the step.
  std::vector<int> late_outputs, late_states;
};

Schedule MakeSchedule(const Program& program, const Lowered& lowered);

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_SCHEDULE_H_
