// What a task's model consists of. `task` is resolved in all of these.
#ifndef LATHE_EVALUATORS_TASK_MODEL_H_
#define LATHE_EVALUATORS_TASK_MODEL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/executor.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

// The name of the model's field: "mlp", "conv_net", "transformer", "torchscript".
std::string_view ModelName(const v1::Task& task);

// What a worker has to have for the model: its name; of a registered one, which one and its
// content.
std::string NeededModel(const v1::Task& task);
std::string NeededModel(const std::string& name, const v1::ModelDescription& registered);

struct ImageShape {
  int64_t channels = 0, height = 0, width = 0;
  friend bool operator==(const ImageShape&, const ImageShape&) = default;
};

// What an example of the dataset is; none if it is no image.
std::optional<ImageShape> ImageShapeOf(const v1::Task& task);

// A convolution, from `in` to `out` channels.
struct Convolution {
  ImageShape in;
  int64_t out = 0;
  bool pooled = false;
  ImageShape After() const;  // pooling
};
std::vector<Convolution> ConvolutionsOf(const v1::Task& task);

struct ModelParameter {
  Shape shape;
  // Its values start uniform within `bound` of 0, or all at `start` where the bound is 0. What
  // those of a registered model are is in its file.
  double bound = 0, start = 0;
};
std::vector<ModelParameter> ModelParameters(const v1::Task& task);

// Of a forward pass over one example.
double MultiplyAdds(const v1::Task& task);

// Numbers that a forward pass over one example keeps, its inputs among them.
double Activations(const v1::Task& task);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TASK_MODEL_H_
