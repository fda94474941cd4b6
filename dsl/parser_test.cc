// How texts are read: layout, meaning, and going on after mistakes.
#include "dsl/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dsl/text.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "LINE:KIND" of every diagnostic.
std::vector<std::string> Told(const std::string& text) {
  std::vector<std::string> told;
  for (const Diagnostic& diagnostic : Parse(text).diagnostics) {
    told.push_back(std::to_string(diagnostic.line) + ":" + std::string(KindName(diagnostic.kind)));
  }
  return told;
}

const std::string kHeader = "lathe 1 optimizer p\ninput  w[P,R,C] g[P,R,C] lr[]\n";

Program Good(const std::string& text) {
  absl::StatusOr<Program> program = ParseOrStatus(text, "p");
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? *program : Program();
}

TEST(Parser, ReadsEveryKindOfLine) {
  Program program = Good(
      "lathe 1 optimizer sample\n"
      "input  w[P,R,C] g[P,R,C]\n"
      "input  lr[]\n"
      "hyper  b = 0.9 in [0, 1)\n"
      "hyper  free = -2.5\n"
      "state  m[P,R,C] = w\n"
      "state  n[P] = 1e-08\n"
      "a = lerp(g, m, b)\n"
      "s = sum(a over R, C)\n"
      "next n = s\n"
      "update = mul(a, lr)\n"
      "next m = sub(w, update)\n");
  EXPECT_EQ(program.name, "sample");
  EXPECT_EQ(program.signature, &OptimizerSignature());
  ASSERT_EQ(program.hypers.size(), 2u);
  EXPECT_EQ(program.hypers[0].name, "b");
  EXPECT_EQ(program.hypers[0].value, 0.9);
  EXPECT_EQ(program.hypers[0].range.Text(), "[0, 1)");
  EXPECT_EQ(program.hypers[1].value, -2.5);
  EXPECT_EQ(program.hypers[1].range.Text(), "(-inf, inf)");
  ASSERT_EQ(program.states.size(), 2u);
  EXPECT_TRUE(program.states[0].start_from_input);
  EXPECT_EQ(program.states[0].next, Operand::Instruction(3));
  EXPECT_EQ(program.states[1].start, 1e-08);
  EXPECT_EQ(program.states[1].axes, AxisSet{Axis::kP});
  EXPECT_EQ(program.states[1].next, Operand::Instruction(1));
  const std::vector<Instruction> expected = {
      {Op::lerp, {}, {Operand::Input(1), Operand::State(0), Operand::Hyper(0)}},
      {Op::sum, {Axis::kR, Axis::kC}, {Operand::Instruction(0)}},
      {Op::mul, {}, {Operand::Instruction(0), Operand::Input(2)}},
      {Op::sub, {}, {Operand::Input(0), Operand::Instruction(2)}}};
  EXPECT_EQ(program.instructions, expected);
  EXPECT_THAT(program.instruction_names, ElementsAre("a", "s", "", ""));
  EXPECT_THAT(program.outputs, ElementsAre(Operand::Instruction(2)));
}

TEST(Parser, LayoutIsFree) {
  const std::string plain = kHeader + "a = mul(g, lr)\nupdate = sum(a over R,C)\n";
  const std::vector<std::string> same = {
      kHeader + "a = mul(g, lr)\nupdate = sum(a over R,C)",
      "# first\n\n" + kHeader +
          "a = mul(g, lr)  # product\n   # nothing\nupdate = sum(a over R,C)#",
      "\n \t\n" + kHeader + "\n\ta\t=mul( g,lr )\n\n  update=sum(a over R , C)  \n\n\n",
  };
  for (const std::string& text : same) EXPECT_EQ(Print(Good(text)), Print(Good(plain))) << text;
  std::string crlf;
  for (char c : plain) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(Print(Good(crlf)), Print(Good(plain)));
}

TEST(Parser, StatesAreReadAsTheyWereBeforeTheStep) {
  Program before = Good(kHeader + "state  m[] = 0\na = mul(g, m)\nupdate = neg(a)\nnext m = lr\n");
  Program after = Good(kHeader + "state  m[] = 0\nnext m = lr\na = mul(g, m)\nupdate = neg(a)\n");
  EXPECT_TRUE(before == after);
}

TEST(Parser, NamesOfOpsMayNameValues) {
  Program program = Good(kHeader + "mul = mul(g, lr)\nadd = add(mul, mul)\nupdate = neg(add)\n");
  EXPECT_EQ(program.instructions[1].operands[1], Operand::Instruction(0));
}

