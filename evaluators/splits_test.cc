#include "evaluators/splits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "evaluators/datasets/load_dataset.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

using ::testing::Each;
using ::testing::Eq;

constexpr int kExamples = 1797;
constexpr int kFeatures = 64;

v1::Task TaskWithSeed(uint64_t seed) {
  v1::Task task;
  task.set_seed(seed);
  return ResolveTask(task).value();
}

// Ten examples whose features tell which example it is.
Dataset SmallDataset() {
  Dataset dataset;
  dataset.data.add_shape(2);
  dataset.max_value = 16;
  for (uint8_t i = 0; i < 10; ++i) {
    dataset.bytes.insert(dataset.bytes.end(), {i, 16});
    dataset.classes.push_back(i);
  }
  EXPECT_TRUE(CompleteDataset(dataset).ok());
  return dataset;
}

v1::Task SmallTask() {
  v1::Task task;
  task.set_train_examples(5);
  task.set_validation_examples(3);
  task.set_test_examples(2);
  task.set_batch(2);
  return ResolveTask(task).value();
}

std::vector<int> Concatenated(const Splits& splits) {
  std::vector<int> all = splits.train;
  all.insert(all.end(), splits.validation.begin(), splits.validation.end());
  all.insert(all.end(), splits.test.begin(), splits.test.end());
  return all;
}

TEST(DrawSplits, AreDisjointAndOfTheSizesAskedFor) {
  const Splits splits = DrawSplits(TaskWithSeed(1), 0, kExamples);
  EXPECT_EQ(splits.train.size(), 1000u);
  EXPECT_EQ(splits.validation.size(), 397u);
  EXPECT_EQ(splits.test.size(), 400u);
  std::vector<int> all = Concatenated(splits), expected(kExamples);
  std::sort(all.begin(), all.end());
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
}

TEST(DrawSplits, FollowFromSeedAndSeedIndex) {
  const std::vector<int> first = Concatenated(DrawSplits(TaskWithSeed(1), 0, kExamples));
  EXPECT_EQ(Concatenated(DrawSplits(TaskWithSeed(1), 0, kExamples)), first);
  EXPECT_NE(Concatenated(DrawSplits(TaskWithSeed(1), 1, kExamples)), first);
  EXPECT_NE(Concatenated(DrawSplits(TaskWithSeed(2), 0, kExamples)), first);
}

TEST(DrawFeatureScales, AreLogUniformWithinTheExponent) {
  v1::Task task = TaskWithSeed(3);
  task.set_feature_scale_exponent(2);
  std::vector<double> exponents;
  for (double scale : DrawFeatureScales(task, 10000)) exponents.push_back(std::log10(scale));
  const auto [low, high] = std::minmax_element(exponents.begin(), exponents.end());
  EXPECT_GE(*low, -2);
  EXPECT_LT(*low, -1.99);
  EXPECT_LE(*high, 2);
  EXPECT_GT(*high, 1.99);
  // The mean of 10,000 has a standard deviation of 0.012.
  EXPECT_NEAR(std::accumulate(exponents.begin(), exponents.end(), 0.0) / 10000, 0, 0.06);
}

TEST(DrawFeatureScales, AreOneWithoutAnExponent) {
  v1::Task task = TaskWithSeed(3);
  task.set_feature_scale_exponent(0);
  EXPECT_THAT(DrawFeatureScales(task, kFeatures), Each(Eq(1)));
}

TEST(DrawFeatureScales, FollowFromTheSeed) {
  EXPECT_EQ(DrawFeatureScales(TaskWithSeed(1), kFeatures),
            DrawFeatureScales(TaskWithSeed(1), kFeatures));
  EXPECT_NE(DrawFeatureScales(TaskWithSeed(1), kFeatures),
            DrawFeatureScales(TaskWithSeed(2), kFeatures));
}

