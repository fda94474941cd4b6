// The optimizers that ship with the language against their oracles, teacher-forced: before each
// step both sides get equal parameters, gradients and states.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dsl/known_programs.h"
#include "dsl/random.h"
#include "dsl/testing/all_executors.h"
#include "dsl/testing/optimizer_oracles.h"

namespace lathe {
namespace {

using testing::oracles::Case;
using testing::oracles::Cases;
using testing::oracles::Hypers;
using testing::oracles::kTotalSteps;
using testing::oracles::Parameter;
using testing::oracles::State0;
using testing::oracles::Step;
using testing::oracles::Values;

const std::vector<Shape> kShapes = {{5, 7}, {4, 1}, {1, 1}};

std::vector<Parameter> NewModel(const Case& c) {
  std::vector<Parameter> model;
  for (const Shape& shape : kShapes) {
    Parameter p{static_cast<int>(shape.rows), static_cast<int>(shape.cols), {}, {}, {}};
    p.w.resize(shape.Elements());
    p.g.resize(shape.Elements());
    for (const State0& state : c.states) {
      const bool rows = state.axes.find('R') != std::string::npos;
      const bool cols = state.axes.find('C') != std::string::npos;
      p.states[state.name].assign((rows ? p.rows : 1) * (cols ? p.cols : 1), state.start);
    }
    model.push_back(std::move(p));
  }
  return model;
}

// Normal numbers of many sizes, an eighth of them 0. In every third step some are a thousand times
// as large; a fifth step is one without any gradient at all.
void DrawGradients(int step, RandomStream& random, std::vector<Parameter>& model) {
  for (Parameter& p : model) {
    for (double& g : p.g) {
      g = random.Normal() * PortableExp2(-12 * random.Uniform());
      if (random.Below(8) == 0) g = 0;
      if (step % 3 == 2 && random.Below(4) == 0) g *= 1000;
      if (step == 4) g = 0;
    }
  }
}

void Append(const Values& values, Values& all) {
  all.insert(all.end(), values.begin(), values.end());
}

// Runs a program on arrays of the test's own, of the elements that the executor computes with.
class Student {
 public:
  Student(const Executor& executor, const Program& program)
      : program_(program),
        in_float_(testing::IsInFloat(executor)),
        execution_(executor.Prepare(program, kShapes).value()) {}

  // Parameters, states and gradients are the model's.
  std::vector<Values> Update(const std::vector<Parameter>& model, double lr, double t) {
    const Signature& signature = OptimizerSignature();
    StepBindings bindings;
    bindings.inputs.resize(signature.inputs.size());
    bindings.outputs.resize(1);
    const auto input = [&](std::string_view name) -> std::vector<ArrayRef>& {
      return bindings.inputs[static_cast<size_t>(*signature.InputByName(name))];
    };
    std::vector<Values> w, g, update;
    std::vector<std::vector<float>> w32, g32, update32;
    for (const Parameter& p : model) {
      w.push_back(p.w);
      g.push_back(p.g);
      update.emplace_back(p.Size());
      w32.emplace_back(p.w.begin(), p.w.end());
      g32.emplace_back(p.g.begin(), p.g.end());
      update32.emplace_back(p.Size());
    }
    for (size_t p = 0; p < model.size(); ++p) {
      input("w").push_back(in_float_ ? ArrayRef(w32[p].data()) : ArrayRef(w[p].data()));
      input("g").push_back(in_float_ ? ArrayRef(g32[p].data()) : ArrayRef(g[p].data()));
      bindings.outputs[0].push_back(in_float_ ? ArrayRef(update32[p].data())
                                              : ArrayRef(update[p].data()));
    }
    double total_steps = kTotalSteps;
    input("lr") = {ArrayRef(&lr)};
    input("t") = {ArrayRef(&t)};
    input("total_steps") = {ArrayRef(&total_steps)};
    const absl::Status status = execution_->Step(bindings);
    EXPECT_TRUE(status.ok()) << status;
    if (in_float_) {
      for (size_t p = 0; p < model.size(); ++p) {
        update[p].assign(update32[p].begin(), update32[p].end());
      }
    }
    return update;
  }

  void WriteStates(const std::vector<Parameter>& model) {
    ForEachState(model, [&](int state, int p, const Values& values) {
      EXPECT_TRUE(execution_->WriteState(state, p, values).ok());
    });
  }

  // The values of a state, parameter after parameter: the program's and the model's.
  std::pair<Values, Values> StateValues(size_t index, const std::vector<Parameter>& model) const {
    std::pair<Values, Values> values;
    ForEachState(model, [&](int state, int p, const Values& expected) {
      if (state != static_cast<int>(index)) return;
      Append(execution_->ReadState(state, p), values.first);
      Append(expected, values.second);
    });
    return values;
  }

