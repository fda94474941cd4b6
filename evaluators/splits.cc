#include "evaluators/splits.h"

#include <array>
#include <cmath>
#include <string_view>

#include "dsl/random.h"
#include "evaluators/task/model.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

// First number of a stream's path: what is drawn from it. Part of what a score means; never reused.
enum Purpose : uint64_t {
  kFeatureScales = 1,
  kSplits = 2,
  kInitialParameters = 3,
  kBatches = 4,
  kLabelNoise = 5,
  kModuleDraws = 6,
};

constexpr double kLog2Of10 = 3.321928094887362;  // log2(10)

double UniformWithin(RandomStream& random, double bound) {
  return bound * (2 * random.Uniform() - 1);
}

// Where a value of a row of `width` values is.
size_t PlaceOf(int row, size_t width) {
  return static_cast<size_t>(row) * width;
}

Examples SelectExamples(const Dataset& dataset, std::span<const int> indices,
                        std::span<const double> scales) {
  const size_t features = scales.size();
  Examples examples{.features = static_cast<int>(features), .values = {}, .classes = {}};
  examples.values.reserve(indices.size() * features);
  examples.classes.reserve(indices.size());
  for (int index : indices) {
    const size_t begin = PlaceOf(index, features);
    for (size_t i = 0; i < features; ++i) {
      const double value = dataset.reals.empty()
                               ? static_cast<double>(dataset.bytes[begin + i]) / dataset.max_value
                               : dataset.reals[begin + i];
      examples.values.push_back(static_cast<float>(value * scales[i]));
    }
    examples.classes.push_back(dataset.classes[static_cast<size_t>(index)]);
  }
  return examples;
}

// What each byte of a text is as a token.
std::array<uint8_t, 256> TokensOf(std::string_view vocabulary) {
  std::array<uint8_t, 256> tokens = {};
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    tokens[static_cast<uint8_t>(vocabulary[i])] = static_cast<uint8_t>(i);
  }
  return tokens;
}

// Blocks of a text, of `width` tokens each: a context and what comes after it.
Examples SelectBlocks(const Dataset& dataset, std::span<const int> indices, size_t width) {
  const std::array<uint8_t, 256> tokens = TokensOf(dataset.vocabulary);
  Examples examples{.values = {}, .classes = {}, .context = static_cast<int>(width) - 1};
  examples.tokens.reserve(indices.size() * width);
  for (int index : indices) {
    const size_t begin = PlaceOf(index, width);
    for (size_t i = 0; i < width; ++i) {
      examples.tokens.push_back(tokens[dataset.bytes[begin + i]]);
    }
  }
  return examples;
}

// Draws some classes anew.
void AddLabelNoise(const v1::Task& task, int seed_index, Examples& examples) {
  if (task.label_noise() == 0) return;
  const uint64_t classes = task.data().classes();
  RandomStream random(task.seed(), {kLabelNoise, static_cast<uint64_t>(seed_index)});
  for (uint8_t& label : examples.classes) {
    if (random.Uniform() < task.label_noise()) label = static_cast<uint8_t>(random.Below(classes));
  }
}

size_t BytesOf(const Examples& examples) {
  return examples.values.size() * sizeof(float) + examples.classes.size() + examples.tokens.size();
}

}  // namespace

Splits DrawSplits(const v1::Task& task, int seed_index, int dataset_examples) {
  RandomStream random(task.seed(), {kSplits, static_cast<uint64_t>(seed_index)});
  const std::vector<int> order = random.Permutation(dataset_examples);
  const auto train_end = order.begin() + task.train_examples();
  const auto validation_end = train_end + task.validation_examples();
  return {.train = {order.begin(), train_end},
          .validation = {train_end, validation_end},
          .test = {validation_end, validation_end + task.test_examples()}};
}

std::vector<double> DrawFeatureScales(const v1::Task& task, int features) {
  RandomStream random(task.seed(), {kFeatureScales});
  std::vector<double> scales(static_cast<size_t>(features));
  for (double& scale : scales) {
    scale = PortableExp2(UniformWithin(random, task.feature_scale_exponent()) * kLog2Of10);
  }
  return scales;
}

std::vector<float> DrawInitialParameters(const v1::Task& task, int seed_index) {
  RandomStream random(task.seed(), {kInitialParameters, static_cast<uint64_t>(seed_index)});
  std::vector<float> parameters;
  for (const ModelParameter& parameter : ModelParameters(task)) {
    for (int64_t i = 0; i < parameter.shape.Elements(); ++i) {
      const double value =
          parameter.bound == 0 ? parameter.start : UniformWithin(random, parameter.bound);
      parameters.push_back(static_cast<float>(value));
    }
  }
  return parameters;
}

std::vector<float> DrawRegisteredParameters(const v1::Task& task, int seed_index,
                                            std::span<const float> saved) {
  std::vector<float> parameters(saved.begin(), saved.end());
  if (task.torchscript().start() != v1::TorchScript::SHUFFLED) return parameters;
  RandomStream random(task.seed(), {kInitialParameters, static_cast<uint64_t>(seed_index)});
  size_t begin = 0;
  for (const ModelParameter& parameter : ModelParameters(task)) {
    const auto size = static_cast<size_t>(parameter.shape.Elements());
    const std::vector<int> order = random.Permutation(static_cast<int>(size));
    for (size_t i = 0; i < size; ++i) {
      parameters[begin + i] = saved[begin + static_cast<size_t>(order[i])];
    }
    begin += size;
  }
  return parameters;
}

uint64_t DrawModuleSeed(const v1::Task& task, int seed_index, ModuleUse use, uint64_t number) {
  return RandomStream(task.seed(), {kModuleDraws, static_cast<uint64_t>(seed_index),
                                    static_cast<uint64_t>(use), number})
      .Bits64();
}

size_t Problem::Bytes() const {
  return BytesOf(train) + BytesOf(validation) + BytesOf(test) +
         initial_parameters.size() * sizeof(float);
}

Problem DrawProblem(const Dataset& dataset, const v1::Task& task, int seed_index) {
  const bool text = IsText(dataset.data);
  const auto width = static_cast<size_t>(text ? TokensPerExample(task) : FeaturesOf(dataset.data));
  const size_t count = text ? dataset.bytes.size() / width : dataset.classes.size();
  const Splits splits = DrawSplits(task, seed_index, static_cast<int>(count));
  const std::vector<double> scales = DrawFeatureScales(task, text ? 0 : static_cast<int>(width));
  const auto select = [&](std::span<const int> indices) {
    return text ? SelectBlocks(dataset, indices, width) : SelectExamples(dataset, indices, scales);
  };
  Problem problem = {.train = select(splits.train),
                     .validation = select(splits.validation),
                     .test = select(splits.test),
                     .initial_parameters = DrawInitialParameters(task, seed_index)};
  AddLabelNoise(task, seed_index, problem.train);
  return problem;
}

BatchOrder::BatchOrder(const v1::Task& task, int seed_index)
    : seed_(task.seed()),
      seed_index_(static_cast<uint64_t>(seed_index)),
      examples_(static_cast<int>(task.train_examples())),
      batch_(task.batch()) {}

std::span<const int> BatchOrder::Next() {
  if (used_ + batch_ > order_.size()) {
    order_ = RandomStream(seed_, {kBatches, seed_index_, epoch_}).Permutation(examples_);
    ++epoch_;
    used_ = 0;
  }
  const std::span<const int> rows = std::span(order_).subspan(used_, batch_);
  used_ += batch_;
  return rows;
}

}  // namespace lathe