TEST(DrawInitialParameters, AreUniformWithinTheFanIn) {
  const v1::Task task = TaskWithSeed(1);
  const std::vector<float> parameters = DrawInitialParameters(task, 0);
  size_t next = 0;
  double fan_in = 0;
  for (const Shape& shape : ParameterShapes(task)) {
    if (shape.cols > 1) fan_in = static_cast<double>(shape.cols);
    const double bound = 1 / std::sqrt(fan_in);
    double largest = 0, sum = 0, squares = 0;
    for (int64_t i = 0; i < shape.Elements(); ++i) {
      const double share = parameters.at(next++) / bound;
      largest = std::max(largest, std::abs(share));
      sum += share;
      squares += share * share;
    }
    const auto n = static_cast<double>(shape.Elements());
    EXPECT_LE(largest, 1);
    EXPECT_GT(largest, 1 - 10 / n);
    EXPECT_NEAR(sum / n, 0, 4 / std::sqrt(3 * n));  // four standard deviations
    EXPECT_NEAR(squares / n, 1 / 3., 4 * 0.3 / std::sqrt(n));
  }
  EXPECT_EQ(next, parameters.size());
}

TEST(DrawInitialParameters, KnowAFanInOfOne) {
  v1::Task task = TaskWithSeed(1);
  task.mutable_mlp()->set_hidden(0, 1);  // the last layer's weight is [10, 1]
  const std::vector<float> parameters = DrawInitialParameters(task, 0);
  const auto last_layer = parameters.end() - 20;
  EXPECT_GT(*std::max_element(last_layer, parameters.end()), 0.5);
}

TEST(DrawInitialParameters, OfATransformerHaveGainsOfOne) {
  v1::Task task = TaskWithSeed(1);
  task.mutable_transformer()->set_context(5);
  task.mutable_transformer()->set_width(16);
  task.mutable_transformer()->set_heads(2);
  task.mutable_transformer()->set_layers(1);
  const std::vector<float> parameters = DrawInitialParameters(task, 0);
  size_t begin = 0;
  for (const Shape& shape : ParameterShapes(task)) {
    const auto first = parameters.begin() + static_cast<int64_t>(begin);
    const auto [least, most] = std::minmax_element(first, first + shape.Elements());
    const double bound = 1 / std::sqrt(static_cast<double>(shape.cols));
    if (shape.cols == 1) {
      EXPECT_EQ(*least, 1);
      EXPECT_EQ(*most, 1);
    } else {
      EXPECT_LT(*least, -0.8 * bound);
      EXPECT_GE(*least, -bound);
      EXPECT_GT(*most, 0.8 * bound);
      EXPECT_LE(*most, bound);
    }
    begin += static_cast<size_t>(shape.Elements());
  }
  EXPECT_EQ(begin, parameters.size());
}

TEST(DrawInitialParameters, OfAConvNetAreUniformWithinTheFanInOfAPixel) {
  v1::Task task;
  task.mutable_conv_net()->add_channels(50);
  task = ResolveTask(task).value();
  const std::vector<float> parameters = DrawInitialParameters(task, 0);
  // Weights and biases of the convolution: nine pixels of one channel.
  const auto [least, most] = std::minmax_element(parameters.begin(), parameters.begin() + 500);
  EXPECT_NEAR(*least, -1. / 3, 0.01);
  EXPECT_NEAR(*most, 1. / 3, 0.01);
}

TEST(Examples, OfTextAreCountedByTheirTokens) {
  Examples examples;
  examples.context = 3;
  examples.tokens.resize(8);
  EXPECT_EQ(examples.Count(), 2);
  Problem problem;
  problem.train = examples;
  EXPECT_EQ(problem.Bytes(), 8u);
}

TEST(DrawInitialParameters, FollowFromSeedAndSeedIndex) {
  const std::vector<float> first = DrawInitialParameters(TaskWithSeed(1), 0);
  EXPECT_EQ(DrawInitialParameters(TaskWithSeed(1), 0), first);
  EXPECT_NE(DrawInitialParameters(TaskWithSeed(1), 1), first);
  EXPECT_NE(DrawInitialParameters(TaskWithSeed(2), 0), first);
}

TEST(DrawProblem, ScalesTheFeaturesOfEachSplit) {
  const Dataset dataset = SmallDataset();
  const v1::Task task = SmallTask();
  const Problem problem = DrawProblem(dataset, task, 0);
  const Splits splits = DrawSplits(task, 0, 10);
  const std::vector<double> scales = DrawFeatureScales(task, 2);
  const auto expect_split = [&](const Examples& examples, const std::vector<int>& indices) {
    ASSERT_EQ(examples.Count(), static_cast<int>(indices.size()));
    EXPECT_EQ(examples.features, 2);
    for (size_t i = 0; i < indices.size(); ++i) {
      EXPECT_EQ(examples.classes[i], indices[i]);
      EXPECT_EQ(examples.values[2 * i], static_cast<float>(indices[i] / 16. * scales[0]));
      EXPECT_EQ(examples.values[2 * i + 1], static_cast<float>(scales[1]));
    }
  };
  expect_split(problem.train, splits.train);
  expect_split(problem.validation, splits.validation);
  expect_split(problem.test, splits.test);
  EXPECT_EQ(problem.initial_parameters, DrawInitialParameters(task, 0));
}

