#include "clients/job/field_override.h"

#include <google/protobuf/descriptor.h>

#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/job/field_names.h"
#include "clients/job/field_path.h"
#include "clients/job/scalar_value.h"

namespace lathe {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

// Steps that are still to be taken; the first one is a field of the message at hand.
using Steps = std::span<const PathStep>;

// Messages nest without bound in a recursive type; nobody means that many.
constexpr size_t kMaxSteps = 64;

class Override {
 public:
  Override(const YamlNode& value, const MappingContext& context)
      : value_(value), context_(context) {}

  // Replaces the field that `steps` lead to from `message`, which stands at `path`.
  void Apply(Steps steps, const std::string& path, Message* message) {
    const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(steps[0].name);
    const std::string field_path = PathOf(path, Printable(steps[0].name));
    if (field == nullptr) {
      Error(field_path, UnknownField(*message->GetDescriptor(), steps[0].name));
    } else if (!field->is_repeated() || field->is_map()) {
      ApplyToSingular(*field, steps, field_path, message);
    } else if (steps[0].index.has_value()) {
      ApplyToElement(*field, steps, PathOf(field_path, *steps[0].index), message);
    } else if (steps.size() == 1) {
      Replace(*field, field_path, message);
    } else {
      Error(field_path, absl::StrCat("is a list; name an element, as in ", PathOf(field_path, 0)));
    }
  }

 private:
  void Error(const std::string& path, const std::string& problem) {
    context_.Error(value_, path, problem);
  }

  void Replace(const FieldDescriptor& field, const std::string& path, Message* message) {
    message->GetReflection()->ClearField(message, &field);
    MapField(value_, context_, path, field, message);
  }

  void ApplyToSingular(const FieldDescriptor& field, Steps steps, const std::string& path,
                       Message* message) {
    if (steps[0].index.has_value()) {
      Error(path, "is not a list, so it has no elements to name in brackets");
    } else if (steps.size() == 1) {
      Replace(field, path, message);
    } else if (field.is_map()) {
      ApplyToEntry(field, steps.subspan(1), path, message);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Apply(steps.subspan(1), path, message->GetReflection()->MutableMessage(message, &field));
    } else {
      Error(path, absl::StrCat("has no fields: it is ", Expectation(field)));
    }
  }

  void ApplyToElement(const FieldDescriptor& field, Steps steps, const std::string& path,
                      Message* message) {
    const Reflection* reflection = message->GetReflection();
    const int count = reflection->FieldSize(*message, &field), index = *steps[0].index;
    if (index > count) {
      Error(path, count == 0 ? "the list is empty; [0] appends to it"
                             : absl::StrCat("the list ends at [", count - 1, "]; [", count,
                                            "] appends to it"));
    } else if (steps.size() == 1) {
      MapValue(value_, context_, path, field, message);  // appends
      if (reflection->FieldSize(*message, &field) == count || index == count) return;
      reflection->SwapElements(message, &field, index, count);
      reflection->RemoveLast(message, &field);
    } else if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      Error(path, absl::StrCat("has no fields: it is ", Expectation(field)));
    } else {
      Apply(steps.subspan(1), path,
            index < count ? reflection->MutableRepeatedMessage(message, &field, index)
                          : reflection->AddMessage(message, &field));
    }
  }

  // `steps` begin with the key.
  void ApplyToEntry(const FieldDescriptor& field, Steps steps, const std::string& path,
                    Message* message) {
    const FieldDescriptor& key_field = *field.message_type()->map_key();
    const FieldDescriptor& value_field = *field.message_type()->map_value();
    const std::string entry_path = PathOf(path, Printable(steps[0].name));
    const absl::StatusOr<ScalarValue> key = ReadKey(steps[0], key_field);
    if (!key.ok()) {
      Error(path, absl::StrCat("key: ", std::string(key.status().message())));
      return;
    }
    Message* entry = FindOrAddEntry(field, *key, message);
    if (steps.size() == 1) {
      Replace(value_field, entry_path, entry);
    } else if (value_field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Apply(steps.subspan(1), entry_path,
            entry->GetReflection()->MutableMessage(entry, &value_field));
    } else {
      Error(entry_path, absl::StrCat("has no fields: it is ", Expectation(value_field)));
    }
  }

  static absl::StatusOr<ScalarValue> ReadKey(const PathStep& step, const FieldDescriptor& field) {
    if (step.index.has_value()) {
      return absl::InvalidArgumentError("an entry of a map is no list");
    }
    YamlNode key;
    key.kind = YamlNode::Kind::kScalar;
    // A path has no quotes, so a key that looks like a number is text where text is wanted.
    key.plain = field.cpp_type() != FieldDescriptor::CPPTYPE_STRING;
    key.text = step.name;
    return ReadScalar(key, field);
  }

  static Message* FindOrAddEntry(const FieldDescriptor& field, const ScalarValue& key,
                                 Message* message) {
    const FieldDescriptor& key_field = *field.message_type()->map_key();
    const Reflection* reflection = message->GetReflection();
    for (int i = 0; i < reflection->FieldSize(*message, &field); ++i) {
      Message* entry = reflection->MutableRepeatedMessage(message, &field, i);
      if (LoadKey(*entry) == key) return entry;
    }
    Message* entry = reflection->AddMessage(message, &field);
    StoreScalar(key_field, key, entry);
    return entry;
  }

  const YamlNode& value_;
  const MappingContext& context_;
};

}  // namespace

void ApplyOverride(const std::string& text, Message* message, MappingLog* log) {
  const MappingContext context{{.name = text, .is_override = true}, log};
  if (absl::Status status = CheckText(text, context.source); !status.ok()) {
    log->errors.Add(status);
    return;
  }
  const size_t equals = text.find('=');
  const auto steps = ParseFieldPath(std::string_view(text).substr(0, equals));
  if (equals == std::string::npos || !steps.has_value() || steps->size() > kMaxSteps) {
    context.Error(YamlNode(), "",
                  "expected FIELD=VALUE, as in budget.candidates=300 or "
                  "study.baselines[0].base_lr=[0.5, 1]");
    return;
  }
  const absl::StatusOr<YamlDocument> value =
      YamlDocument::Parse(std::string_view(text).substr(equals + 1), context.source);
  if (!value.ok()) {
    log->errors.Add(value.status());
    return;
  }
  Override(value->root(), context).Apply(*steps, "", message);
}

}  // namespace lathe
