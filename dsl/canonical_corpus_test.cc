// Stored programs outlive code: the canonical forms of dsl/testdata/canonical/corpus.txt are
// frozen.
//
// The file has a line "= HASH" before each program text. With LATHE_REBASE_CORPUS=1 the test
// writes the hashes anew, which is right only together with a new version of the language.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "dsl/canonicalize.h"
#include "dsl/text.h"

namespace lathe {
namespace {

constexpr char kFile[] = LATHE_SOURCE_DIR "/dsl/testdata/canonical/corpus.txt";

struct Corpus {
  struct Entry {
    std::string hash, text;
  };
  std::string preface;
  std::vector<Entry> entries;
};

Corpus ReadCorpus() {
  Corpus corpus;
  std::ifstream file(kFile);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("= ", 0) == 0) {
      corpus.entries.push_back({line.substr(2), ""});
    } else {
      (corpus.entries.empty() ? corpus.preface : corpus.entries.back().text) += line + "\n";
    }
  }
  return corpus;
}

bool Rebase() {
  const char* wanted = std::getenv("LATHE_REBASE_CORPUS");
  return wanted != nullptr && std::string_view(wanted) == "1";
}

TEST(CanonicalCorpus, HashesNeverChange) {
  Corpus corpus = ReadCorpus();
  for (Corpus::Entry& entry : corpus.entries) {
    absl::StatusOr<Program> program = ParseOrStatus(entry.text, "corpus");
    ASSERT_TRUE(program.ok()) << program.status() << "\n" << entry.text;
    std::string hash = MakeCanonical(*program).hash.Hex();
    if (Rebase()) entry.hash = hash;
    EXPECT_EQ(hash, entry.hash) << entry.text << "is now\n" << MakeCanonical(*program).text;
  }
  if (!Rebase()) return;
  std::ofstream file(kFile);
  file << corpus.preface;
  for (const Corpus::Entry& entry : corpus.entries) {
    file << "= " << entry.hash << "\n" << entry.text;
  }
}

// A hash that is frozen for few ops freezes little.
TEST(CanonicalCorpus, UsesTheWholeLanguage) {
  Corpus corpus = ReadCorpus();
  EXPECT_GE(corpus.entries.size(), 72u);
  std::set<Op> ops;
  std::set<int> inputs, states, hypers;
  for (const Corpus::Entry& entry : corpus.entries) {
    absl::StatusOr<Program> program = ParseOrStatus(entry.text, "corpus");
    ASSERT_TRUE(program.ok()) << program.status();
    Program canonical = Canonicalize(*program);
    for (const Instruction& instruction : canonical.instructions) ops.insert(instruction.op);
    ForEachOperand(canonical, [&](const Operand& operand) {
      if (operand.kind == Operand::Kind::kInput) inputs.insert(operand.index);
    });
    states.insert(static_cast<int>(canonical.states.size()));
    hypers.insert(static_cast<int>(canonical.hypers.size()));
  }
  // Every op there was when the corpus was frozen; rows that came later are not in it.
  EXPECT_EQ(ops.size(), 72u);
  EXPECT_EQ(inputs.size(), OptimizerSignature().inputs.size());
  EXPECT_GE(states.size(), 4u);
  EXPECT_GE(hypers.size(), 4u);
}

}  // namespace
}  // namespace lathe
