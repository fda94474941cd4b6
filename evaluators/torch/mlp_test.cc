#include "evaluators/torch/mlp.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "dsl/random.h"
#include "evaluators/torch/blas.h"

namespace lathe {
namespace {

constexpr int kFeatures = 6, kClasses = 4, kExamples = 20;

std::vector<Shape> ShapesFor(const std::vector<int64_t>& hidden) {
  std::vector<Shape> shapes;
  int64_t inputs = kFeatures;
  for (int64_t outputs : hidden) {
    shapes.insert(shapes.end(), {{outputs, inputs}, {outputs, 1}});
    inputs = outputs;
  }
  shapes.insert(shapes.end(), {{kClasses, inputs}, {kClasses, 1}});
  return shapes;
}

Examples RandomExamples(RandomStream& random) {
  Examples examples{.features = kFeatures, .values = {}, .classes = {}};
  for (int i = 0; i < kExamples * kFeatures; ++i) {
    examples.values.push_back(static_cast<float>(random.Normal()));
  }
  for (int i = 0; i < kExamples; ++i) {
    examples.classes.push_back(static_cast<uint8_t>(random.Below(kClasses)));
  }
  return examples;
}

std::vector<float> RandomParameters(RandomStream& random, const std::vector<Shape>& shapes) {
  std::vector<float> values;
  for (const Shape& shape : shapes) {
    for (int64_t i = 0; i < shape.Elements(); ++i) {
      values.push_back(static_cast<float>(0.5 * random.Normal()));
    }
  }
  return values;
}

// The same network written with torch's own functions, in double, differentiated by autograd.
class AutogradNetwork {
 public:
  AutogradNetwork(const std::vector<Shape>& shapes, const std::vector<float>& values) {
    const float* next = values.data();
    for (const Shape& shape : shapes) {
      const bool is_bias = parameters_.size() % 2 == 1;
      at::Tensor tensor = at::empty({shape.rows, shape.cols}, at::kFloat);
      std::copy_n(next, shape.Elements(), tensor.data_ptr<float>());
      next += shape.Elements();
      if (is_bias) tensor = tensor.squeeze(1);
      parameters_.push_back(tensor.to(at::kDouble).requires_grad_(true));
    }
  }

  at::Tensor Logits(const Examples& examples, const std::vector<int>& rows) const {
    at::Tensor x = at::empty({static_cast<int64_t>(rows.size()), kFeatures}, at::kDouble);
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto first = examples.values.begin() + rows[i] * kFeatures;
      std::copy_n(first, kFeatures, x.data_ptr<double>() + i * kFeatures);
    }
    for (size_t p = 0; p < parameters_.size(); p += 2) {
      if (p > 0) x = at::relu(x);
      x = at::linear(x, parameters_[p], parameters_[p + 1]);
    }
    return x;
  }

  static at::Tensor Classes(const Examples& examples, const std::vector<int>& rows) {
    at::Tensor classes = at::empty({static_cast<int64_t>(rows.size())}, at::kLong);
    for (size_t i = 0; i < rows.size(); ++i) {
      classes.data_ptr<int64_t>()[i] = examples.classes[static_cast<size_t>(rows[i])];
    }
    return classes;
  }

  at::Tensor Loss(const Examples& examples, const std::vector<int>& rows) const {
    return at::cross_entropy_loss(Logits(examples, rows), Classes(examples, rows));
  }

  const std::vector<at::Tensor>& Parameters() const { return parameters_; }

