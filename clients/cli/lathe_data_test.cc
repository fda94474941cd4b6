// lathe data, through the program itself.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include "clients/cli/testing/lathe_test.h"
#include "evaluators/datasets/testing/made_files.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class LatheDataTest : public LatheTest {
 protected:
  Finished Data(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "data");
    arguments.insert(arguments.end(), {"--data", Path("data")});
    return RunAlone(arguments);
  }
  Finished AddNpz(const std::string& name, std::vector<std::string> more = {}) {
    Write("small.npz", SmallNpz(9));
    more.insert(more.begin(), {"add", name, "--format", "npz", Path("small.npz")});
    return Data(more);
  }
  nlohmann::json Json(std::vector<std::string> arguments, int status = 0) {
    arguments.push_back("--json");
    const Finished run = Data(arguments);
    EXPECT_EQ(run.status.code, status) << run.errors;
    return nlohmann::json::parse(run.output, nullptr, /*allow_exceptions=*/false);
  }
};

const std::string kImages = Idx(8, {3, 2, 2}, std::string(12, 'x'));
const std::string kLabels = Idx(8, {3}, std::string("\1\0\2", 3));

TEST_F(LatheDataTest, AddsEveryFormatPackedOrNot) {
  Write("images", Gzipped(kImages, Path("scratch")));
  Write("labels", kLabels);
  EXPECT_EQ(
      Data({"add", "a", "--format", "idx", "--images", Path("images"), "--labels", Path("labels")})
          .output,
      "a: 3 examples of 1x2x2 in 3 classes; registered in " + Path("data") +
          "; workers that run find it when they start again\n");
  Write("one.bin", std::string(3073, '\1'));
  Write("two.bin", std::string(3073, '\2') + std::string(3073, '\3'));
  EXPECT_THAT(Data({"add", "b", "--format", "cifar10", Path("one.bin"), Path("two.bin")}).output,
              HasSubstr("b: 3 examples of 3x32x32 in 10 classes"));
  EXPECT_THAT(AddNpz("c").output, HasSubstr("c: 9 examples of 4 in 3 classes"));
  Write("poem", "to be or not to be\n");
  EXPECT_THAT(Data({"add", "d", "--format", "text", Path("poem")}).output,
              HasSubstr("d: 19 bytes of text, 8 different ones"));
  const nlohmann::json list = Json({"list"});
  ASSERT_EQ(list.size(), 5u);
  EXPECT_EQ(list[0]["name"], "digits");
  EXPECT_EQ(list[1]["shape"], nlohmann::json({1, 2, 2}));
  EXPECT_EQ(list[2]["source"], "cifar10");
  EXPECT_EQ(list[3]["examples"], 9);
  EXPECT_EQ(list[4]["classes"], 8);
  EXPECT_THAT(LinesOf(Data({"list"}).output),
              ElementsAre(HasSubstr("NAME"), HasSubstr("digits  ships"), HasSubstr("1x2x2"),
                          HasSubstr("3x32x32"), HasSubstr("npz"), HasSubstr("text")));
}

TEST_F(LatheDataTest, ReplacesOnlyWhatItIsToldTo) {
  const nlohmann::json first = Json({"list"});
  ASSERT_EQ(AddNpz("mine").status.code, 0);
  const Finished again = AddNpz("mine");
  EXPECT_EQ(again.status.code, 1);
  EXPECT_THAT(again.errors, HasSubstr("is there already; --replace"));
  EXPECT_EQ(AddNpz("mine", {"--replace", "--classes", "5"}).status.code, 0);
  EXPECT_EQ(Json({"list"})[1]["classes"], 5);
}

