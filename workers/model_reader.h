// The evaluator's side of `lathe data add` for a model: what is in a TorchScript file.
#ifndef LATHE_WORKERS_MODEL_READER_H_
#define LATHE_WORKERS_MODEL_READER_H_

#include <functional>
#include <string_view>

#include "absl/status/statusor.h"
#include "lathe/v1/registered_model.pb.h"

namespace lathe {

// Where the command hands a process the file, and where it takes its answer from; both are files.
inline constexpr int kModelFile = 3, kModelAnswer = 4;

// As DescribeModel does it.
using DescribeModelFile = std::function<absl::StatusOr<v1::RegisteredModel>(
    std::string_view file, const v1::ModelExample& example)>;

// The main function of a process that reads one model and answers with a ModelReading. `input` is
// what the model is given, as text, or empty. Takes no more than some gigabytes of memory. The exit
// status: 0 once the answer is written, 2 if nobody wants one.
int RunModelReader(const std::string& input, const DescribeModelFile& describe);

}  // namespace lathe

#endif  // LATHE_WORKERS_MODEL_READER_H_
