// lathe prog run, through the program itself.
#include <gmock/gmock.h>

#include <cmath>

#include "clients/cli/testing/prog_test.h"

namespace lathe {
namespace {

using testing::HasSubstr;

constexpr const char* kSum =
    "lathe 1 optimizer p\n"
    "input  w[P,R,C] g[P,R,C] lr[] t[] total_steps[] rows[P] cols[P]\n"
    "state  m[P,R,C] = 0\n"
    "state  n[] = 5\n"
    "a = mul(g, lr)\n"
    "b = add(rows, cols)\n"
    "c = div(t, total_steps)\n"
    "d = add(b, c)\n"
    "e = add(a, d)\n"
    "k = mul(w, 0)\n"
    "update = add(e, k)\n"
    "next m = w\n"
    "next n = t\n";

constexpr const char* kLayer =
    "lathe 1 layer bn\n"
    "input  x[B,G,K,H,W]\n"
    "mu = mean(x over B,H,W)\n"
    "y = sub(x, mu)\n";

class ProgRunTest : public ProgTest {
 protected:
  ProgRunTest() {
    Write("sum.lathe", kSum);
    Write("bn.lathe", kLayer);
  }

  // The arrays of one result, as rows of values.
  static nlohmann::json Values(const nlohmann::json& run, const std::string& name) {
    nlohmann::json rows = nlohmann::json::array();
    for (const char* list : {"results", "inputs"}) {
      for (const nlohmann::json& result : run[list]) {
        if (result["name"] != name) continue;
        for (const nlohmann::json& array : result["arrays"]) rows.push_back(array["values"]);
      }
    }
    return rows;
  }
};

TEST_F(ProgRunTest, RunsOnGivenInputs) {
  Write("g.json", "[[[1, 2], [3, 4]], [5, \"-Infinity\", 7]]");
  const nlohmann::json run =
      ProgJson({"run", Path("sum.lathe"), "--shape", "2x2", "--shape", "3", "--input",
                "g=" + Path("g.json"), "--input", "lr=10", "--input", "w=0.5"});
  EXPECT_EQ(Values(run, "update"), nlohmann::json({{15, 25, 35, 45}, {55, "-Infinity", 75}}));
  EXPECT_EQ(Values(run, "m"), nlohmann::json({{0.5, 0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}}));
  EXPECT_EQ(Values(run, "n"), nlohmann::json({{1}}));
  EXPECT_EQ(run["results"][0]["arrays"][1]["shape"], nlohmann::json({3, 1}));
  EXPECT_EQ(run["executor"], "reference-f64");
  EXPECT_EQ(run["signature"], "optimizer");
}

TEST_F(ProgRunTest, WeightsMoveAndGradientsAreNewInEachStep) {
  const std::vector<std::string> command = {"run", "sgd", "--shape", "2x3", "--input", "lr=0.5"};
  auto after = [&](const char* steps) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--steps", steps});
    return ProgJson(arguments);
  };
  const nlohmann::json one = after("1"), two = after("2");
  for (size_t i = 0; i < 6; ++i) {
    const double moved = double(Values(one, "w")[0][i]) - double(Values(one, "update")[0][i]);
    EXPECT_EQ(double(Values(two, "w")[0][i]), moved);
    EXPECT_NE(Values(one, "g")[0][i], Values(two, "g")[0][i]);
  }
  EXPECT_EQ(after("2"), two);
  Write("g.json", Values(one, "g").dump());
  const nlohmann::json again = ProgJson({"run", "sgd", "--shape", "2x3", "--input", "lr=0.5",
                                         "--input", "g=" + Path("g.json"), "--steps", "2"});
  EXPECT_EQ(Values(again, "g"), Values(one, "g")) << "what is given stays, and is read exactly";
}

TEST_F(ProgRunTest, TimeIsTheStep) {
  const nlohmann::json run =
      ProgJson({"run", Path("sum.lathe"), "--shape", "2x3x4", "--steps", "4", "--input", "g=0"});
  EXPECT_EQ(Values(run, "n"), nlohmann::json({{4}}));
  EXPECT_EQ(Values(run, "total_steps"), nlohmann::json({{4}}));
  EXPECT_EQ(Values(run, "update")[0], nlohmann::json(std::vector<double>(24, 2 + 12 + 1)));
  EXPECT_EQ(Values(run, "lr"), nlohmann::json({{0.001}}));
}

TEST_F(ProgRunTest, TheSeedDecides) {
  auto with_seed = [&](const char* seed) {
    return ProgJson({"run", "lion", "--shape", "3", "--seed", seed})["results"];
  };
  EXPECT_EQ(with_seed("7"), with_seed("7"));
  EXPECT_NE(with_seed("7"), with_seed("8"));
}

TEST_F(ProgRunTest, SummarizesValues) {
  Write("g.json", "[1, 2, 3, \"NaN\", 5, \"Infinity\"]");
  Write("neg.lathe", "lathe 1 optimizer p\ninput g[P,R,C]\nupdate = neg(g)\n");
  Finished run =
      Prog({"run", Path("neg.lathe"), "--shape", "2x3", "--input", "g=" + Path("g.json")});
  EXPECT_EQ(run.status.code, 0) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("optimizer p on reference-f64: 1 step; seed 1\nkind "));
  EXPECT_THAT(LinesOf(run.output).back(),
              testing::MatchesRegex(
                  "output +update\\[P,R,C\\] +0 +2x3 +nan +nan +nan +2 +-1 -2 -3 nan \\.\\.\\."));
  Write("g.json", "[[1, 2, 3], [4, 5, 9]]");
  run = Prog({"run", Path("neg.lathe"), "--shape", "2x3", "--input", "g=" + Path("g.json")});
  EXPECT_THAT(LinesOf(run.output).back(),
              testing::MatchesRegex(
                  "output +update\\[P,R,C\\] +0 +2x3 +-9 +-1 +-4 +0 +-1 -2 -3 -4 \\.\\.\\."));
}

