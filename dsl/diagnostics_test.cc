// Golden files: dsl/testdata/diagnostics/KIND.lathe or KIND-VARIANT.lathe and what is said about it
// in the .expected beside it. LATHE_REBASE_GOLDENS=1 writes the latter anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dsl/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

const fs::path& Folder() {
  static const fs::path folder = fs::path(LATHE_SOURCE_DIR) / "dsl" / "testdata" / "diagnostics";
  return folder;
}

std::string ReadText(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

constexpr std::string_view kHeader = "lathe 1 optimizer p\ninput  g[P,R,C]\n";

std::string Repeated(int count, std::string_view before, std::string_view after) {
  std::string lines(kHeader);
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&lines, std::string(before), i, std::string(after), "\n");
  }
  return lines + "update = neg(g)\n";
}

// The texts by name: the files, and those too long to be worth a file.
std::map<std::string, std::string> Texts() {
  std::map<std::string, std::string> texts = {
      {"text_too_long", std::string((1 << 20) + 1, '\n')},
      {"too_many-hypers", Repeated(70, "hyper  h", " = 1")},
      {"too_many-states", Repeated(70, "state  s", "[] = 1")},
      {"too_many-instructions", Repeated(4100, "v", " = neg(g)")},
  };
  for (const auto& entry : fs::directory_iterator(Folder())) {
    if (entry.path().extension() != ".lathe") continue;
    texts[entry.path().stem().string()] = ReadText(entry.path());
  }
  return texts;
}

std::string KindOf(const std::string& name) {
  return name.substr(0, name.find('-'));
}

// The list of all ops grows with the table: a golden file has "{ops}" for it.
std::string WithoutOps(const std::string& said) {
  std::string names;
  for (Op op : AllOps()) names += (names.empty() ? "" : ", ") + std::string(Info(op).name);
  return absl::StrReplaceAll(said, {{names, "{ops}"}});
}

TEST(Diagnostics, MatchTheGoldenFiles) {
  const char* rebase = std::getenv("LATHE_REBASE_GOLDENS");
  for (const auto& [name, text] : Texts()) {
    fs::path path = Folder() / (name + ".expected");
    const std::string said =
        WithoutOps(RenderDiagnostics(Parse(text).diagnostics, name + ".lathe") + "\n");
    if (rebase != nullptr && std::string_view(rebase) == "1") {
      std::ofstream(path, std::ios::binary) << said;
    }
    EXPECT_EQ(said, ReadText(path)) << path;
  }
}

TEST(Diagnostics, EveryGoldenHasItsText) {
  std::map<std::string, std::string> texts = Texts();
  for (const auto& entry : fs::directory_iterator(Folder())) {
    EXPECT_EQ(texts.count(entry.path().stem().string()), 1u) << entry.path();
  }
}

TEST(Diagnostics, EveryKindHasAGoldenOfItsName) {
  std::set<std::string> kinds;
  for (const auto& [name, text] : Texts()) {
    ParseResult result = Parse(text);
    bool produced = false;
    for (const Diagnostic& diagnostic : result.diagnostics) {
      if (KindName(diagnostic.kind) == KindOf(name)) produced = true;
    }
    EXPECT_TRUE(produced) << name << " does not produce " << KindOf(name);
    kinds.insert(KindOf(name));
  }
#define LATHE_DIAGNOSTIC(name) EXPECT_EQ(kinds.count(#name), 1u) << "no golden for " << #name;
#include "dsl/diagnostics.def"
}

// A golden that is named after one kind shows that kind and no consequence of it.
TEST(Diagnostics, OnlyTheNamedKindIsTold) {
  const std::map<std::string, std::set<std::string>> also = {
      // What is no atom is looked for as a name, an axis or an op first.
      {"syntax-type", {"unknown_axis"}},
      {"name_taken-input", {"undeclared_input"}},
      {"unknown_input", {"wrong_arity"}},
  };
  for (const auto& [name, text] : Texts()) {
    for (const Diagnostic& diagnostic : Parse(text).diagnostics) {
      std::string kind(KindName(diagnostic.kind));
      auto allowed = also.find(name);
      if (allowed != also.end() && allowed->second.count(kind) > 0) continue;
      EXPECT_EQ(kind, KindOf(name)) << RenderDiagnostics({diagnostic}, name);
    }
  }
}

TEST(Diagnostics, PlacesLieInsideTheText) {
  for (const auto& [name, text] : Texts()) {
    std::vector<std::string> lines = {""};
    for (char c : text) {
      if (c == '\n') {
        lines.emplace_back();
      } else {
        lines.back() += c;
      }
    }
    for (const Diagnostic& diagnostic : Parse(text).diagnostics) {
      ASSERT_GE(diagnostic.line, 1) << name;
      ASSERT_LE(diagnostic.line, static_cast<int>(lines.size())) << name;
      EXPECT_GE(diagnostic.column, 1) << name;
      EXPECT_LE(diagnostic.column, static_cast<int>(lines[diagnostic.line - 1].size()) + 1) << name;
    }
  }
}

TEST(Diagnostics, RenderedOnePerLine) {
  std::vector<Diagnostic> two = {{DiagnosticKind::syntax, 3, 7, "first"},
                                 {DiagnosticKind::alias, 12, 1, "second"}};
  EXPECT_EQ(RenderDiagnostics(two, "a.lathe"), "a.lathe:3:7: first\na.lathe:12:1: second");
  EXPECT_EQ(RenderDiagnostics({}, "a.lathe"), "");
}

TEST(Diagnostics, AreTheMessageOfAStatus) {
  std::string text = "lathe 1 optimizer p\nupdate = neg(w)\n";
  absl::StatusOr<Program> program = ParseOrStatus(text, "x.lathe");
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(program.status().message()),
            RenderDiagnostics(Parse(text).diagnostics, "x.lathe"));
  EXPECT_TRUE(ParseOrStatus("lathe 1 optimizer p\nupdate = 1\n", "x.lathe").ok());
}

TEST(Diagnostics, AtMostTwentyAreKept) {
  std::string many_lines(kHeader);
  for (int i = 0; i < 100; ++i) many_lines += "a = b\n";
  EXPECT_EQ(Parse(many_lines).diagnostics.size(), 20u);
  std::string one_line = "lathe 1 optimizer p\ninput";
  for (int i = 0; i < 100; ++i) one_line += " g[P]";
  EXPECT_EQ(Parse(one_line).diagnostics.size(), 20u);
}

}  // namespace
}  // namespace lathe
