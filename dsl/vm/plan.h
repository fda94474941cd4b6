// A program made ready for given shapes: what runs in a step, and what it needs to run in.
#ifndef LATHE_DSL_VM_PLAN_H_
#define LATHE_DSL_VM_PLAN_H_

#include <memory>
#include <vector>

#include "dsl/vm/nest_run.h"
#include "dsl/vm/singles.h"

namespace lathe::vm {

class Plan {
 public:
  // `kernels` outlive the plan.
  Plan(const Program& program, bool training, const Kernels& kernels,
       std::span<const Shape> shapes);
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  // One step: outputs are written, states and buffers moved on.
  void Run(Memory& memory);

 private:
  struct RunLevel {
    std::vector<std::unique_ptr<Single>> singles;
    std::vector<std::unique_ptr<NestRun>> nests;
  };

  void MakeStorage(std::span<const Shape> shapes);
  double NumberAt(const Memory& memory, const Ref& ref, int p, size_t i);
  void MoveBuffers(Memory& memory);
  void FinishTensors(Memory& memory);
  void MoveNumberStates(Memory& memory);

  const Program program_;
  const Lowered lowered_;
  const Schedule schedule_;
  NodeMemory nodes_;
  std::vector<RunLevel> levels_;
  std::vector<Numbers> next_numbers_;  // by state
};

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_PLAN_H_
