#include "evaluators/datasets/registered.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "evaluators/datasets/durable_file.h"
#include "evaluators/datasets/idx.h"
#include "evaluators/datasets/load_dataset.h"
#include "evaluators/datasets/npz.h"
#include "evaluators/datasets/testing/made_files.h"
#include "evaluators/datasets/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Registered : public testing::Test {
 protected:
  Registered() {
    std::string pattern = testing::TempDir() + "/lathe-registered-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~Registered() override { fs::remove_all(directory_); }

  absl::Status Register(const std::string& name, const Dataset& dataset, bool replace = false) {
    return RegisterDataset(directory_, name, dataset, {"test", replace});
  }
  std::string Message(const std::string& name) {
    const absl::Status status = LoadRegistered(directory_, name).status();
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  }
  std::vector<std::string> Files(const std::string& name) {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(directory_ + "/" + name)) {
      files.push_back(entry.path().filename());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  std::string DescriptionOf(const std::string& name) {
    return directory_ + "/" + name + "/dataset.textproto";
  }
  std::string ContentOf(const std::string& name, const Dataset& dataset) {
    return directory_ + "/" + name + "/" + dataset.data.content_hash() + ".data";
  }

  const Dataset reals_ = ParseNpz({"npz", SmallNpz(9)}).value();
  const Dataset bytes_ = ParseIdx({"images", Idx(8, {3, 2, 2}, std::string(12, 'x'))},
                                  {"labels", Idx(8, {3}, std::string("\1\0\2", 3))})
                             .value();
  const Dataset text_ = ParseText({"text", "to be or not to be"}).value();
  std::string directory_;
};

void ExpectSame(const Dataset& one, const Dataset& other) {
  EXPECT_EQ(one.data.DebugString(), other.data.DebugString());
  EXPECT_EQ(one.max_value, other.max_value);
  EXPECT_EQ(one.bytes, other.bytes);
  EXPECT_EQ(one.reals, other.reals);
  EXPECT_EQ(one.classes, other.classes);
  EXPECT_EQ(one.vocabulary, other.vocabulary);
}

TEST_F(Registered, IsReadAsItWasWritten) {
  for (const auto& [name, dataset] :
       {std::pair("reals", &reals_), {"bytes", &bytes_}, {"text", &text_}}) {
    ASSERT_TRUE(Register(name, *dataset).ok());
    const auto read = LoadDataset(directory_, name);
    ASSERT_TRUE(read.ok()) << read.status();
    ExpectSame(*read, *dataset);
    EXPECT_THAT(Files(name), SizeIs(2));
  }
  EXPECT_THAT(*RegisteredNames(directory_), ElementsAre("bytes", "reals", "text"));
}

TEST_F(Registered, IsNotOverwrittenUnlessAskedTo) {
  ASSERT_TRUE(Register("mine", reals_).ok());
  const absl::Status again = Register("mine", bytes_);
  EXPECT_EQ(again.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(std::string(again.message()),
            DescriptionOf("mine") + ": is there already; --replace puts the new one in its place");
  ExpectSame(*LoadRegistered(directory_, "mine"), reals_);
  ASSERT_TRUE(Register("mine", bytes_, true).ok());
  ExpectSame(*LoadRegistered(directory_, "mine"), bytes_);
  EXPECT_THAT(Files("mine"), SizeIs(2)) << "what was replaced is gone";
}

TEST_F(Registered, WhatWasCutShortIsNotThere) {
  // The values are there, what they are is not: as a process leaves it that dies between the two.
  ASSERT_TRUE(Register("mine", reals_).ok());
  fs::rename(DescriptionOf("mine"), DescriptionOf("mine") + ".partial");
  EXPECT_THAT(*RegisteredNames(directory_), IsEmpty());
  EXPECT_EQ(LoadRegistered(directory_, "mine").status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(Register("mine", bytes_).ok());
  ExpectSame(*LoadRegistered(directory_, "mine"), bytes_);
  EXPECT_THAT(Files("mine"), SizeIs(2)) << "what was left is gone";
}

TEST_F(Registered, OneProcessAtATimeWrites) {
  ASSERT_TRUE(Register("mine", reals_).ok());
  const auto lock = DirectoryLock::Acquire(directory_ + "/mine");
  ASSERT_TRUE(lock.ok());
  EXPECT_THAT(std::string(Register("mine", bytes_, true).message()),
              HasSubstr("another process writes there"));
}

TEST_F(Registered, KnowsWhichNamesAreAllowed) {
  for (const char* name : {"", "../x", "X", "1a", "a b", "a/b", ".a"}) {
    EXPECT_EQ(Register(name, reals_).code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(LoadRegistered(directory_, name).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(Register(std::string(64, 'a'), reals_).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Register(std::string(63, 'a'), reals_).ok());
  EXPECT_THAT(std::string(Register("digits", reals_).message()), HasSubstr("ships"));
}

TEST_F(Registered, EveryTruncationOfItsValuesIsFound) {
  ASSERT_TRUE(Register("mine", bytes_).ok());
  const std::string path = ContentOf("mine", bytes_);
  const size_t size = fs::file_size(path);
  for (size_t left = size; left-- > 0;) {
    fs::resize_file(path, left);
    EXPECT_EQ(Message("mine"),
              path + ": has " + std::to_string(left) + " bytes; required: " + std::to_string(size));
  }
  fs::remove(path);
  EXPECT_THAT(Message("mine"), HasSubstr(path + ": cannot be opened"));
}

TEST_F(Registered, EveryByteThatChangesIsFound) {
  for (const Dataset* dataset : {&bytes_, &reals_, &text_}) {
    ASSERT_TRUE(Register("mine", *dataset, true).ok());
    const std::string path = ContentOf("mine", *dataset);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    for (std::streamoff place = 0; place < static_cast<std::streamoff>(fs::file_size(path));
         ++place) {
      const auto change = [&] {
        file.seekg(place);
        const auto byte = static_cast<char>(file.get() ^ 0x41);
        file.seekp(place);
        file.put(byte).flush();
      };
      change();
      EXPECT_THAT(Message("mine"), HasSubstr(path + ": ")) << place;
      change();
    }
    EXPECT_TRUE(LoadRegistered(directory_, "mine").ok());
  }
}

TEST_F(Registered, ADamagedDescriptionIsFoundWithItsPlace) {
  ASSERT_TRUE(Register("mine", bytes_).ok());
  const std::string path = DescriptionOf("mine");
  std::stringstream whole;
  whole << std::ifstream(path).rdbuf();
  const auto message = [&](const std::string& from, const std::string& to) {
    std::string text = whole.str();
    text.replace(text.find(from), from.size(), to);
    std::ofstream(path, std::ios::trunc) << text;
    return Message("mine");
  };
  EXPECT_THAT(message("data {", "dada {"), HasSubstr(path + ":1:6: "));
  EXPECT_THAT(message("shape: 2", "shape: 9999999"),
              HasSubstr(path + ": data.shape[1]: 9999999 is not allowed"));
  EXPECT_THAT(message("examples: 3", "examples: 2147483647"), HasSubstr("bytes; required: "));
  EXPECT_THAT(message("classes: 3", "classes: 4"), HasSubstr("content hash is"));
  EXPECT_THAT(message("classes: 3", "classes: 2"), HasSubstr("class 2 is not allowed"));
  EXPECT_THAT(message("values: UINT8", "values: TEXT"), HasSubstr("values: UINT8 or FLOAT32"));
  EXPECT_THAT(message("source_format: \"test\"", "source_format: \"\\377\""),
              HasSubstr(path + ": source_format: \"\\377\" is not allowed"));
  EXPECT_THAT(message("max_value: 255", "max_value: 256"), HasSubstr("max_value: 256"));
  EXPECT_THAT(message("max_value: 255", "max_value: 254"), HasSubstr("content hash is"));
}

TEST_F(Registered, ValuesThatAreTooLargeAreRefusedBeforeTheyAreRead) {
  ASSERT_TRUE(Register("mine", reals_).ok());
  const std::string path = DescriptionOf("mine");
  std::ofstream(path) << "data {\n  content_hash: \"" << reals_.data.content_hash()
                      << "\"\n  examples: 2147483647\n  shape: 1000\n  classes: 3\n}\n"
                      << "values: FLOAT32\n";
  EXPECT_EQ(Message("mine"),
            path + ": data: 8592082071647 bytes of values are not allowed; allowed: " +
                std::to_string(kMaxContentBytes));
  EXPECT_EQ(SurveyDatasets(directory_).problems.count("mine"), 1u);
}

// The memory that sanitizers need cannot be limited.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(Registered, ValuesThatDoNotFitInMemoryAreAnError) {
  ASSERT_TRUE(Register("mine", reals_).ok());
  std::ofstream(DescriptionOf("mine"))
      << "data {\n  content_hash: \"" << reals_.data.content_hash()
      << "\"\n  examples: 1000000\n  shape: 1000\n  classes: 3\n}\nvalues: FLOAT32\n";
  // With a hole: it takes no place on the disk.
  fs::resize_file(ContentOf("mine", reals_), uintmax_t{1'000'000} * 4001);
  const auto load = [&] {
    const rlimit limit = {.rlim_cur = rlim_t{1} << 30, .rlim_max = rlim_t{1} << 30};
    setrlimit(RLIMIT_AS, &limit);
    const absl::Status status = LoadDataset(directory_, "mine").status();
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    _exit(absl::IsResourceExhausted(status) ? 0 : 1);
  };
  EXPECT_EXIT(load(), testing::ExitedWithCode(0), directory_ + ": mine: out of memory");
}
#endif

TEST_F(Registered, ASurveyReadsNoValues) {
  ASSERT_TRUE(Register("mine", bytes_).ok());
  std::ofstream(ContentOf("mine", bytes_), std::ios::trunc) << "as many bytes..";
  const DatasetSurvey survey = SurveyDatasets(directory_);
  EXPECT_EQ(survey.whole.count("mine"), 1u);
  EXPECT_EQ(LoadDataset(directory_, "mine").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(CheckedCatalog(directory_, {"mine"}).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Registered, ASurveyTellsWhatIsWholeAndWhyTheRestIsNot) {
  ASSERT_TRUE(Register("good", bytes_).ok());
  ASSERT_TRUE(Register("bad", reals_).ok());
  fs::resize_file(ContentOf("bad", reals_), 7);
  fs::create_directory(directory_ + "/nothing");
  const DatasetSurvey survey = SurveyDatasets(directory_);
  ASSERT_EQ(survey.whole.size(), 1u);
  EXPECT_EQ(survey.whole.at("good").DebugString(), bytes_.data.DebugString());
  ASSERT_EQ(survey.problems.size(), 2u);
  EXPECT_THAT(survey.problems.at("digits"), HasSubstr("digits.csv.gz: cannot be opened"));
  EXPECT_THAT(survey.problems.at("bad"), HasSubstr(": has 7 bytes"));
  // A catalog minds only what is asked for.
  EXPECT_EQ(CheckedCatalog(directory_, {"good"})->datasets.size(), 3u);
  EXPECT_EQ(CheckedCatalog(directory_, {"bad"}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(CheckedCatalog(directory_ + "/none", {"x"})->datasets.size(), 1u);
}

}  // namespace
}  // namespace lathe
