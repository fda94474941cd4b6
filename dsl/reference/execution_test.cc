// How the reference executor keeps states, binds arrays and refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "dsl/testing/model_run.h"
#include "dsl/text.h"

namespace lathe {
namespace {

using testing::Arrays;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two parameters of one row; their updates and gradients as the tests set and see them.
class Model {
 public:
  explicit Model(const std::string& lines) {
    absl::StatusOr<Program> program =
        ParseOrStatus("lathe 1 optimizer p\ninput  w[P,R,C] g[P,R,C] lr[]\n" + lines, "p");
    EXPECT_TRUE(program.ok()) << program.status();
    run = *ReferenceExecutor().Prepare(*program, shapes);
  }

  absl::Status Step(std::vector<int> active = {}) {
    return run->Step({testing::Refs(inputs), testing::Refs(outputs), std::move(active)});
  }
  void SetW(double a, double b, double c) { inputs[0] = {{a, b}, {c}}; }
  void SetG(double a, double b, double c) { inputs[1] = {{a, b}, {c}}; }
  // The updates; what was not written is 99.
  std::vector<double> Updates() const {
    return {outputs[0][0][0], outputs[0][0][1], outputs[0][1][0]};
  }
  std::vector<double> State(int state) const {
    std::vector<double> all = run->ReadState(state, 0);
    std::vector<double> rest = run->ReadState(state, 1);
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }

