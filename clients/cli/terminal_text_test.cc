#include "clients/cli/terminal_text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lathe {
namespace {

TEST(OneLineTest, LeavesNothingThatATerminalObeys) {
  EXPECT_EQ(OneLine("plain"), "plain");
  EXPECT_EQ(OneLine("a\x1b[2Jb"), "a[2Jb");
  EXPECT_EQ(OneLine("a\x1b]0;title\x07z"), "a]0;titlez");
  EXPECT_EQ(OneLine("a\nb\tc\rd"), "a b c d");
  EXPECT_EQ(OneLine(std::string("a\0\x7f\x01z", 5)), "az");
  EXPECT_EQ(OneLine("a\xc2\x9b"
                    "31mz"),
            "a31mz")
      << "the control sequence introducer in one character";
  EXPECT_EQ(OneLine("\xc2\xa0\xc3\xa9\xe2\x82\xac"), "\xc2\xa0\xc3\xa9\xe2\x82\xac");
  EXPECT_EQ(OneLine("a\x9bz"),
            "a\xef\xbf\xbd"
            "z")
      << "a byte that is no character";
  EXPECT_EQ(OneLine("\xc2"), "\xef\xbf\xbd");
}

TEST(PlainLinesTest, KeepsLinesAlone) {
  EXPECT_EQ(PlainLines("a\n\tb\r\x1b[1mc\n"), "a\n\tb[1mc\n");
}

TEST(DurationTextTest, HasTwoUnits) {
  EXPECT_EQ(DurationText(0), "0 s");
  EXPECT_EQ(DurationText(-3), "0 s");
  EXPECT_EQ(DurationText(NAN), "0 s");
  EXPECT_EQ(DurationText(0.25), "0.25 s");
  EXPECT_EQ(DurationText(9.99), "9.99 s");
  EXPECT_EQ(DurationText(9.999), "10 s");
  EXPECT_EQ(DurationText(59.4), "59 s");
  EXPECT_EQ(DurationText(59.6), "1 min 0 s");
  EXPECT_EQ(DurationText(185), "3 min 5 s");
  EXPECT_EQ(DurationText(3600), "1 h 0 min");
  EXPECT_EQ(DurationText(2 * 3600 + 5 * 60 + 59), "2 h 5 min");
  EXPECT_EQ(DurationText(76 * 3600), "3 d 4 h");
  EXPECT_NE(DurationText(INFINITY), "");
}

TEST(TimeTextTest, IsInUtc) {
  google::protobuf::Timestamp time;
  EXPECT_EQ(TimeText(time), "-");
  time.set_seconds(1769860801);
  time.set_nanos(999999999);
  EXPECT_EQ(TimeText(time), "2026-01-31 12:00:01");
}

TEST(TableTest, AlignsColumnsByCharacters) {
  EXPECT_EQ(Table({{"NAME", "N", ""}, {"gr\xc3\xbc\xc3\x9f", "12", "x"}, {"a", ""}}),
            "NAME  N\n"
            "gr\xc3\xbc\xc3\x9f  12  x\n"
            "a\n");
  EXPECT_EQ(Table({}), "");
}

TEST(CutLinesTest, CutsAtCharacters) {
  EXPECT_EQ(CutLines("abcdef\nab\n\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\n", 3),
            "abc\nab\n\xc3\xbc\xc3\xbc\xc3\xbc\n");
}

}  // namespace
}  // namespace lathe
