// The layers that ship with the language against loops over doubles, written from the papers, in
// training and in evaluation. They share nothing with the executors. Teacher-forced: before each
// step both sides get equal inputs and buffers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dsl/buffers.h"
#include "dsl/known_programs.h"
#include "dsl/random.h"
#include "dsl/testing/all_executors.h"

namespace lathe {
namespace {

using Values = std::vector<double>;

// A batch of images as PyTorch lays it out: [N, C, H, W].
struct Batch {
  int n, c, h, w;
  int groups;
  Values x;

  int At(int in, int ic, int ih, int iw) const { return ((in * c + ic) * h + ih) * w + iw; }
  // Calls visit(example, channel, place in x).
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (int in = 0; in < n; ++in) {
      for (int ic = 0; ic < c; ++ic) {
        for (int ih = 0; ih < h; ++ih) {
          for (int iw = 0; iw < w; ++iw) visit(in, ic, At(in, ic, ih, iw));
        }
      }
    }
  }
};

// By channel.
struct Weights {
  Values gamma, beta, v0, v1;
};

// What is kept for evaluation, by channel. As in PyTorch, but the variance is biased.
struct Running {
  Values mean, var;
};

// Which elements have their moments in common.
enum class Over { kBatch, kExample, kGroup, kPlane };

struct Moment {
  double mean = 0, var = 0, mean_square = 0;
};

// By element of x, the moments of those that it is normalized with.
std::vector<Moment> MomentsOf(const Batch& batch, Over over) {
  const int channels_of_group = batch.c / batch.groups;
  const auto key = [&](int in, int ic) -> std::pair<int, int> {
    switch (over) {
      case Over::kBatch: return {0, ic};
      case Over::kExample: return {in, 0};
      case Over::kGroup: return {in, ic / channels_of_group};
      case Over::kPlane: return {in, ic};
    }
    return {};
  };
  std::map<std::pair<int, int>, Values> sets;
  batch.ForEach([&](int in, int ic, int i) { sets[key(in, ic)].push_back(batch.x[i]); });
  std::map<std::pair<int, int>, Moment> moments;
  for (const auto& [where, values] : sets) {
    Moment& m = moments[where];
    const double count = static_cast<double>(values.size());
    for (double x : values) {
      m.mean += x / count;
      m.mean_square += x * x / count;
    }
    for (double x : values) m.var += (x - m.mean) * (x - m.mean) / count;
  }
  std::vector<Moment> result(batch.x.size());
  batch.ForEach([&](int in, int ic, int i) { result[i] = moments[key(in, ic)]; });
  return result;
}

// The moments over the batch; in evaluation those that are kept.
std::vector<Moment> BatchMoments(const Batch& batch, Running& running, bool training) {
  std::vector<Moment> result(batch.x.size());
  if (training) {
    result = MomentsOf(batch, Over::kBatch);
    for (int ic = 0; ic < batch.c; ++ic) {
      const Moment& m = result[batch.At(0, ic, 0, 0)];
      running.mean[ic] += 0.1 * (m.mean - running.mean[ic]);
      running.var[ic] += 0.1 * (m.var - running.var[ic]);
    }
  } else {
    batch.ForEach([&](int, int ic, int i) { result[i] = {running.mean[ic], running.var[ic]}; });
  }
  return result;
}

using Oracle = std::function<Values(const Batch& batch, const Weights& weights, double eps,
                                    Running& running, bool training)>;

double Sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}
double Relu(double x) {
  return x > 0 ? x : 0;
}
double Silu(double x) {
  return x * Sigmoid(x);
}

using Activation = double (*)(double);

// y = activation(gamma (x - mean) / sqrt(var + eps) + beta).
Oracle Normalization(Over over, Activation activation) {
  return
      [=](const Batch& batch, const Weights& weights, double eps, Running& running, bool training) {
        const auto moments =
            over == Over::kBatch ? BatchMoments(batch, running, training) : MomentsOf(batch, over);
        Values y(batch.x.size());
        batch.ForEach([&](int, int ic, int i) {
          const double n = (batch.x[i] - moments[i].mean) / std::sqrt(moments[i].var + eps);
          y[i] = activation(n * weights.gamma[ic] + weights.beta[ic]);
        });
        return y;
      };
}

