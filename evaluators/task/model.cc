#include "evaluators/task/model.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

constexpr int64_t kTaps = 9;  // of a 3x3 convolution

// Within 1/sqrt(fan in), as torch's layers start.
ModelParameter Weight(int64_t outputs, int64_t inputs) {
  return {.shape = {.rows = outputs, .cols = inputs},
          .bound = 1 / std::sqrt(static_cast<double>(inputs))};
}

// Follows its weight and shares its fan in.
void AddLayer(int64_t outputs, int64_t inputs, std::vector<ModelParameter>& parameters) {
  const ModelParameter weight = Weight(outputs, inputs);
  parameters.push_back(weight);
  parameters.push_back({.shape = {.rows = outputs, .cols = 1}, .bound = weight.bound});
}

std::vector<ModelParameter> MlpParameters(const v1::Task& task) {
  std::vector<ModelParameter> parameters;
  int64_t inputs = FeaturesOf(task.data());
  for (const int64_t width : task.mlp().hidden()) {
    AddLayer(width, inputs, parameters);
    inputs = width;
  }
  AddLayer(task.data().classes(), inputs, parameters);
  return parameters;
}

int64_t Elements(const ImageShape& image) {
  return image.channels * image.height * image.width;
}

std::vector<ModelParameter> ConvNetParameters(const v1::Task& task) {
  std::vector<ModelParameter> parameters;
  const std::vector<Convolution> convolutions = ConvolutionsOf(task);
  if (convolutions.empty()) return parameters;
  for (const Convolution& convolution : convolutions) {
    AddLayer(convolution.out, convolution.in.channels * kTaps, parameters);
  }
  AddLayer(task.data().classes(), Elements(convolutions.back().After()), parameters);
  return parameters;
}

std::vector<ModelParameter> TransformerParameters(const v1::Task& task) {
  const v1::Transformer& model = task.transformer();
  const int64_t width = model.width(), vocabulary = task.data().classes();
  const ModelParameter gain = {.shape = {.rows = width, .cols = 1}, .start = 1};
  std::vector<ModelParameter> parameters = {Weight(vocabulary, width),
                                            Weight(model.context(), width)};
  for (uint32_t layer = 0; layer < model.layers(); ++layer) {
    parameters.insert(parameters.end(), {gain, Weight(3 * width, width), Weight(width, width), gain,
                                         Weight(4 * width, width), Weight(width, 4 * width)});
  }
  parameters.insert(parameters.end(), {gain, Weight(vocabulary, width)});
  return parameters;
}

std::vector<ModelParameter> RegisteredParameters(const v1::Task& task) {
  const v1::ModelDescription& model = task.torchscript().description();
  std::vector<ModelParameter> parameters;
  for (int i = 0; i < std::min(model.rows_size(), model.columns_size()); ++i) {
    parameters.push_back({.shape = {.rows = model.rows(i), .cols = model.columns(i)}});
  }
  return parameters;
}

double ElementsOfMatrices(const v1::Task& task) {
  double elements = 0;
  for (const ModelParameter& parameter : ModelParameters(task)) {
    elements += static_cast<double>(parameter.shape.Elements());
  }
  return elements;
}

// Each parameter works at every place of the image, but those of the last layer.
double ConvNetMultiplyAdds(const v1::Task& task) {
  double sum = 0;
  const std::vector<Convolution> convolutions = ConvolutionsOf(task);
  for (const Convolution& convolution : convolutions) {
    sum += static_cast<double>(Elements(convolution.in) * kTaps * convolution.out);
  }
  if (convolutions.empty()) return sum;
  return sum + static_cast<double>(task.data().classes() * Elements(convolutions.back().After()));
}

// Each parameter works at every token; each token looks at all others.
double TransformerMultiplyAdds(const v1::Task& task) {
  const v1::Transformer& model = task.transformer();
  const double context = model.context(), width = model.width();
  return context * (ElementsOfMatrices(task) + 2 * context * width * model.layers());
}

// Patches of the inputs, outputs, and what pooling leaves of them.
ImageShape WithMargin(const ImageShape& image) {
  return {.channels = image.channels, .height = image.height + 2, .width = image.width + 2};
}

