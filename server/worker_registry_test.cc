#include "server/worker_registry.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "evaluators/task/task.h"
#include "rpc/status.h"

namespace lathe {
namespace {

using testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1000);

// What a worker says of a dataset; the number stands for its content.
v1::WorkerDataset Data(const std::string& name, int content) {
  v1::WorkerDataset dataset;
  dataset.set_name(name);
  dataset.set_content_hash(absl::StrCat(absl::Hex(content, absl::kZeroPad16), "0123456789abcdef"));
  v1::DatasetDescription& data = *dataset.mutable_data();
  data.set_content_hash(dataset.content_hash());
  data.set_examples(100);
  data.add_shape(4);
  data.set_classes(3);
  return dataset;
}

v1::Worker Worker(const std::vector<v1::WorkerDataset>& datasets) {
  v1::Worker worker;
  worker.set_display_name("w");
  worker.set_numeric_class("c");
  worker.set_batch(1);
  for (const v1::WorkerDataset& dataset : datasets) *worker.add_datasets() = dataset;
  return worker;
}

class WorkerRegistryTest : public testing::Test {
 protected:
  std::string Add(const std::vector<v1::WorkerDataset>& datasets, absl::Time now = kStart) {
    const auto worker = registry_.Register(Worker(datasets), now);
    EXPECT_TRUE(worker.ok()) << worker.status();
    return worker.ok() ? (*worker)->resource.name() : "";
  }
  // Of the dataset that a job would get under this name; empty if none.
  std::string ContentOf(const std::string& name) {
    const DatasetCatalog catalog = registry_.Datasets().whole;
    const auto found = catalog.find(name);
    return found == catalog.end() ? "" : found->second.content_hash();
  }

