// Populations against the same model in double, operation by operation.
#include "evaluators/population/mlp_population.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "dsl/random.h"

namespace lathe {
namespace {

struct Sizes {
  int inputs;
  std::vector<int> hidden;
  int classes;
  int batch;
};

std::vector<Shape> ShapesOf(const Sizes& sizes) {
  std::vector<Shape> shapes;
  int64_t in = sizes.inputs;
  std::vector<int> widths = sizes.hidden;
  widths.push_back(sizes.classes);
  for (const int width : widths) {
    shapes.push_back({.rows = width, .cols = in});
    shapes.push_back({.rows = width, .cols = 1});
    in = width;
  }
  return shapes;
}

Examples RandomExamples(const Sizes& sizes, int count, RandomStream& random) {
  Examples examples{.features = sizes.inputs, .values = {}, .classes = {}};
  for (int i = 0; i < count * sizes.inputs; ++i) {
    examples.values.push_back(static_cast<float>(random.Normal()));
  }
  for (int i = 0; i < count; ++i) {
    examples.classes.push_back(
        static_cast<uint8_t>(random.Below(static_cast<uint64_t>(sizes.classes))));
  }
  return examples;
}

std::vector<float> RandomParameters(std::span<const Shape> shapes, RandomStream& random) {
  std::vector<float> values;
  for (const Shape& shape : shapes) {
    const double scale = 1 / std::sqrt(static_cast<double>(shape.cols));
    for (int64_t i = 0; i < shape.Elements(); ++i) {
      values.push_back(static_cast<float>(scale * random.Normal()));
    }
  }
  return values;
}

// Loss, gradient and error over some rows, in double.
struct Oracle {
  Oracle(std::span<const Shape> shapes, std::span<const float> parameters, const Examples& examples,
         std::span<const int> rows)
      : gradient(parameters.size()) {
    for (const int row : rows) Add(shapes, parameters, examples, row);
    const auto count = static_cast<double>(rows.size());
    loss /= count;
    error /= count;
    for (double& g : gradient) g /= count;
  }

  void Add(std::span<const Shape> shapes, std::span<const float> parameters,
           const Examples& examples, int row) {
    std::vector<std::vector<double>> values(1);
    const auto features = static_cast<size_t>(examples.features);
    for (size_t i = 0; i < features; ++i) {
      values[0].push_back(examples.values[static_cast<size_t>(row) * features + i]);
    }
    std::vector<size_t> offsets;
    size_t at = 0;
    for (size_t layer = 0; layer < shapes.size(); layer += 2) {
      const auto out = static_cast<size_t>(shapes[layer].rows);
      const auto in = static_cast<size_t>(shapes[layer].cols);
      offsets.push_back(at);
      std::vector<double> next;
      for (size_t o = 0; o < out; ++o) {
        double sum = parameters[at + out * in + o];
        for (size_t i = 0; i < in; ++i) sum += parameters[at + o * in + i] * values.back()[i];
        next.push_back(layer + 2 < shapes.size() ? std::max(sum, 0.0) : sum);
      }
      at += out * (in + 1);
      values.push_back(std::move(next));
    }
    std::vector<double>& logits = values.back();
    const size_t label = examples.classes[static_cast<size_t>(row)];
    error += std::max_element(logits.begin(), logits.end()) - logits.begin() !=
             static_cast<ptrdiff_t>(label);
    double total = 0;
    for (const double logit : logits) total += std::exp(logit);
    loss += std::log(total) - logits[label];
    std::vector<double> delta;
    for (size_t c = 0; c < logits.size(); ++c) {
      delta.push_back(std::exp(logits[c]) / total - (c == label));
    }
    for (size_t layer = offsets.size(); layer-- > 0;) {
      const std::vector<double>& in = values[layer];
      std::vector<double> below(in.size());
      for (size_t o = 0; o < delta.size(); ++o) {
        for (size_t i = 0; i < in.size(); ++i) {
          gradient[offsets[layer] + o * in.size() + i] += delta[o] * in[i];
          below[i] += delta[o] * parameters[offsets[layer] + o * in.size() + i];
        }
        gradient[offsets[layer] + delta.size() * in.size() + o] += delta[o];
      }
      for (size_t i = 0; i < in.size(); ++i) below[i] *= in[i] > 0;
      delta = std::move(below);
    }
  }

