// Datasets that were registered in a data directory; proto/lathe/v1/dataset.proto tells the files.
#ifndef LATHE_EVALUATORS_DATASETS_REGISTERED_H_
#define LATHE_EVALUATORS_DATASETS_REGISTERED_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evaluators/datasets/dataset.h"
#include "evaluators/datasets/input_file.h"
#include "lathe/v1/dataset.pb.h"

namespace lathe {

struct RegisterOptions {
  std::string source_format;  // what it was read from
  bool replace = false;       // what has the name now
};

// Bytes of a dataset's values: two files of the largest size that is read.
inline constexpr size_t kMaxContentBytes = 2 * kMaxInputBytes;

// Writes a complete dataset so that it is there whole or, after an error or a crash, not at all; a
// replaced one stays until then. Invalid argument for a name that is not allowed and for values
// that are too large; already exists for a name that is taken.
absl::Status RegisterDataset(const std::string& directory, const std::string& name,
                             const Dataset& dataset, const RegisterOptions& options);

// Names of what is registered, whole or not, in order. Unavailable if the directory cannot be read;
// none if there is no such directory.
absl::StatusOr<std::vector<std::string>> RegisteredNames(const std::string& directory);

// What a dataset says of itself, well-formed; its values are not looked at. Not found if it is not
// registered, data loss if the file is damaged.
absl::StatusOr<v1::RegisteredDataset> ReadRegistration(const std::string& directory,
                                                       const std::string& name);

// The same, once there is a file beside it of the size that its values take; they are not read.
absl::StatusOr<v1::RegisteredDataset> ProbeRegistration(const std::string& directory,
                                                        const std::string& name);

// All of it. Data loss, with file and place, unless every value is there and what it was.
absl::StatusOr<Dataset> LoadRegistered(const std::string& directory, const std::string& name);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_REGISTERED_H_