 private:
  std::vector<at::Tensor> parameters_;
};

std::vector<int> AllRows() {
  std::vector<int> rows(kExamples);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

class MlpOfDepth : public testing::TestWithParam<std::vector<int64_t>> {
 protected:
  void SetUp() override {
    UseOneBlasThread();
    mlp_.Load(values_);
  }

  RandomStream random_{1, {GetParam().size()}};
  const std::vector<Shape> shapes_ = ShapesFor(GetParam());
  const Examples examples_ = RandomExamples(random_);
  const std::vector<float> values_ = RandomParameters(random_, shapes_);
  const std::vector<int> rows_ = {3, 17, 3, 0, 9};
  Mlp mlp_{shapes_, 5};
};

TEST_P(MlpOfDepth, GradientIsThatOfAutograd) {
  const AutogradNetwork expected(shapes_, values_);
  const at::Tensor loss = expected.Loss(examples_, rows_);
  loss.backward();
  // Twice: what the first pass left behind must not count.
  mlp_.ForwardBackward(examples_, std::vector<int>{1, 2, 4, 5, 6});
  EXPECT_NEAR(mlp_.ForwardBackward(examples_, rows_), loss.item<double>(), 1e-6);
  ASSERT_EQ(mlp_.ParameterCount(), static_cast<int>(shapes_.size()));
  for (int p = 0; p < mlp_.ParameterCount(); ++p) {
    const at::Tensor gradient = expected.Parameters()[static_cast<size_t>(p)].grad().contiguous();
    const std::span<float> actual = mlp_.Gradient(p);
    ASSERT_EQ(static_cast<int64_t>(actual.size()), gradient.numel());
    for (size_t i = 0; i < actual.size(); ++i) {
      EXPECT_NEAR(actual[i], gradient.data_ptr<double>()[i], 2e-6) << p << " " << i;
    }
  }
}

TEST_P(MlpOfDepth, ScoreIsThatOfTorch) {
  const AutogradNetwork expected(shapes_, values_);
  const std::vector<int> rows = AllRows();
  const SplitScore score = mlp_.Score(examples_);
  EXPECT_NEAR(score.loss, expected.Loss(examples_, rows).item<double>(), 1e-6);
  const at::Tensor wrong = expected.Logits(examples_, rows)
                               .argmax(1)
                               .ne(AutogradNetwork::Classes(examples_, rows))
                               .sum();
  EXPECT_EQ(score.error, static_cast<double>(wrong.item<int64_t>()) / kExamples);
}

TEST_P(MlpOfDepth, ScoreLeavesTheGradientAlone) {
  mlp_.ForwardBackward(examples_, rows_);
  const std::span<float> gradient = mlp_.Gradient(0);
  const std::vector<float> before(gradient.begin(), gradient.end());
  mlp_.Score(examples_);
  EXPECT_EQ(std::vector<float>(gradient.begin(), gradient.end()), before);
}

TEST_P(MlpOfDepth, LoadsParametersInOrder) {
  std::vector<float> read;
  for (int p = 0; p < mlp_.ParameterCount(); ++p) {
    const std::span<float> parameter = mlp_.Parameter(p);
    read.insert(read.end(), parameter.begin(), parameter.end());
  }
  EXPECT_EQ(read, values_);
}

INSTANTIATE_TEST_SUITE_P(All, MlpOfDepth,
                         testing::Values(std::vector<int64_t>{}, std::vector<int64_t>{5},
                                         std::vector<int64_t>{7, 1, 5, 6}));

TEST(Mlp, PassesNanOn) {
  RandomStream random(2, {});
  const std::vector<Shape> shapes = ShapesFor({5});
  Mlp mlp(shapes, 2);
  mlp.Load(RandomParameters(random, shapes));
  mlp.Parameter(0)[0] = std::numeric_limits<float>::quiet_NaN();
  const Examples examples = RandomExamples(random);
  const std::vector<int> rows = {0, 1};
  EXPECT_TRUE(std::isnan(mlp.ForwardBackward(examples, rows)));
  EXPECT_TRUE(std::isnan(mlp.Score(examples).loss));
}

TEST(Mlp, StartsAtZero) {
  RandomStream random(3, {});
  Mlp mlp(ShapesFor({5}), 2);
  EXPECT_NEAR(mlp.Score(RandomExamples(random)).loss, std::log(kClasses), 1e-6);
}

}  // namespace
}  // namespace lathe