TEST(Parser, OutputsAreValuesToo) {
  Program program = Good(kHeader + "state  m[P,R,C] = 0\nupdate = mul(g, lr)\nnext m = update\n");
  EXPECT_EQ(program.states[0].next, Operand::Instruction(0));
}

TEST(Parser, TellsEveryMistakeOfAText) {
  EXPECT_THAT(
      Told("lathe 1 optimizer p\n"
           "input  w[P,R,C] g[P]\n"
           "hyper  b = 2 in [0, 1)\n"
           "state  m[R] = 0\n"
           "a = multiply(g, w)\n"
           "c = lerp(g, m)\n"
           "d = neg(x)\n"
           "e = sum(w)\n"
           "update = mul(w, lr)\n"
           "next v = g\n"),
      ElementsAre("2:wrong_input_type", "3:out_of_range", "4:axis_needs_p", "5:unknown_op",
                  "7:unknown_name", "8:missing_over", "9:undeclared_input", "10:not_a_state"));
}

// One mistake each; the lines after it use what the wrong line was to define.
TEST(Parser, TellsAMistakeOnce) {
  const std::string end = "update = neg(g)\n";
  EXPECT_THAT(Told(kHeader + "a = foo(g)\nb = neg(a)\nc = add(b, a)\nupdate = c\n"),
              ElementsAre("3:unknown_op"));
  EXPECT_THAT(Told(kHeader + "a = g\nb = neg(a)\nupdate = b\n"), ElementsAre("3:alias"));
  EXPECT_THAT(Told(kHeader + "a = g * w\nb = neg(a)\nupdate = b\n"),
              ElementsAre("3:unexpected_character"));
  EXPECT_THAT(Told(kHeader + "a neg(g)\nupdate = neg(a)\n"), ElementsAre("3:syntax"));
  EXPECT_THAT(Told(kHeader + "A = neg(g)\nupdate = neg(A)\n"), ElementsAre("3:bad_name"));
  EXPECT_THAT(Told(kHeader + "hyper  B = 0.9\nupdate = mul(g, B)\n"), ElementsAre("3:bad_name"));
  EXPECT_THAT(Told(kHeader + "hyper  b = x\nupdate = mul(g, b)\n"), ElementsAre("3:bad_number"));
  EXPECT_THAT(Told(kHeader + "hyper  b = 1 in [2, 3\nupdate = mul(g, b)\n"),
              ElementsAre("3:syntax"));
  EXPECT_THAT(Told(kHeader + "state  m[P,R,C] = 0;\nnext m = lerp(g, m, 0.9)\n" + end),
              ElementsAre("3:unexpected_character"));
  EXPECT_THAT(Told(kHeader + "state  m[Q] = 0\nnext m = lerp(g, m, 0.9)\n" + end),
              ElementsAre("3:unknown_axis"));
  EXPECT_THAT(Told(kHeader + "state  M[P] = 0\nnext M = norm(g)\nupdate = mul(g, M)\n"),
              ElementsAre("3:bad_name"));
  EXPECT_THAT(Told(kHeader + "state  m[P] = 0\nnext m = neg(q)\nupdate = mul(g, m)\n"),
              ElementsAre("4:unknown_name"));
  EXPECT_THAT(Told("lathe 1 optimizer p\ninput  w[P,R C] g[P,R,C]\nupdate = mul(g, w)\n"),
              ElementsAre("2:syntax"));
  EXPECT_THAT(Told("lathe 1 optimizer p\ninput  v[P] w[P,R,C], g[P,R,C]\nupdate = mul(g, w)\n"),
              ElementsAre("2:unknown_input", "2:unknown_input"));
  EXPECT_THAT(Told("lathe 1 optimizer p\ninput  g[P]\nupdate = mul(g, 2)\n"),
              ElementsAre("2:wrong_input_type"));
}

TEST(Parser, LooksAtNothingButTheHeaderIfThatIsWrong) {
  EXPECT_THAT(Told("lathe 3 optimizer p\nfoo bar\n"), ElementsAre("1:unknown_version"));
  EXPECT_THAT(Told("lathe 1 optimizer p q\nfoo bar\n"), ElementsAre("1:syntax"));
  EXPECT_THAT(Told(""), ElementsAre("1:missing_header"));
  EXPECT_THAT(Told("\n\n"), ElementsAre("2:missing_header"));
}

