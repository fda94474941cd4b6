#include "clients/cli/message_json.h"

#include <google/protobuf/util/json_util.h>

#include <cstdio>

namespace lathe {

std::string MessageJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  // Only what is no message at all, such as a time before year 1, cannot be written.
  return status.ok() ? json : "null";
}

void PrintLine(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace lathe
