// A TorchScript file in memory: its parameters, its loss and gradient on a batch. What is said of
// running it is in proto/lathe/v1/task.proto.
//
//   absl::StatusOr<TorchScriptModule> module = TorchScriptModule::Load(bytes);
//   TorchScriptModule own = module->Copy();
//   own.WriteParameters(values);
//   double loss = own.ForwardBackward(batch, seed, gradient);
//
// Different objects may be used from different threads; runs wait for each other, since they share
// torch's generator of random numbers. What runs throws what torch throws (c10::Error), and
// std::exception for what the module raises.
#ifndef LATHE_EVALUATORS_TORCH_TORCHSCRIPT_MODULE_H_
#define LATHE_EVALUATORS_TORCH_TORCHSCRIPT_MODULE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dsl/executor.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

// What a model is given, and what it should return.
struct TorchScriptBatch {
  v1::ModelDescription::Input input = v1::ModelDescription::FLOATS;
  std::vector<int64_t> sizes;      // of the input, examples first
  std::span<const float> numbers;  // of FLOATS
  std::span<const int64_t> tokens;
  std::span<const int64_t> labels;  // one for each example or token
  v1::TorchScript::Loss loss = v1::TorchScript::CROSS_ENTROPY;
};

// Over examples, or tokens.
struct TorchScriptSums {
  double loss = 0;
  int64_t wrong = 0;
};

class TorchScriptModule {
 public:
  // A parameter that is trained.
  struct Parameter {
    std::string name;
    Shape shape;
  };

  // Invalid argument: what is wrong, on a line: it is no TorchScript file, or a damaged one; a
  // parameter is no matrix of floats or shares its memory; nothing is trained.
  static absl::StatusOr<TorchScriptModule> Load(std::string_view file);
  TorchScriptModule(TorchScriptModule&&) noexcept;
  TorchScriptModule& operator=(TorchScriptModule&&) noexcept;
  ~TorchScriptModule();

  // The same in memory of its own, with all that this one has kept from its runs.
  TorchScriptModule Copy() const;

  // What the file says that it is given (ParseInputText); empty if it does not.
  const std::string& ExampleText() const;
  // In the order of the description.
  const std::vector<Parameter>& Parameters() const;
  // One after another, row-major.
  std::vector<float> ReadParameters() const;
  void WriteParameters(std::span<const float> values);

  // A step in training mode: the mean loss and its gradient, in the order of the parameters.
  // `seed` is where its random numbers start.
  double ForwardBackward(const TorchScriptBatch& batch, uint64_t seed, std::span<float> gradient);
  // In evaluation mode.
  TorchScriptSums Score(const TorchScriptBatch& batch, uint64_t seed);
  // Extents of what comes out in evaluation mode; labels are not looked at. Throws unless these are
  // numbers for each example, or token.
  std::vector<int64_t> OutputSizes(const TorchScriptBatch& batch);
  // Names of operators anywhere in the module, in order.
  std::vector<std::string> Operators() const;

 private:
  struct State;
  explicit TorchScriptModule(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// The last line of a message that torch has thrown in a module, or the first of another.
std::string OneLineOf(const std::exception& error);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_TORCHSCRIPT_MODULE_H_