 private:
  template <typename Visit>
  void ForEachState(const std::vector<Parameter>& model, Visit visit) const {
    for (size_t s = 0; s < program_.states.size(); ++s) {
      const State& state = program_.states[s];
      const size_t places = state.axes.Has(Axis::kP) ? model.size() : 1;
      for (size_t p = 0; p < places; ++p) {
        visit(static_cast<int>(s), static_cast<int>(p), model[p].states.at(state.name));
      }
    }
  }

  const Program& program_;
  const bool in_float_;
  std::unique_ptr<Execution> execution_;
};

class KnownOptimizer : public ::testing::TestWithParam<std::tuple<Case, const Executor*>> {
 protected:
  const Case& TheCase() const { return std::get<0>(GetParam()); }
  const Executor& TheExecutor() const { return *std::get<1>(GetParam()); }

  // Errors are relative to the largest value of the whole model: that of a single number may be
  // what is left of a difference.
  void ExpectEqual(const Values& actual, const Values& expected, const std::string& what) {
    EXPECT_LE(testing::LargestError(actual, expected), testing::Tolerance(TheExecutor()))
        << what << " " << ::testing::PrintToString(actual) << "\nis not "
        << ::testing::PrintToString(expected);
  }

  void ExpectStates(const Student& student, const Program& program,
                    const std::vector<Parameter>& model) {
    for (size_t s = 0; s < program.states.size(); ++s) {
      const auto [actual, expected] = student.StateValues(s, model);
      ExpectEqual(actual, expected, program.states[s].name);
    }
  }

  void Compare(const Hypers& hypers) {
    Program program = KnownProgram(TheCase().program).value();
    const Step any = {0, 0, hypers};
    for (Hyper& hyper : program.hypers) hyper.value = any[hyper.name];
    Student student(TheExecutor(), program);
    RandomStream random(11, {});
    std::vector<Parameter> model = NewModel(TheCase());
    ExpectStates(student, program, model);
    for (Parameter& p : model) {
      for (double& w : p.w) w = random.Normal();
    }
    // From step 9 on, steps are far apart.
    for (int step = 0; step < 12; ++step) {
      SCOPED_TRACE(step);
      const double t = step < 9 ? step + 1 : std::pow(10, step - 7);
      const double lr = 1 - 0.0625 * step;
      DrawGradients(step, random, model);
      for (Parameter& p : model) {
        testing::RoundFor(TheExecutor(), p.w);
        testing::RoundFor(TheExecutor(), p.g);
        for (auto& [name, values] : p.states) testing::RoundFor(TheExecutor(), values);
      }
      student.WriteStates(model);
      Values actual, expected;
      for (const Values& update : student.Update(model, lr, t)) Append(update, actual);
      for (Parameter& p : model) {
        const Values update = TheCase().oracle(p, {lr, t, hypers});
        Append(update, expected);
        for (size_t i = 0; i < p.Size(); ++i) p.w[i] -= update[i];
      }
      ExpectEqual(actual, expected, "update");
      ExpectStates(student, program, model);
      if (HasFailure()) return;
    }
  }
};

TEST_P(KnownOptimizer, HasTheDocumentedHypers) {
  const Program program = KnownProgram(TheCase().program).value();
  Hypers actual;
  for (const Hyper& hyper : program.hypers) actual[hyper.name] = hyper.value;
  EXPECT_EQ(actual, TheCase().hypers);
}

TEST_P(KnownOptimizer, UpdatesLikeItsPaper) {
  Compare(TheCase().hypers);
}

TEST_P(KnownOptimizer, UpdatesLikeItsPaperWithOtherHypers) {
  Compare(TheCase().changed);
}

INSTANTIATE_TEST_SUITE_P(All, KnownOptimizer,
                         ::testing::Combine(::testing::ValuesIn(Cases()),
                                            ::testing::ValuesIn(testing::AllExecutors())),
                         [](const auto& tested) {
                           return std::get<0>(tested.param).program + "_" +
                                  testing::TestName(*std::get<1>(tested.param));
                         });

TEST(KnownOptimizers, AreAllCompared) {
  std::vector<std::string_view> compared, known;
  for (const Case& c : Cases()) compared.push_back(c.program);
  for (std::string_view name : KnownProgramNames()) {
    if (KnownProgram(name)->signature == &OptimizerSignature()) known.push_back(name);
  }
  EXPECT_THAT(known, ::testing::UnorderedElementsAreArray(compared));
}

}  // namespace
}  // namespace lathe
