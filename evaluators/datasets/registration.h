// What registered datasets and models have in common: a folder of a data directory each, with a
// description in the text form of a message, and beside it the content that the description names.
// The description is written last, and with it a name is taken; no two things share one.
#ifndef LATHE_EVALUATORS_DATASETS_REGISTRATION_H_
#define LATHE_EVALUATORS_DATASETS_REGISTRATION_H_

#include <google/protobuf/message.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lathe {

// The kinds of things, by the names of their files.
struct RegisteredKind {
  const char* noun;              // "dataset"
  const char* description_file;  // "dataset.textproto"
  const char* content_suffix;    // ".data"
};
inline constexpr RegisteredKind kDatasetKind = {"dataset", "dataset.textproto", ".data"};
inline constexpr RegisteredKind kModelKind = {"model", "model.textproto", ".pt"};

std::string DescriptionPath(const std::string& directory, const std::string& name,
                            const RegisteredKind& kind);
std::string ContentPath(const std::string& directory, const std::string& name,
                        const RegisteredKind& kind, const std::string& content_hash);

// Where it is written, what it holds and what is said of it.
struct Registration {
  const RegisteredKind& kind;
  std::string content_hash;
  std::span<const std::string_view> content;
  const google::protobuf::Message& description;
  bool replace = false;  // what has the name now, if it is of that kind
};

// Writes so that it is there whole or, after an error or a crash, not at all; what is replaced
// stays until then. Invalid argument for a name that is not allowed; already exists for one that is
// taken.
absl::Status Register(const std::string& directory, const std::string& name,
                      const Registration& registration);

// Names of that kind, whole or not, in order. Unavailable if the directory cannot be read; none if
// there is no such directory.
absl::StatusOr<std::vector<std::string>> NamesOf(const std::string& directory,
                                                 const RegisteredKind& kind);

// Reads a description into `message`. Not found if it is not there, invalid argument for a name
// that nothing may have, data loss for a mistake, with file and place.
absl::Status ReadDescription(const std::string& directory, const std::string& name,
                             const RegisteredKind& kind, google::protobuf::Message& message);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_REGISTRATION_H_
