// lathe prog check, hash and ops, through the program itself.
#include <gmock/gmock.h>

#include <filesystem>

#include "clients/cli/testing/prog_test.h"
#include "dsl/canonicalize.h"
#include "dsl/known_programs.h"
#include "dsl/text.h"

namespace lathe {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

constexpr const char* kDead =
    "lathe 1 optimizer mine\n"
    "input  g[P,R,C]\n"
    "hyper  k = 0.5 in [0, inf)\n"
    "state  m[P] = 1\n"
    "n = norm(g)\n"
    "d = abs(g)\n"
    "update = mul(g, m)\n"
    "next m = mul(n, k)\n";

constexpr const char* kLayer =
    "lathe 1 layer bn\n"
    "input  x[B,G,K,H,W]\n"
    "mu = mean(x over B,H,W)\n"
    "d = sub(x, mu)\n"
    "y = div(d, 2)\n";

std::string HashOf(const char* text) {
  return MakeCanonical(*ParseOrStatus(text, "")).hash.Hex();
}

using ProgCheckTest = ProgTest;

TEST_F(ProgCheckTest, SaysWhatAProgramIs) {
  Write("dead.lathe", kDead);
  Write("bn.lathe", kLayer);
  const Finished run = Prog({"check", Path("dead.lathe"), "-", "sgd"}, kLayer);
  EXPECT_EQ(run.status.code, 0) << run.errors;
  EXPECT_EQ(run.errors, "");
  EXPECT_EQ(run.output,
            Path("dead.lathe") + ": optimizer mine; 4 statements, 3 live; states m[P]; " +
                HashOf(kDead) + "\n-: layer bn; 3 statements, 3 live; buffers mu[G,K] of mean; " +
                HashOf(kLayer) + "\nsgd: optimizer sgd; 3 statements, 3 live; no states; " +
                HashOf(std::string(*KnownProgramText("sgd")).c_str()) + "\n");
  Write("free.lathe", "lathe 1 layer l\ninput x[B,G,K,H,W]\ny = neg(x)\n");
  EXPECT_THAT(Prog({"check", Path("free.lathe")}).output,
              HasSubstr("; independent of the batch; "));
}

TEST_F(ProgCheckTest, PrintsJson) {
  Write("dead.lathe", kDead);
  Write("bn.lathe", kLayer);
  Write("bad.lathe", "lathe 1 optimizer p\nupdate = neg(g)\n");
  const nlohmann::json all =
      ProgJson({"check", Path("dead.lathe"), Path("bad.lathe"), Path("bn.lathe")}, 1)["programs"];
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0]["name"], "mine");
  EXPECT_EQ(all[0]["statements"], 4);
  EXPECT_EQ(all[0]["live_statements"], 3);
  EXPECT_EQ(all[0]["states"][0], nlohmann::json({{"name", "m"}, {"type", "[P]"}, {"start", 1.0}}));
  EXPECT_EQ(all[0]["hypers"][0]["range"], "[0, inf)");
  EXPECT_EQ(all[0]["hash"], HashOf(kDead));
  EXPECT_EQ(all[0]["diagnostics"].size(), 0u);
  EXPECT_EQ(all[1]["diagnostics"][0]["line"], 2);
  EXPECT_EQ(all[1]["diagnostics"][0]["column"], 14);
  EXPECT_EQ(all[1]["diagnostics"][0]["kind"], "undeclared_input");
  EXPECT_EQ(all[2]["buffers"][0]["name"], "mu");
  EXPECT_EQ(all[2]["batch_independent"], false);
}

TEST_F(ProgCheckTest, TellsEveryMistakeWithItsPlace) {
  Write("bad.lathe", "lathe 1 optimizer p\ninput g[P,R,C]\na = frob(g)\nupdate = add(g)\n");
  const Finished run = Prog({"check", Path("bad.lathe"), "sgd"});
  EXPECT_EQ(run.status.code, 1);
  EXPECT_THAT(run.errors, HasSubstr(Path("bad.lathe") + ":3:5: unknown op \"frob\""));
  EXPECT_THAT(run.errors, HasSubstr(Path("bad.lathe") + ":4:10: add takes 2 operands, not 1\n"));
  EXPECT_EQ(LinesOf(run.errors).size(), 2u) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("sgd: optimizer sgd")) << "the other file is still looked at";
}

