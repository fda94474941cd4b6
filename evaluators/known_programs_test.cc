// The programs that ship with the language against what they are named after: torch's optimizers
// where torch has one, the published formula elsewhere. Teacher-forced, in double: before each step
// both sides get equal parameters and gradients.
#include "dsl/known_programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dsl/executor.h"
#include "dsl/random.h"

namespace lathe {
namespace {

constexpr int kSteps = 100;

// Tensors as a user's model has them, and what the language makes of them.
const std::vector<std::vector<int64_t>> kExtents = {{3, 4}, {5}, {2, 3, 2}, {}, {1, 7}, {6, 1}};
const std::vector<Shape> kShapes = {{3, 4}, {5, 1}, {2, 6}, {1, 1}, {1, 7}, {6, 1}};

using Hypers = std::map<std::string, double>;
using Values = std::vector<std::vector<double>>;  // per parameter

// What a program is compared with.
class Teacher {
 public:
  virtual ~Teacher() = default;
  // The update of step `t` from 1 on.
  virtual Values Update(const Values& w, const Values& g, double lr, int t) = 0;
};

class TorchTeacher : public Teacher {
 public:
  using MakeOptimizer =
      std::function<std::unique_ptr<torch::optim::Optimizer>(std::vector<torch::Tensor>)>;
  using SetRate = std::function<void(torch::optim::OptimizerOptions&, double)>;

  TorchTeacher(const MakeOptimizer& make, SetRate set_rate) : set_rate_(std::move(set_rate)) {
    for (const auto& extents : kExtents) {
      parameters_.push_back(torch::zeros(extents, torch::kDouble).requires_grad_(true));
      parameters_.back().mutable_grad() = torch::zeros(extents, torch::kDouble);
    }
    optimizer_ = make(parameters_);
  }

  Values Update(const Values& w, const Values& g, double lr, int) override {
    for (size_t p = 0; p < w.size(); ++p) {
      std::copy(w[p].begin(), w[p].end(), parameters_[p].data_ptr<double>());
      std::copy(g[p].begin(), g[p].end(), parameters_[p].grad().data_ptr<double>());
    }
    set_rate_(optimizer_->param_groups()[0].options(), lr);
    optimizer_->step();
    Values update = w;
    for (size_t p = 0; p < w.size(); ++p) {
      for (size_t i = 0; i < w[p].size(); ++i) update[p][i] -= parameters_[p].data_ptr<double>()[i];
    }
    return update;
  }

 private:
  std::vector<torch::Tensor> parameters_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  SetRate set_rate_;
};

template <typename Optimizer, typename Options>
std::unique_ptr<Teacher> MakeTorchTeacher(const Options& options) {
  return std::make_unique<TorchTeacher>(
      [&](std::vector<torch::Tensor> parameters) {
        return std::make_unique<Optimizer>(std::move(parameters), options);
      },
      [](torch::optim::OptimizerOptions& o, double lr) { static_cast<Options&>(o).lr(lr); });
}

// An elementwise formula with two moments as state.
class FormulaTeacher : public Teacher {
 public:
  struct Moments {
    double m = 0, v = 0;
  };
  using Formula = std::function<double(double w, double g, double lr, Moments& moments)>;
  explicit FormulaTeacher(Formula formula) : formula_(std::move(formula)) {
    for (const Shape& shape : kShapes) moments_.emplace_back(shape.Elements());
  }

  Values Update(const Values& w, const Values& g, double lr, int) override {
    Values update = w;
    for (size_t p = 0; p < w.size(); ++p) {
      for (size_t i = 0; i < w[p].size(); ++i) {
        update[p][i] = formula_(w[p][i], g[p][i], lr, moments_[p][i]);
      }
    }
    return update;
  }

