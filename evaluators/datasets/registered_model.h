// Models that were registered in a data directory; proto/lathe/v1/registered_model.proto tells the
// files. Nothing here runs a model, or reads more of its file than its bytes.
#ifndef LATHE_EVALUATORS_DATASETS_REGISTERED_MODEL_H_
#define LATHE_EVALUATORS_DATASETS_REGISTERED_MODEL_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lathe/v1/registered_model.pb.h"

namespace lathe {

// Parameters up to what a task allows take an eighth of it.
inline constexpr size_t kMaxModelBytes = size_t{1} << 30;

// Names a TorchScript file together with what it is given.
std::string ModelContentHash(std::string_view file, const v1::ModelDescription& model);

// `file` with what it is, as RegisterDataset does it. `model` has the content's hash.
absl::Status RegisterModel(const std::string& directory, const std::string& name,
                           std::string_view file, const v1::RegisteredModel& model, bool replace);

// Names of registered models, as RegisteredNames has those of datasets.
absl::StatusOr<std::vector<std::string>> RegisteredModelNames(const std::string& directory);

// What a model says of itself, well-formed; its file is not looked at. Not found if it is not
// registered, data loss if the description is damaged.
absl::StatusOr<v1::RegisteredModel> ReadModelRegistration(const std::string& directory,
                                                          const std::string& name);

struct ModelFile {
  std::string path;  // for messages
  std::string bytes;
  v1::RegisteredModel model;
};

// All of it. Data loss, with the file, unless every byte is what it was.
absl::StatusOr<ModelFile> LoadRegisteredModel(const std::string& directory,
                                              const std::string& name);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_REGISTERED_MODEL_H_
