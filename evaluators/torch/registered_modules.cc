#include "evaluators/torch/registered_modules.h"

#include <google/protobuf/util/message_differencer.h>

#include "absl/strings/str_cat.h"
#include "evaluators/datasets/registered_model.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

// As many as a process is likely to use in turn; each may be large.
constexpr size_t kMostModules = 4;

// The file of the task's model.
absl::StatusOr<ModelFile> FileOf(const v1::Task& task, const std::string& directory) {
  const v1::TorchScript& model = task.torchscript();
  absl::StatusOr<ModelFile> file = LoadRegisteredModel(directory, model.name());
  if (!file.ok()) return file.status();
  const v1::ModelDescription& there = file->model.description();
  if (google::protobuf::util::MessageDifferencer::Equals(there, model.description())) return file;
  return absl::FailedPreconditionError(absl::StrCat(
      directory, ": ", model.name(), " is not what the task says: ", there.ShortDebugString(),
      " is there; required: ", model.description().ShortDebugString()));
}

absl::Status CheckShapes(const TorchScriptModule& module, const v1::Task& task) {
  const std::vector<Shape> required = ParameterShapes(task);
  std::vector<Shape> shapes;
  shapes.reserve(module.Parameters().size());
  for (const auto& parameter : module.Parameters()) shapes.push_back(parameter.shape);
  const bool same = std::ranges::equal(shapes, required, [](const Shape& a, const Shape& b) {
    return a.rows == b.rows && a.cols == b.cols;
  });
  if (same) return absl::OkStatus();
  return absl::DataLossError("its parameters are not those of its description");
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TorchScriptModule>> RegisteredModules::Get(
    const v1::Task& task) {
  const std::string& content = task.torchscript().description().content_hash();
  {
    const std::lock_guard lock(mutex_);
    const auto found = modules_.find(content);
    // What is kept under the content was what another task said of it; shapes are all that counts.
    if (found != modules_.end() && CheckShapes(*found->second, task).ok()) return found->second;
  }
  const absl::StatusOr<ModelFile> file = FileOf(task, data_directory_);
  if (!file.ok()) return file.status();
  absl::StatusOr<TorchScriptModule> module = TorchScriptModule::Load(file->bytes);
  absl::Status status = module.status();
  if (module.ok()) status = CheckShapes(*module, task);
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat(file->path, ": ", status.message()));
  }
  const std::lock_guard lock(mutex_);
  if (modules_.size() >= kMostModules) modules_.clear();
  return modules_[content] = std::make_shared<const TorchScriptModule>(*std::move(module));
}

}  // namespace lathe
