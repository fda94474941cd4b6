#include "clients/job/message_mapping.h"

#include "absl/strings/str_cat.h"
#include "clients/job/field_names.h"
#include "clients/job/plain_scalar.h"
#include "clients/job/scalar_value.h"

namespace lathe {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::OneofDescriptor;

// Finds a second mention of a name, key or oneof in one mapping.
template <typename Key>
class Mentions {
 public:
  // Whether this is the first mention; reports it if not.
  bool Add(const Key& key, const YamlNode& node, const MappingContext& context,
           const std::string& path) {
    const auto [it, first] = lines_.emplace(key, node.line);
    if (!first) {
      const std::string before = absl::StrCat("given twice; first on line ", it->second);
      context.Error(node, path, context.source.is_override ? "given twice" : before);
    }
    return first;
  }

 private:
  std::map<Key, int> lines_;
};

// Reports a second field of a oneof of `message`.
bool IsFreeToSet(const YamlNode& key, const MappingContext& context, const std::string& path,
                 const FieldDescriptor& field, const Message& message) {
  const OneofDescriptor* oneof = field.real_containing_oneof();
  if (oneof == nullptr || !message.GetReflection()->HasOneof(message, oneof)) return true;
  const FieldDescriptor* set = message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
  context.Error(key, path, absl::StrCat("excludes ", set->name(), ", which is given too"));
  return false;
}

// What the field is written as when it is neither a list nor a map nor a message.
void MapScalar(const YamlNode& node, const MappingContext& context, const std::string& path,
               const FieldDescriptor& field, Message* message) {
  absl::StatusOr<ScalarValue> value = ReadScalar(node, field);
  if (!value.ok()) {
    context.Error(node, path, std::string(value.status().message()));
    return;
  }
  if (std::holds_alternative<std::string>(*value)) {
    context.log->text_places.insert_or_assign(path, context.Place(node));
  }
  StoreScalar(field, *std::move(value), message);
}

void MapList(const YamlNode& node, const MappingContext& context, const std::string& path,
             const FieldDescriptor& field, Message* message) {
  if (node.kind != YamlNode::Kind::kSequence) {
    const std::string hint =
        PlainTypeOf(node) == PlainType::kNone
            ? ""
            : absl::StrCat(" (a list of one is written [", Printable(node.text), "])");
    context.Error(node, path, absl::StrCat("expected a list; got ", Description(node), hint));
    return;
  }
  int index = 0;
  for (const YamlNode* element : node.children) {
    if (context.log->errors.full()) return;
    MapValue(*element, context, PathOf(path, index++), field, message);
  }
}

void MapMap(const YamlNode& node, const MappingContext& context, const std::string& path,
            const FieldDescriptor& field, Message* message) {
  const FieldDescriptor& key_field = *field.message_type()->map_key();
  if (node.kind != YamlNode::Kind::kMapping) {
    context.Error(node, path, absl::StrCat("expected a mapping; got ", Description(node)));
    return;
  }
  Mentions<ScalarValue> mentions;
  for (size_t i = 0; i + 1 < node.children.size() && !context.log->errors.full(); i += 2) {
    const YamlNode& key = *node.children[i];
    absl::StatusOr<ScalarValue> name = ReadScalar(key, key_field);
    if (!name.ok()) {
      context.Error(key, path, absl::StrCat("key: ", std::string(name.status().message())));
      continue;
    }
    const std::string value_path = PathOf(path, Printable(key.text));
    if (!mentions.Add(*name, key, context, value_path)) continue;
    Message* entry = message->GetReflection()->AddMessage(message, &field);
    StoreScalar(key_field, *std::move(name), entry);
    MapValue(*node.children[i + 1], context, value_path, *field.message_type()->map_value(), entry);
  }
}

}  // namespace

void MapMessage(const YamlNode& node, const MappingContext& context, const std::string& path,
                Message* message) {
  const google::protobuf::Descriptor& type = *message->GetDescriptor();
  if (node.kind != YamlNode::Kind::kMapping) {
    context.Error(node, path,
                  absl::StrCat("expected ", Expectation(type), "; got ", Description(node)));
    return;
  }
  Mentions<std::string> mentions;
  for (size_t i = 0; i + 1 < node.children.size() && !context.log->errors.full(); i += 2) {
    const YamlNode& key = *node.children[i];
    if (key.kind != YamlNode::Kind::kScalar) {
      context.Error(key, path,
                    absl::StrCat("expected the name of a field; got ", Description(key)));
      continue;
    }
    const std::string field_path = PathOf(path, Printable(key.text));
    const FieldDescriptor* field = type.FindFieldByName(key.text);
    if (field == nullptr) {
      context.Error(key, field_path, UnknownField(type, key.text));
    } else if (mentions.Add(key.text, key, context, field_path) &&
               IsFreeToSet(key, context, field_path, *field, *message)) {
      MapField(*node.children[i + 1], context, field_path, *field, message);
    }
  }
}

void MapField(const YamlNode& node, const MappingContext& context, const std::string& path,
              const FieldDescriptor& field, Message* message) {
  if (field.is_map()) {
    MapMap(node, context, path, field, message);
  } else if (field.is_repeated()) {
    MapList(node, context, path, field, message);
  } else {
    MapValue(node, context, path, field, message);
  }
}

void MapValue(const YamlNode& node, const MappingContext& context, const std::string& path,
              const FieldDescriptor& field, Message* message) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    MapScalar(node, context, path, field, message);
    return;
  }
  const auto* reflection = message->GetReflection();
  Message* value = field.is_repeated() ? reflection->AddMessage(message, &field)
                                       : reflection->MutableMessage(message, &field);
  MapMessage(node, context, path, value);
}

std::string PathOf(const std::string& parent, const std::string& name) {
  return parent.empty() ? name : absl::StrCat(parent, ".", name);
}

std::string PathOf(const std::string& list, int index) {
  return absl::StrCat(list, "[", index, "]");
}

}  // namespace lathe