  WorkerRegistry registry_{absl::Seconds(10)};
};

TEST_F(WorkerRegistryTest, KnowsWhatShipsAndWhatWorkersDeclare) {
  EXPECT_EQ(registry_.Datasets().whole.size(), ShippedDatasets().size());
  Add({Data("mine", 1), Data("yours", 2)});
  EXPECT_EQ(ContentOf("mine"), Data("mine", 1).content_hash());
  EXPECT_EQ(registry_.Datasets().whole.at("yours").DebugString(), Data("", 2).data().DebugString());
  EXPECT_EQ(ContentOf("digits"), ShippedDatasets().at("digits").content_hash());
}

TEST_F(WorkerRegistryTest, RemembersTheDataOfWorkersThatHaveGone) {
  Add({Data("mine", 1)});
  EXPECT_EQ(registry_.RemoveSilent(kStart + absl::Seconds(11)).size(), 1u);
  EXPECT_EQ(ContentOf("mine"), Data("mine", 1).content_hash());
}

TEST_F(WorkerRegistryTest, OfTwoContentsTheLiveWorkerThatRegisteredLastDecides) {
  Add({Data("mine", 1)});
  Add({Data("mine", 2)}, kStart + absl::Seconds(5));
  EXPECT_EQ(ContentOf("mine"), Data("mine", 2).content_hash());
  // The first registers again, under its name, and is the last one then.
  v1::Worker again = registry_.All().front()->resource;
  ASSERT_TRUE(registry_.Register(again, kStart + absl::Seconds(6)).ok());
  EXPECT_EQ(ContentOf("mine"), Data("mine", 1).content_hash());
  // It goes; the other one is alive.
  EXPECT_TRUE(registry_.Remove(registry_.All().front()->id));
  EXPECT_EQ(ContentOf("mine"), Data("mine", 2).content_hash());
}

TEST_F(WorkerRegistryTest, RemembersSoManyAndForgetsTheOldest) {
  for (int i = 0; i < 12; ++i) {
    std::vector<v1::WorkerDataset> datasets;
    for (int k = 0; k < 100; ++k) datasets.push_back(Data(absl::StrCat("d", 100 * i + k), k));
    Add(datasets);
    EXPECT_EQ(registry_.RemoveSilent(kStart + absl::Seconds(11)).size(), 1u);
  }
  EXPECT_EQ(registry_.Datasets().whole.size(), 1000 + ShippedDatasets().size());
  EXPECT_EQ(ContentOf("d0"), "");
  EXPECT_NE(ContentOf("d1199"), "");
}

TEST_F(WorkerRegistryTest, TellsWhyLiveWorkersCannotUseData) {
  v1::Worker worker = Worker({});
  v1::MissingDataset& missing = *worker.add_missing_datasets();
  missing.set_name("mine");
  EXPECT_THAT(std::string(registry_.Register(worker, kStart).status().message()),
              HasSubstr("worker.missing_datasets[0].reason: 0 bytes"));
  missing.set_reason("/data/mine: is cut off");
  ASSERT_TRUE(registry_.Register(worker, kStart).ok());
  EXPECT_EQ(registry_.Datasets().problems.at("mine"), "w says: /data/mine: is cut off");
  registry_.RemoveSilent(kStart + absl::Seconds(11));
  EXPECT_TRUE(registry_.Datasets().problems.empty());
}

TEST_F(WorkerRegistryTest, OnlyJustTheDataThatAreMissingAreWithdrawn) {
  const v1::Worker declared = Worker({Data("mine", 1), Data("yours", 2)});
  RegisteredWorker& worker = **registry_.Register(declared, kStart);
  v1::Task task;
  task.set_dataset("mine");
  task.mutable_data()->set_content_hash(Data("mine", 3).content_hash());
  registry_.Withdraw(worker, task, "is another one");
  EXPECT_EQ(worker.abilities.datasets.size(), 2u);
  EXPECT_TRUE(registry_.Datasets().problems.empty());
  task.mutable_data()->set_content_hash(Data("mine", 1).content_hash());
  registry_.Withdraw(worker, task, "is cut off");
  EXPECT_EQ(worker.abilities.datasets.size(), 1u);
  EXPECT_EQ(worker.abilities.datasets.count("yours"), 1u);
  EXPECT_EQ(registry_.Datasets().problems.at("mine"), "w says: is cut off");
  // The worker is started again with the right file.
  EXPECT_EQ((*registry_.Register(declared, kStart))->abilities.datasets.size(), 2u);
}

TEST_F(WorkerRegistryTest, AModelThatIsMissingIsWithdrawnAndNotItsData) {
  v1::Worker declared = Worker({Data("mine", 1)});
  declared.add_models("torchscript");
  v1::WorkerModel& model = *declared.add_registered_models();
  model.set_name("net");
  v1::ModelDescription& description = *model.mutable_description();
  description.set_content_hash(std::string(32, 'a'));
  description.set_input(v1::ModelDescription::FLOATS);
  description.add_shape(4);
  description.set_outputs(3);
  description.add_rows(3);
  description.add_columns(4);
  description.set_multiply_adds(12);
  description.set_activations(7);
  const auto registered = registry_.Register(declared, kStart);
  ASSERT_TRUE(registered.ok()) << registered.status();
  RegisteredWorker& worker = **registered;
  v1::Task task;
  task.set_dataset("mine");
  task.mutable_data()->set_content_hash(Data("mine", 1).content_hash());
  task.mutable_torchscript()->set_name("net");
  *task.mutable_torchscript()->mutable_description() = description;
  registry_.Withdraw(worker, task, "is cut off");
  EXPECT_EQ(worker.resource.registered_models_size(), 0);
  EXPECT_EQ(worker.abilities.datasets.count("mine"), 1u);
  EXPECT_EQ(registry_.Datasets().problems.at("net"), "w says: is cut off");
  EXPECT_THAT(std::string(registry_.FindClass({task}, "").status().message()),
              HasSubstr("w says: is cut off"));
}

TEST_F(WorkerRegistryTest, AWorkerWithoutDescriptionsAddsNothing) {
  v1::WorkerDataset dataset = Data("mine", 1);
  dataset.clear_data();
  Add({dataset});
  EXPECT_EQ(ContentOf("mine"), "");
}

TEST_F(WorkerRegistryTest, RefusesWrongDescriptionsAndNamesTheField) {
  const auto refused = [&](const v1::WorkerDataset& dataset) {
    const absl::Status status =
        registry_.Register(Worker({Data("good", 1), dataset}), kStart).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ReasonOf(status), "WORKER_INVALID");
    return std::string(status.message());
  };
  v1::WorkerDataset dataset = Data("mine", 1);
  dataset.mutable_data()->set_examples(0);
  EXPECT_THAT(refused(dataset), HasSubstr("worker.datasets[1].data.examples: 0 is not allowed"));
  dataset = Data("mine", 1);
  dataset.mutable_data()->add_shape(3);
  EXPECT_THAT(refused(dataset), HasSubstr("worker.datasets[1].data.shape: 2 extents"));
  dataset = Data("mine", 1);
  dataset.mutable_data()->set_shape(0, 1 << 21);
  EXPECT_THAT(refused(dataset), HasSubstr("worker.datasets[1].data.shape[0]: 2097152"));
  dataset = Data("mine", 1);
  dataset.mutable_data()->set_classes(257);
  EXPECT_THAT(refused(dataset), HasSubstr("worker.datasets[1].data.classes: 257"));
  dataset = Data("mine", 1);
  *dataset.mutable_data()->mutable_content_hash() = Data("", 2).content_hash();
  EXPECT_THAT(refused(dataset), HasSubstr("is not the content_hash beside it"));
  EXPECT_THAT(refused(Data("Mine", 1)), HasSubstr("worker.datasets[1].name: a name is"));
  EXPECT_THAT(refused(Data("digits", 1)), HasSubstr("worker.datasets[1].data: is not what digits"));
  EXPECT_EQ(ContentOf("good"), "") << "nothing of a worker that was refused";
}