  double loss = 0, error = 0;
  std::vector<double> gradient;
};

std::vector<int> FirstRows(int count) {
  std::vector<int> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

class MlpPopulationTest : public testing::TestWithParam<Sizes> {
 protected:
  const Sizes sizes_ = GetParam();
  const std::vector<Shape> shapes_ = ShapesOf(sizes_);
  RandomStream random_{3, {}};
  const Examples examples_ = RandomExamples(sizes_, 77, random_);
};

TEST_P(MlpPopulationTest, LossAndGradientAreThoseOfTheModelInDouble) {
  for (const PopulationKernels& kernels : AvailablePopulationKernels()) {
    MlpPopulation models(shapes_, sizes_.batch, 3, kernels);
    for (int model = 0; model < 3; ++model) {
      const std::vector<float> parameters = RandomParameters(shapes_, random_);
      models.Load(model, parameters);
      // Rows from the end too: a batch is no run of examples.
      std::vector<int> rows = FirstRows(sizes_.batch);
      rows.back() = 76;
      models.TakeBatch(examples_, rows);
      const Oracle oracle(shapes_, parameters, examples_, rows);
      EXPECT_NEAR(models.ForwardBackward(model), oracle.loss, 1e-5);
      double scale = 0;
      for (const double g : oracle.gradient) scale = std::max(scale, std::abs(g));
      for (size_t i = 0; i < oracle.gradient.size(); ++i) {
        ASSERT_NEAR(models.Gradient()[i], oracle.gradient[i], 1e-5 * scale)
            << kernels.matrices->name << " " << i;
      }
      EXPECT_TRUE(std::ranges::equal(models.Parameters(model), parameters));
    }
  }
}

TEST_P(MlpPopulationTest, ScoresAreThoseOfTheModelInDouble) {
  for (const PopulationKernels& kernels : AvailablePopulationKernels()) {
    MlpPopulation models(shapes_, sizes_.batch, 1, kernels);
    const std::vector<float> parameters = RandomParameters(shapes_, random_);
    models.Load(0, parameters);
    for (const int count : {1, 31, 32, 33, 77}) {
      Examples some = examples_;
      some.values.resize(static_cast<size_t>(count * sizes_.inputs));
      some.classes.resize(static_cast<size_t>(count));
      const Oracle oracle(shapes_, parameters, some, FirstRows(count));
      const SplitScore score = models.Score(0, ExampleBlocks(some, kernels));
      EXPECT_NEAR(score.loss, oracle.loss, 1e-5) << kernels.matrices->name << " " << count;
      EXPECT_EQ(score.error, oracle.error) << count;
    }
  }
}

// NaN is NaN, whatever its payload.
std::vector<uint32_t> BitsOf(std::span<const float> values) {
  std::vector<uint32_t> bits;
  for (const float value : values) {
    bits.push_back(std::isnan(value) ? ~0u : std::bit_cast<uint32_t>(value));
  }
  return bits;
}

TEST_P(MlpPopulationTest, EveryBuildGivesTheSameBits) {
  std::vector<float> parameters = RandomParameters(shapes_, random_);
  for (const float strange : {0.25f, -0.0f, 1e-42f, 3e38f, INFINITY, -INFINITY, NAN}) {
    parameters[parameters.size() / 2] = strange;
    parameters.back() = strange;
    std::vector<std::vector<uint32_t>> all;
    for (const PopulationKernels& kernels : AvailablePopulationKernels()) {
      MlpPopulation models(shapes_, sizes_.batch, 1, kernels);
      models.Load(0, parameters);
      models.TakeBatch(examples_, FirstRows(sizes_.batch));
      const double loss = models.ForwardBackward(0);
      all.push_back(BitsOf(models.Gradient()));
      const SplitScore score = models.Score(0, ExampleBlocks(examples_, kernels));
      for (const double number : {loss, score.loss, score.error}) {
        const auto bits = std::isnan(number) ? ~uint64_t{0} : std::bit_cast<uint64_t>(number);
        all.back().insert(all.back().end(),
                          {static_cast<uint32_t>(bits), static_cast<uint32_t>(bits >> 32)});
      }
      EXPECT_EQ(all.back(), all.front()) << kernels.matrices->name << " " << strange;
    }
  }
}

TEST_P(MlpPopulationTest, WhatIsNotFiniteShowsInTheLoss) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    MlpPopulation models(shapes_, sizes_.batch, 1, AvailablePopulationKernels().front());
    std::vector<float> parameters = RandomParameters(shapes_, random_);
    parameters.back() = bad;  // a bias of the last layer
    models.Load(0, parameters);
    models.TakeBatch(examples_, FirstRows(sizes_.batch));
    const bool finite = std::isfinite(models.ForwardBackward(0));
    // A class that is never chosen costs nothing unless it is the right one.
    EXPECT_TRUE(!finite || bad == -INFINITY) << bad;
    const ExampleBlocks all(examples_, AvailablePopulationKernels().front());
    EXPECT_FALSE(std::isfinite(models.Score(0, all).loss)) << bad;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, MlpPopulationTest,
                         testing::Values(Sizes{64, {32}, 10, 32}, Sizes{64, {32, 32, 32}, 10, 32},
                                         Sizes{5, {}, 3, 1}, Sizes{13, {17, 3}, 11, 50},
                                         Sizes{9, {40}, 2, 16}, Sizes{70, {8, 65}, 26, 33}),
                         [](const auto& shape) { return "shape" + std::to_string(shape.index); });

}  // namespace
}  // namespace lathe