 private:
  Formula formula_;
  std::vector<std::vector<Moments>> moments_;
};

std::unique_ptr<Teacher> MakeSgd(const Hypers& hypers) {
  return MakeTorchTeacher<torch::optim::SGD>(
      torch::optim::SGDOptions(1).weight_decay(hypers.at("weight_decay")));
}

std::unique_ptr<Teacher> MakeMomentum(const Hypers& hypers) {
  return MakeTorchTeacher<torch::optim::SGD>(torch::optim::SGDOptions(1)
                                                 .momentum(hypers.at("momentum"))
                                                 .weight_decay(hypers.at("weight_decay")));
}

std::unique_ptr<Teacher> MakeRmsprop(const Hypers& hypers) {
  return MakeTorchTeacher<torch::optim::RMSprop>(torch::optim::RMSpropOptions(1)
                                                     .alpha(hypers.at("alpha"))
                                                     .eps(hypers.at("eps"))
                                                     .weight_decay(hypers.at("weight_decay")));
}

std::unique_ptr<Teacher> MakeAdamW(const Hypers& hypers) {
  return MakeTorchTeacher<torch::optim::AdamW>(torch::optim::AdamWOptions(1)
                                                   .betas({hypers.at("b1"), hypers.at("b2")})
                                                   .eps(hypers.at("eps"))
                                                   .weight_decay(hypers.at("weight_decay")));
}

// Chen et al., "Symbolic discovery of optimization algorithms", 2023, Program 1.
std::unique_ptr<Teacher> MakeLion(const Hypers& hypers) {
  return std::make_unique<FormulaTeacher>(
      [b1 = hypers.at("b1"), b2 = hypers.at("b2"), decay = hypers.at("weight_decay")](
          double w, double g, double lr, FormulaTeacher::Moments& moments) {
        const double c = (1 - b1) * g + b1 * moments.m;
        const double sign = c > 0 ? 1 : c < 0 ? -1 : 0;
        moments.m = (1 - b2) * g + b2 * moments.m;
        return lr * (sign + decay * w);
      });
}

// As above, Program 3: AdamW without bias correction, with guards in the place of epsilon.
std::unique_ptr<Teacher> MakeWarmStart(const Hypers&) {
  return std::make_unique<FormulaTeacher>(
      [](double w, double g, double lr, FormulaTeacher::Moments& moments) {
        moments.m = 0.1 * g + 0.9 * moments.m;
        moments.v = (1 - 0.999) * g * g + 0.999 * moments.v;
        const double root = std::sqrt(std::abs(moments.v));
        return (moments.m / (root + 1e-8) + 0.01 * w) * 0.001 * lr;
      });
}

struct Case {
  std::string program;
  std::unique_ptr<Teacher> (*make_teacher)(const Hypers&);
  Hypers hypers;  // the program's own that are meant; others are set beside them
  Hypers changed;
};

const std::vector<Case>& Cases() {
  static const auto* const cases = new std::vector<Case>{
      {"sgd", MakeSgd, {{"weight_decay", 0}}, {{"weight_decay", 0.03}}},
      {"momentum",
       MakeMomentum,
       {{"momentum", 0.9}, {"weight_decay", 0}},
       {{"momentum", 0.5}, {"weight_decay", 0.03}}},
      {"rmsprop",
       MakeRmsprop,
       {{"alpha", 0.99}, {"eps", 1e-8}, {"weight_decay", 0}},
       {{"alpha", 0.9}, {"eps", 1e-3}, {"weight_decay", 0.03}}},
      {"adamw",
       MakeAdamW,
       {{"b1", 0.9}, {"b2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0.01}},
       {{"b1", 0.8}, {"b2", 0.99}, {"eps", 1e-3}, {"weight_decay", 0.1}}},
      {"lion",
       MakeLion,
       {{"b1", 0.9}, {"b2", 0.99}, {"weight_decay", 0.1}},
       {{"b1", 0.5}, {"b2", 0.9}, {"weight_decay", 0.01}}},
      {"adamw_warm_start", MakeWarmStart, {}, {}},
  };
  return *cases;
}

// Normal numbers of many sizes; every eighth is exactly 0, as gradients of dead inputs are.
Values RandomGradients(RandomStream& random) {
  Values values;
  for (const Shape& shape : kShapes) {
    std::vector<double>& row = values.emplace_back();
    for (int64_t i = 0; i < shape.Elements(); ++i) {
      const double size = PortableExp2(-12 * random.Uniform());
      row.push_back(random.Below(8) == 0 ? 0.0 : random.Normal() * size);
    }
  }
  return values;
}

// Runs a program in double on arrays of the test's own.
class Student {
 public:
  explicit Student(const Program& program)
      : execution_(ReferenceExecutor().Prepare(program, kShapes).value()) {}

  Values Update(Values& w, Values& g, double lr, double t) {
    double total_steps = kSteps;
    Values update = w;
    StepBindings bindings;
    const Signature& signature = OptimizerSignature();
    bindings.inputs.resize(signature.inputs.size());
    bindings.outputs.resize(signature.outputs.size());
    const auto input = [&](std::string_view name) -> std::vector<ArrayRef>& {
      return bindings.inputs[static_cast<size_t>(*signature.InputByName(name))];
    };
    for (size_t p = 0; p < w.size(); ++p) {
      input("w").emplace_back(w[p].data());
      input("g").emplace_back(g[p].data());
      bindings.outputs[0].emplace_back(update[p].data());
    }
    input("lr") = {ArrayRef(&lr)};
    input("t") = {ArrayRef(&t)};
    input("total_steps") = {ArrayRef(&total_steps)};
    EXPECT_TRUE(execution_->Step(bindings).ok());
    return update;
  }

 private:
  std::unique_ptr<Execution> execution_;
};

double LargestMagnitude(const std::vector<double>& values) {
  double largest = 0;
  for (double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

// 1e-12 relative, and the rounding of sums of numbers as large as those of the parameter: torch
// gives its update only as the difference of two parameters.
void ExpectClose(const Values& actual, const Values& expected, const Values& w) {
  for (size_t p = 0; p < actual.size(); ++p) {
    const double rounding = 1e-15 * (LargestMagnitude(expected[p]) + LargestMagnitude(w[p]));
    for (size_t i = 0; i < actual[p].size(); ++i) {
      EXPECT_NEAR(actual[p][i], expected[p][i], 1e-12 * std::abs(expected[p][i]) + rounding)
          << "parameter " << p << ", element " << i;
    }
  }
}

void Compare(const Program& program, Teacher& teacher) {
  RandomStream random(7, {});
  Student student(program);
  Values w = RandomGradients(random);
  for (int t = 1; t <= kSteps; ++t) {
    SCOPED_TRACE(t);
    Values g = RandomGradients(random);
    const double lr = 1 - 0.9 * t / kSteps;
    const Values expected = teacher.Update(w, g, lr, t);
    ExpectClose(student.Update(w, g, lr, t), expected, w);
    if (testing::Test::HasFailure()) return;
    for (size_t p = 0; p < w.size(); ++p) {
      for (size_t i = 0; i < w[p].size(); ++i) w[p][i] -= expected[p][i];
    }
  }
}

class KnownProgramCase : public testing::TestWithParam<Case> {};

TEST_P(KnownProgramCase, HasTheDocumentedHypers) {
  const Program program = KnownProgram(GetParam().program).value();
  Hypers actual;
  for (const Hyper& hyper : program.hypers) actual[hyper.name] = hyper.value;
  EXPECT_EQ(actual, GetParam().hypers);
}

TEST_P(KnownProgramCase, UpdatesLikeItsTeacher) {
  const Program program = KnownProgram(GetParam().program).value();
  Compare(program, *GetParam().make_teacher(GetParam().hypers));
}

TEST_P(KnownProgramCase, UpdatesLikeItsTeacherWithOtherHypers) {
  Program program = KnownProgram(GetParam().program).value();
  for (Hyper& hyper : program.hypers) hyper.value = GetParam().changed.at(hyper.name);
  Compare(program, *GetParam().make_teacher(GetParam().changed));
}

INSTANTIATE_TEST_SUITE_P(All, KnownProgramCase, testing::ValuesIn(Cases()),
                         [](const auto& tested) { return tested.param.program; });

TEST(KnownPrograms, AreAllCompared) {
  std::vector<std::string_view> compared;
  for (const Case& c : Cases()) compared.push_back(c.program);
  EXPECT_THAT(KnownProgramNames(), testing::UnorderedElementsAreArray(compared));
}

}  // namespace
}  // namespace lathe
