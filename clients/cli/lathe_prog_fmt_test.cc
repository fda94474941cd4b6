// lathe prog fmt, through the program itself.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "clients/cli/testing/prog_test.h"
#include "dsl/canonicalize.h"
#include "dsl/known_programs.h"
#include "dsl/text.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kMessy =
    "# mine\nlathe 1 optimizer  p\ninput g[P,R,C]\nupdate=neg(g)# down\xff\n";
constexpr const char* kNeat =
    "# mine\nlathe 1 optimizer p\ninput  g[P,R,C]\nupdate = neg(g)  # down\xff\n";
constexpr const char* kBad = "lathe 1 optimizer p\nupdate  = neg(g)\n";

class ProgFormatTest : public ProgTest {
 protected:
  ProgFormatTest() {
    Write("messy.lathe", kMessy);
    Write("neat.lathe", kNeat);
    Write("bad.lathe", kBad);
  }

  // Of what the test itself has not written.
  std::vector<std::string> OtherFiles() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      const std::string name = entry.path().filename();
      if (name.rfind("std", 0) != 0) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }
};

TEST_F(ProgFormatTest, PrintsEveryByteOfAComment) {
  const Finished run = Prog({"fmt", Path("messy.lathe"), "-"}, kMessy);
  EXPECT_EQ(run.status.code, 0) << run.errors;
  EXPECT_EQ(run.output, std::string(kNeat) + kNeat);
  EXPECT_EQ(Contents(Path("messy.lathe")), kMessy);
  EXPECT_EQ(Prog({"fmt", "lion"}).output, *KnownProgramText("lion"));
}

TEST_F(ProgFormatTest, WritesInPlaceOnlyWhatChanges) {
  chmod(Path("messy.lathe").c_str(), 0640);
  struct stat before, after;
  ASSERT_EQ(stat(Path("neat.lathe").c_str(), &before), 0);
  const Finished run = Prog({"fmt", "--write", Path("messy.lathe"), Path("neat.lathe")});
  EXPECT_EQ(run.status.code, 0) << run.errors;
  EXPECT_EQ(run.output, "");
  EXPECT_EQ(Contents(Path("messy.lathe")), kNeat);
  ASSERT_EQ(stat(Path("neat.lathe").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  ASSERT_EQ(stat(Path("messy.lathe").c_str(), &after), 0);
  EXPECT_EQ(after.st_mode & 07777, 0640u);
  EXPECT_THAT(OtherFiles(), ElementsAre("bad.lathe", "messy.lathe", "neat.lathe"));
}

TEST_F(ProgFormatTest, WritesThroughALink) {
  std::filesystem::create_symlink("messy.lathe", folder_ / "link.lathe");
  EXPECT_EQ(Prog({"fmt", "--write", Path("link.lathe")}).status.code, 0);
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link.lathe"));
  EXPECT_EQ(Contents(Path("messy.lathe")), kNeat);
}

TEST_F(ProgFormatTest, LeavesAWrongProgramAlone) {
  const Finished run = Prog({"fmt", "--write", Path("bad.lathe"), Path("messy.lathe")});
  EXPECT_EQ(run.status.code, 1);
  EXPECT_THAT(run.errors, HasSubstr(Path("bad.lathe") + ":2:15: the input \"g\" is used without"));
  EXPECT_EQ(Contents(Path("bad.lathe")), kBad);
  EXPECT_EQ(Contents(Path("messy.lathe")), kNeat);
}

TEST_F(ProgFormatTest, AFileThatMayNotBeWrittenStays) {
  // There is no room in the folder for the name of the file that is to replace it.
  const std::string longest = Path(std::string(255, 'x').c_str());
  Write(std::string(255, 'x'), kMessy);
  ExpectError({"fmt", "--write", longest}, 2, "cannot be changed: File name too long");
  EXPECT_EQ(Contents(longest), kMessy);
  if (geteuid() == 0) return;  // whom no mode keeps from writing
  chmod(Path("messy.lathe").c_str(), 0400);
  ExpectError({"fmt", "--write", Path("messy.lathe")}, 2, "cannot be changed: Permission denied");
  EXPECT_EQ(Contents(Path("messy.lathe")), kMessy);
}

TEST_F(ProgFormatTest, CheckNamesWhatWouldChange) {
  Finished run = Prog({"fmt", "--check", Path("neat.lathe"), Path("messy.lathe"), "lion"});
  EXPECT_EQ(run.status.code, 1);
  EXPECT_EQ(run.output, Path("messy.lathe") + "\n");
  EXPECT_EQ(Contents(Path("messy.lathe")), kMessy);
  run = Prog({"fmt", "--check", Path("neat.lathe")});
  EXPECT_EQ(run.status.code, 0);
  EXPECT_EQ(run.output, "");
}

TEST_F(ProgFormatTest, CanonicalIsWhatIsHashed) {
  EXPECT_EQ(
      Prog({"fmt", "--canonical", Path("messy.lathe"), "lion"}).output,
      MakeCanonical(*ParseOrStatus(kMessy, "")).text + MakeCanonical(*KnownProgram("lion")).text);
}

TEST_F(ProgFormatTest, PrintsJson) {
  const nlohmann::json all = ProgJson({"fmt", Path("messy.lathe"), "lion"})["programs"];
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["changed"], true);
  EXPECT_THAT(std::string(all[0]["text"]), HasSubstr("update = neg(g)  # down\xef\xbf\xbd\n"));
  EXPECT_EQ(all[1]["changed"], false);
}

TEST_F(ProgFormatTest, SaysWhatItCannot) {
  ExpectError({"fmt"}, 2, "FILE");
  ExpectError({"fmt", "--write", "-"}, 2, "- cannot be changed in place");
  ExpectError({"fmt", "--write", "--check", Path("neat.lathe")}, 2, "--write");
  ExpectError({"fmt", "--canonical", "--write", Path("neat.lathe")}, 2, "--canonical");
  ExpectError({"fmt", "--canonical", "--check", Path("neat.lathe")}, 2, "--canonical");
  ExpectError({"fmt", "--write", Path("no.lathe")}, 2, "no.lathe: No such file or directory");
}

}  // namespace
}  // namespace lathe
