// What each operation does to a program, and how often each is drawn.
#include "search/mutate.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "dsl/known_programs.h"
#include "dsl/text.h"
#include "search/testing/synthetic_evaluation.h"

namespace lathe {
namespace {

MutationOptions Options(double insert, double erase, double modify) {
  MutationOptions options;
  options.space = SearchSpace::Default(OptimizerSignature());
  options.insert_weight = insert;
  options.delete_weight = erase;
  options.modify_weight = modify;
  return options;
}

Mutation MutateOnce(const Program& parent, const MutationOptions& options, uint64_t draw) {
  RandomStream random(11, {draw});
  return Mutate(parent, options, random);
}

Program Adamw() {
  Program program = KnownProgram("adamw").value();
  program.instruction_names.clear();
  return program;
}

// Indices of instructions as they are once there is one more at `position`.
Program WithRoomAt(Program program, int position) {
  ForEachOperand(program, [&](Operand& operand) {
    bool moves = operand.kind == Operand::Kind::kInstruction && operand.index >= position;
    if (moves) ++operand.index;
  });
  return program;
}

// Whether `child` is `parent` with an instruction at `position` whose result, if it is read at all,
// stands for one former operand wherever that was read further down, or for one output or state.
bool IsInsertionAt(const Program& parent, const Program& child, int position) {
  Program expected = WithRoomAt(parent, position);
  expected.instructions.insert(expected.instructions.begin() + position,
                               child.instructions[position]);
  std::vector<Operand> before, after;
  std::vector<int> visible;
  ForEachOperand(expected, [&](const Operand& operand) { before.push_back(operand); });
  ForEachOperand(child, [&](const Operand& operand) { after.push_back(operand); });
  const int count = static_cast<int>(child.instructions.size());
  for (int i = 0; i < count; ++i) visible.insert(visible.end(), child.instructions[i].Arity(), i);
  visible.resize(before.size(), count);
  if (after.size() != before.size()) return false;
  std::set<size_t> replaced;
  for (size_t i = 0; i < before.size(); ++i) {
    if (after[i] == before[i]) continue;
    if (!after[i].IsInstruction(position)) return false;
    replaced.insert(i);
  }
  // One output or state on its own is always allowed; else every reader of that name changes.
  if (replaced.empty() || (replaced.size() == 1 && visible[*replaced.begin()] == count))
    return true;
  const Operand name = before[*replaced.begin()];
  for (size_t i = 0; i < before.size(); ++i) {
    bool reads = before[i] == name && visible[i] > position;
    if (reads != (replaced.count(i) == 1)) return false;
  }
  return true;
}

bool SameOps(const Program& a, const Program& b, int from_a, int from_b, int count) {
  for (int i = 0; i < count; ++i) {
    if (a.instructions[from_a + i].op != b.instructions[from_b + i].op) return false;
  }
  return true;
}

TEST(Insert, AddsOneInstructionThatMayTakeOverAName) {
  const Program parent = Adamw();
  const int count = static_cast<int>(parent.instructions.size());
  std::set<int> positions;
  int dead = 0, live = 0;
  for (uint64_t draw = 0; draw < 2000; ++draw) {
    Mutation mutation = MutateOnce(parent, Options(1, 0, 0), draw);
    ASSERT_EQ(mutation.operation, "insert");
    const Program& child = mutation.program;
    ASSERT_EQ(child.instructions.size(), parent.instructions.size() + 1);
    EXPECT_TRUE(child.hypers == parent.hypers);
    int position = 0;
    while (position <= count &&
           !(SameOps(parent, child, 0, 0, position) &&
             SameOps(parent, child, position, position + 1, count - position) &&
             IsInsertionAt(parent, child, position))) {
      ++position;
    }
    ASSERT_LE(position, count) << "draw " << draw << "\n" << Print(parent) << Print(child);
    positions.insert(position);
    bool read = false;
    ForEachOperand(child, [&](const Operand& o) { read |= o.IsInstruction(position); });
    (read ? live : dead) += 1;
  }
  EXPECT_EQ(positions.size(), static_cast<size_t>(count) + 1);
  EXPECT_GT(dead, 50);
  EXPECT_GT(live, 1000) << "few insertions change what a program does";
}

// The program without instruction `position`, operand `instead` of which takes its place.
Program Deleted(const Program& parent, int position, int instead) {
  const Operand operand = parent.instructions[position].operands[instead];
  Program program = parent;
  program.instructions.erase(program.instructions.begin() + position);
  ForEachOperand(program, [&](Operand& reader) {
    if (reader.IsInstruction(position)) {
      reader = operand;
    } else if (reader.kind == Operand::Kind::kInstruction && reader.index > position) {
      --reader.index;
    }
  });
  return program;
}

TEST(Delete, ReadersReadAnOperandOfWhatWasDeleted) {
  const Program parent = Adamw();
  std::vector<Program> possible;
  for (int i = 0; i < static_cast<int>(parent.instructions.size()); ++i) {
    for (int k = 0; k < parent.instructions[i].Arity(); ++k) {
      possible.push_back(Deleted(parent, i, k));
    }
  }
  std::vector<int> hits(possible.size(), 0);
  for (uint64_t draw = 0; draw < 3000; ++draw) {
    Mutation mutation = MutateOnce(parent, Options(0, 1, 0), draw);
    ASSERT_EQ(mutation.operation, "delete");
    int found = 0;
    for (size_t i = 0; i < possible.size(); ++i) {
      if (!(possible[i] == mutation.program)) continue;
      ++hits[i];
      ++found;
    }
    ASSERT_GE(found, 1) << "draw " << draw << "\n" << Print(parent) << Print(mutation.program);
  }
  for (size_t i = 0; i < hits.size(); ++i) EXPECT_GT(hits[i], 0) << Print(possible[i]);
}

TEST(Modify, ChangesOneOperandOrNumberOrTheAxesOfAReduction) {
  const Program parent = Parsed(R"(
lathe 1 optimizer p
input  g[P,R,C] lr[]
hyper  k = 0.5 in [0, 1)
state  m[P,R,C] = 0
a = mean(g over R)
b = lerp(g, m, k)
c = mul(b, 0.25)
u = add(c, a)
update = mul(u, lr)
next m = b
)");
  std::map<std::string, int> changes;
  for (uint64_t draw = 0; draw < 5000; ++draw) {
    Mutation mutation = MutateOnce(parent, Options(0, 0, 1), draw);
    ASSERT_EQ(mutation.operation, "modify");
    const Program& child = mutation.program;
    ASSERT_EQ(child.instructions.size(), parent.instructions.size());
    int changed = 0;
    auto count = [&](bool differs, const char* what) {
      changed += differs;
      changes[what] += differs;
    };
    count(!(child.hypers == parent.hypers), "hyper");
    std::vector<Operand> before, after;
    ForEachOperand(parent, [&](const Operand& operand) { before.push_back(operand); });
    ForEachOperand(child, [&](const Operand& operand) { after.push_back(operand); });
    for (size_t i = 0; i < before.size(); ++i) {
      bool number = before[i].IsConstant() && after[i].IsConstant();
      count(!(before[i] == after[i]), number ? "constant" : "operand");
    }
    for (size_t i = 0; i < parent.instructions.size(); ++i) {
      count(!(child.instructions[i].over == parent.instructions[i].over), "axes");
      EXPECT_EQ(child.instructions[i].op, parent.instructions[i].op);
    }
    ASSERT_LE(changed, 1) << "draw " << draw << "\n" << Print(parent) << Print(child);
  }
  for (const char* what : {"hyper", "constant", "operand", "axes"}) {
    EXPECT_GT(changes[what], 50) << what;
  }
}

TEST(Mutate, DrawsOperationsByTheirWeights) {
  auto counts = [](const Program& parent, const MutationOptions& options) {
    std::map<std::string_view, int> result;
    for (uint64_t draw = 0; draw < 6000; ++draw) {
      ++result[MutateOnce(parent, options, draw).operation];
    }
    return result;
  };
  auto even = counts(Adamw(), Options(1, 1, 1));
  for (const char* name : {"insert", "delete", "modify"}) EXPECT_NEAR(even[name], 2000, 180);
  auto uneven = counts(Adamw(), Options(3, 0, 1));
  EXPECT_NEAR(uneven["insert"], 4500, 180);
  EXPECT_EQ(uneven["delete"], 0);
  MutationOptions full = Options(1, 1, 1);
  full.max_statements = static_cast<int>(Adamw().instructions.size());
  auto of_full = counts(Adamw(), full);
  EXPECT_EQ(of_full["insert"], 0);
  EXPECT_NEAR(of_full["delete"], 3000, 200);
  ++full.max_statements;
  EXPECT_GT(counts(Adamw(), full)["insert"], 0) << "one below the bound there is room for one";
}

TEST(Mutate, OfNoStatementsNeverDeletes) {
  const Program empty = Parsed("lathe 1 optimizer p\ninput g[P,R,C]\nupdate = g\n");
  for (uint64_t draw = 0; draw < 200; ++draw) {
    EXPECT_NE(MutateOnce(empty, Options(1, 1, 1), draw).operation, "delete");
  }
  EXPECT_TRUE(MutateOnce(empty, Options(0, 1, 0), 0).program == empty);
}

TEST(Mutate, DrawsOpsByTheirWeightsAndNoOthers) {
  MutationOptions options = Options(1, 0, 0);
  options.space.ops = {Op::tanh, Op::max};
  options.space.op_weights = {3, 1};
  options.space.inputs = {*OptimizerSignature().InputByName("g")};
  const Program empty = Parsed("lathe 1 optimizer p\ninput g[P,R,C]\nupdate = g\n");
  int tanhs = 0;
  for (uint64_t draw = 0; draw < 4000; ++draw) {
    Instruction inserted = MutateOnce(empty, options, draw).program.instructions.at(0);
    ASSERT_TRUE(inserted.op == Op::tanh || inserted.op == Op::max);
    tanhs += inserted.op == Op::tanh;
    for (int k = 0; k < inserted.Arity(); ++k) {
      const Operand& operand = inserted.operands[k];
      ASSERT_TRUE(operand.IsConstant() || operand == Operand::Input(options.space.inputs[0]));
    }
  }
  EXPECT_NEAR(tanhs, 3000, 120);
}

TEST(Mutate, FollowsFromTheStreamAlone) {
  const Program parent = Adamw();
  int same = 0;
  for (uint64_t draw = 0; draw < 500; ++draw) {
    Program once = MutateOnce(parent, Options(1, 1, 1), draw).program;
    ASSERT_TRUE(once == MutateOnce(parent, Options(1, 1, 1), draw).program);
    same += once == MutateOnce(parent, Options(1, 1, 1), draw + 1).program;
  }
  EXPECT_LT(same, 50);
}

// Names of instructions would stand for other instructions after an insertion.
TEST(Mutate, KeepsTheNamesThatStillFit) {
  const Program parent = KnownProgram("lion").value();
  ASSERT_FALSE(parent.instruction_names.empty());
  const Program child = MutateOnce(parent, Options(1, 0, 0), 1).program;
  EXPECT_EQ(child.name, parent.name);
  EXPECT_EQ(child.hypers[0].name, "b1");
  EXPECT_EQ(child.states[0].name, "m");
  EXPECT_TRUE(child.instruction_names.empty());
}

}  // namespace
}  // namespace lathe
