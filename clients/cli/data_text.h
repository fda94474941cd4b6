// What `lathe data` prints of a dataset, and of a model.
#ifndef LATHE_CLIENTS_CLI_DATA_TEXT_H_
#define LATHE_CLIENTS_CLI_DATA_TEXT_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "lathe/v1/registered_model.pb.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

// "1x28x28"; "text".
std::string ShapeText(const v1::DatasetDescription& data);
// "60000 examples of 1x28x28 in 10 classes", "1115394 bytes of text, 65 different ones".
std::string DataText(const v1::DatasetDescription& data);

nlohmann::json DataJson(const std::string& name, const std::string& source,
                        const v1::DatasetDescription& data);

// "a model of 5098 parameters in 6 tensors; takes 1x8x8, returns 10 numbers".
std::string ModelText(const v1::RegisteredModel& model);
nlohmann::json ModelJson(const std::string& name, const v1::RegisteredModel& model);

// To standard output; unavailable if that cannot be written.
absl::Status PrintData(const std::string& text);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_DATA_TEXT_H_
