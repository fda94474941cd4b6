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
  program.states[0].axes = kAllAxes;
  program.states[0].next = Operand::Instruction(0);
  program.states[1].axes = {Axis::kP};
  program.states[1].next = Operand::Instruction(1);
  program.instructions = {{Op::lerp, {}, {Operand::Input(1), Operand::State(0), Operand::Hyper(1)}},
                          {Op::mean, kElementAxes, {Operand::Instruction(0)}},
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
      {"instruction 1", "axes",
       [](Program& p) { p.instructions[1].over = AxisSet::FromBits(0xf); }},
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
      {"state 1", "R and C need P", [](Program& p) { p.states[1].axes = {Axis::kR}; }},
      {"state 1", "axes", [](Program& p) { p.states[1].axes = AxisSet::FromBits(0xf); }},
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

TEST(Verify, GoodProgramsAreGood) {
  EXPECT_TRUE(Verify(Base()).ok()) << Verify(Base());
  for (std::string_view name : KnownProgramNames()) {
    EXPECT_TRUE(Verify(*KnownProgram(name)).ok()) << name;
  }
}

TEST(Verify, EveryFaultIsToldWithItsPlace) {
  for (const Fault& fault : Faults()) {
    Program program = Base();
    fault.make(program);
    absl::Status status = Verify(program);
    std::string message(status.message());
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
        << fault.place << ", " << fault.problem;
    EXPECT_EQ(message.rfind(fault.place + ": ", 0), 0u) << message;
    EXPECT_NE(message.find(fault.problem), std::string::npos) << message;
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
