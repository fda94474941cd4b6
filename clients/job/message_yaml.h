// Random messages and their YAML, for tests of the mapping.
#ifndef LATHE_CLIENTS_JOB_MESSAGE_YAML_H_
#define LATHE_CLIENTS_JOB_MESSAGE_YAML_H_

#include <google/protobuf/message.h>

#include <random>
#include <string>

namespace lathe {

// Sets every field of `message` to a random value; messages inside messages are filled down to
// `depth` levels and empty below. Of a oneof, one member is set.
void FillAtRandom(std::mt19937& random, int depth, google::protobuf::Message* message);

// A YAML text of `message`, in a random mix of block and flow style.
std::string ToYaml(std::mt19937& random, const google::protobuf::Message& message);

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_MESSAGE_YAML_H_
