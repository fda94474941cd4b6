#include "dsl/buffers.h"

#include "dsl/kernels.h"

namespace lathe {
namespace {

template <typename Kernel>
double StartOf() {
  if constexpr (requires { Kernel::kBufferStart; }) return Kernel::kBufferStart;
  return 0;
}

double BufferStart(Op op) {
  switch (op) {
// clang-format off
#define LATHE_OP(name, ...) case Op::name: return StartOf<kernels::name>();
#include "dsl/ops.def"
    // clang-format on
  }
  return 0;
}

}  // namespace

std::vector<Buffer> Buffers(const Program& program) {
  std::vector<Buffer> buffers;
  const std::vector<AxisSet> types = InstructionTypes(program);
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    const Instruction& instruction = program.instructions[i];
    if (!IsReduction(instruction.op)) continue;
    AxisSet all;
    for (AxisSet type : OperandTypes(program, instruction, types)) all = all.With(type);
    if (!all.Has(Axis::kB) || types[i].Has(Axis::kB)) continue;
    buffers.push_back({static_cast<int>(i), types[i], BufferStart(instruction.op)});
  }
  return buffers;
}

}  // namespace lathe
