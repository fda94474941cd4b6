#include "dsl/verify.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "dsl/known_programs.h"

namespace lathe {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Two hypers; a full state and one of type [P]; three instructions, the second a reduction.
Program Base() {
  Program program;
  program.hypers.resize(2);
  program.states.resize(2);
  program.states[0].axes = kModelAxes;
  program.states[0].next = Operand::Instruction(0);
  program.states[1].axes = {Axis::kP};
  program.states[1].next = Operand::Instruction(1);
  program.instructions = {{Op::lerp, {}, {Operand::Input(1), Operand::State(0), Operand::Hyper(1)}},
                          {Op::mean, {Axis::kR, Axis::kC}, {Operand::Instruction(0)}},
                          {Op::mul, {}, {Operand::Instruction(0), Operand::Constant(0.5)}}};
  program.outputs = {Operand::Instruction(2)};
  return program;
}

struct Fault {
  std::string place;    // how the message starts
  std::string problem;  // what it has somewhere
  std::function<void(Program&)> make;
};

const std::vector<Fault>& Faults() {
  static const std::vector<Fault> faults = {
      {"program", "signature", [](Program& p) { p.signature = nullptr; }},
      {"program", "4097 instructions",
       [](Program& p) { p.instructions.resize(4097, p.instructions[0]); }},
      {"program", "65 states", [](Program& p) { p.states.resize(65, p.states[0]); }},
      {"program", "65 hypers", [](Program& p) { p.hypers.resize(65); }},
      {"program", "has 0 outputs", [](Program& p) { p.outputs.clear(); }},
      {"program", "has 2 outputs", [](Program& p) { p.outputs.resize(2); }},
      {"hyper 1", "finite", [](Program& p) { p.hypers[1].value = kInfinity; }},
      {"hyper 0", "finite", [](Program& p) { p.hypers[0].value = kNaN; }},
      {"hyper 0", "-0", [](Program& p) { p.hypers[0].value = -0.0; }},
      {"instruction 0", "no such op",
       [](Program& p) { p.instructions[0].op = static_cast<Op>(kOpCount); }},
      {"instruction 0", "takes no axes", [](Program& p) { p.instructions[0].over = {Axis::kR}; }},
      {"instruction 1", "names no axes", [](Program& p) { p.instructions[1].over = {}; }},
      {"instruction 1", "the axes of optimizer are P, R, C, R', C'",
       [](Program& p) {
         p.instructions[1].over = {Axis::kR, Axis::kB};
       }},
      {"instruction 1", "the axes of optimizer are",
       [](Program& p) { p.instructions[1].over = {Axis::kR2}; }},
      {"instruction 0", "only an einsum has labels",
       [](Program& p) { p.instructions[0].labels[1] = 1; }},
      {"instruction 1", "only an einsum has labels",
       [](Program& p) { p.instructions[1].labels[0] = 1; }},
      {"instruction 2", "takes no axes",
       [](Program& p) { p.instructions[2].over = AxisSet::FromBits(1 << 15); }},
      {"instruction 2", "finite",
       [](Program& p) { p.instructions[2].operands[1] = Operand::Constant(kNaN); }},
      {"instruction 2", "-0",
       [](Program& p) { p.instructions[2].operands[1] = Operand::Constant(-0.0); }},
      {"instruction 2", "index at 0", [](Program& p) { p.instructions[2].operands[1].index = 1; }},
      {"instruction 0", "no constant",
       [](Program& p) { p.instructions[0].operands[0].constant = 1; }},
      {"instruction 0", "input 7",
       [](Program& p) { p.instructions[0].operands[0] = Operand::Input(7); }},
      {"instruction 0", "input -1",
       [](Program& p) { p.instructions[0].operands[0] = Operand::Input(-1); }},
      {"instruction 0", "state 2",
       [](Program& p) { p.instructions[0].operands[1] = Operand::State(2); }},
      {"instruction 0", "hyper 2",
       [](Program& p) { p.instructions[0].operands[2] = Operand::Hyper(2); }},
      {"instruction 1", "operands come first",
       [](Program& p) { p.instructions[1].operands[0] = Operand::Instruction(1); }},
      {"instruction 1", "operands come first",
       [](Program& p) { p.instructions[1].operands[0] = Operand::Instruction(2); }},
      {"instruction 0", "unknown kind",
       [](Program& p) { p.instructions[0].operands[0].kind = static_cast<Operand::Kind>(9); }},
      {"instruction 1", "unused operands",
       [](Program& p) { p.instructions[1].operands[1] = Operand::Input(0); }},
      {"instruction 2", "unused operands",
       [](Program& p) { p.instructions[2].operands[2] = Operand::Constant(1); }},
      {"output update", "instruction", [](Program& p) { p.outputs[0] = Operand::Instruction(3); }},
      {"output update", "-0", [](Program& p) { p.outputs[0] = Operand::Constant(-0.0); }},
      {"state 1", "all but P need P", [](Program& p) { p.states[1].axes = {Axis::kR}; }},
      {"state 1", "all but P need P", [](Program& p) { p.states[1].axes = {Axis::kC1}; }},
      {"state 1", "among P, R, C, R', C'",
       [](Program& p) {
         p.states[1].axes = {Axis::kP, Axis::kB};
       }},
      {"state 1", "among P, R, C, R', C'",
       [](Program& p) {
         p.states[1].axes = {Axis::kP, Axis::kR2};
       }},
      {"state 0", "finite", [](Program& p) { p.states[0].start = kNaN; }},
      {"state 0", "-0", [](Program& p) { p.states[0].start = -0.0; }},
      {"state 1", "[P,R,C]", [](Program& p) { p.states[1].start_from_input = true; }},
      {"state 0", "must be 0",
       [](Program& p) {
         p.states[0].start_from_input = true;
         p.states[0].start = 1;
       }},
      {"state 0", "instruction", [](Program& p) { p.states[0].next = Operand::Instruction(-1); }},
      {"state 1", "has the type [P], the value has the type [P,R,C]",
       [](Program& p) { p.states[1].next = Operand::Instruction(0); }},
  };
  return faults;
}

constexpr AxisSet kImage = {Axis::kB, Axis::kG, Axis::kK, Axis::kH, Axis::kW};

// update = w + einsum(g[R,C], g[R',C] -> [R,R']) summed over R'.
Program EinsumBase() {
  Program program;
  Instruction gram{Op::einsum, {Axis::kR, Axis::kR1}, {Operand::Input(1), Operand::Input(1)}};
  gram.labels[1] = WithLabel(0, Axis::kR, 1);
  program.instructions = {gram,
                          {Op::sum, {Axis::kR1}, {Operand::Instruction(0)}},
                          {Op::add, {}, {Operand::Input(0), Operand::Instruction(1)}}};
  program.outputs = {Operand::Instruction(2)};
  return program;
}

const std::vector<Fault>& EinsumFaults() {
  static const std::vector<Fault> faults = {
      {"instruction 0", "axes of its operands without double primes, here some of R, C, R'",
       [](Program& p) { p.instructions[0].over = {Axis::kC1}; }},
      {"instruction 0", "without double primes, here some of R, C",
       [](Program& p) {
         p.instructions[0].labels[1] = WithLabel(0, Axis::kR, 2);
         p.instructions[0].over = {Axis::kR2};
       }},
      {"instruction 0", "axes of its operands",
       [](Program& p) {
         p.instructions[0].over = {Axis::kP, Axis::kR};
       }},
      {"instruction 0", "here none",
       [](Program& p) {
         p.instructions[0].operands = {Operand::Input(2), Operand::Input(2)};
         p.instructions[0].labels = {};
       }},
      {"instruction 0", "labels for axes that its operand lacks",
       [](Program& p) { p.instructions[0].labels[0] = WithLabel(0, Axis::kC1, 1); }},
      {"instruction 1", "labels that differ",
       [](Program& p) {  // both axes of [P,R,R'] get the label R
         p.instructions[1] = {Op::einsum, {Axis::kR}, {Operand::Instruction(0), Operand::Input(2)}};
       }},
      {"output update", "has the type [P,R,C], the value has the type [P,R,R']",
       [](Program& p) { p.outputs[0] = Operand::Instruction(0); }},
  };
  return faults;
}

// y = x - its mean by channel.
Program LayerBase() {
  Program program;
  program.signature = &LayerSignature();
  program.instructions = {{Op::mean, {Axis::kB, Axis::kH, Axis::kW}, {Operand::Input(0)}},
                          {Op::sub, {}, {Operand::Input(0), Operand::Instruction(0)}}};
  program.outputs = {Operand::Instruction(1)};
  return program;
}

const std::vector<Fault>& LayerFaults() {
  static const std::vector<Fault> faults = {
      {"program", "a layer has no states", [](Program& p) { p.states.resize(1); }},
      {"instruction 0", "input 5",
       [](Program& p) { p.instructions[0].operands[0] = Operand::Input(5); }},
      {"instruction 0", "the axes of layer are B, G, K, H, W",
       [](Program& p) { p.instructions[0].over = {Axis::kR}; }},
      {"instruction 0", "mean that removes B keeps [G,K,H,W]; it has to remove H and W too",
       [](Program& p) { p.instructions[0].over = {Axis::kB}; }},
      {"instruction 0", "mean that removes B keeps [K,W]",
       [](Program& p) {
         p.instructions[0].over = {Axis::kB, Axis::kG, Axis::kH};
       }},
      {"instruction 0", "softmax looks across B",
       [](Program& p) { p.instructions[0].op = Op::softmax; }},
      {"instruction 0", "clip_by_global_norm looks across B",
       [](Program& p) {
         p.instructions[0] = {
             Op::clip_by_global_norm, {}, {Operand::Input(0), Operand::Constant(1)}};
       }},
      {"instruction 0", "einsum looks across B",
       [](Program& p) {
         p.instructions[0] = {Op::einsum, {Axis::kK}, {Operand::Input(0), Operand::Input(1)}};
       }},
      {"instruction 0", "keeps axes of its operands, here some of B, G, K, H, W",
       [](Program& p) {
         p.instructions[0] = {
             Op::einsum, {Axis::kB, Axis::kR}, {Operand::Input(0), Operand::Input(1)}};
       }},
  };
  return faults;
}

TEST(Verify, GoodProgramsAreGood) {
  EXPECT_TRUE(Verify(Base()).ok()) << Verify(Base());
  for (std::string_view name : KnownProgramNames()) {
    EXPECT_TRUE(Verify(*KnownProgram(name)).ok()) << name;
  }
}

void ExpectTold(const Program& base, const std::vector<Fault>& faults) {
  EXPECT_TRUE(Verify(base).ok()) << Verify(base);
  for (const Fault& fault : faults) {
    Program program = base;
    fault.make(program);
    absl::Status status = Verify(program);
    std::string message(status.message());
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
        << fault.place << ", " << fault.problem;
    EXPECT_EQ(message.rfind(fault.place + ": ", 0), 0u) << message;
    EXPECT_NE(message.find(fault.problem), std::string::npos) << message;
  }
}

TEST(Verify, EveryFaultIsToldWithItsPlace) {
  ExpectTold(Base(), Faults());
}

TEST(Verify, EveryFaultOfAnEinsumIsTold) {
  ExpectTold(EinsumBase(), EinsumFaults());
}

TEST(Verify, EveryFaultOfALayerIsTold) {
  ExpectTold(LayerBase(), LayerFaults());
}

// What depends on one example alone, what removes the places along with the batch, and what is
// reduced without any batch at all.
TEST(Verify, LayersMayDoAllThatABufferCanStandFor) {
  const Operand x = Operand::Input(0), gamma = Operand::Input(1);
  for (const Instruction& allowed :
       std::vector<Instruction>{{Op::softmax, {Axis::kH, Axis::kW}, {x}},
                                {Op::mean, {Axis::kH, Axis::kW}, {x}},
                                {Op::var, {Axis::kK, Axis::kH}, {x}},
                                {Op::rms, kImage, {x}},
                                {Op::global_norm, {}, {x}},
                                {Op::norm, {}, {x}},
                                {Op::dot, {}, {x, gamma}},
                                {Op::sum, {Axis::kB}, {gamma}},
                                {Op::softmax, {Axis::kB, Axis::kK}, {gamma}},
                                {Op::clip_by_global_norm, {}, {gamma, x}},
                                {Op::einsum, {Axis::kB, Axis::kH}, {x, gamma}},
                                {Op::einsum, {Axis::kG}, {gamma, gamma}}}) {
    Program program = LayerBase();
    program.instructions[0] = allowed;
    EXPECT_TRUE(Verify(program).ok()) << Verify(program);
  }
}

TEST(Verify, ValuesWithFewerAxesAreBroadcast) {
  Program program = Base();
  program.outputs[0] = Operand::Instruction(1);
  program.states[0].next = Operand::State(1);
  program.states[1].next = Operand::Input(2);
  EXPECT_TRUE(Verify(program).ok()) << Verify(program);
}

TEST(Verify, StatesMayStartAtTheParameters) {
  Program program = Base();
  program.states[0].start_from_input = true;
  EXPECT_TRUE(Verify(program).ok()) << Verify(program);
}

TEST(Verify, LimitsAreInclusive) {
  Program program = Base();
  program.instructions.resize(kMaxInstructions, program.instructions[0]);
  program.states.resize(kMaxStates, program.states[0]);
  program.hypers.resize(kMaxHypers);
  EXPECT_TRUE(Verify(program).ok()) << Verify(program);
}

TEST(Verify, DoesNotLookAtAnnotations) {
  Program program = Base();
  program.name = "Not A Name";
  program.hypers[0].name = program.states[0].name = "next";
  program.hypers[0].range = {5, 4, true, true};
  program.instruction_names = {"", "w"};
  EXPECT_TRUE(Verify(program).ok()) << Verify(program);
}

}  // namespace
}  // namespace lathe
