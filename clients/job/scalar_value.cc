#include "clients/job/scalar_value.h"

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/job/closest_name.h"
#include "clients/job/field_names.h"
#include "clients/job/plain_scalar.h"

namespace lathe {
namespace {

using ::google::protobuf::EnumDescriptor;
using ::google::protobuf::EnumValueDescriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

template <typename Integer>
std::string IntegerRange() {
  return absl::StrCat("an integer from ", std::numeric_limits<Integer>::min(), " to ",
                      std::numeric_limits<Integer>::max());
}

absl::Status Mismatch(const YamlNode& node, const FieldDescriptor& field,
                      const std::string& hint = "") {
  return absl::InvalidArgumentError(
      absl::StrCat("expected ", Expectation(field), "; got ", Description(node), hint));
}

template <typename Integer>
absl::StatusOr<ScalarValue> ReadInteger(const YamlNode& node, const FieldDescriptor& field) {
  Integer value;
  if (PlainTypeOf(node) != PlainType::kInteger || !absl::SimpleAtoi(node.text, &value)) {
    return Mismatch(node, field);
  }
  return value;
}

template <typename Float>
absl::StatusOr<ScalarValue> ReadFloat(const YamlNode& node, const FieldDescriptor& field) {
  const PlainType type = PlainTypeOf(node);
  if (type != PlainType::kInteger && type != PlainType::kNumber) return Mismatch(node, field);
  Float value;
  bool read;
  if constexpr (std::is_same_v<Float, float>) {
    read = absl::SimpleAtof(node.text, &value);
  } else {
    read = absl::SimpleAtod(node.text, &value);
  }
  if (!read || !std::isfinite(value)) return Mismatch(node, field);
  return value;
}

absl::StatusOr<ScalarValue> ReadBool(const YamlNode& node, const FieldDescriptor& field) {
  if (PlainTypeOf(node) != PlainType::kBool) return Mismatch(node, field);
  return absl::EqualsIgnoreCase(node.text, "true");
}

absl::StatusOr<ScalarValue> ReadText(const YamlNode& node, const FieldDescriptor& field) {
  if (node.kind != YamlNode::Kind::kScalar) return Mismatch(node, field);
  if (PlainTypeOf(node) != PlainType::kText) {
    return Mismatch(node, field,
                    absl::StrCat(" (as text it is written \"", Printable(node.text), "\")"));
  }
  if (field.type() != FieldDescriptor::TYPE_BYTES) return node.text;
  std::string bytes;
  if (!absl::Base64Unescape(node.text, &bytes)) return Mismatch(node, field);
  return bytes;
}

absl::StatusOr<ScalarValue> ReadEnum(const YamlNode& node, const FieldDescriptor& field) {
  if (node.kind == YamlNode::Kind::kScalar) {
    const std::string name = absl::AsciiStrToLower(node.text);
    const EnumDescriptor& type = *field.enum_type();
    for (int i = 0; i < type.value_count(); ++i) {
      if (IsNamed(*type.value(i)) && EnumText(*type.value(i)) == name) return type.value(i);
    }
    return Mismatch(node, field, Suggestion(name, EnumNames(type)));
  }
  return Mismatch(node, field);
}

// Calls the setter or the adder of the value's type.
struct ScalarStore {
  const FieldDescriptor* field;
  Message* message;

  void operator()(bool v) const { Put(&Reflection::SetBool, &Reflection::AddBool, v); }
  void operator()(int32_t v) const { Put(&Reflection::SetInt32, &Reflection::AddInt32, v); }
  void operator()(int64_t v) const { Put(&Reflection::SetInt64, &Reflection::AddInt64, v); }
  void operator()(uint32_t v) const { Put(&Reflection::SetUInt32, &Reflection::AddUInt32, v); }
  void operator()(uint64_t v) const { Put(&Reflection::SetUInt64, &Reflection::AddUInt64, v); }
  void operator()(float v) const { Put(&Reflection::SetFloat, &Reflection::AddFloat, v); }
  void operator()(double v) const { Put(&Reflection::SetDouble, &Reflection::AddDouble, v); }
  void operator()(const EnumValueDescriptor* v) const {
    Put(&Reflection::SetEnum, &Reflection::AddEnum, v);
  }
  void operator()(std::string v) const {
    Put(&Reflection::SetString, &Reflection::AddString, std::move(v));
  }