// Zhang and Sennrich, 2019.
Oracle RmsNorm(Activation activation) {
  return [=](const Batch& batch, const Weights& weights, double eps, Running&, bool) {
    const auto moments = MomentsOf(batch, Over::kExample);
    Values y(batch.x.size());
    batch.ForEach([&](int, int ic, int i) {
      const double n = batch.x[i] / std::sqrt(moments[i].mean_square + eps);
      y[i] = activation(n * weights.gamma[ic] + weights.beta[ic]);
    });
    return y;
  };
}

// Liu et al., 2020, B: x / max(std over the batch, other), where other is a formula of x, v1 and
// the moments of the element's own plane.
using Other = double (*)(double x, double v1, const Moment& instance, double eps);
Oracle EvoNormB(Other other) {
  return
      [=](const Batch& batch, const Weights& weights, double eps, Running& running, bool training) {
        const auto of_batch = BatchMoments(batch, running, training);
        const auto of_instance = MomentsOf(batch, Over::kPlane);
        Values y(batch.x.size());
        batch.ForEach([&](int, int ic, int i) {
          const double left = std::sqrt(of_batch[i].var + eps);
          const double right = other(batch.x[i], weights.v1[ic], of_instance[i], eps);
          y[i] = batch.x[i] / std::max(left, right) * weights.gamma[ic] + weights.beta[ic];
        });
        return y;
      };
}

double B0(double x, double v1, const Moment& instance, double eps) {
  return v1 * x + std::sqrt(instance.var + eps);
}
double B1(double x, double, const Moment& instance, double eps) {
  return (x + 1) * std::sqrt(instance.mean_square + eps);
}
double B2(double x, double, const Moment& instance, double eps) {
  return std::sqrt(instance.mean_square + eps) - x;
}

// Liu et al., 2020, S: a formula of x and v1, by the root of a moment of the group.
Oracle EvoNormS(double (*top)(double x, double v1), double Moment::*moment) {
  return [=](const Batch& batch, const Weights& weights, double eps, Running&, bool) {
    const auto moments = MomentsOf(batch, Over::kGroup);
    Values y(batch.x.size());
    batch.ForEach([&](int, int ic, int i) {
      const double scale = std::sqrt(moments[i].*moment + eps);
      y[i] = top(batch.x[i], weights.v1[ic]) / scale * weights.gamma[ic] + weights.beta[ic];
    });
    return y;
  };
}

double Swish(double x, double v1) {
  return x * Sigmoid(v1 * x);
}
double PlainSwish(double x, double) {
  return Silu(x);
}

// Singh and Krishnan, 2020.
Values FrnTlu(const Batch& batch, const Weights& weights, double eps, Running&, bool) {
  const auto moments = MomentsOf(batch, Over::kPlane);
  Values y(batch.x.size());
  batch.ForEach([&](int, int ic, int i) {
    const double n = batch.x[i] / std::sqrt(moments[i].mean_square + std::abs(eps));
    y[i] = std::max(weights.gamma[ic] * n + weights.beta[ic], weights.v0[ic]);
  });
  return y;
}

struct Case {
  std::string program;
  Oracle oracle;
  double eps;
  std::vector<Op> buffers;  // what is kept: Op::mean or Op::var
};