TEST(Parser, AsksForWhatIsMissingOnceTheRestIsRight) {
  EXPECT_THAT(Told(kHeader + "state  m[] = 0\nstate  n[] = 0\na = neg(g)\n"),
              ElementsAre("5:missing_output", "3:missing_next", "4:missing_next"));
  EXPECT_THAT(Told(kHeader + "state  m[] = 0\na = neg(x)\n"), ElementsAre("4:unknown_name"));
}

TEST(Parser, ReadsEinsums) {
  Program program = Good(kHeader +
                         "s = einsum(g[R,C], w[R',C] -> [R, R'])\n"
                         "q = einsum( s [R,R''] ,s[R'',R']->[R,R'])\n"
                         "n = einsum(q[R',R], 2[] -> [])\n"
                         "update = mul(g, n)\n");
  ASSERT_EQ(program.instructions.size(), 4u);
  const std::vector<Instruction>& einsums = program.instructions;
  EXPECT_EQ(einsums[0].op, Op::einsum);
  EXPECT_EQ(einsums[0].over, (AxisSet{Axis::kR, Axis::kR1}));
  EXPECT_EQ(LabelsOf(kModelAxes, einsums[0].labels[0]), kModelAxes);
  EXPECT_EQ(LabelsOf(kModelAxes, einsums[0].labels[1]), (AxisSet{Axis::kP, Axis::kR1, Axis::kC}));
  EXPECT_EQ(LabelOf(Axis::kR, einsums[1].labels[0]), Axis::kR);
  EXPECT_EQ(LabelOf(Axis::kR1, einsums[1].labels[0]), Axis::kR2);
  EXPECT_EQ(LabelOf(Axis::kR, einsums[1].labels[1]), Axis::kR2);
  EXPECT_EQ(LabelOf(Axis::kR1, einsums[1].labels[1]), Axis::kR1);
  EXPECT_EQ(LabelOf(Axis::kR, einsums[2].labels[0]), Axis::kR1);
  EXPECT_EQ(LabelOf(Axis::kR1, einsums[2].labels[0]), Axis::kR);
  EXPECT_EQ(einsums[2].over, AxisSet());
  EXPECT_EQ(Print(program, Naming::kAuthored),
            "lathe 1 optimizer p\ninput  w[P,R,C] g[P,R,C]\n"
            "s = einsum(g[R,C], w[R',C] -> [R,R'])\nq = einsum(s[R,R''], s[R'',R'] -> [R,R'])\n"
            "n = einsum(q[R',R], 2[] -> [])\nupdate = mul(g, n)\n");
}

TEST(Parser, ReadsLayers) {
  const std::string text =
      "lathe 1 layer p\ninput  x[B,G,K,H,W] gamma[G,K]\nm = mean(x over B,H,W)\n"
      "a = einsum(x[B,G,K,H,W], gamma[G,K] -> [B,H,W])\nc = sub(a, m)\ny = softmax(c over G,K)\n";
  Program program = Good(text);
  EXPECT_EQ(program.signature, &LayerSignature());
  EXPECT_EQ(program.instructions[0].over, (AxisSet{Axis::kB, Axis::kH, Axis::kW}));
  EXPECT_EQ(program.instructions[1].over, (AxisSet{Axis::kB, Axis::kH, Axis::kW}));
  EXPECT_THAT(program.outputs, ElementsAre(Operand::Instruction(3)));
  EXPECT_EQ(Print(program, Naming::kAuthored), text);
}

TEST(Parser, TellsWhereAnEinsumIsWrong) {
  auto places = [](const std::string& line) {
    std::vector<std::string> told;
    for (const Diagnostic& diagnostic : Parse(kHeader + line + "\nupdate = g\n").diagnostics) {
      told.push_back(std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column) +
                     ":" + std::string(KindName(diagnostic.kind)));
    }
    return told;
  };
  EXPECT_THAT(places("s = einsum(g, w[R,C] -> [R])"), ElementsAre("3:13:bad_einsum"));
  EXPECT_THAT(places("s = einsum(g[R,C], w[C,R] -> [R])"), ElementsAre("3:22:bad_einsum"));
  EXPECT_THAT(places("s = einsum(g[R,C], w[R,C] over R)"), ElementsAre("3:27:bad_einsum"));
  EXPECT_THAT(places("s = einsum(g[R,C], w[R,C] -> [R'])"), ElementsAre("3:5:bad_einsum"));
  EXPECT_THAT(places("s = einsum(g[R,C] -> [R])"), ElementsAre("3:5:wrong_arity"));
  EXPECT_THAT(places("s = einsum(g[R,C], g[R,C], g[R,C] -> [R])"), ElementsAre("3:5:wrong_arity"));
  EXPECT_THAT(places("s = mul(g, w -> [R])"), ElementsAre("3:14:syntax"));
  EXPECT_THAT(places("a' = neg(g)"), ElementsAre("3:1:bad_name"));
  EXPECT_THAT(places("s = sum(g over R'')"), ElementsAre("3:16:unknown_axis"));
}

