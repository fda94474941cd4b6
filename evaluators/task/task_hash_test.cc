// What evaluations are recorded under.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "evaluators/task/task.h"
#include "evaluators/task/testing/tasks.h"

namespace lathe {
namespace {

using ::google::protobuf::FieldDescriptor;

void ChangeMessage(const FieldDescriptor* field, v1::Task& task) {
  if (field->name() == "data") {
    return task.mutable_data()->set_content_hash("00000000000000000000000000000001");
  }
  if (field->name() == "mlp") return task.mutable_mlp()->add_hidden(7);
  if (field->name() == "conv_net") return task.mutable_conv_net()->add_channels(7);
  if (field->name() == "torchscript") return task.mutable_torchscript()->set_name("other");
  ASSERT_EQ(field->name(), "transformer") << "teach this test to change " << field->name();
  return task.mutable_transformer()->set_layers(7);
}
void ChangeMessage(const FieldDescriptor* field, v1::ModelDescription&) {
  FAIL() << "teach this test to change " << field->name();
}

// Moves one field of a resolved message to another value, whatever its type.
template <typename Message>
void Change(const FieldDescriptor* field, Message& task) {
  const auto* reflection = task.GetReflection();
  ASSERT_FALSE(field->is_repeated()) << field->name();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection->SetString(&task, field, reflection->GetString(task, field) + "x");
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection->SetUInt32(&task, field, reflection->GetUInt32(task, field) + 1);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection->SetUInt64(&task, field, reflection->GetUInt64(task, field) + 1);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection->SetDouble(&task, field, reflection->GetDouble(task, field) / 2 + 0.125);
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection->SetEnumValue(&task, field, reflection->GetEnumValue(task, field) + 1);
    case FieldDescriptor::CPPTYPE_MESSAGE: return ChangeMessage(field, task);
    default: FAIL() << "teach this test to change " << field->name();
  }
}

TEST(TaskHash, FollowsFromEveryFieldButSeeds) {
  const v1::Task base = Default();
  std::set<Hash128> hashes = {TaskHash(base)};
  const auto* descriptor = v1::Task::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    v1::Task changed = base;
    Change(field, changed);
    const bool is_new = hashes.insert(TaskHash(changed)).second;
    EXPECT_EQ(is_new, field->name() != "seeds") << field->name();
  }
}

TEST(TaskHash, FollowsFromEveryFieldOfAModel) {
  std::set<Hash128> hashes;
  for (const char* model :
       {"mlp { hidden: [8, 16] }", "conv_net { channels: [8, 16] }", "conv_net { channels: 8 }",
        "conv_net { channels: [16, 8] }", "transformer { context: 1 width: 2 heads: 3 layers: 4 }",
        "transformer { context: 9 width: 2 heads: 3 layers: 4 }",
        "transformer { context: 1 width: 9 heads: 3 layers: 4 }",
        "transformer { context: 1 width: 2 heads: 9 layers: 4 }",
        "transformer { context: 1 width: 2 heads: 3 layers: 9 }"}) {
    const v1::Task task = OverrideTask(Default(), FromText(model));
    EXPECT_TRUE(hashes.insert(TaskHash(task)).second) << model;
  }
}

TEST(TaskHash, FollowsFromAllThatATaskSaysOfData) {
  const v1::Task task = ResolveTask(FromText("dataset: 'mine'"), WithMine()).value();
  std::set<Hash128> hashes = {TaskHash(task)};
  for (const char* change : {"examples: 1999", "classes: 8", "shape: 1"}) {
    v1::Task changed = task;
    changed.MergeFrom(FromText(std::string("data { ") + change + " }"));
    EXPECT_TRUE(hashes.insert(TaskHash(changed)).second) << change;
  }
}

TEST(TaskHash, TellsLayersApart) {
  v1::Task one = FromText("mlp { hidden: [8, 16] }"), other = FromText("mlp { hidden: [16, 8] }");
  EXPECT_NE(TaskHash(ResolveTask(one).value()), TaskHash(ResolveTask(other).value()));
}

// The hash names recorded evaluations: if this fails, they are lost.
TEST(TaskHash, IsFrozen) {
  EXPECT_EQ(TaskHash(Default()).Hex(), "4a869840c8802807a84e265158ebcf1e");
}

TEST(TaskHash, DependsOnAllThatIsSaidOfAModel) {
  const v1::Task task = OwnTask(OwnModel()).value();
  std::set<Hash128> hashes = {TaskHash(task)};
  const auto* description = v1::ModelDescription::descriptor();
  for (int i = 0; i < description->field_count(); ++i) {
    v1::Task other = task;
    v1::ModelDescription& model = *other.mutable_torchscript()->mutable_description();
    const FieldDescriptor* field = description->field(i);
    if (field->is_repeated()) {
      model.GetReflection()->AddUInt32(&model, field, 3);
    } else {
      Change(field, model);
    }
    EXPECT_TRUE(hashes.insert(TaskHash(other)).second) << field->name();
  }
  v1::Task other = task;
  other.mutable_torchscript()->set_name("another");
  EXPECT_TRUE(hashes.insert(TaskHash(other)).second);
  other = task;
  other.mutable_torchscript()->set_loss(v1::TorchScript::SQUARED_ERROR);
  EXPECT_TRUE(hashes.insert(TaskHash(other)).second);
  other = task;
  other.mutable_torchscript()->set_start(v1::TorchScript::SHUFFLED);
  EXPECT_TRUE(hashes.insert(TaskHash(other)).second);
}

}  // namespace
}  // namespace lathe