const std::vector<Case>& Cases() {
  static const auto* const cases = [] {
    auto* const all = new std::vector<Case>{
        {"evonorm_b0", EvoNormB(B0), 1e-3, {Op::var}},
        {"evonorm_b1", EvoNormB(B1), 1e-5, {Op::var}},
        {"evonorm_b2", EvoNormB(B2), 1e-5, {Op::var}},
        {"evonorm_s0", EvoNormS(Swish, &Moment::var), 1e-5, {}},
        {"evonorm_s1", EvoNormS(PlainSwish, &Moment::var), 1e-5, {}},
        {"evonorm_s2", EvoNormS(PlainSwish, &Moment::mean_square), 1e-5, {}},
        {"frn_tlu", FrnTlu, 1e-6, {}},
    };
    const std::pair<std::string, Activation> activations[] = {{"_relu", Relu}, {"_silu", Silu}};
    for (const auto& [name, f] : activations) {
      all->push_back(
          {"batchnorm" + name, Normalization(Over::kBatch, f), 1e-5, {Op::mean, Op::var}});
      all->push_back({"layernorm" + name, Normalization(Over::kExample, f), 1e-5, {}});
      all->push_back({"groupnorm" + name, Normalization(Over::kGroup, f), 1e-5, {}});
      all->push_back({"instancenorm" + name, Normalization(Over::kPlane, f), 1e-5, {}});
      all->push_back({"rmsnorm" + name, RmsNorm(f), 1e-5, {}});
    }
    return all;
  }();
  return *cases;
}

// Six channels in at most four groups are three of two, seven are one of seven.
struct Extents {
  int n, c, h, w, at_most, groups;
};
constexpr Extents kExtents[] = {{4, 6, 3, 5, 4, 3}, {2, 8, 4, 4, 32, 8}, {5, 7, 2, 3, 4, 1},
                                {9, 6, 1, 1, 2, 2}, {1, 4, 4, 3, 2, 2},  {8, 1, 3, 3, 32, 1}};

// Normal numbers of which an eighth is 0, with outliers in every third step.
Values DrawBatch(int step, size_t size, RandomStream& random) {
  Values x(size);
  for (double& value : x) {
    value = 0.5 + random.Normal() * (1 + step);
    if (random.Below(8) == 0) value = 0;
    if (step % 3 == 2 && random.Below(16) == 0) value *= 100;
  }
  return x;
}

// Runs a program on arrays of the test's own, of the elements that the executor computes with.
class Student {
 public:
  Student(const Executor& executor, const Program& program, const Extents& e)
      : in_float_(testing::IsInFloat(executor)),
        execution_(
            executor.Prepare(program, std::vector<Shape>{LayerShape(e.n, e.c, e.h, e.w, e.at_most)})
                .value()) {}

  Values Step(const Batch& batch, const Weights& weights, bool training) {
    Values y(batch.x.size());
    std::vector<Values> arrays = {batch.x, weights.gamma, weights.beta, weights.v0, weights.v1};
    std::vector<std::vector<float>> floats;
    for (const Values& array : arrays) floats.emplace_back(array.begin(), array.end());
    std::vector<float> y32(y.size());
    StepBindings bindings;
    bindings.training = training;
    for (size_t i = 0; i < arrays.size(); ++i) {
      bindings.inputs.push_back(
          {in_float_ ? ArrayRef(floats[i].data()) : ArrayRef(arrays[i].data())});
    }
    bindings.outputs.push_back({in_float_ ? ArrayRef(y32.data()) : ArrayRef(y.data())});
    const absl::Status status = execution_->Step(bindings);
    EXPECT_TRUE(status.ok()) << status;
    if (in_float_) y.assign(y32.begin(), y32.end());
    return y;
  }

  Execution& execution() { return *execution_; }

 private:
  const bool in_float_;
  std::unique_ptr<Execution> execution_;
};

class KnownLayer : public ::testing::TestWithParam<std::tuple<Case, const Executor*>> {
 protected:
  const Case& TheCase() const { return std::get<0>(GetParam()); }
  const Executor& TheExecutor() const { return *std::get<1>(GetParam()); }
  static const Values& Kept(const Running& running, Op op) {
    return op == Op::mean ? running.mean : running.var;
  }

  void ExpectBuffers(Student& student, const Running& running) {
    for (size_t b = 0; b < TheCase().buffers.size(); ++b) {
      const Values actual = student.execution().ReadBuffer(static_cast<int>(b));
      const Values& expected = Kept(running, TheCase().buffers[b]);
      EXPECT_LE(testing::LargestError(actual, expected), testing::Tolerance(TheExecutor()))
          << "buffer " << b << " " << ::testing::PrintToString(actual) << "\nis not "
          << ::testing::PrintToString(expected);
    }
  }

