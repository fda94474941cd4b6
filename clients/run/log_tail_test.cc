#include "clients/run/log_tail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace lathe {
namespace {

namespace fs = std::filesystem;

class LogTailTest : public testing::Test {
 protected:
  LogTailTest() {
    std::string pattern = testing::TempDir() + "/log-tail-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~LogTailTest() override { fs::remove_all(folder_); }

  std::string TailOf(const std::string& text) {
    std::ofstream(folder_ / "log", std::ios::binary) << text;
    return LogTail(folder_ / "log");
  }

  fs::path folder_;
};

TEST_F(LogTailTest, IsTheWholeOfAShortLog) {
  EXPECT_EQ(TailOf("one\n\ntwo"), "; the end of its log:\n  one\n  two");
  EXPECT_EQ(TailOf("\x1b[31mred\tand\rback\n"), "; the end of its log:\n  ?[31mred and?back");
}

TEST_F(LogTailTest, OfNothingSaysSo) {
  EXPECT_EQ(TailOf(""), "; its log is empty");
  EXPECT_EQ(LogTail(folder_ / "missing"), "; its log is empty");
}

TEST_F(LogTailTest, IsTheLastWholeLinesOfALongLog) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "line " + std::to_string(i) + "\n";
  const std::string lines = TailOf(text);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 20);
  EXPECT_EQ(lines.rfind("; the end of its log:\n  line 80\n", 0), 0u) << lines;
  EXPECT_EQ(lines.substr(lines.rfind('\n')), "\n  line 99");

  const std::string wide = TailOf(std::string(5000, 'x') + "\nlast\n");
  EXPECT_EQ(wide, "; the end of its log:\n  last") << "half a line is none";
}

}  // namespace
}  // namespace lathe
