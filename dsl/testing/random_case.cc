#include "dsl/testing/random_case.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dsl/random_program.h"
#include "dsl/text.h"
#include "dsl/wellformed.h"

namespace lathe::testing {
namespace {

constexpr std::array<double, 5> kConstants = {0, 1, -1, 2, 0.5};
constexpr std::array<AxisSet, 7> kTypes = {kModelAxes,
                                           AxisSet{},
                                           AxisSet{Axis::kP},
                                           AxisSet{Axis::kP, Axis::kR},
                                           AxisSet{Axis::kP, Axis::kC},
                                           AxisSet{Axis::kP, Axis::kR, Axis::kR1},
                                           AxisSet{Axis::kP, Axis::kC, Axis::kC1}};
constexpr std::array<AxisSet, 6> kOver = {AxisSet{Axis::kP},           AxisSet{Axis::kC},
                                          AxisSet{Axis::kR, Axis::kC}, kModelAxes,
                                          AxisSet{Axis::kR1},          kParameterAxes};

class CaseBuilder {
 public:
  explicit CaseBuilder(RandomStream& random)
      : random_(random), space_(SearchSpace::Everything(OptimizerSignature())) {
    // The gradient and the parameters are what programs are about.
    for (int often : {0, 0, 1, 1, 1}) space_.inputs.push_back(often);
  }

  Program Build() {
    for (uint64_t i = random_.Below(4); i > 0; --i) program_.hypers.push_back(RandomHyper());
    for (uint64_t i = random_.Below(5); i > 0; --i) program_.states.push_back(RandomState());
    for (uint64_t i = random_.Below(16); i > 0; --i) Append(RandomLine());
    for (State& state : program_.states) state.next = RandomNext(state.axes);
    if (random_.Chance(0.5)) MakeTwins();
    program_.outputs = {
        Fitting(Count() > 0 && random_.Chance(0.9) ? Operand::Instruction(Count() - 1) : Any(),
                OptimizerSignature().outputs[0].axes)};
    return std::move(program_);
  }

 private:
  int Count() const { return static_cast<int>(program_.instructions.size()); }

  double RandomConstant() { return kConstants[random_.Below(kConstants.size())]; }

  Hyper RandomHyper() {
    Hyper hyper;
    hyper.value = random_.Chance(0.5) ? RandomConstant() : random_.Normal();
    return hyper;
  }

  State RandomState() {
    State state;
    state.axes = kTypes[random_.Below(kTypes.size())];
    state.start_from_input = state.axes == kModelAxes && random_.Chance(0.3);
    if (!state.start_from_input && random_.Chance(0.3)) state.start = RandomConstant();
    return state;
  }

  Operand Any() { return RandomOperand(program_, space_, Count(), 0.1, random_); }

  // One of the latest results, so that instructions build on each other.
  Operand Recent() {
    if (Count() == 0) return Any();
    return Operand::Instruction(Count() - 1 -
                                static_cast<int>(random_.Below(std::min(3, Count()))));
  }

  Instruction RandomLine() {
    switch (random_.Below(11)) {
      case 0: return Count() > 0 ? OnRepetition() : AnyOp();
      case 1: return {Op::neg, {}, {random_.Chance(0.5) ? Any() : Recent()}};
      case 2: return Doubled();
      case 3: return {RandomNamingOp(), RandomOver(), {Recent()}};
      case 4: return OnNegations();
      case 5: return random_.Chance(0.5) ? OnTransposes() : Gram();
      default: return AnyOp();
    }
  }

  AxisSet RandomOver() { return kOver[random_.Below(kOver.size())]; }

  Op RandomNamingOp() {
    static const std::vector<Op> ops = [] {
      // Sums and means are what most programs reduce by.
      std::vector<Op> all = {Op::sum, Op::sum, Op::mean, Op::mean};
      for (Op op : AllOps()) {
        if (NamesAxes(op)) all.push_back(op);
      }
      return all;
    }();
    return ops[random_.Below(ops.size())];
  }

  // The product of a value with its transpose: where primed axes come from.
  Instruction Gram() {
    const Operand operand = Operand::Input(static_cast<int>(random_.Below(2)));
    const Axis axis = random_.Chance(0.5) ? Axis::kR : Axis::kC;
    Instruction gram{Op::einsum,
                     {axis, axis == Axis::kR ? Axis::kR1 : Axis::kC1},
                     {operand, random_.Chance(0.5) ? operand : Recent()}};
    gram.labels[1] = WithLabel(gram.labels[1], axis, 1);
    return gram;
  }

