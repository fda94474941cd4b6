// Messages as JSON, with the field names of their .proto files.
#ifndef LATHE_CLIENTS_CLI_MESSAGE_JSON_H_
#define LATHE_CLIENTS_CLI_MESSAGE_JSON_H_

#include <google/protobuf/message.h>

#include <string>

namespace lathe {

// On one line, without a line end. Numbers of 64 bits are strings, as JSON of protobuf has them.
std::string MessageJson(const google::protobuf::Message& message);

// Writes a line to standard output at once.
void PrintLine(const std::string& line);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_MESSAGE_JSON_H_