TEST_F(ProgCheckTest, BytesThatAreNoTextAreHarmless) {
  Write("wild\xff\x1b[31m.lathe", "lathe 1 optimizer p\n\xff\x1b[2J = neg(g)\n");
  for (const bool json : {false, true}) {
    std::vector<std::string> arguments = {"check", Path("wild\xff\x1b[31m.lathe")};
    if (json) arguments.emplace_back("--json");
    const Finished run = Prog(arguments);
    EXPECT_EQ(run.status.code, 1);
    EXPECT_THAT(run.errors,
                HasSubstr("wild\xef\xbf\xbd[31m.lathe:2:1: byte 255 cannot stand here"));
    EXPECT_THAT(run.errors + run.output, Not(HasSubstr("\x1b")));
    EXPECT_THAT(run.errors + run.output, Not(HasSubstr("\xff")));
  }
}

TEST_F(ProgCheckTest, SaysWhyAFileCannotBeRead) {
  ExpectError({"check", Path("no.lathe")}, 2, Path("no.lathe") + ": No such file or directory\n");
  ExpectError({"check", folder_.string()}, 2, folder_.string() + ": Is a directory\n");
  ExpectError({"check", "linoo"}, 2, "linoo: No such file or directory, and no known program");
  ExpectError({"check", "lionn"}, 2, "(did you mean lion?)");
  ExpectError({"check", "/dev/zero"}, 2, "/dev/zero: has more than 1048576 bytes");
  ExpectError({"check", "-", "-"}, 2, "standard input can be read once");
  ExpectError({"check"}, 2, "FILE");
  ExpectError({"check", ""}, 2, "No such file or directory");
  std::filesystem::create_symlink("gone", folder_ / "sgd.link");
  ExpectError({"check", Path("sgd.link")}, 2, "sgd.link: No such file or directory");
}

TEST_F(ProgCheckTest, AWrongFileCountsMoreThanAWrongProgram) {
  Write("bad.lathe", "lathe 2\n");
  EXPECT_EQ(Prog({"check", Path("no.lathe"), Path("bad.lathe")}).status.code, 2);
  EXPECT_EQ(Prog({"check", Path("bad.lathe"), Path("no.lathe")}).status.code, 2);
  EXPECT_EQ(Prog({"check", Path("bad.lathe"), "sgd"}).status.code, 1);
}

TEST_F(ProgCheckTest, AFileGoesBeforeAKnownProgram) {
  Write("lion", kDead);
  std::filesystem::current_path(folder_);
  EXPECT_THAT(Prog({"check", "lion"}).output, HasSubstr("lion: optimizer mine;"));
  std::filesystem::current_path("/");
  EXPECT_THAT(Prog({"check", "lion"}).output, HasSubstr("lion: optimizer lion;"));
}

TEST_F(ProgCheckTest, AFullDiskIsTold) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  ChildProcess child = Start({"prog", "check", "lion"}, full);
  close(full);
  const Finished run = Finish(child);
  EXPECT_EQ(run.status.code, 1);
  EXPECT_EQ(run.errors, "lathe: standard output: No space left on device\n");
}

using ProgHashTest = ProgTest;

TEST_F(ProgHashTest, IsOfTheCanonicalForm) {
  Write("dead.lathe", kDead);
  // Other names, no dead code.
  Write("same.lathe",
        "lathe 1 optimizer other\ninput g[P,R,C]\nhyper h = 0.5\nstate z[P] = 1\n"
        "a = norm(g)\nupdate = mul(z, g)\nnext z = mul(h, a)\n");
  const std::string hash = HashOf(kDead);
  EXPECT_EQ(Prog({"hash", Path("dead.lathe"), Path("same.lathe"), "-"}, kDead).output,
            hash + "  " + Path("dead.lathe") + "\n" + hash + "  " + Path("same.lathe") + "\n" +
                hash + "  -\n");
  const nlohmann::json json = ProgJson({"hash", "lion", Path("dead.lathe")})["programs"];
  EXPECT_EQ(json[1], nlohmann::json({{"file", Path("dead.lathe")}, {"hash", hash}}));
  EXPECT_NE(json[0]["hash"], hash);
}

TEST_F(ProgHashTest, AWrongProgramHasNone) {
  Write("bad.lathe", "lathe 1 optimizer p\n");
  const Finished run = Prog({"hash", Path("bad.lathe"), "lion"});
  EXPECT_EQ(run.status.code, 1);
  EXPECT_THAT(run.errors, HasSubstr("bad.lathe:1:1: the program ends without"));
  EXPECT_EQ(LinesOf(run.output).size(), 1u);
}

using ProgOpsTest = ProgTest;

