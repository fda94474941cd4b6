#include "search/study_programs.h"

#include "absl/strings/str_cat.h"
#include "dsl/text.h"

namespace lathe {
namespace {

Operand Append(Program& program, Op op, Operand a, Operand b) {
  program.instructions.push_back({op, {}, {a, b}});
  return Operand::Instruction(static_cast<int>(program.instructions.size()) - 1);
}

}  // namespace

Program ScaleAndDecay(const Program& program, double scale, double decay) {
  Program result = program;
  result.instruction_names.clear();
  Operand& update = result.outputs[0];
  if (scale != 1) update = Append(result, Op::mul, update, Operand::Constant(scale));
  if (decay != 0) {
    const Signature& signature = *program.signature;
    Operand w = Operand::Input(*signature.InputByName("w"));
    Operand lr = Operand::Input(*signature.InputByName("lr"));
    Operand strength = Append(result, Op::mul, lr, Operand::Constant(decay));
    update = Append(result, Op::add, update, Append(result, Op::mul, w, strength));
  }
  return result;
}

absl::StatusOr<Program> WithHyper(const Program& program, std::string_view name, double value) {
  Program result = program;
  for (Hyper& hyper : result.hypers) {
    if (hyper.name != name) continue;
    if (!hyper.range.Has(value)) {
      return absl::OutOfRangeError(absl::StrCat("the hyper ", hyper.name, " must be in ",
                                                hyper.range.Text(), ", not ", NumberText(value)));
    }
    hyper.value = value + 0.0;  // no -0
    return result;
  }
  return absl::NotFoundError(absl::StrCat("the program has no hyper \"", std::string(name), "\""));
}

}  // namespace lathe