  std::vector<Shape> shapes = {{1, 2}, {1, 1}};
  Arrays inputs = testing::ZeroInputs(OptimizerSignature(), shapes);
  Arrays outputs = {{{99, 99}, {99}}};
  std::unique_ptr<Execution> run;
};

TEST(ReferenceExecution, StatesMoveAtOnce) {
  Model model(
      "state  a[P,R,C] = 1\nstate  b[P,R,C] = 2\nnext a = b\nnext b = a\n"
      "c = mul(a, 10)\nupdate = add(c, b)\n");
  for (double expected : {12, 21, 12}) {
    ASSERT_TRUE(model.Step().ok());
    EXPECT_THAT(model.Updates(), ElementsAre(expected, expected, expected));
  }
}

TEST(ReferenceExecution, InstructionsReadStatesBeforeTheStep) {
  Model model("state  m[P,R,C] = 0\nnext m = add(m, g)\nupdate = mul(m, 1)\n");
  model.SetG(1, 2, 3);
  ASSERT_TRUE(model.Step().ok());
  EXPECT_THAT(model.Updates(), ElementsAre(0, 0, 0));
  EXPECT_THAT(model.State(0), ElementsAre(1, 2, 3));
  ASSERT_TRUE(model.Step().ok());
  EXPECT_THAT(model.Updates(), ElementsAre(1, 2, 3));
  EXPECT_THAT(model.State(0), ElementsAre(2, 4, 6));
}

TEST(ReferenceExecution, NextValuesAreBroadcast) {
  Model model("state  m[P,R,C] = 0\nnext m = norm(g)\nupdate = m\n");
  model.SetG(3, 4, -2);
  ASSERT_TRUE(model.Step().ok());
  EXPECT_THAT(model.State(0), ElementsAre(5, 5, 2));
}

TEST(ReferenceExecution, StatesStartAtTheParametersOfTheFirstStep) {
  Model model("state  m[P,R,C] = w\nnext m = m\nupdate = m\n");
  model.SetW(1, 2, 3);
  ASSERT_TRUE(model.Step().ok());
  model.SetW(7, 8, 9);
  ASSERT_TRUE(model.Step().ok());
  EXPECT_THAT(model.Updates(), ElementsAre(1, 2, 3));
}

TEST(ReferenceExecution, AParameterStartsWhenItFirstTakesPart) {
  Model model("state  m[P,R,C] = w\nnext m = m\nupdate = m\n");
  model.SetW(1, 2, 3);
  ASSERT_TRUE(model.Step({0}).ok());
  model.SetW(7, 8, 9);
  ASSERT_TRUE(model.Step().ok());
  EXPECT_THAT(model.Updates(), ElementsAre(1, 2, 9));
}

TEST(ReferenceExecution, AbsentParametersKeepTheirStatesAndAreNotReducedOver) {
  Model model(
      "state  m[P,R,C] = 0\nstate  n[P] = 0\nstate  s[] = 0\nnext m = add(m, g)\n"
      "p = norm(g)\nnext n = add(n, p)\ntotal = sum(g over P)\nnext s = add(s, total)\n"
      "count = mean(g over P)\nupdate = add(total, count)\n");
  model.SetG(3, 4, -2);
  ASSERT_TRUE(model.Step({0}).ok());
  EXPECT_THAT(model.Updates(), ElementsAre(10.5, 10.5, 99));
  EXPECT_THAT(model.State(0), ElementsAre(3, 4, 0));
  EXPECT_THAT(model.State(1), ElementsAre(5, 0));
  EXPECT_THAT(model.run->ReadState(2, 0), ElementsAre(7));
  ASSERT_TRUE(model.Step({1}).ok());
  EXPECT_THAT(model.Updates(), ElementsAre(10.5, 10.5, -4));
  EXPECT_THAT(model.State(0), ElementsAre(3, 4, -2));
  EXPECT_THAT(model.State(1), ElementsAre(5, 2));
  EXPECT_THAT(model.run->ReadState(2, 0), ElementsAre(5));
  ASSERT_TRUE(model.Step({0, 1}).ok());
  EXPECT_THAT(model.Updates(), ElementsAre(5 + 5. / 3, 5 + 5. / 3, 5 + 5. / 3));
}

TEST(ReferenceExecution, AnAbsentParameterNeedsNoArrays) {
  Model model("update = add(g, w)\n");
  model.SetG(1, 2, 3);
  auto inputs = testing::Refs(model.inputs), outputs = testing::Refs(model.outputs);
  inputs[1][1] = outputs[0][1] = ArrayRef();
  EXPECT_TRUE(model.run->Step({inputs, outputs, {0}}).ok());
  EXPECT_THAT(model.Updates(), ElementsAre(1, 2, 99));
  EXPECT_EQ(model.run->Step({inputs, outputs, {}}).code(), absl::StatusCode::kInvalidArgument);
}

TEST(ReferenceExecution, Float32IsReadAndRoundedOnceAtTheEnd) {
  Model model("a = add(g, 1)\nb = sub(a, 1)\nupdate = mul(b, 1e-30)\n");
  std::vector<float> g0 = {1e-10f, 0.1f}, g1 = {-3};
  std::vector<float> out0(2), out1(1);
  auto inputs = testing::Refs(model.inputs);
  inputs[1] = {ArrayRef(g0.data()), ArrayRef(g1.data())};
  ASSERT_TRUE(model.run->Step({inputs, {{ArrayRef(out0.data()), ArrayRef(out1.data())}}, {}}).ok());
  // In double in between: 1e-10 survives the addition of 1.
  EXPECT_EQ(out0[0], static_cast<float>(((double{1e-10f} + 1) - 1) * 1e-30));
  EXPECT_NE(out0[0], 0);
  EXPECT_EQ(out0[1], static_cast<float>(((double{0.1f} + 1) - 1) * 1e-30));
  EXPECT_EQ(out1[0], static_cast<float>(-3e-30));
}

TEST(ReferenceExecution, ElementTypesMayBeMixed) {
  Model model("update = add(g, w)\n");
  model.SetG(1, 2, 3);
  std::vector<float> w0 = {0.5f, 0.25f};
  std::vector<float> out1(1);
  auto inputs = testing::Refs(model.inputs), outputs = testing::Refs(model.outputs);
  inputs[0][0] = ArrayRef(w0.data());
  outputs[0][1] = ArrayRef(out1.data());
  ASSERT_TRUE(model.run->Step({inputs, outputs, {}}).ok());
  EXPECT_THAT(model.Updates(), ElementsAre(1.5, 2.25, 99));
  EXPECT_EQ(out1[0], 3);
}

TEST(ReferenceExecution, AnOutputMayBeTheMemoryOfAnInput) {
  Model model("a = sum(g over P)\nstate  m[P,R,C] = 0\nnext m = g\nupdate = add(g, a)\n");
  model.SetG(1, 2, 3);
  auto inputs = testing::Refs(model.inputs);
  ASSERT_TRUE(model.run->Step({inputs, {inputs[1]}, {}}).ok());
  EXPECT_EQ(model.inputs[1], (std::vector<std::vector<double>>{{7, 8}, {9}}));
  EXPECT_THAT(model.State(0), ElementsAre(1, 2, 3));
}

TEST(ReferenceExecution, OutputsAreSubtractedIfThatIsAskedFor) {
  Model model("update = mul(g, 2)\n");
  model.SetW(10, 20, 30);
  model.SetG(1, 2, 3);
  std::vector<float> w1 = {30};
  auto inputs = testing::Refs(model.inputs);
  inputs[0][1] = ArrayRef(w1.data());
  StepBindings bindings{inputs, {inputs[0]}, {}};
  bindings.subtract_outputs = true;
  ASSERT_TRUE(model.run->Step(bindings).ok());
  EXPECT_EQ(model.inputs[0][0], (std::vector<double>{8, 16}));
  EXPECT_EQ(w1[0], 24);
  bindings.active = {1};
  ASSERT_TRUE(model.run->Step(bindings).ok());
  EXPECT_EQ(model.inputs[0][0], (std::vector<double>{8, 16})) << "an absent parameter moved";
  EXPECT_EQ(w1[0], 18);
}

TEST(ReferenceExecution, InputsThatAreNotReadMayBeLeftOut) {
  Model model("update = mul(g, 2)\n");
  model.SetG(1, 2, 3);
  auto inputs = testing::Refs(model.inputs), outputs = testing::Refs(model.outputs);
  inputs.resize(2);
  inputs[0].clear();
  EXPECT_TRUE(model.run->Step({inputs, outputs, {}}).ok());
  EXPECT_THAT(model.Updates(), ElementsAre(2, 4, 6));
}

TEST(ReferenceExecution, AMissingArrayIsAnErrorAndChangesNothing) {
  Model model(
      "state  m[P,R,C] = w\nstate  n[P,R,C] = 5\na = add(m, lr)\nnext m = add(m, g)\n"
      "next n = add(n, 1)\nupdate = add(a, n)\n");
  model.SetG(1, 2, 3);
  const auto inputs = testing::Refs(model.inputs), outputs = testing::Refs(model.outputs);
  std::vector<StepBindings> broken(9, StepBindings{inputs, outputs, {}});
  broken[0].inputs[1].clear();
  broken[1].inputs[1].pop_back();
  broken[2].inputs[0].clear();  // only a state starts there
  broken[3].inputs.resize(2);
  broken[4].inputs[2][0] = ArrayRef();
  broken[5].outputs.clear();
  broken[6].outputs[0].emplace_back(model.outputs[0][0].data());
  broken[7].outputs[0][1] = ArrayRef();
  broken[8].inputs[1][0] = ArrayRef();
  const std::vector<std::string> named = {"\"g\"",      "\"g\"",      "\"w\"",
                                          "\"lr\"",     "\"lr\"",     "\"update\"",
                                          "\"update\"", "\"update\"", "\"g\""};
  for (size_t i = 0; i < broken.size(); ++i) {
    absl::Status status = model.run->Step(broken[i]);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << i;
    EXPECT_THAT(std::string(status.message()), HasSubstr(named[i])) << i;
    EXPECT_THAT(model.Updates(), ElementsAre(99, 99, 99)) << i;
    EXPECT_THAT(model.State(1), ElementsAre(5, 5, 5)) << i;
  }
  // The states that start at w have not taken it either.
  model.SetW(10, 20, 30);
  ASSERT_TRUE(model.Step().ok());
  EXPECT_THAT(model.State(0), ElementsAre(11, 22, 33));
}

TEST(ReferenceExecution, ActiveParametersAreAscendingAndExist) {
  Model model("update = g\n");
  for (const std::vector<int>& active : {std::vector<int>{2}, {-1}, {1, 0}, {0, 0}, {0, 1, 2}}) {
    EXPECT_EQ(model.Step(active).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(model.Updates(), ElementsAre(99, 99, 99));
  }
}

TEST(ReferenceExecution, StatesAreReadAndWritten) {
  Model model(
      "state  m[P,R,C] = w\nstate  k[P,R,C] = w\nstate  n[P] = 2\nnext m = add(m, 1)\n"
      "next k = k\nnext n = n\na = add(m, n)\nupdate = add(a, k)\n");
  model.SetW(10, 20, 30);
  ASSERT_TRUE(model.run->WriteState(0, 0, std::vector<double>{100, 200}).ok());
  ASSERT_TRUE(model.run->WriteState(2, 1, std::vector<double>{7}).ok());
  EXPECT_THAT(model.run->ReadState(0, 0), ElementsAre(100, 200));
  EXPECT_THAT(model.State(2), ElementsAre(2, 7));
  // What was not written starts at w as ever.
  ASSERT_TRUE(model.Step().ok());
  EXPECT_THAT(model.Updates(), ElementsAre(100 + 2 + 10, 200 + 2 + 20, 30 + 7 + 30));
  EXPECT_THAT(model.State(0), ElementsAre(101, 201, 31));
  EXPECT_THAT(model.State(1), ElementsAre(10, 20, 30));
  absl::Status status = model.run->WriteState(0, 0, std::vector<double>{1});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(model.State(0), ElementsAre(101, 201, 31));
}

TEST(ReferenceExecution, ARunGoesOnFromWrittenStates) {
  const std::string lines = "state  m[P,R,C] = 0\nnext m = lerp(g, m, 0.9)\nupdate = sqrt_abs(m)\n";
  Model one(lines), other(lines);
  for (Model* model : {&one, &other}) model->SetG(0.1, 0.2, 0.3);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(one.Step().ok());
  for (int p : {0, 1}) ASSERT_TRUE(other.run->WriteState(0, p, one.run->ReadState(0, p)).ok());
  ASSERT_TRUE(one.Step().ok());
  ASSERT_TRUE(other.Step().ok());
  EXPECT_EQ(one.Updates(), other.Updates());
  EXPECT_EQ(one.State(0), other.State(0));
}

TEST(ReferenceExecution, ResetPutsEveryStateBackToItsStart) {
  Model model(
      "state  m[P,R,C] = w\nstate  n[] = 2\nnext m = add(m, g)\nnext n = 5\n"
      "update = add(m, n)\n");
  model.SetW(1, 2, 3);
  model.SetG(10, 10, 10);
  ASSERT_TRUE(model.Step().ok());
  std::vector<double> first = model.Updates();
  ASSERT_TRUE(model.Step().ok());
  EXPECT_NE(model.Updates(), first);
  model.run->Reset();
  EXPECT_THAT(model.run->ReadState(1, 0), ElementsAre(2));
  ASSERT_TRUE(model.Step().ok());
  EXPECT_EQ(model.Updates(), first);
}

TEST(ReferenceExecution, PrepareRefusesWhatCannotRun) {
  Program good = *ParseOrStatus("lathe 1 optimizer p\nupdate = 1\n", "p");
  auto code = [](const Program& program, const std::vector<Shape>& shapes) {
    return ReferenceExecutor().Prepare(program, shapes).status().code();
  };
  EXPECT_EQ(code(good, {{1, 1}}), absl::StatusCode::kOk);
  EXPECT_EQ(code(good, {}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(good, {{1, 1}, {0, 3}}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(good, {{3, -1}}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(good, {{1ll << 31, 1ll << 31}}), absl::StatusCode::kInvalidArgument);
  good.outputs.clear();
  EXPECT_EQ(code(good, {{1, 1}}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReferenceExecutor().Name(), "reference-f64");
}

TEST(ReferenceExecution, KeepsTheProgramItWasGiven) {
  auto program = std::make_unique<Program>(
      *ParseOrStatus("lathe 1 optimizer p\nhyper  h = 3\nupdate = h\n", "p"));
  std::unique_ptr<Execution> run =
      *ReferenceExecutor().Prepare(*program, std::vector<Shape>{{1, 1}});
  program->hypers[0].value = 4;
  program.reset();
  double out = 0;
  ASSERT_TRUE(run->Step({{}, {{ArrayRef(&out)}}, {}}).ok());
  EXPECT_EQ(out, 3);
}

}  // namespace
}  // namespace lathe
