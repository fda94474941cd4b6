// Single values of protobuf fields: numbers, truth values, text, enums. What a YAML scalar means is
// decided by the field, strictly: a number in quotes is text, text without quotes is no number.
#ifndef LATHE_CLIENTS_JOB_SCALAR_VALUE_H_
#define LATHE_CLIENTS_JOB_SCALAR_VALUE_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "clients/job/yaml_document.h"

namespace lathe {

using ScalarValue = std::variant<bool, int32_t, int64_t, uint32_t, uint64_t, float, double,
                                 std::string, const google::protobuf::EnumValueDescriptor*>;

// What `field` holds, for messages: "an integer from 0 to 4294967295", "a mapping with the fields
// ...". Of a repeated field, what each element is.
std::string Expectation(const google::protobuf::FieldDescriptor& field);

// The same for a whole message.
std::string Expectation(const google::protobuf::Descriptor& message);

// What `node` is, for messages: "3", "the text \"fast\"", "a list", "nothing".
std::string Description(const YamlNode& node);

// The value of `field` that `node` spells; `field` is not a message. Invalid argument says what is
// allowed and what was given, without a place. Enum values are read by name, in any case; a zero
// value called *_UNSPECIFIED is not one of them, since leaving the field out says that.
absl::StatusOr<ScalarValue> ReadScalar(const YamlNode& node,
                                       const google::protobuf::FieldDescriptor& field);

// Sets a singular field, appends to a repeated one. `value` has the type of `field`.
void StoreScalar(const google::protobuf::FieldDescriptor& field, ScalarValue value,
                 google::protobuf::Message* message);

// The value of the key field of a map's entry.
ScalarValue LoadKey(const google::protobuf::Message& entry);

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_SCALAR_VALUE_H_
