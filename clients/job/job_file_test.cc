#include "clients/job/job_file.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "clients/job/program_files.h"
#include "clients/job/source_text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const fs::path kTestData = fs::path(LATHE_SOURCE_DIR) / "clients/job/testdata";

// A fresh folder that is removed at the end.
class JobFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "lathe_job_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return (folder_ / name).string();
  }

  fs::path folder_;
};

using Names = std::set<std::string>;

// The fields that a message of this type, or one inside it, can have.
void AddFieldsOf(const google::protobuf::Descriptor& type, Names* names) {
  for (int i = 0; i < type.field_count(); ++i) {
    const google::protobuf::FieldDescriptor* field = type.field(i);
    if (!names->insert(field->full_name()).second) continue;
    if (field->message_type() != nullptr) AddFieldsOf(*field->message_type(), names);
  }
}

// The fields that are set in the message or in one inside it.
void AddSetFieldsOf(const google::protobuf::Message& message, Names* names) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    names->insert(field->full_name());
    if (field->message_type() == nullptr) continue;
    const int size = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < size; ++i) {
      AddSetFieldsOf(field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                          : reflection.GetMessage(message, field),
                     names);
    }
  }
}

TEST_F(JobFileTest, TheExampleHasEveryField) {
  const absl::StatusOr<v1::JobSpec> job = ReadJobFile((kTestData / "valid.yaml").string(), {});
  ASSERT_TRUE(job.ok()) << job.status();
  Names all, set;
  AddFieldsOf(*v1::JobSpec::descriptor(), &all);
  AddSetFieldsOf(*job, &set);
  EXPECT_EQ(set, all);
}

TEST_F(JobFileTest, DefaultsStayAbsent) {
  const absl::StatusOr<v1::JobSpec> job = ParseJob("name: a", "job.yaml", {});
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->ShortDebugString(), "name: \"a\"");
}

TEST_F(JobFileTest, FilesThatCannotBeReadAreNamed) {
  const std::string missing = (folder_ / "missing.yaml").string();
  EXPECT_EQ(ReadJobFile(missing, {}).status(),
            absl::NotFoundError(missing + ": cannot read the file: No such file or directory"));
  EXPECT_EQ(
      ReadJobFile(folder_.string(), {}).status(),
      absl::InvalidArgumentError(folder_.string() + ": cannot read the file: it is a directory"));
}

TEST_F(JobFileTest, SizeIsLimitedTo1MiB) {
  const std::string job = "name: a\n#";
  const std::string largest = job + std::string(kMaxTextBytes - job.size(), '#');
  EXPECT_TRUE(ReadJobFile(Write("largest.yaml", largest), {}).ok());
  const std::string path = Write("larger.yaml", largest + "#");
  EXPECT_EQ(ReadJobFile(path, {}).status(),
            absl::InvalidArgumentError(path + ":1:1: larger than 1 MiB"));
  EXPECT_THAT(std::string(ParseJob(job, "f", {{"name=" + largest}}).status().message()),
              StartsWith("--set name=name: a\\n"));
}

TEST_F(JobFileTest, ProgramFilesAreReadFromTheFolderOfTheJob) {
  Write("a.lathe", "text of a");
  fs::create_directory(folder_ / "below");
  Write("below/b.lathe", "text of b");
  const std::string path =
      Write("job.yaml",
            "{warm_start: [a.lathe, below/b.lathe, a], study: {baselines: [{program: lion}]}}");
  const absl::StatusOr<v1::JobSpec> job = ReadJobFile(
      path, {{absl::StrCat("study.baselines[0].program=", folder_.string(), "/a.lathe")}});
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_THAT(job->warm_start(), testing::ElementsAre("text of a", "text of b", "a"));
  EXPECT_EQ(job->study().baselines(0).program(), "text of a");
}

TEST_F(JobFileTest, ProgramFilesAreBounded) {
  Write("large.lathe", std::string(kMaxTextBytes, '#'));
  Write("larger.lathe", std::string(kMaxTextBytes + 1, '#'));
  ASSERT_EQ(mkfifo((folder_ / "pipe.lathe").c_str(), 0600), 0);
  const std::string file = (folder_ / "job.yaml").string();
  EXPECT_TRUE(ParseJob("warm_start: [large.lathe]", file, {}).ok());
  EXPECT_THAT(std::string(ParseJob("warm_start: [larger.lathe]", file, {}).status().message()),
              HasSubstr("larger.lathe:1:1: larger than 1 MiB"));
  EXPECT_THAT(std::string(ParseJob("warm_start: [pipe.lathe]", file, {}).status().message()),
              HasSubstr("pipe.lathe: it is not a regular file"));
  std::string many = "warm_start: [";
  for (size_t i = 0; i <= kMaxProgramBytes / kMaxTextBytes; ++i) many += "large.lathe, ";
  EXPECT_THAT(std::string(ParseJob(many + "]", file, {}).status().message()),
              HasSubstr("warm_start[16]: the program files of this job are larger than 16 MiB"));
}

TEST_F(JobFileTest, TextsOfProgramsAreNotTakenForFiles) {
  EXPECT_TRUE(IsProgramFile("a.lathe"));
  EXPECT_FALSE(IsProgramFile("lathe 1 optimizer a\n# see b.lathe"));
  EXPECT_FALSE(IsProgramFile(std::string("a\0.lathe", 8)));
  EXPECT_FALSE(IsProgramFile("adamw"));
}

TEST_F(JobFileTest, AtMost20ErrorsAreListed) {
  const std::vector<std::string> overrides(30, "nme=a");
  const std::string message(ParseJob("{}", "f", overrides).status().message());
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 19);
}

TEST_F(JobFileTest, MessagesStayOnTheirLines) {
  const std::string message(
      ParseJob("\"a\\nb\": 1", "new\nline", {{"na\nme=a"}}).status().message());
  EXPECT_THAT(message, StartsWith("new\\nline:1:1: a\\nb: no such field"));
  EXPECT_THAT(message, HasSubstr("\n--set na\\nme=a: na\\nme: no such field"));
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 1);
}

}  // namespace
}  // namespace lathe
