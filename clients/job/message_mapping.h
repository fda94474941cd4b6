// YAML onto protobuf messages, strictly and for any message: a mapping is a message or a map, a
// list is a repeated field, everything else a scalar. Fields go by their names in the .proto file.
//
//   MappingLog log;
//   v1::JobSpec job;
//   MapMessage(document->root(), {.source = {"job.yaml"}, .log = &log}, "", &job);
//   if (!log.errors.empty()) return log.errors.ToStatus();
#ifndef LATHE_CLIENTS_JOB_MESSAGE_MAPPING_H_
#define LATHE_CLIENTS_JOB_MESSAGE_MAPPING_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <map>
#include <string>

#include "clients/job/error_list.h"
#include "clients/job/source_text.h"
#include "clients/job/yaml_document.h"

namespace lathe {

// What is left behind by mapping a file and its overrides.
struct MappingLog {
  ErrorList errors;
  // Where each text field got its value: its path, e.g. "warm_start[0]", to its place.
  std::map<std::string, std::string> text_places;
};

// Where the YAML comes from, and the log it is mapped with.
struct MappingContext {
  TextSource source;
  MappingLog* log;

  std::string Place(const YamlNode& node) const { return source.Place(node.line, node.column); }
  void Error(const YamlNode& node, const std::string& path, const std::string& problem) const {
    log->errors.Add(Place(node), path, problem);
  }
};

// The functions below read on after a mistake, until the log's errors are full. `path` is where the
// target stands in the whole message, "" for the whole.

// Sets the fields of `message`, which is empty.
void MapMessage(const YamlNode& node, const MappingContext& context, const std::string& path,
                google::protobuf::Message* message);

// Sets `field` of `message`, which is absent before: a value, a list or a map.
void MapField(const YamlNode& node, const MappingContext& context, const std::string& path,
              const google::protobuf::FieldDescriptor& field, google::protobuf::Message* message);

// Sets a singular field, or appends one element to a repeated one.
void MapValue(const YamlNode& node, const MappingContext& context, const std::string& path,
              const google::protobuf::FieldDescriptor& field, google::protobuf::Message* message);

// "strategy.kind" for the field `name` of the message at "strategy".
std::string PathOf(const std::string& parent, const std::string& name);
// "warm_start[2]".
std::string PathOf(const std::string& list, int index);

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_MESSAGE_MAPPING_H_
