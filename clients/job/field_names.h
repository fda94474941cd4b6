// Names of protobuf fields and enum values as they stand in YAML.
#ifndef LATHE_CLIENTS_JOB_FIELD_NAMES_H_
#define LATHE_CLIENTS_JOB_FIELD_NAMES_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

namespace lathe {

// In the order of declaration.
std::vector<std::string> FieldNames(const google::protobuf::Descriptor& message);

// "evolution" for EVOLUTION.
std::string EnumText(const google::protobuf::EnumValueDescriptor& value);

// Whether YAML may name the value: a zero value called *_UNSPECIFIED is said by leaving it out.
bool IsNamed(const google::protobuf::EnumValueDescriptor& value);

// Texts of the values that YAML may name, in the order of declaration.
std::vector<std::string> EnumNames(const google::protobuf::EnumDescriptor& type);

// What to say of a field that `message` does not have.
std::string UnknownField(const google::protobuf::Descriptor& message, const std::string& name);

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_FIELD_NAMES_H_
