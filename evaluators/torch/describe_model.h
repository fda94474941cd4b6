// What a TorchScript file is, found out by running it: what `lathe data add` registers.
#ifndef LATHE_EVALUATORS_TORCH_DESCRIBE_MODEL_H_
#define LATHE_EVALUATORS_TORCH_DESCRIBE_MODEL_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "lathe/v1/registered_model.pb.h"

namespace lathe {

// Runs it forward and backward on made-up batches of several sizes, in training and in evaluation
// mode. Invalid argument, on a line, unless it can be trained on what `example` says, or on what
// the file says itself if `example` is empty: it does not load, has no parameters to train or one
// that is not float32, throws, returns another shape or type, depends on more than what it is
// given, or starts threads or reaches for files.
//
// A file is code: this may as well not return, or end the process.
absl::StatusOr<v1::RegisteredModel> DescribeModel(std::string_view file,
                                                  const v1::ModelExample& example);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_DESCRIBE_MODEL_H_