v1::Worker WorkerWithModel(int content) {
  v1::Worker worker = Worker({});
  v1::WorkerModel& model = *worker.add_registered_models();
  model.set_name("net");
  v1::ModelDescription& description = *model.mutable_description();
  description.set_content_hash(Data("", content).content_hash());
  description.set_input(v1::ModelDescription::FLOATS);
  for (const uint32_t extent : {1, 8, 8}) description.add_shape(extent);
  description.set_outputs(10);
  description.add_rows(10);
  description.add_columns(64);
  description.set_multiply_adds(640);
  description.set_activations(74);
  return worker;
}

TEST_F(WorkerRegistryTest, KnowsRegisteredModelsAlsoOfWorkersThatHaveGone) {
  ASSERT_TRUE(registry_.Register(WorkerWithModel(1), kStart).ok());
  EXPECT_EQ(registry_.Datasets().models.at("net").outputs(), 10u);
  EXPECT_EQ(registry_.RemoveSilent(kStart + absl::Seconds(11)).size(), 1u);
  EXPECT_EQ(registry_.Datasets().models.at("net").content_hash(), Data("", 1).content_hash());
  ASSERT_TRUE(registry_.Register(WorkerWithModel(2), kStart + absl::Seconds(12)).ok());
  EXPECT_EQ(registry_.Datasets().models.at("net").content_hash(), Data("", 2).content_hash());
  EXPECT_FALSE(registry_.Datasets().whole.contains("net"));
}

TEST_F(WorkerRegistryTest, ATaskGoesToAWorkerThatHasItsModel) {
  v1::Task task;
  task.mutable_torchscript()->set_name("net");
  const v1::Worker example = WorkerWithModel(1);
  task =
      ResolveTask(task, {ShippedDatasets(), {{"net", example.registered_models(0).description()}}})
          .value();
  const auto find = [&](const v1::Worker& worker) {
    WorkerRegistry registry(absl::Seconds(10));
    v1::Worker whole = worker;
    v1::WorkerDataset& digits = *whole.add_datasets();
    digits.set_name("digits");
    digits.set_content_hash(ShippedDatasets().at("digits").content_hash());
    EXPECT_TRUE(registry.Register(whole, kStart).ok());
    return registry.FindClass({task}, "");
  };
  v1::Worker trains = example;
  trains.add_models("torchscript");
  EXPECT_TRUE(find(trains).ok());
  EXPECT_THAT(std::string(find(example).status().message()),
              HasSubstr("and trains torchscript net (content " + Data("", 1).content_hash() + ")"))
      << "it has the file, and cannot train it";
  v1::Worker other = WorkerWithModel(2);
  other.add_models("torchscript");
  EXPECT_FALSE(find(other).ok()) << "another file under the name";
}

TEST_F(WorkerRegistryTest, RefusesModelsThatNoTaskCouldHave) {
  const auto refused = [&](const auto& change) {
    v1::Worker worker = WorkerWithModel(1);
    change(*worker.mutable_registered_models(0));
    const absl::Status status = registry_.Register(worker, kStart).status();
    EXPECT_EQ(ReasonOf(status), "WORKER_INVALID");
    return std::string(status.message());
  };
  EXPECT_THAT(refused([](v1::WorkerModel& model) { model.set_name("../net"); }),
              HasSubstr("worker.registered_models[0].name: a name is 1 to 63"));
  EXPECT_THAT(refused([](v1::WorkerModel& model) { model.mutable_description()->clear_rows(); }),
              HasSubstr("worker.registered_models[0].description.rows: 0 rows and 1 columns"));
}

}  // namespace
}  // namespace lathe
