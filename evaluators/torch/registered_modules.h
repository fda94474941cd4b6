// The modules of registered models, read once.
//
// Thread-safe.
#ifndef LATHE_EVALUATORS_TORCH_REGISTERED_MODULES_H_
#define LATHE_EVALUATORS_TORCH_REGISTERED_MODULES_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evaluators/torch/torchscript_module.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

class RegisteredModules {
 public:
  explicit RegisteredModules(std::string data_directory)
      : data_directory_(std::move(data_directory)) {}

  // The model that a resolved task names, which nobody runs but copies. Not found or data loss if
  // it is not there or damaged; failed precondition if it is not what the task says. A failure is
  // not remembered; what was given once needs no file any more.
  absl::StatusOr<std::shared_ptr<const TorchScriptModule>> Get(const v1::Task& task);

 private:
  const std::string data_directory_;
  std::mutex mutex_;  // held for look-ups, never while reading
  std::map<std::string, std::shared_ptr<const TorchScriptModule>> modules_;  // by content
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_REGISTERED_MODULES_H_
