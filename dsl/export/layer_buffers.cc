#include "dsl/export/layer_buffers.h"

#include "dsl/buffers.h"
#include "dsl/kernels.h"

namespace lathe {
namespace {

template <typename Kernel>
constexpr bool kIsRoot = requires(double moment) {
  Kernel::Finish(moment);
};

bool IsRoot(Op op) {
  switch (op) {
// clang-format off
#define LATHE_OP(name, ...) case Op::name: return kIsRoot<kernels::name>;
#include "dsl/ops.def"
    // clang-format on
  }
  return false;
}

}  // namespace

std::vector<LayerParameter> LayerParameters(const ExportedProgram& program) {
  std::vector<LayerParameter> parameters;
  for (const SignatureInput& input : program.program->signature->inputs) {
    if (input.name == "x" || !program.Reads(input.name)) continue;
    const bool scale = input.name == "gamma" || input.name == "v1";
    parameters.push_back({std::string(input.name), scale ? 1.0 : 0.0});
  }
  return parameters;
}

std::vector<LayerBuffer> LayerBuffers(const ExportedProgram& program) {
  std::vector<LayerBuffer> buffers;
  for (const Buffer& buffer : Buffers(*program.program)) {
    const int place = program.instructions[buffer.instruction];
    if (place < 0) continue;
    const Op op = program.program->instructions[buffer.instruction].op;
    buffers.push_back({buffer.instruction, "running_" + program.values[place].name, buffer.axes,
                       buffer.start, IsRoot(op)});
  }
  return buffers;
}

}  // namespace lathe