  Instruction OnTransposes() {
    const Operand operand = Append(random_.Chance(0.5) ? Gram() : AnyOp());
    return {Op::transpose, {}, {Append({Op::transpose, {}, {operand}})}};
  }

  Instruction AnyOp() {
    Instruction instruction = RandomInstruction(program_, space_, Count(), types_, random_);
    for (int i = 0; i < instruction.Arity(); ++i) {
      Operand& operand = instruction.operands[i];
      if (random_.Chance(0.35)) operand = Recent();
      if (random_.Chance(0.1)) operand = Operand::Constant(RandomConstant());
    }
    return instruction;
  }

  // An op that reads one value twice: computed again, with its operands the other way around where
  // there are two.
  Instruction OnRepetition() {
    int original = static_cast<int>(random_.Below(Count()));
    Instruction again = program_.instructions[original];
    if (again.Arity() == 2) std::swap(again.operands[0], again.operands[1]);
    static constexpr std::array<Op, 4> kOps = {Op::sub, Op::max, Op::mul, Op::add};
    return {kOps[random_.Below(kOps.size())], {}, {Operand::Instruction(original), Append(again)}};
  }

  // An op of several operands that are all the same.
  Instruction Doubled() {
    Instruction instruction = AnyOp();
    for (int i = 1; i < instruction.Arity(); ++i) instruction.operands[i] = instruction.operands[0];
    return instruction;
  }

  // An op that reads an op that only concerns signs.
  Instruction OnNegations() {
    static constexpr std::array<Op, 6> kSignOps = {Op::neg, Op::neg,    Op::abs,
                                                   Op::exp, Op::square, Op::sign};
    Instruction instruction = AnyOp();
    if (random_.Chance(0.2)) {
      instruction = {kSignOps[random_.Below(kSignOps.size())], {}, {}};
    }
    for (int i = 0; i < instruction.Arity(); ++i) {
      if (random_.Chance(0.3)) continue;
      instruction.operands[i] = Append({kSignOps[random_.Below(kSignOps.size())], {}, {Any()}});
    }
    return instruction;
  }

  Operand Append(Instruction instruction) {
    const OperandTypeArray operands = OperandTypes(program_, instruction, types_);
    if (Info(instruction.op).rule == TypeRule::contract) {
      RepairEinsum(*program_.signature, instruction, operands);
    }
    types_.push_back(ResultType(instruction.op, instruction.over,
                                std::span(operands).first(instruction.Arity())));
    program_.instructions.push_back(instruction);
    return Operand::Instruction(Count() - 1);
  }

  // The operand, or what is left of it without the axes that `axes` lacks.
  Operand Fitting(const Operand& operand, AxisSet axes) {
    const AxisSet type = OperandType(program_, operand, types_);
    if (axes.Contains(type)) return operand;
    return Append({random_.Chance(0.5) ? Op::sum : Op::reduce_max, type.Without(axes), {operand}});
  }

  Operand RandomNext(AxisSet axes) {
    for (int attempt = 0; attempt < 4; ++attempt) {
      Operand operand = random_.Chance(0.5) ? Recent() : Any();
      if (axes.Contains(OperandType(program_, operand, types_))) return operand;
    }
    return Operand::Constant(RandomConstant());
  }

  // Makes two states of one kind that follow each other, or each itself, by the same instruction.
  void MakeTwins() {
    if (program_.states.empty()) return;
    int a = static_cast<int>(random_.Below(program_.states.size()));
    int b = static_cast<int>(program_.states.size());
    program_.states.push_back(program_.states[a]);
    // Some twins part at birth.
    if (!program_.states[a].start_from_input && random_.Chance(0.2)) {
      program_.states[b].start = RandomConstant();
    }
    bool crossed = random_.Chance(0.5);
    Instruction step = {Op::add, {}, {Operand::State(crossed ? b : a), Operand::Input(2)}};
    program_.states[a].next = Append(step);
    step.operands[0] = Operand::State(crossed ? a : b);
    program_.states[b].next = Append(step);
    Append({Op::mul, {}, {Operand::State(a), Recent()}});
    Append({Op::sub, {}, {Recent(), Operand::State(b)}});
  }

  RandomStream& random_;
  SearchSpace space_;
  Program program_;
  std::vector<AxisSet> types_;  // of the instructions
};

}  // namespace

Program RandomCase(RandomStream& random) {
  return CaseBuilder(random).Build();
}

std::string CaseText(uint64_t index, const Program& program) {
  return absl::StrCat("case ", index, ":\n", Print(program));
}

}  // namespace lathe::testing
