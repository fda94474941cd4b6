#include "evaluators/datasets/registered_model.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "evaluators/datasets/load_dataset.h"
#include "evaluators/datasets/registered.h"
#include "evaluators/datasets/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kFile[] = "whatever torch makes sense of";

class RegisteredModelTest : public testing::Test {
 protected:
  RegisteredModelTest() {
    std::string pattern = testing::TempDir() + "/lathe-models-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        R"(description { input: TOKENS shape: 8 outputs: 20 rows: 20 columns: 20
                         multiply_adds: 3 activations: 7 }
           parameter_names: "table")",
        &model_));
    Stamp();
  }
  ~RegisteredModelTest() override { fs::remove_all(directory_); }

  void Stamp() {
    v1::ModelDescription& description = *model_.mutable_description();
    description.set_content_hash(ModelContentHash(kFile, description));
  }
  absl::Status Add(const std::string& name, bool replace = false) {
    return RegisterModel(directory_, name, kFile, model_, replace);
  }
  absl::Status AddText(const std::string& name, bool replace = false) {
    return RegisterDataset(directory_, name, ParseText({"text", "to be"}).value(),
                           {"text", replace});
  }
  std::string FileOf(const std::string& name) {
    return directory_ + "/" + name + "/" + model_.description().content_hash() + ".pt";
  }
  std::string Message(const std::string& name) {
    return std::string(LoadRegisteredModel(directory_, name).status().message());
  }

  v1::RegisteredModel model_;
  std::string directory_;
};

TEST_F(RegisteredModelTest, IsReadAsItWasWritten) {
  ASSERT_TRUE(Add("net").ok());
  const auto read = LoadRegisteredModel(directory_, "net");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->bytes, kFile);
  EXPECT_EQ(read->model.DebugString(), model_.DebugString());
  EXPECT_EQ(read->path, FileOf("net"));
  EXPECT_THAT(*RegisteredModelNames(directory_), ElementsAre("net"));
  EXPECT_EQ(SurveyDatasets(directory_).models.at("net").outputs(), 20u);
}

TEST_F(RegisteredModelTest, NoNameIsThatOfADatasetToo) {
  ASSERT_TRUE(Add("net").ok());
  ASSERT_TRUE(AddText("poem").ok());
  for (const bool replace : {false, true}) {
    EXPECT_THAT(std::string(AddText("net", replace).message()),
                HasSubstr("net/model.textproto: the name is that of a model"));
    EXPECT_THAT(std::string(Add("poem", replace).message()),
                HasSubstr("poem/dataset.textproto: the name is that of a dataset"));
  }
  EXPECT_THAT(std::string(Add("digits").message()), HasSubstr("digits ships"));
  EXPECT_THAT(std::string(Add("net").message()), HasSubstr("is there already; --replace"));
  EXPECT_TRUE(Add("net", /*replace=*/true).ok());
  EXPECT_EQ(Add("../net").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RegisteredModelTest, ContentIsTheFileAndWhatItIsGiven) {
  const v1::ModelDescription before = model_.description();
  EXPECT_NE(ModelContentHash("another file", before), before.content_hash());
  model_.mutable_description()->set_shape(0, 9);
  Stamp();
  EXPECT_NE(model_.description().content_hash(), before.content_hash());
}

TEST_F(RegisteredModelTest, ADamagedOneIsNamedWithItsFile) {
  ASSERT_TRUE(Add("net").ok());
  std::ofstream(FileOf("net"), std::ios::binary) << "whatever torch makes sense oF";
  EXPECT_THAT(Message("net"), HasSubstr(FileOf("net") + ": content hash is "));
  EXPECT_THAT(SurveyDatasets(directory_).problems.at("net"), HasSubstr("content hash is"));
  EXPECT_EQ(CheckedCatalog(directory_, {"net"}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(CheckedCatalog(directory_, {"other"})->models.contains("net"))
      << "nobody's business until a job names it";
  fs::remove(FileOf("net"));
  EXPECT_THAT(Message("net"), HasSubstr(FileOf("net") + ": cannot be opened"));
  const std::string description = directory_ + "/net/model.textproto";
  std::ofstream(description) << "description { outputs: x }";
  EXPECT_THAT(Message("net"), HasSubstr(description + ":1:24: "));
  std::ofstream(description) << "description { outputs: 3 }";
  EXPECT_THAT(Message("net"), HasSubstr(description + ": description.content_hash: 32"));
  EXPECT_THAT(Message("none"), HasSubstr("none/model.textproto: cannot be opened"));
}

}  // namespace
}  // namespace lathe