  void ExpectStep(Student& student, const Batch& batch, const Weights& weights, double eps,
                  Running& running, bool training) {
    SCOPED_TRACE(training ? "training" : "evaluation");
    for (size_t b = 0; b < TheCase().buffers.size(); ++b) {
      const Values& kept = Kept(running, TheCase().buffers[b]);
      EXPECT_TRUE(student.execution().WriteBuffer(static_cast<int>(b), kept).ok());
    }
    const Values actual = student.Step(batch, weights, training);
    const Values expected = TheCase().oracle(batch, weights, eps, running, training);
    EXPECT_LE(testing::LargestError(actual, expected), testing::Tolerance(TheExecutor()))
        << ::testing::PrintToString(actual) << "\nis not " << ::testing::PrintToString(expected);
    ExpectBuffers(student, running);
  }

  void Compare(const Extents& e, double eps) {
    Program program = KnownProgram(TheCase().program).value();
    program.hypers[0].value = eps;
    Student student(TheExecutor(), program, e);
    RandomStream random(13, {});
    Running running = {Values(e.c, 0), Values(e.c, 1)};
    ExpectBuffers(student, running);
    for (int step = 0; step < 5; ++step) {
      SCOPED_TRACE(step);
      Weights weights;
      for (Values* values : {&weights.gamma, &weights.beta, &weights.v0, &weights.v1}) {
        for (int i = 0; i < e.c; ++i) values->push_back(random.Normal());
        testing::RoundFor(TheExecutor(), *values);
      }
      for (bool training : {true, false}) {
        Batch batch{e.n, e.c, e.h, e.w, e.groups, {}};
        batch.x = DrawBatch(step, static_cast<size_t>(e.n) * e.c * e.h * e.w, random);
        testing::RoundFor(TheExecutor(), batch.x);
        testing::RoundFor(TheExecutor(), running.mean);
        testing::RoundFor(TheExecutor(), running.var);
        ExpectStep(student, batch, weights, eps, running, training);
        if (HasFailure()) return;
      }
    }
  }
};

TEST_P(KnownLayer, HasTheDocumentedHyperAndBuffers) {
  const Program program = KnownProgram(TheCase().program).value();
  ASSERT_EQ(program.hypers.size(), 1u);
  EXPECT_EQ(program.hypers[0].name, "eps");
  EXPECT_EQ(program.hypers[0].value, TheCase().eps);
  std::vector<Op> ops;
  for (const Buffer& buffer : Buffers(program)) {
    EXPECT_EQ(buffer.axes, (AxisSet{Axis::kG, Axis::kK}));
    ops.push_back(program.instructions[buffer.instruction].op);
  }
  EXPECT_EQ(ops, TheCase().buffers);
}

TEST_P(KnownLayer, ComputesWhatItsPaperSays) {
  for (const Extents& extents : kExtents) {
    SCOPED_TRACE(&extents - kExtents);
    Compare(extents, TheCase().eps);
    if (HasFailure()) return;
  }
}

TEST_P(KnownLayer, ComputesWhatItsPaperSaysWithAnotherEps) {
  Compare(kExtents[0], 0.25);
}

INSTANTIATE_TEST_SUITE_P(All, KnownLayer,
                         ::testing::Combine(::testing::ValuesIn(Cases()),
                                            ::testing::ValuesIn(testing::AllExecutors())),
                         [](const auto& tested) {
                           return std::get<0>(tested.param).program + "_" +
                                  testing::TestName(*std::get<1>(tested.param));
                         });

TEST(KnownLayers, AreAllCompared) {
  std::vector<std::string_view> compared, known;
  for (const Case& c : Cases()) compared.push_back(c.program);
  for (std::string_view name : KnownProgramNames()) {
    if (KnownProgram(name)->signature == &LayerSignature()) known.push_back(name);
  }
  EXPECT_THAT(known, ::testing::UnorderedElementsAreArray(compared));
}

}  // namespace
}  // namespace lathe