TEST(Parser, PlacesAreThoseOfTheMistake) {
  ParseResult result = Parse(kHeader + "  update = mul( g ,  rate )  # rate\n");
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_EQ(result.diagnostics[0].line, 3);
  EXPECT_EQ(result.diagnostics[0].column, 22);
}

TEST(Parser, LimitsAreInclusive) {
  std::string hypers, states, lines;
  for (int i = 0; i < kMaxHypers; ++i) hypers += "hyper  h" + std::to_string(i) + " = 1\n";
  for (int i = 0; i < kMaxStates; ++i) {
    states += "state  s" + std::to_string(i) + "[] = 1\nnext s" + std::to_string(i) + " = 1\n";
  }
  for (int i = 1; i < kMaxInstructions; ++i) lines += "v" + std::to_string(i) + " = neg(g)\n";
  const std::string text = kHeader + hypers + states + lines;
  EXPECT_THAT(Told(text + "update = neg(g)\n"), IsEmpty());
  EXPECT_THAT(Told(text + "v0 = neg(g)\nupdate = neg(v0)\n"), ElementsAre("4291:too_many"));
  EXPECT_THAT(Told(kHeader + std::string(64, 'a') + " = neg(g)\nupdate = 1\n"), IsEmpty());
  std::string padded = kHeader + "update = 1\n";
  padded += "#" + std::string((1 << 20) - padded.size() - 1, ' ');
  EXPECT_THAT(Told(padded), IsEmpty());
  EXPECT_THAT(Told(padded + " "), ElementsAre("1:text_too_long"));
}

TEST(Parser, MessagesAreOfBoundedLength) {
  const std::string name(100000, 'a');
  for (const std::string& line :
       {name, name + " = neg(g)", "update = " + name, "update = neg(" + name + ")",
        "update = mul(g, 1" + name + ")", "update = " + name + "(g)", "next " + name + " = g",
        "input  " + name, "hyper  " + name, "state  " + name,
        "update = sum(g over " + name + ")"}) {
    std::vector<Diagnostic> diagnostics = Parse(kHeader + line + "\n").diagnostics;
    EXPECT_FALSE(diagnostics.empty());
    for (const Diagnostic& diagnostic : diagnostics) {
      // The longest lists all ops.
      EXPECT_LT(diagnostic.message.size(), 800u) << line.substr(0, 20);
    }
  }
  EXPECT_THAT(Parse(kHeader + "update = neg(" + name + ")").diagnostics.at(0).message,
              HasSubstr("aaa...\""));
}

TEST(Parser, TokensOfALine) {
  std::vector<Token> tokens = TokenizeLine("a1_b=lerp(x,-1.5e-3) @#c");
  std::vector<std::string> texts;
  std::vector<int> columns;
  for (const Token& token : tokens) {
    texts.emplace_back(token.text);
    columns.push_back(token.column);
  }
  EXPECT_THAT(texts, ElementsAre("a1_b", "=", "lerp", "(", "x", ",", "-1.5e-3", ")", "@", ""));
  EXPECT_THAT(columns, ElementsAre(1, 5, 6, 10, 11, 12, 13, 20, 22, 23));
  EXPECT_EQ(tokens[6].kind, Token::Kind::kNumber);
  EXPECT_EQ(tokens[8].kind, Token::Kind::kUnexpected);
  EXPECT_EQ(tokens[9].kind, Token::Kind::kEnd);
}

TEST(Parser, PrimesBelongToNamesAndArrowsAreOneToken) {
  std::vector<std::string> texts;
  for (const Token& token : TokenizeLine("a[R'',C']->[]-1 '")) texts.emplace_back(token.text);
  EXPECT_THAT(texts, ElementsAre("a", "[", "R''", ",", "C'", "]", "->", "[", "]", "-1", "'", ""));
  EXPECT_TRUE(TokenizeLine("->")[0].IsArrow());
  EXPECT_FALSE(TokenizeLine("- >")[0].IsArrow());
  EXPECT_EQ(TokenizeLine("'")[0].kind, Token::Kind::kUnexpected);
}

}  // namespace
}  // namespace lathe