 private:
  template <typename Setter, typename Adder, typename T>
  void Put(Setter set, Adder add, T value) const {
    const Reflection* reflection = message->GetReflection();
    if (field->is_repeated()) {
      (reflection->*add)(message, field, std::move(value));
    } else {
      (reflection->*set)(message, field, std::move(value));
    }
  }
};

}  // namespace

std::string Expectation(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: return IntegerRange<int32_t>();
    case FieldDescriptor::CPPTYPE_INT64: return IntegerRange<int64_t>();
    case FieldDescriptor::CPPTYPE_UINT32: return IntegerRange<uint32_t>();
    case FieldDescriptor::CPPTYPE_UINT64: return IntegerRange<uint64_t>();
    case FieldDescriptor::CPPTYPE_FLOAT:
      return absl::StrCat("a number of size up to ", std::numeric_limits<float>::max());
    case FieldDescriptor::CPPTYPE_DOUBLE: return "a finite number";
    case FieldDescriptor::CPPTYPE_BOOL: return "true or false";
    case FieldDescriptor::CPPTYPE_STRING:
      return field.type() == FieldDescriptor::TYPE_BYTES ? "base64 text" : "text";
    case FieldDescriptor::CPPTYPE_ENUM:
      return absl::StrCat("one of ", absl::StrJoin(EnumNames(*field.enum_type()), ", "));
    case FieldDescriptor::CPPTYPE_MESSAGE: return Expectation(*field.message_type());
  }
  return "a value";
}

std::string Expectation(const google::protobuf::Descriptor& message) {
  return absl::StrCat("a mapping with the fields ", absl::StrJoin(FieldNames(message), ", "));
}

std::string Description(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull: return "nothing";
    case YamlNode::Kind::kSequence: return "a list";
    case YamlNode::Kind::kMapping: return "a mapping";
    case YamlNode::Kind::kScalar: break;
  }
  if (PlainTypeOf(node) != PlainType::kText) return Printable(node.text);
  return absl::StrCat("the text \"", Printable(node.text), "\"");
}

absl::StatusOr<ScalarValue> ReadScalar(const YamlNode& node, const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: return ReadInteger<int32_t>(node, field);
    case FieldDescriptor::CPPTYPE_INT64: return ReadInteger<int64_t>(node, field);
    case FieldDescriptor::CPPTYPE_UINT32: return ReadInteger<uint32_t>(node, field);
    case FieldDescriptor::CPPTYPE_UINT64: return ReadInteger<uint64_t>(node, field);
    case FieldDescriptor::CPPTYPE_FLOAT: return ReadFloat<float>(node, field);
    case FieldDescriptor::CPPTYPE_DOUBLE: return ReadFloat<double>(node, field);
    case FieldDescriptor::CPPTYPE_BOOL: return ReadBool(node, field);
    case FieldDescriptor::CPPTYPE_STRING: return ReadText(node, field);
    case FieldDescriptor::CPPTYPE_ENUM: return ReadEnum(node, field);
    case FieldDescriptor::CPPTYPE_MESSAGE: break;
  }
  return absl::InternalError("a message is not a scalar");
}

void StoreScalar(const FieldDescriptor& field, ScalarValue value, Message* message) {
  std::visit(ScalarStore{&field, message}, std::move(value));
}

ScalarValue LoadKey(const Message& entry) {
  const FieldDescriptor* key = entry.GetDescriptor()->map_key();
  const Reflection& reflection = *entry.GetReflection();
  switch (key->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: return reflection.GetInt32(entry, key);
    case FieldDescriptor::CPPTYPE_INT64: return reflection.GetInt64(entry, key);
    case FieldDescriptor::CPPTYPE_UINT32: return reflection.GetUInt32(entry, key);
    case FieldDescriptor::CPPTYPE_UINT64: return reflection.GetUInt64(entry, key);
    case FieldDescriptor::CPPTYPE_BOOL: return reflection.GetBool(entry, key);
    default: return reflection.GetString(entry, key);  // protobuf allows no other type
  }
}

}  // namespace lathe