TEST_F(LatheDataTest, WrongFilesAreRefusedWithFileAndPlace) {
  Write("images", kImages.substr(0, 20));
  Write("labels", kLabels);
  const Finished cut =
      Data({"add", "a", "--format", "idx", "--images", Path("images"), "--labels", Path("labels")});
  EXPECT_EQ(cut.status.code, 1);
  EXPECT_EQ(cut.errors,
            "lathe: " + Path("images") + ": has 4 bytes after its header; required: 12\n");
  const Finished missing = Data({"add", "a", "--format", "text", Path("nowhere")});
  EXPECT_EQ(missing.status.code, 1);
  EXPECT_THAT(missing.errors, HasSubstr(Path("nowhere") + ": cannot be opened: No such file"));
  EXPECT_EQ(Json({"list"}).size(), 1u);
}

TEST_F(LatheDataTest, WrongCommandLinesAreRefused) {
  const auto refused = [&](const std::vector<std::string>& arguments) {
    const Finished run = Data(arguments);
    EXPECT_EQ(run.status.code, 2) << run.output;
    return run.errors;
  };
  EXPECT_THAT(refused({"add", "A", "--format", "text", "x"}), HasSubstr("NAME: \"A\" is not"));
  EXPECT_THAT(refused({"add", "a", "--format", "csv", "x"}), HasSubstr("csv"));
  EXPECT_THAT(refused({"add", "a", "--format", "idx", "x"}), HasSubstr("takes --images FILE"));
  EXPECT_THAT(refused({"add", "a", "--format", "npz"}), HasSubstr("takes one FILE"));
  EXPECT_THAT(refused({"add", "a", "--format", "cifar10"}), HasSubstr("takes FILE"));
  EXPECT_THAT(refused({"add", "a", "--format", "text", "x", "--labels", "y"}),
              HasSubstr("--images"));
  EXPECT_THAT(refused({"add", "a", "--format", "text", "x", "--classes", "3"}),
              HasSubstr("--classes goes with"));
  EXPECT_THAT(refused({"add", "a", "--format", "text", "x", "--input", "64"}),
              HasSubstr("--input goes with --format torchscript"));
  EXPECT_THAT(refused({"add", "a", "--format", "torchscript", "x", "--input", "8x8"}),
              HasSubstr("--input: \"8x8\" is not what a model is given"));
  EXPECT_THAT(refused({"add", "a", "--format", "torchscript"}), HasSubstr("takes one FILE"));
  EXPECT_THAT(refused({"check", "../x"}), HasSubstr("is no dataset"));
  Write("small.npz", SmallNpz(9));
  EXPECT_THAT(refused({"add", "digits", "--format", "npz", Path("small.npz")}),
              HasSubstr("ships with every installation"));
}

// What a model does to the process that reads it is told of the file, and nothing is registered.
TEST_F(LatheDataTest, AModelThatEndsItsReaderIsRefused) {
  fs::create_directory(Path("bin"));
  program_ = Path("bin/lathe");
  fs::copy_file(LATHE_BINARY, program_);
  Write("model.pt", "some bytes");
  const auto refused = [&](const std::string& reader) {
    Write("bin/lathe-evaluator-torch", "#!/bin/sh\n" + reader + "\n");
    fs::permissions(Path("bin/lathe-evaluator-torch"), fs::perms::owner_all);
    const Finished run = Data({"add", "mine", "--format", "torchscript", Path("model.pt")});
    EXPECT_EQ(run.status.code, 1) << run.status.Text();
    EXPECT_FALSE(fs::exists(Path("data/mine")));
    return run.errors;
  };
  const std::string place = "lathe: " + Path("model.pt") + ": ";
  EXPECT_EQ(refused("kill -SEGV $$"), place +
                                          "cannot be run: what reads models was killed by signal "
                                          "11 (Segmentation fault) over it\n");
  EXPECT_EQ(refused("exit 3"),
            place + "cannot be run: what reads models exited with status 3 over it\n");
  EXPECT_THAT(refused("exit 0"), HasSubstr("exited with status 0 over it"));
  EXPECT_THAT(refused("echo nonsense >&4"), HasSubstr("over it"));
  // {error: "no model"}, and {model: {}}.
  EXPECT_EQ(refused("printf '\\022\\010no model' >&4"), place + "no model\n");
  EXPECT_THAT(refused("printf '\\012\\000' >&4"),
              HasSubstr(".content_hash: 32 hexadecimal digits"));
  fs::remove(Path("bin/lathe-evaluator-torch"));
  const Finished none = Data({"add", "mine", "--format", "torchscript", Path("model.pt")});
  EXPECT_EQ(none.status.code, 1);
  EXPECT_THAT(none.errors, HasSubstr("/lathe-evaluator-torch: is not there, and reads models"));
}

