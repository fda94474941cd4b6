#include "clients/job/yaml_document.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

// One line per node: kind, place, text.
std::string Rendered(const YamlNode& node) {
  static constexpr const char* kKinds[] = {"null", "scalar", "sequence", "mapping"};
  std::string text = absl::StrCat(kKinds[static_cast<int>(node.kind)], " ", node.line, ":",
                                  node.column, node.plain ? " plain " : " ", node.text, "\n");
  for (const YamlNode* child : node.children) text += Rendered(*child);
  return text;
}

std::string Parsed(const std::string& text) {
  const absl::StatusOr<YamlDocument> document = YamlDocument::Parse(text, {"f"});
  return document.ok() ? Rendered(document->root()) : std::string(document.status().message());
}

TEST(YamlDocument, NodesHaveKindsAndPlaces) {
  EXPECT_EQ(Parsed("a: [1, '2',\n  ~]\nb:\nc: é x"),
            "mapping 1:1 \nscalar 1:1 plain a\nsequence 1:4 \nscalar 1:5 plain 1\nscalar 1:8 2\n"
            "null 2:3 \nscalar 3:1 plain b\nnull 3:1 \nscalar 4:1 plain c\nscalar 4:4 plain é x\n");
  EXPECT_EQ(Parsed(""), "null 1:1 \n");
}

TEST(YamlDocument, AliasesStandForTheirNodes) {
  EXPECT_EQ(
      Parsed("[&x [1], *x]"),
      "sequence 1:1 \nsequence 1:2 \nscalar 1:6 plain 1\nsequence 1:2 \nscalar 1:6 plain 1\n");
}

TEST(YamlDocument, NestingIsLimitedTo64Levels) {
  EXPECT_EQ(Parsed(std::string(64, '[') + std::string(64, ']')).substr(0, 12), "sequence 1:1");
  EXPECT_EQ(Parsed(std::string(65, '[') + std::string(65, ']')),
            "f:1:65: nested too deeply: more than 64 levels");
  // Half of the levels come from an alias.
  const std::string half = "[[&x " + std::string(32, '[') + std::string(32, ']') + "], ";
  EXPECT_EQ(Parsed(half + std::string(31, '[') + "*x" + std::string(32, ']')).substr(0, 12),
            "sequence 1:1");
  EXPECT_EQ(Parsed(half + std::string(32, '[') + "*x" + std::string(33, ']')),
            "f:1:105: nested too deeply: more than 64 levels");
}

TEST(YamlDocument, AliasesAreLimitedInWhatTheyAdd) {
  const std::string text = "[&x '" + std::string(100000, 'a') + "', *x, *x";
  EXPECT_EQ(Parsed(text + "]").substr(0, 12), "sequence 1:1");
  EXPECT_EQ(Parsed(text + ", *x]"), "f:1:100017: aliases stand for too much text");
}

TEST(YamlDocument, ControlCharactersAndNonTextAreRefused) {
  EXPECT_EQ(Parsed("a\n b\x04"), "f:2:3: control character 0x04 is not allowed");
  for (const char* bytes : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80",
                            "\xf8\x88\x80\x80\x80", "\xe2\x28\xa1", "\xe0\x80\x80", "\xff"}) {
    EXPECT_NE(Parsed(bytes).find("f:1:1: not UTF-8 text"), std::string::npos);
  }
  EXPECT_EQ(Parsed("\xf4\x8f\xbf\xbf"), "scalar 1:1 plain \xf4\x8f\xbf\xbf\n");
}

// Inputs that are as hard on a parser as their size allows: they end, and within a second or so.
TEST(YamlDocument, LargeHostileTextsAreRefusedOrRead) {
  for (const char* piece :
       {"[",   "{",     "[{",  "- ",   "? ",        ": ",    "a: ", "\"",      "'",           "|\n",
        "&a ", "*a ",   "!a ", "!<",   "%a\n",      "---\n", "#",   "\n",      "\r",          "\t",
        " ",   "a\n\n", ",",   "[a: ", "a: &a b\n", "\\",    "?\n", "[\"a\":", "\xef\xbb\xbf"}) {
    std::string text;
    while (text.size() + 8 < kMaxTextBytes) text += piece;
    EXPECT_NE(Parsed(text), "") << piece;
  }
}

}  // namespace
}  // namespace lathe
