#include "dsl/export/quote.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(QuoteTest, DocstringsCannotEndEarly) {
  EXPECT_EQ(DocstringText("a \"\"\" b \\", "  "), "a \\\"\\\"\\\" b \\\\\n");
}

TEST(QuoteTest, EachLineOfADocstringButTheFirstIsIndented) {
  EXPECT_EQ(DocstringText("a\n\nb\n\n", "    "), "a\n\n    b\n");
}

TEST(QuoteTest, CommentsDoNotGoOnInTheNextLine) {
  EXPECT_EQ(CppComment("a \\\nb ?\?/\n\nc \\  ", "  "),
            "//   a \\.\n//   b ? ?/\n//\n//   c \\.\n");
  // Characters that become question marks make no trigraph either.
  EXPECT_EQ(CppComment("\x01\x01/", ""), "// ? ?/\n");
}

TEST(QuoteTest, NothingIsLeftThatIsObeyed) {
  const std::string hostile =
      "a\rb\fc\x1b[2Jd\xc2\x85"
      "e\xe2\x80\xa8"
      "f\xe2\x80\xae"
      "g\xe2\x80\x8b"
      "h\x7fi\tj\xef\xbb\xbf";
  EXPECT_EQ(CppComment(hostile, ""), "// a?b?c?[2Jd?e?f?g?h?i j?\n");
  EXPECT_EQ(DocstringText(hostile, ""), "a?b?c?[2Jd?e?f?g?h?i j?\n");
}

TEST(QuoteTest, LettersOfAllLanguagesStay) {
  const std::string text = "\xc3\xa4 \xce\xb2\xe2\x82\x81 \xe2\x88\x82 \xf0\x9f\x90\x8e";
  EXPECT_EQ(DocstringText(text, ""), text + "\n");
}

TEST(QuoteTest, WhatIsNoUtf8BecomesQuestionMarks) {
  // Too short, too long for its number, half of a pair, beyond the last character.
  EXPECT_EQ(DocstringText("a\xe2\x80", ""), "a??\n");
  EXPECT_EQ(DocstringText("\xc0\x8a", ""), "??\n");
  EXPECT_EQ(DocstringText("\xed\xa0\x80", ""), "???\n");
  EXPECT_EQ(DocstringText("\xf4\x90\x80\x80", ""), "????\n");
}

}  // namespace
}  // namespace lathe
