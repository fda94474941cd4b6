#include "clients/cli/program_text.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "dsl/known_programs.h"
#include "dsl/lexer.h"
#include "dsl/random_program.h"
#include "dsl/text.h"

namespace lathe {
namespace {

TEST(FormatProgramTextTest, ChangesBlanksAndNothingElse) {
  constexpr const char* kMessy =
      "lathe  1\toptimizer   p \n"
      "input w [ P , R,C ]  g[P,R,C]lr[ ]\n"
      "hyper   b1=0.90 in[0,1)\n"
      "hyper b2 = +.5 in(-inf , inf)\n"
      "state m[P,R,C]=0\n"
      "  n=sum( g over R , C )\n"
      "a = einsum(g[R,C],g[R',C]->[R,R'])\n"
      "c=lerp (g,m,b1)\r\n"
      "next  m=c\n"
      "update=mul(c,lr)";
  constexpr const char* kNeat =
      "lathe 1 optimizer p\n"
      "input  w[P,R,C] g[P,R,C] lr[]\n"
      "hyper  b1 = 0.90 in [0, 1)\n"
      "hyper  b2 = +.5 in (-inf, inf)\n"
      "state  m[P,R,C] = 0\n"
      "n = sum(g over R,C)\n"
      "a = einsum(g[R,C], g[R',C] -> [R,R'])\n"
      "c = lerp(g, m, b1)\n"
      "next m = c\n"
      "update = mul(c, lr)\n";
  EXPECT_EQ(FormatProgramText(kMessy), kNeat);
  EXPECT_EQ(FormatProgramText(kNeat), kNeat);
}

TEST(FormatProgramTextTest, KeepsComments) {
  const std::string wild = "#\xff\x01 bytes\n";
  const std::string messy = "\n\n  # first  \nlathe 1 optimizer p # a\n\n\n#two\n\ninput g[P,R,C]" +
                            std::string("\n") + wild + "  a = neg(g)   #short\nb=abs(a)#   long\n" +
                            "update = add(a, b)\n # alone\n# last\n\n\n";
  const std::string neat = "# first\nlathe 1 optimizer p  # a\n\n#two\n\ninput  g[P,R,C]\n" + wild +
                           "a = neg(g)  #short\nb = abs(a)  #   long\nupdate = add(a, b)\n"
                           "# alone\n# last\n";
  EXPECT_EQ(FormatProgramText(messy), neat);
  EXPECT_EQ(FormatProgramText(neat), neat);
}

TEST(FormatProgramTextTest, CommentsOfConsecutiveLinesBeginInOneColumn) {
  EXPECT_EQ(FormatProgramText("a = neg(g) # 1\nlonger = neg(a) # 2\nb = abs(a)\nc = abs(b) # 3\n"),
            "a = neg(g)       # 1\nlonger = neg(a)  # 2\nb = abs(a)\nc = abs(b)  # 3\n");
}

TEST(FormatProgramTextTest, KnownProgramsAreLaidOutAlready) {
  for (std::string_view name : KnownProgramNames()) {
    EXPECT_EQ(FormatProgramText(*KnownProgramText(name)), *KnownProgramText(name)) << name;
  }
}

// Every token apart from its neighbours.
std::string SpreadOut(std::string_view text) {
  std::string spread;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    for (const Token& token : TokenizeLine(text.substr(0, end))) {
      spread += "\t " + std::string(token.text);
    }
    spread += '\n';
    text.remove_prefix(end + 1);
  }
  return spread;
}

TEST(FormatProgramTextTest, PrintedProgramsAreLaidOutAlready) {
  for (const Signature& signature : AllSignatures()) {
    for (uint64_t seed = 0; seed < 200; ++seed) {
      RandomStream random(seed, {});
      const Program program = RandomProgram(signature, SearchSpace::Everything(signature),
                                            RandomProgramSize::Large(), random);
      const std::string text = Print(program, Naming::kAuthored);
      EXPECT_EQ(FormatProgramText(text), text) << seed;
      EXPECT_EQ(FormatProgramText(SpreadOut(text)), text) << seed;
    }
  }
}

}  // namespace
}  // namespace lathe