TEST_F(ProgRunTest, ALayerMovesItsBuffers) {
  const std::vector<std::string> command = {
      "run", Path("bn.lathe"), "--shape", "2x6x4x4", "--groups", "3", "--input", "x=10"};
  nlohmann::json run = ProgJson(command);
  EXPECT_EQ(run["results"][0]["arrays"][0]["shape"], nlohmann::json({2, 3, 2, 4, 4}));
  EXPECT_EQ(Values(run, "y")[0][0], 0);
  EXPECT_EQ(run["results"][1]["kind"], "buffer");
  EXPECT_EQ(Values(run, "mu"), nlohmann::json({{1, 1, 1, 1, 1, 1}})) << "a tenth of the way";
  std::vector<std::string> evaluated = command;
  evaluated.insert(evaluated.end(), {"--evaluation", "--steps", "2"});
  run = ProgJson(evaluated);
  EXPECT_NEAR(double(Values(run, "y")[0][0]), 10 - 1.9, 1e-12);
  EXPECT_NEAR(double(Values(run, "mu")[0][5]), 1.9, 1e-12);
  evaluated.back() = "0";
  EXPECT_EQ(Values(ProgJson(evaluated), "y")[0][0], 10);
}

TEST_F(ProgRunTest, TakesAnyExecutor) {
  Write("third.lathe", "lathe 1 optimizer p\ninput g[P,R,C]\nupdate = div(g, 3)\n");
  auto with = [&](const char* executor) {
    return ProgJson(
        {"run", Path("third.lathe"), "--shape", "1", "--input", "g=1", "--executor", executor});
  };
  EXPECT_EQ(Values(with("reference"), "update"), nlohmann::json({{1.0 / 3}}));
  EXPECT_EQ(Values(with("rounding"), "update"), nlohmann::json({{double(1.0f / 3)}}));
  EXPECT_EQ(with("rounding")["executor"], "reference-f32");
  EXPECT_EQ(with("reference-f32"), with("rounding"));
  ExpectError({"run", "lion", "--shape", "1", "--executor", "gpu"}, 2,
              "--executor gpu: there is none of that name; there are reference, rounding");
}