TEST_F(ProgOpsTest, ListsEveryOpOnce) {
  const Finished run = Prog({"ops"});
  EXPECT_EQ(run.status.code, 0) << run.errors;
  const nlohmann::json ops = ProgJson({"ops"})["ops"];
  ASSERT_EQ(ops.size(), static_cast<size_t>(kOpCount));
  const std::string markdown = Prog({"ops", "--markdown"}).output;
  for (size_t i = 0; i < ops.size(); ++i) {
    const OpInfo& info = Info(static_cast<Op>(i));
    EXPECT_EQ(ops[i]["name"], std::string(info.name));
    EXPECT_EQ(ops[i]["weight"], info.weight);
    EXPECT_EQ(ops[i]["doc"], std::string(info.doc));
    for (const auto& [text, begin] : {std::pair{run.output, "\n  "}, {markdown, "\n| `"}}) {
      const std::string call = begin + std::string(info.name) + "(a";
      const size_t first = text.find(call);
      ASSERT_NE(first, std::string::npos) << info.name;
      EXPECT_EQ(text.find(call, first + 1), std::string::npos) << info.name;
    }
  }
}

TEST_F(ProgOpsTest, TellsAllAboutOne) {
  const std::string text = Prog({"ops", "mean"}).output;
  for (const char* part :
       {"mean(a over ...): the mean of a over the named axes\n", "Reductions over named axes",
        "operands  1\n", "reduce_over: ", "weight    0.25\n", "{a}.mean({axes}, keepdim=True)"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(Prog({"ops", "cube"}).output, HasSubstr("0: drawn only where a job names it"));
  const nlohmann::json op = ProgJson({"ops", "max"});
  EXPECT_EQ(op["commutative"], true);
  EXPECT_EQ(op["type_rule"], "elementwise");
  EXPECT_EQ(op["group"], "Core");
}

TEST_F(ProgOpsTest, GroupsGoByRuleAndPlace) {
  for (const auto& [op, group] : std::vector<std::pair<const char*, const char*>>{
           {"add", "Core"},
           {"lerp", "Core"},
           {"fma", "Arithmetic, powers and roots"},
           {"cbrt", "Arithmetic, powers and roots"},
           {"log_signed", "Exponentials and logarithms"},
           {"atanh", "Trigonometry"},
           {"erf", "Activations"},
           {"where", "Comparisons and choice"},
           {"logsumexp", "Reductions over named axes"},
           {"norm", "Reductions over a parameter or the model"},
           {"softmax", "Normalizations"},
           {"clip_by_global_norm", "Normalizations"},
           {"transpose", "Matrices"}}) {
    EXPECT_EQ(ProgJson({"ops", op})["group"], group) << op;
  }
}

TEST_F(ProgOpsTest, SaysWhatItCannot) {
  ExpectError({"ops", "lepr"}, 2, "lathe: there is no op \"lepr\" (did you mean lerp?)");
  ExpectError({"ops", "\x1b[2J"}, 2, "there is no op \"[2J\"");
  ExpectError({"ops", "lerp", "--markdown"}, 2, "--markdown");
  ExpectError({"ops", "--json", "--markdown"}, 2, "--markdown");
}

TEST_F(ProgOpsTest, TheReferencePageIsCurrent) {
  const std::string file = std::string(LATHE_SOURCE_DIR) + "/docs/ops.md";
  const Finished run = Prog({"ops", "--markdown"});
  ASSERT_EQ(run.status.code, 0) << run.errors;
  if (std::getenv("LATHE_REBASE_GOLDENS") != nullptr) {
    std::ofstream(file, std::ios::binary) << run.output;
  }
  EXPECT_EQ(Contents(file), run.output)
      << "LATHE_REBASE_GOLDENS=1, or lathe prog ops --markdown > docs/ops.md, writes it anew";
}

using ProgUsageTest = ProgTest;

TEST_F(ProgUsageTest, IsTold) {
  ExpectError({}, 2, "lathe: ");
  ExpectError({"frobnicate"}, 2, "lathe: ");
  ExpectError({"check", "lion", "--frobnicate"}, 2, "--frobnicate");
  const Finished help = Prog({"--help"});
  EXPECT_EQ(help.status.code, 0);
  for (const char* command : {"check", "fmt", "run", "hash", "ops"}) {
    EXPECT_THAT(help.output, HasSubstr(command));
  }
  EXPECT_THAT(Prog({"run", "--help"}).output, HasSubstr("strings \"NaN\", \"Infinity\""));
}

TEST_F(ProgUsageTest, NoServerIsNeeded) {
  setenv("LATHE_SERVER", "not an address", 1);
  EXPECT_EQ(Prog({"hash", "lion"}).status.code, 0);
  unsetenv("LATHE_SERVER");
}

}  // namespace
}  // namespace lathe
