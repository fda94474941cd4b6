// Runs one nest over one parameter after another.
#ifndef LATHE_DSL_VM_NEST_RUN_H_
#define LATHE_DSL_VM_NEST_RUN_H_

#include <map>
#include <vector>

#include "dsl/vm/kernels.h"
#include "dsl/vm/layout.h"
#include "dsl/vm/memory.h"
#include "dsl/vm/nest_code.h"

namespace lathe::vm {

// Elements that are worked on at a time: a few blocks of floats fit into the L1 cache.
inline constexpr int64_t kBlock = 1024;

class NestRun {
 public:
  NestRun(const Program& program, const Lowered& lowered, const Schedule& schedule,
          const Nest& nest, const Kernels& kernels, std::span<const Shape> shapes);

  // For all active parameters; reductions are complete afterwards.
  void Run(Memory& memory, NodeMemory& nodes);

 private:
  enum class Mode : uint8_t {
    kRegister,
    kFixed,     // one number for the whole nest
    kFull,      // moves with every element
    kRunFixed,  // one number for each run
    kRunMoves,  // moves with every element of a run, starts anew with each
    kExpand,    // anything else: copied into a register for each block
  };

  // The code for parameters of one shape.
  struct Shaped {
    const NestCode* code = nullptr;
    int64_t total = 1;
    int64_t run = 1;                 // blocks lie within runs of this length
    std::vector<Mode> modes;         // by slot
    std::vector<Walk> walks;         // by slot
    std::vector<Elementwise> loops;  // by op
    std::vector<Walk> sink_walks;    // by sink
    std::vector<int> moving;         // slots of mode kFull, kRunFixed, kRunMoves, kExpand
    std::vector<float> constants;    // by slot
  };

  // Where the slots of one parameter begin, which stays so while the caller's arrays stay.
  struct Places {
    uint64_t version = 0;  // of the memory's arrays
    std::vector<float*> base, current;
  };

  // A reduction on its way: totals by place of the result.
  struct Totals {
    std::vector<double> total, squares, center;
    double count = 0;
  };

  bool NeedsExact(const Values& values, int p) const;
  Shaped MakeShaped(const NestCode& code, const Shape& shape) const;
  void PrepareSlots(const Shaped& shaped, Memory& memory, NodeMemory& nodes, int p, Places& places);
  void RunParameter(const Shaped& shaped, Memory& memory, bool first_of_all);
  void RunBlock(const Shaped& shaped, int64_t position, int64_t count, bool subtract,
                bool first_of_all);
  void Point(const Shaped& shaped, int64_t position, int64_t count, int64_t in_run,
             int64_t run_start);
  void Expand(const Shaped& shaped, int slot, int64_t position, int64_t count);
  const float* SinkOperand(const Shaped& shaped, int slot, int which, int64_t count);
  void Take(const Shaped& shaped, size_t sink, int64_t position, int64_t count, bool first_of_all);
  void TakeSegment(const Node& node, Totals& totals, int64_t length, int64_t place, bool moves,
                   bool first, const float* x, const float* y);
  void StartTotals(size_t sink, size_t size);
  void Finish(size_t sink, NodeMemory& nodes, int p);

  const Lowered& lowered_;
  const Kernels& kernels_;
  NestCode fast_, exact_;
  std::vector<int> reciprocals_;               // nodes of the divisors' reciprocals
  std::vector<Ref> mixes_;                     // by which lerps mix
  std::vector<std::array<Shaped, 2>> shaped_;  // by different shape: fast and exact
  std::vector<int> shape_of_;                  // by parameter
  std::vector<std::array<Places, 2>> places_;  // by parameter: fast and exact
  std::vector<Totals> totals_;                 // by sink
  Floats scratch_;
  // By slot, in the block that runs.
  float* const* base_ = nullptr;
  std::vector<float*> current_;
};

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_NEST_RUN_H_