TEST_F(ProgRunTest, SaysWhatIsWrongWithAShape) {
  ExpectError({"run", "lion"}, 2, "--shape: is missing; an optimizer takes one per parameter");
  ExpectError({"run", Path("bn.lathe")}, 2, "--shape: is missing; a layer takes one");
  for (const char* shape : {"", "0", "-1", "5x", "x5", "5y7", "5X7", "1.5", "+3", " 3", "4x-2",
                            "1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1", "99999999999999999999"}) {
    ExpectError({"run", "lion", "--shape", shape}, 2, "is no shape of positive numbers");
  }
  ExpectError({"run", "lion", "--shape", "9999999999999x9999999999999"}, 2, "makes more than");
  ExpectError({"run", "lion", "--shape", "4096x4096", "--shape", "1"}, 2, "--shape 1: makes more");
  for (const char* shape : {"2x6", "2", "2x6x4x4x1"}) {
    ExpectError({"run", Path("bn.lathe"), "--shape", shape}, 2, "is no shape of positive numbers");
  }
  ExpectError({"run", Path("bn.lathe"), "--shape", "2x6x4x4", "--shape", "1x1x1x1"}, 2,
              "one too many");
  ExpectError({"run", "lion", "--shape", "2", "--groups", "2"}, 2, "only a layer has groups");
  ExpectError({"run", "lion", "--shape", "2", "--evaluation"}, 2, "only layers are evaluated");
  ExpectError({"run", "lion", "--shape", "2", "--steps", "0"}, 2, "nothing would run");
  ExpectError({"run", "lion", "--shape", "2", "--steps", "-1"}, 2, "--steps");
  ExpectError({"run", "lion", "--shape", "2", "--seed", "-1"}, 2, "a seed is a number from 0 on");
}

TEST_F(ProgRunTest, SaysWhatIsTooLargeToRun) {
  Write("wide.lathe",
        "lathe 1 optimizer p\ninput g[P,R,C]\n"
        "a = einsum(g[R,C], g[R',C] -> [R,R'])\ns = sum(a over R,R')\nupdate = mul(g, s)\n");
  ExpectError({"run", Path("wide.lathe"), "--shape", "1000000"}, 2, "bytes over these shapes");
}

TEST_F(ProgRunTest, SaysWhatIsWrongWithAnInput) {
  Write("two.json", "[1, 2]");
  Write("lists.json", "[[1, 2], [3, 4, 5]]");
  Write("number.json", "3");
  Write("text.json", "[1, \"two\"]");
  Write("object.json", "{\"g\": [1]}");
  Write("broken.json", "[1, 2");
  Write("deep.json", std::string(1000000, '['));
  Write("empty.json", "");
  auto expect = [&](const std::string& input, const std::string& message) {
    ExpectError({"run", "lion", "--shape", "2", "--shape", "2", "--input", input}, 2, message);
  };
  expect("q=1", "--input q=1: is no input; of an optimizer can be given: w, g, lr, t, total_steps");
  expect("rows=1", "rows=1: follows from --shape");
  expect("g", "expected NAME=NUMBER or NAME=FILE.json");
  expect("g=", "a value is a number or a JSON file");
  expect("g=1e999", "the number is beyond double precision");
  expect("g=" + Path("no.json"), "no.json: No such file or directory; a value is a number");
  expect("g=" + folder_.string(), "Is a directory");
  expect("g=" + Path("two.json"), "entry 0 has 1 values, not 2, as [P,R,C] has over the shape 2x1");
  expect("g=" + Path("lists.json"), "entry 1 has 3 values, not 2");
  expect("g=" + Path("number.json"), "is a number, not a list with an entry per parameter");
  expect("g=" + Path("text.json"), "text.json has other strings; allowed are lists of numbers");
  expect("g=" + Path("object.json"), "object.json has objects");
  expect("g=" + Path("broken.json"), "broken.json is not JSON: parse error at line 1, column 6");
  expect("g=" + Path("deep.json"), "deep.json is not JSON");
  expect("g=" + Path("empty.json"), "empty.json is not JSON");
  expect("lr=" + Path("two.json"), "has 2 values, not 1, as [] has over the shape 1");
  ExpectError({"run", "lion", "--shape", "2", "--input", "g=1", "--input", "g=2"}, 2,
              "the input is given twice");
  ExpectError({"run", "lion", "--shape", "3", "--input", "g=" + Path("two.json")}, 2,
              "has 2 values, not 3");
}

TEST_F(ProgRunTest, TellsAMistakeOfTheProgram) {
  Write("bad.lathe", "lathe 1 optimizer p\nupdate = neg(g)\n");
  ExpectError({"run", Path("bad.lathe"), "--shape", "2"}, 1, Path("bad.lathe") + ":2:14: ");
  ExpectError({"run", Path("no.lathe"), "--shape", "2"}, 2, "no.lathe: No such file");
}

}  // namespace
}  // namespace lathe