double ConvNetActivations(const v1::Task& task) {
  double sum = static_cast<double>(FeaturesOf(task.data())) + task.data().classes();
  for (const Convolution& convolution : ConvolutionsOf(task)) {
    const double places = static_cast<double>(convolution.in.height * convolution.in.width);
    sum += static_cast<double>(Elements(WithMargin(convolution.in)));
    sum += static_cast<double>(Elements(convolution.in) * kTaps);
    sum += places * static_cast<double>(convolution.out);
    sum += static_cast<double>(Elements(convolution.After()));
  }
  return sum;
}

// For each token of a block: two norms, three projections, the mixed values, the output of the
// attention, the wide layer before and after its ReLU, its output; for each pair of tokens and each
// head a score and a probability.
double TransformerActivations(const v1::Task& task) {
  constexpr double kWidthsPerBlock = 2 + 3 + 1 + 1 + 2 * 4 + 1;
  const v1::Transformer& model = task.transformer();
  const double context = model.context();
  const double block = kWidthsPerBlock * model.width() + 2 * context * model.heads();
  return context * (block * model.layers() + 2.0 * model.width() + 2.0 * task.data().classes());
}

double MlpActivations(const v1::Task& task) {
  double sum = static_cast<double>(FeaturesOf(task.data())) + task.data().classes();
  for (const uint32_t width : task.mlp().hidden()) sum += width;
  return sum;
}

}  // namespace

std::string_view ModelName(const v1::Task& task) {
  switch (task.model_case()) {
    case v1::Task::kConvNet: return "conv_net";
    case v1::Task::kTransformer: return "transformer";
    case v1::Task::kTorchscript: return "torchscript";
    case v1::Task::kMlp:
    case v1::Task::MODEL_NOT_SET: return "mlp";
  }
  return "mlp";
}

std::string NeededModel(const v1::Task& task) {
  if (!task.has_torchscript()) return std::string(ModelName(task));
  return NeededModel(task.torchscript().name(), task.torchscript().description());
}

std::string NeededModel(const std::string& name, const v1::ModelDescription& registered) {
  return absl::StrCat("torchscript ", name, " (content ", registered.content_hash(), ")");
}

std::optional<ImageShape> ImageShapeOf(const v1::Task& task) {
  const auto& shape = task.data().shape();
  if (shape.size() != 3) return std::nullopt;
  return ImageShape{.channels = shape[0], .height = shape[1], .width = shape[2]};
}

ImageShape Convolution::After() const {
  return {.channels = out,
          .height = pooled ? in.height / 2 : in.height,
          .width = pooled ? in.width / 2 : in.width};
}

std::vector<Convolution> ConvolutionsOf(const v1::Task& task) {
  std::vector<Convolution> convolutions;
  std::optional<ImageShape> image = ImageShapeOf(task);
  if (!image) return convolutions;
  for (const int64_t out : task.conv_net().channels()) {
    convolutions.push_back(
        {.in = *image, .out = out, .pooled = image->height >= 2 && image->width >= 2});
    image = convolutions.back().After();
  }
  return convolutions;
}

std::vector<ModelParameter> ModelParameters(const v1::Task& task) {
  switch (task.model_case()) {
    case v1::Task::kConvNet: return ConvNetParameters(task);
    case v1::Task::kTransformer: return TransformerParameters(task);
    case v1::Task::kTorchscript: return RegisteredParameters(task);
    case v1::Task::kMlp:
    case v1::Task::MODEL_NOT_SET: break;
  }
  return MlpParameters(task);
}

double MultiplyAdds(const v1::Task& task) {
  switch (task.model_case()) {
    case v1::Task::kConvNet: return ConvNetMultiplyAdds(task);
    case v1::Task::kTransformer: return TransformerMultiplyAdds(task);
    case v1::Task::kTorchscript: return task.torchscript().description().multiply_adds();
    case v1::Task::kMlp:
    case v1::Task::MODEL_NOT_SET: break;
  }
  return ElementsOfMatrices(task);
}

double Activations(const v1::Task& task) {
  switch (task.model_case()) {
    case v1::Task::kConvNet: return ConvNetActivations(task);
    case v1::Task::kTransformer: return TransformerActivations(task);
    case v1::Task::kTorchscript: return task.torchscript().description().activations();
    case v1::Task::kMlp:
    case v1::Task::MODEL_NOT_SET: break;
  }
  return MlpActivations(task);
}

}  // namespace lathe