TEST(DrawProblem, TakesRealFeaturesAsTheyAre) {
  Dataset dataset;
  dataset.data.add_shape(2);
  for (uint8_t i = 0; i < 10; ++i) {
    dataset.reals.insert(dataset.reals.end(), {static_cast<float>(-1.5 * i), 300});
    dataset.classes.push_back(i);
  }
  ASSERT_TRUE(CompleteDataset(dataset).ok());
  const Problem problem = DrawProblem(dataset, SmallTask(), 0);
  const std::vector<double> scales = DrawFeatureScales(SmallTask(), 2);
  ASSERT_EQ(problem.train.Count(), 5);
  for (size_t i = 0; i < 5; ++i) {
    const double first = -1.5 * problem.train.classes[i];
    EXPECT_EQ(problem.train.values[2 * i], static_cast<float>(first * scales[0]));
    EXPECT_EQ(problem.train.values[2 * i + 1], static_cast<float>(300 * scales[1]));
  }
}

// Every block of ten letters of its own, so that a token tells the block.
TEST(DrawProblem, CutsATextIntoBlocksThatDoNotOverlap) {
  v1::Task task = SmallTask();
  task.mutable_transformer()->set_context(12);
  const int64_t width = 13;
  Dataset dataset;
  for (int block = 0; block < 10; ++block) {
    for (int64_t i = 0; i < width; ++i) {
      const char first = i == 0 ? '!' : static_cast<char>('a' + block);
      dataset.bytes.push_back(static_cast<uint8_t>(first));
    }
  }
  dataset.bytes.push_back('z');  // fills no block
  ASSERT_TRUE(CompleteDataset(dataset).ok());
  *task.mutable_data() = dataset.data;
  EXPECT_EQ(ExamplesOf(task), 10u);
  const Problem problem = DrawProblem(dataset, task, 0);
  std::set<uint8_t> blocks;
  for (const Examples* split : {&problem.train, &problem.validation, &problem.test}) {
    EXPECT_EQ(split->context, 12);
    EXPECT_TRUE(split->values.empty() && split->classes.empty());
    for (int row = 0; row < split->Count(); ++row) {
      const auto begin = split->tokens.begin() + row * width;
      EXPECT_EQ(*begin, 0) << "! is the first of the vocabulary";
      EXPECT_EQ(std::set<uint8_t>(begin + 1, begin + width).size(), 1u);
      EXPECT_TRUE(blocks.insert(begin[1]).second);
    }
  }
  EXPECT_EQ(blocks, (std::set<uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(problem.train.Count(), 5);
  EXPECT_EQ(problem.test.Count(), 2);
}

TEST(DrawProblem, CountsItsBytes) {
  const v1::Task task = SmallTask();
  const Problem problem = DrawProblem(SmallDataset(), task, 0);
  EXPECT_EQ(problem.Bytes(), 10 * (2 * 4 + 1) + 4 * problem.initial_parameters.size());
}

TEST(BatchOrder, CoversAnEpochWithoutRepeating) {
  v1::Task task = SmallTask();
  task.set_train_examples(96);
  task.set_batch(32);
  BatchOrder order(task, 0);
  for (int epoch = 0; epoch < 3; ++epoch) {
    std::set<int> rows;
    for (int step = 0; step < 3; ++step) {
      const std::span<const int> batch = order.Next();
      ASSERT_EQ(batch.size(), 32u);
      rows.insert(batch.begin(), batch.end());
    }
    EXPECT_EQ(rows.size(), 96u);
    EXPECT_EQ(*rows.rbegin(), 95);
  }
}

TEST(BatchOrder, DropsWhatDoesNotFillABatchAndShufflesAnew) {
  BatchOrder order(SmallTask(), 0);  // 5 rows, 2 a step
  std::map<int, int> seen;
  for (int epoch = 0; epoch < 200; ++epoch) {
    std::set<int> rows;
    for (int step = 0; step < 2; ++step) {
      for (int row : order.Next()) {
        rows.insert(row);
        ++seen[row];
      }
    }
    EXPECT_EQ(rows.size(), 4u);
  }
  EXPECT_EQ(seen.size(), 5u);
  for (const auto& [row, count] : seen) EXPECT_NEAR(count, 160, 30) << row;
}

TEST(BatchOrder, TakesABatchOfEverything) {
  v1::Task task = SmallTask();
  task.set_batch(5);
  BatchOrder order(task, 0);
  for (int epoch = 0; epoch < 3; ++epoch) {
    const std::span<const int> batch = order.Next();
    EXPECT_EQ(std::set<int>(batch.begin(), batch.end()), (std::set<int>{0, 1, 2, 3, 4}));
  }
}

TEST(BatchOrder, FollowsFromSeedAndSeedIndex) {
  const auto first_batch = [](uint64_t seed, int seed_index) {
    BatchOrder order(TaskWithSeed(seed), seed_index);
    const std::span<const int> batch = order.Next();
    return std::vector<int>(batch.begin(), batch.end());
  };
  EXPECT_EQ(first_batch(1, 0), first_batch(1, 0));
  EXPECT_NE(first_batch(1, 0), first_batch(1, 1));
  EXPECT_NE(first_batch(1, 0), first_batch(2, 0));
}

// What is drawn is part of what a recorded score means: it may never change unnoticed.
TEST(Drawing, IsFrozen) {
  const v1::Task task = TaskWithSeed(1);
  const Dataset digits = LoadDataset(LATHE_SOURCE_DIR "/evaluators/data", "digits").value();
  const Problem problem = DrawProblem(digits, task, 2);
  FieldHasher hasher;
  for (const Examples* split : {&problem.train, &problem.validation, &problem.test}) {
    for (float value : split->values) hasher.Real(value);
    for (uint8_t value : split->classes) hasher.Number(value);
  }
  for (float value : problem.initial_parameters) hasher.Real(value);
  BatchOrder order(task, 2);
  for (int step = 0; step < 100; ++step) {
    for (int row : order.Next()) hasher.Number(static_cast<uint64_t>(row));
  }
  EXPECT_EQ(hasher.Digest().Hex(), "f6a2131f4c013c081a8f6595cbe2e988");
}

TEST(DrawProblem, LabelNoiseDrawsFromTheClassesOfTheData) {
  v1::Task task = SmallTask();
  task.mutable_data()->set_classes(2);
  task.set_label_noise(1);
  for (int seed_index = 0; seed_index < 20; ++seed_index) {
    for (uint8_t label : DrawProblem(SmallDataset(), task, seed_index).train.classes) {
      EXPECT_LT(label, 2);
    }
  }
}

// Of a thousand training examples, half are drawn anew, and one in ten of these keeps its class.
TEST(DrawProblem, LabelNoiseChangesClassesOfTheTrainingSplitAlone) {
  const Dataset digits = LoadDataset(LATHE_SOURCE_DIR "/evaluators/data", "digits").value();
  v1::Task task = TaskWithSeed(5);
  const Problem clean = DrawProblem(digits, task, 2);
  task.set_label_noise(0.5);
  const Problem noisy = DrawProblem(digits, task, 2);
  int changed = 0;
  for (size_t i = 0; i < clean.train.classes.size(); ++i) {
    changed += clean.train.classes[i] != noisy.train.classes[i];
    EXPECT_LT(noisy.train.classes[i], 10);
  }
  EXPECT_NEAR(changed, 450, 60);
  EXPECT_EQ(noisy.train.values, clean.train.values);
  EXPECT_EQ(noisy.validation, clean.validation);
  EXPECT_EQ(noisy.test, clean.test);
  EXPECT_EQ(noisy.initial_parameters, clean.initial_parameters);
  // Which ones are drawn anew is another matter for every seed index.
  task.set_label_noise(0);
  const Problem other = DrawProblem(digits, task, 3);
  task.set_label_noise(0.5);
  const Problem other_noisy = DrawProblem(digits, task, 3);
  int both = 0;
  for (size_t i = 0; i < clean.train.classes.size(); ++i) {
    both += clean.train.classes[i] != noisy.train.classes[i] &&
            other.train.classes[i] != other_noisy.train.classes[i];
  }
  EXPECT_NEAR(both, 0.45 * 450, 60);
  EXPECT_EQ(DrawProblem(digits, task, 2).train.classes, noisy.train.classes);
}

}  // namespace
}  // namespace lathe
