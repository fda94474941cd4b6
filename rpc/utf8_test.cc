#include "rpc/utf8.h"

#include <gtest/gtest.h>

#include <random>

#include "google/rpc/status.pb.h"

namespace lathe {
namespace {

constexpr size_t kAll = 1 << 20;

TEST(Utf8Test, LeavesCharactersOfEveryLength) {
  for (std::string text : {"", "plain", "\xC2\x80", "Größe", "\xE0\xA0\x80", "\xED\x9F\xBF",
                           "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\nb\tc"}) {
    EXPECT_EQ(ValidUtf8(text, kAll), text);
  }
  EXPECT_EQ(ValidUtf8(std::string("a\0b", 3), kAll), std::string("a\0b", 3));
}

TEST(Utf8Test, ReplacesBytesThatBelongToNoCharacter) {
  const std::string no = "\xEF\xBF\xBD";
  EXPECT_EQ(ValidUtf8("a\xFF"
                      "b",
                      kAll),
            "a" + no + "b");
  EXPECT_EQ(ValidUtf8("\x80", kAll), no);
  EXPECT_EQ(ValidUtf8("\xC3", kAll), no) << "the end is missing";
  EXPECT_EQ(ValidUtf8("\xC3(", kAll), no + "(");
  EXPECT_EQ(ValidUtf8("\xC1\xBF", kAll), no + no) << "more bytes than it needs";
  EXPECT_EQ(ValidUtf8("\xE0\x9F\xBF", kAll), no + no + no) << "more bytes than it needs";
  EXPECT_EQ(ValidUtf8("\xF0\x8F\xBF\xBF", kAll), no + no + no + no) << "more than it needs";
  EXPECT_EQ(ValidUtf8("\xED\xA0\x80", kAll), no + no + no) << "half of a pair";
  EXPECT_EQ(ValidUtf8("\xF4\x90\x80\x80", kAll), no + no + no + no) << "beyond the last one";
  EXPECT_EQ(ValidUtf8("\xF5\x80\x80\x80", kAll), no + no + no + no) << "beyond the last one";
}

TEST(Utf8Test, CutsBetweenCharacters) {
  EXPECT_EQ(ValidUtf8("abcdef", 6), "abcdef");
  EXPECT_EQ(ValidUtf8("abcdefg", 6), "abc...");
  EXPECT_EQ(ValidUtf8("ab\xC3\xA9"
                      "defg",
                      6),
            "ab...");
  EXPECT_EQ(ValidUtf8("ab\xC3\xA9"
                      "defg",
                      7),
            "ab\xC3\xA9...");
  EXPECT_EQ(ValidUtf8("abcd", 3), "...");
}

TEST(Utf8Test, ProtobufTakesWhateverComesOut) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string text(random() % 12, '\0');
    // Mostly bytes that start or continue a character.
    for (char& c : text) c = static_cast<char>(random() % 4 == 0 ? random() : 0x80 | random());
    google::rpc::Status message, read;
    message.set_message(ValidUtf8(text, 3 + random() % 30));
    EXPECT_TRUE(read.ParseFromString(message.SerializeAsString())) << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace lathe