TEST_F(LatheDataTest, ChecksWhatThereIs) {
  ASSERT_EQ(AddNpz("good").status.code, 0);
  ASSERT_EQ(AddNpz("bad").status.code, 0);
  EXPECT_EQ(Data({"check", "good", "bad"}).output,
            "good: 9 examples of 4 in 3 classes\nbad: 9 examples of 4 in 3 classes\n");
  const fs::path content = fs::path(Path("data")) / "bad" /
                           (Json({"list"})[1]["content_hash"].get<std::string>() + ".data");
  fs::resize_file(content, 5);
  const Finished run = Data({"check", "good", "bad"});
  EXPECT_EQ(run.status.code, 1);
  EXPECT_THAT(LinesOf(run.output),
              ElementsAre("good: 9 examples of 4 in 3 classes",
                          "bad: damaged: " + content.string() + ": has 5 bytes; required: 153"));
  EXPECT_EQ(run.errors, "lathe: 1 of 2 datasets and models are damaged\n");
  const nlohmann::json all = Json({"check"}, 1);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0]["whole"], false) << "the digits are not in this folder";
  EXPECT_EQ(all[2]["whole"], true);
}

TEST_F(LatheDataTest, JsonStandsWhateverBytesAPathHas) {
  const std::string directory = Path("\xff\xfe");
  const auto json = [&](std::vector<std::string> arguments, int status) {
    arguments.insert(arguments.begin(), "data");
    arguments.insert(arguments.end(), {"--data", directory, "--json"});
    const Finished run = RunAlone(arguments);
    EXPECT_EQ(run.status.code, status) << run.errors;
    return nlohmann::json::parse(run.output, nullptr, /*allow_exceptions=*/false);
  };
  const nlohmann::json checked = json({"check"}, 1);
  ASSERT_EQ(checked.size(), 1u);
  EXPECT_THAT(checked[0]["problem"], HasSubstr("\xef\xbf\xbd\xef\xbf\xbd/digits.csv.gz"));
  // A description that somebody else has written.
  Write("small.npz", SmallNpz(9));
  EXPECT_EQ(json({"add", "mine", "--format", "npz", Path("small.npz")}, 0)["name"], "mine");
  const fs::path description = fs::path(directory) / "mine" / "dataset.textproto";
  std::string text = Contents(description);
  text.replace(text.find("\"npz\""), 5, "\"\\377\"");
  std::ofstream(description, std::ios::trunc) << text;
  EXPECT_EQ(json({"list"}, 1).size(), 1u) << "the digits; it is told on standard error";
}

// The memory that sanitizers need cannot be limited.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(LatheDataTest, AFileThatDoesNotFitInMemoryIsRefused) {
  Write("poem", "to be");
  fs::resize_file(Path("poem"), uintmax_t{6} << 30);  // a hole, which takes no place on the disk
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &limit), 0);
  const rlimit low = {.rlim_cur = rlim_t{1} << 30, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &low), 0);  // of the program, which inherits it
  const Finished run = Data({"add", "poems", "--format", "text", Path("poem")});
  setrlimit(RLIMIT_AS, &limit);
  EXPECT_EQ(run.status.code, 1);
  EXPECT_THAT(run.errors, HasSubstr("lathe: " + Path("poem") + ": out of memory\n"));
  EXPECT_FALSE(fs::exists(Path("data/poems")));
}
#endif

}  // namespace
}  // namespace lathe
