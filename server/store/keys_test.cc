#include "server/store/keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace lathe {
namespace {

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
constexpr int kMostInt = std::numeric_limits<int>::max();

// Where an order of bytes may go wrong: around powers of 256 and of the sign bits.
std::vector<uint64_t> Numbers() {
  std::vector<uint64_t> numbers = {0, kMost};
  for (int bit = 0; bit < 64; bit += 4) {
    const uint64_t power = uint64_t{1} << bit;
    for (uint64_t number : {power - 1, power, power + 1, power * 15}) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

TEST(KeysTest, BytesAreAsTheHeaderSays) {
  using namespace std::string_literals;
  EXPECT_EQ(JobKey(1), "\xff\xff\xff\xff\xff\xff\xff\xfe"s);
  EXPECT_EQ(JobSpecKey(0x0102), "\0\0\0\0\0\0\x01\x02"s);
  EXPECT_EQ(ReportKey(0x0102), "\0\0\0\0\0\0\x01\x02"s);
  EXPECT_EQ(CandidateKey(1, 2), "\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02"s);
  EXPECT_EQ(CandidateKey(1, 2, 3), "\0\0\0\0\0\0\0\x01\0\x03\0\0\0\0\0\x02"s);
  EXPECT_EQ(OutcomeKey(1, 2, 3), "\0\0\0\0\0\0\0\x01\0\x03\0\0\0\0\0\x02"s);
  EXPECT_EQ(CheckpointKey(1, 3), "\0\0\0\0\0\0\0\x01\0\x03"s);
  EXPECT_EQ(EventKey(1, 2), "\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02"s);
  EXPECT_EQ(JobPrefix(0x0102), "\0\0\0\0\0\0\x01\x02"s);
  EXPECT_EQ(LogEntryKey(1, 2), "\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02"s);
  EXPECT_EQ(ProgramKey({1, 2}), "\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02"s);
  const EvaluationKey key = {{1, 2}, {3, 4}, 5, true, 6, "vm"};
  EXPECT_EQ(key.Bytes(),
            "\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x04"
            "\0\0\0\x05\x01\0\0\0\x06vm"s);
}

TEST(KeysTest, TheOrderOfBytesIsTheOrderOfNumbersAndOfJobsTheReverse) {
  const std::vector<uint64_t> numbers = Numbers();
  for (size_t i = 1; i < numbers.size(); ++i) {
    const uint64_t less = numbers[i - 1], more = numbers[i];
    EXPECT_GT(JobKey(less), JobKey(more));
    EXPECT_LT(JobSpecKey(less), JobSpecKey(more));
    EXPECT_LT(ReportKey(less), ReportKey(more));
    EXPECT_LT(CandidateKey(7, less), CandidateKey(7, more));
    EXPECT_LT(CandidateKey(less, kMost), CandidateKey(more, 0));
    EXPECT_LT(LogEntryKey(7, less), LogEntryKey(7, more));
    EXPECT_LT(LogEntryKey(less, kMost), LogEntryKey(more, 0));
    EXPECT_LT(ProgramKey({less, kMost}), ProgramKey({more, 0}));
  }
}

TEST(KeysTest, NumbersComeBack) {
  for (uint64_t number : Numbers()) {
    EXPECT_EQ(ParseJobKey(JobKey(number)), number);
    EXPECT_EQ(ParseCandidateIndex(CandidateKey(~number, number)), number);
    EXPECT_EQ(ParseCandidateIndex(LogEntryKey(~number, number)), number);
  }
}

EvaluationKey RandomEvaluationKey(std::mt19937_64& random) {
  const auto few = [&](auto... choices) {
    const std::vector<uint64_t> values = {static_cast<uint64_t>(choices)...};
    return values[random() % values.size()];
  };
  EvaluationKey key;
  key.program = {few(0, 1, 255, 256, kMost), few(0, 1, kMost)};
  key.task = {few(0, 1, kMost), few(0, 255, 256)};
  key.language_version = static_cast<int>(few(0, 1, 255, 256, kMostInt));
  key.measured_test = few(0, 1) == 1;
  key.seed_index = static_cast<int>(few(0, 1, 255, 256, kMostInt));
  for (uint64_t length = random() % 3; length > 0; --length) {
    key.numeric_class.push_back(static_cast<char>(few(0, 1, 'a', 0x80, 0xff)));
  }
  return key;
}

TEST(KeysTest, EvaluationKeysComeBackAndKeepTheirOrder) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const EvaluationKey a = RandomEvaluationKey(random), b = RandomEvaluationKey(random);
    EXPECT_EQ(ParseEvaluationKey(a.Bytes()), a);
    EXPECT_EQ(a < b, a.Bytes() < b.Bytes());
    EXPECT_EQ(a == b, a.Bytes() == b.Bytes());
  }
}

TEST(KeysTest, TheEvaluationsOfAProgramAndATaskShareAPrefix) {
  const EvaluationKey key = {{1, 2}, {3, 4}, 5, true, 6, "vm"};
  EXPECT_EQ(key.Bytes().substr(0, 32), ProgramKey(key.program) + ProgramKey(key.task));
}

TEST(KeysTest, JunkIsNoKey) {
  for (size_t size = 0; size < 60; ++size) {
    const std::string zeros(size, '\0');
    EXPECT_EQ(ParseJobKey(zeros).has_value(), size == 8) << size;
    EXPECT_EQ(ParseCandidateIndex(zeros).has_value(), size == 16) << size;
    EXPECT_EQ(ParseEvaluationKey(zeros).has_value(), size >= 41) << size;
  }
  const std::string whole = EvaluationKey{{1, 2}, {3, 4}, 5, true, 6, "vm"}.Bytes();
  // The sign bits of the two numbers, and the flag.
  for (size_t at : {32, 37}) {
    std::string junk = whole;
    junk[at] = '\x80';
    EXPECT_FALSE(ParseEvaluationKey(junk)) << at;
  }
  for (char flag : {'\x02', '\x80', '\xff'}) {
    std::string junk = whole;
    junk[36] = flag;
    EXPECT_FALSE(ParseEvaluationKey(junk)) << flag;
  }
}

TEST(KeysTest, TheEndOfAPrefixIsTheFirstKeyAfterIt) {
  using namespace std::string_literals;
  EXPECT_EQ(EndOfPrefix("a"), "b");
  EXPECT_EQ(EndOfPrefix("a\x7f"), "a\x80");
  EXPECT_EQ(EndOfPrefix("a\0"s), "a\x01");
  EXPECT_EQ(EndOfPrefix("a\xff"), "b");
  EXPECT_EQ(EndOfPrefix("a\xfe\xff\xff"), "a\xff");
  EXPECT_EQ(EndOfPrefix("\xff\xff"), "");
  EXPECT_EQ(EndOfPrefix(""), "");
}

TEST(KeysTest, ExactlyTheKeysWithAPrefixAreBeforeItsEnd) {
  std::mt19937_64 random(2);
  const auto draw = [&random](size_t most) {
    std::string bytes(random() % (most + 1), '\0');
    for (char& byte : bytes) byte = "\x00\x01\xfe\xff"[random() % 4];
    return bytes;
  };
  for (int i = 0; i < 20000; ++i) {
    const std::string prefix = draw(3), key = draw(5), end = EndOfPrefix(prefix);
    const bool within = key >= prefix && (end.empty() || key < end);
    EXPECT_EQ(within, key.compare(0, prefix.size(), prefix) == 0);
  }
}

}  // namespace
}  // namespace lathe
