#include "clients/job/field_names.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/job/closest_name.h"

namespace lathe {

using ::google::protobuf::Descriptor;
using ::google::protobuf::EnumDescriptor;
using ::google::protobuf::EnumValueDescriptor;

std::vector<std::string> FieldNames(const Descriptor& message) {
  std::vector<std::string> names;
  names.reserve(message.field_count());
  for (int i = 0; i < message.field_count(); ++i) names.push_back(message.field(i)->name());
  return names;
}

std::string EnumText(const EnumValueDescriptor& value) {
  return absl::AsciiStrToLower(value.name());
}

bool IsNamed(const EnumValueDescriptor& value) {
  return value.number() != 0 || !absl::EndsWith(value.name(), "_UNSPECIFIED");
}

std::vector<std::string> EnumNames(const EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) {
    if (IsNamed(*type.value(i))) names.push_back(EnumText(*type.value(i)));
  }
  return names;
}

std::string UnknownField(const Descriptor& message, const std::string& name) {
  const std::vector<std::string> names = FieldNames(message);
  return absl::StrCat("no such field", Suggestion(name, names), "; allowed are ",
                      absl::StrJoin(names, ", "));
}

}  // namespace lathe
