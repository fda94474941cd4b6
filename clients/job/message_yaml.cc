#include "clients/job/message_yaml.h"

#include <google/protobuf/descriptor.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lathe {
namespace {

using ::google::protobuf::EnumDescriptor;
using ::google::protobuf::EnumValueDescriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

int Below(std::mt19937& random, int bound) {
  return static_cast<int>(random() % bound);
}

// Any 64 bits, often with many zeros or ones at the top.
uint64_t RandomBits(std::mt19937& random) {
  const uint64_t bits = uint64_t{random()} << 32 | random();
  const uint64_t small = bits >> Below(random, 64);
  return Below(random, 4) == 0 ? ~small : small;
}

template <typename Float>
Float RandomFloat(std::mt19937& random) {
  using Bits = std::conditional_t<sizeof(Float) == 4, uint32_t, uint64_t>;
  if (Below(random, 2) == 0) return static_cast<Float>(Below(random, 2001) - 1000) / 8;
  const auto value = std::bit_cast<Float>(static_cast<Bits>(uint64_t{random()} << 32 | random()));
  return std::isfinite(value) ? value : std::numeric_limits<Float>::lowest();
}

std::string RandomText(std::mt19937& random) {
  static const std::vector<std::string> kPieces = {"a",
                                                   "Z",
                                                   "0",
                                                   " ",
                                                   "\n",
                                                   "\t",
                                                   "\r",
                                                   "\"",
                                                   "'",
                                                   "\\",
                                                   ":",
                                                   "#",
                                                   "- ",
                                                   "{",
                                                   "]",
                                                   "*",
                                                   "&",
                                                   "\0",
                                                   "\x7f",
                                                   "\xc3\xa9",
                                                   "\xe2\x82\xac",
                                                   "\xf0\x9f\x99\x82",
                                                   "null",
                                                   "1e3"};
  std::string text;
  for (int n = Below(random, 12); n > 0; --n) {
    text += kPieces[Below(random, static_cast<int>(kPieces.size()))];
  }
  return text;
}

std::string RandomBytes(std::mt19937& random) {
  std::string bytes(Below(random, 9), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

const EnumValueDescriptor* RandomEnum(std::mt19937& random, const EnumDescriptor& type) {
  const EnumValueDescriptor* value = type.value(Below(random, type.value_count()));
  return value->name().ends_with("_UNSPECIFIED") ? type.value(1) : value;
}

// Sets or appends a random value.
class Filler {
 public:
  Filler(std::mt19937& random, Message* message, const FieldDescriptor* field)
      : random_(random), message_(message), field_(field) {}

  void Fill(int depth) {
    switch (field_->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return Put(&Reflection::SetInt32, &Reflection::AddInt32, Bits<int32_t>());
      case FieldDescriptor::CPPTYPE_INT64:
        return Put(&Reflection::SetInt64, &Reflection::AddInt64, Bits<int64_t>());
      case FieldDescriptor::CPPTYPE_UINT32:
        return Put(&Reflection::SetUInt32, &Reflection::AddUInt32, Bits<uint32_t>());
      case FieldDescriptor::CPPTYPE_UINT64:
        return Put(&Reflection::SetUInt64, &Reflection::AddUInt64, Bits<uint64_t>());
      case FieldDescriptor::CPPTYPE_FLOAT:
        return Put(&Reflection::SetFloat, &Reflection::AddFloat, RandomFloat<float>(random_));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return Put(&Reflection::SetDouble, &Reflection::AddDouble, RandomFloat<double>(random_));
      case FieldDescriptor::CPPTYPE_BOOL:
        return Put(&Reflection::SetBool, &Reflection::AddBool, Below(random_, 2) == 1);
      case FieldDescriptor::CPPTYPE_ENUM:
        return Put(&Reflection::SetEnum, &Reflection::AddEnum,
                   RandomEnum(random_, *field_->enum_type()));
      case FieldDescriptor::CPPTYPE_STRING:
        return Put(&Reflection::SetString, &Reflection::AddString,
                   field_->type() == FieldDescriptor::TYPE_BYTES ? RandomBytes(random_)
                                                                 : RandomText(random_));
      case FieldDescriptor::CPPTYPE_MESSAGE: return FillMessage(depth);
    }
  }

 private:
  template <typename Integer>
  Integer Bits() {
    return static_cast<Integer>(RandomBits(random_));
  }

  template <typename Setter, typename Adder, typename T>
  void Put(Setter set, Adder add, T value) {
    const Reflection* reflection = message_->GetReflection();
    if (field_->is_repeated()) {
      (reflection->*add)(message_, field_, value);
    } else {
      (reflection->*set)(message_, field_, value);
    }
  }

  void FillMessage(int depth) {
    const Reflection* reflection = message_->GetReflection();
    Message* child = field_->is_repeated() ? reflection->AddMessage(message_, field_)
                                           : reflection->MutableMessage(message_, field_);
    // An entry of a map is no level of its own.
    if (depth > 0 || field_->is_map()) FillAtRandom(random_, depth - 1, child);
  }

  std::mt19937& random_;
  Message* message_;
  const FieldDescriptor* field_;
};

std::string QuotedText(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      absl::StrAppend(&quoted, "\\", std::string(1, c));
    } else if (absl::ascii_iscntrl(c)) {
      absl::StrAppendFormat(&quoted, "\\x%02x", c);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

// The index-th value of a repeated field, or the value of a singular one (index -1), as YAML of a
// single line.
std::string ScalarYaml(const Message& message, const FieldDescriptor* field, int index) {
  const Reflection& r = *message.GetReflection();
  const auto get = [&](auto singular, auto repeated) {
    return index < 0 ? (r.*singular)(message, field) : (r.*repeated)(message, field, index);
  };
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return absl::StrFormat("%.9g", get(&Reflection::GetFloat, &Reflection::GetRepeatedFloat));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrFormat("%.17g", get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
    case FieldDescriptor::CPPTYPE_BOOL:
      return get(&Reflection::GetBool, &Reflection::GetRepeatedBool) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return absl::AsciiStrToLower(get(&Reflection::GetEnum, &Reflection::GetRepeatedEnum)->name());
    default: {
      const std::string text = get(&Reflection::GetString, &Reflection::GetRepeatedString);
      const bool bytes = field->type() == FieldDescriptor::TYPE_BYTES;
      return QuotedText(bytes ? absl::Base64Escape(text) : text);
    }
  }
}

// Prints a node after "key:", "-" or at the root: either on the same line or indented below it.
class Printer {
 public:
  explicit Printer(std::mt19937& random) : random_(random) {}

  std::string MessageYaml(const Message& message, int indent) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    std::vector<std::string> keys, values;
    const bool flow = indent < 0 || Below(random_, 4) == 0;
    for (const FieldDescriptor* field : fields) {
      keys.push_back(field->name());
      values.push_back(FieldYaml(message, field, flow ? -1 : indent + 2));
    }
    return Mapping(keys, values, flow, indent);
  }

 private:
  std::string FieldYaml(const Message& message, const FieldDescriptor* field, int indent) {
    if (field->is_map()) return MapYaml(message, field, indent);
    if (!field->is_repeated()) return ValueYaml(message, field, -1, indent);
    const bool flow = indent < 0 || Below(random_, 2) == 0;
    std::vector<std::string> values;
    const int size = message.GetReflection()->FieldSize(message, field);
    values.reserve(size);
    for (int i = 0; i < size; ++i) {
      values.push_back(ValueYaml(message, field, i, flow ? -1 : indent + 2));
    }
    if (flow) return " [" + Joined(values) + "]";
    std::string yaml;
    for (const std::string& value : values) {
      absl::StrAppend(&yaml, "\n", std::string(indent, ' '), "-", value);
    }
    return yaml;
  }

  std::string MapYaml(const Message& message, const FieldDescriptor* field, int indent) {
    const bool flow = indent < 0 || Below(random_, 2) == 0;
    std::vector<std::string> keys, values;
    const Reflection& reflection = *message.GetReflection();
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      const Message& entry = reflection.GetRepeatedMessage(message, field, i);
      keys.push_back(ScalarYaml(entry, field->message_type()->map_key(), -1));
      const FieldDescriptor* value = field->message_type()->map_value();
      values.push_back(ValueYaml(entry, value, -1, flow ? -1 : indent + 2));
    }
    return Mapping(keys, values, flow, indent);
  }

  std::string ValueYaml(const Message& message, const FieldDescriptor* field, int index,
                        int indent) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      return " " + ScalarYaml(message, field, index);
    }
    const Reflection& r = *message.GetReflection();
    return MessageYaml(
        index < 0 ? r.GetMessage(message, field) : r.GetRepeatedMessage(message, field, index),
        indent);
  }

  static std::string Mapping(const std::vector<std::string>& keys,
                             const std::vector<std::string>& values, bool flow, int indent) {
    std::vector<std::string> entries;
    for (size_t i = 0; i < keys.size(); ++i) entries.push_back(keys[i] + ":" + values[i]);
    if (flow || entries.empty()) return " {" + Joined(entries) + "}";
    std::string yaml;
    for (const std::string& entry : entries) {
      absl::StrAppend(&yaml, "\n", std::string(indent, ' '), entry);
    }
    return yaml;
  }

  static std::string Joined(const std::vector<std::string>& parts) {
    std::string joined;
    for (const std::string& part : parts) {
      absl::StrAppend(&joined, joined.empty() ? "" : ", ", part);
    }
    return joined;
  }

  std::mt19937& random_;
};

}  // namespace

void FillAtRandom(std::mt19937& random, int depth, Message* message) {
  const auto* type = message->GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    const int count = field->is_repeated() ? 1 + Below(random, 3) : 1;
    for (int n = 0; n < count; ++n) Filler(random, message, field).Fill(depth);
  }
}

std::string ToYaml(std::mt19937& random, const Message& message) {
  return Printer(random).MessageYaml(message, 0);
}

}  // namespace lathe
