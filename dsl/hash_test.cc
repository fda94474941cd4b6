#include "dsl/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

namespace lathe {
namespace {

// XXH3 with 128 bits and no seed, as its authors publish it.
TEST(Hash, BytesGiveThePublishedAnswers) {
  EXPECT_EQ(HashBytes("").Hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(HashBytes("a").Hex(), "a96faf705af16834e6c632b61e964e1f");
  EXPECT_EQ(HashBytes("abc").Hex(), "06b05ab6733a618578af5f94892f3950");
}

TEST(Hash, HexIsThirtyTwoLowerCaseDigits) {
  EXPECT_EQ((Hash128{0, 0}.Hex()), "00000000000000000000000000000000");
  EXPECT_EQ((Hash128{0xABCDEF, 1}.Hex()), "0000000000abcdef0000000000000001");
  EXPECT_EQ((Hash128{~uint64_t{0}, ~uint64_t{0}}.Hex()), "ffffffffffffffffffffffffffffffff");
}

TEST(Hash, HashesAreOrderedLikeTheirDigits) {
  EXPECT_LT((Hash128{0, ~uint64_t{0}}), (Hash128{1, 0}));
  EXPECT_LT((Hash128{1, 0}), (Hash128{1, 1}));
  EXPECT_EQ((Hash128{1, 2}), (Hash128{1, 2}));
  EXPECT_NE((Hash128{1, 2}), (Hash128{2, 1}));
}

TEST(Hash, FieldsAreWrittenAsTheHeaderSays) {
  // Numbers and lengths in eight bytes, the lowest first.
  EXPECT_EQ(FieldHasher().Number(0x0102030405060708).Digest(),
            HashBytes(std::string("\x08\x07\x06\x05\x04\x03\x02\x01", 8)));
  EXPECT_EQ(FieldHasher().Text("hi").Digest(), HashBytes(std::string("\x02\0\0\0\0\0\0\0hi", 10)));
  EXPECT_EQ(FieldHasher().Real(1).Digest(), HashBytes(std::string("\0\0\0\0\0\0\xf0\x3f", 8)));
  EXPECT_EQ(FieldHasher().Digest(), HashBytes(""));
}

TEST(Hash, WhereAFieldEndsMatters) {
  std::set<std::string> hashes = {
      FieldHasher().Digest().Hex(),
      FieldHasher().Text("").Digest().Hex(),
      FieldHasher().Text("").Text("").Digest().Hex(),
      FieldHasher().Text("abc").Digest().Hex(),
      FieldHasher().Text("ab").Text("c").Digest().Hex(),
      FieldHasher().Text("a").Text("bc").Digest().Hex(),
      FieldHasher().Text("bc").Text("a").Digest().Hex(),
      FieldHasher().Number(1).Digest().Hex(),
      FieldHasher().Number(1).Number(1).Digest().Hex(),
  };
  EXPECT_EQ(hashes.size(), 9u);
}

TEST(Hash, RealsAreHashedByTheirBits) {
  EXPECT_NE(FieldHasher().Real(0).Digest(), FieldHasher().Real(-0.0).Digest());
  EXPECT_NE(FieldHasher().Real(1).Digest(), FieldHasher().Number(1).Digest());
  EXPECT_EQ(FieldHasher().Real(0.5).Digest(), FieldHasher().Real(0.5).Digest());
}

TEST(Hash, ADigestMayBeTakenOnTheWay) {
  FieldHasher hasher;
  hasher.Text("first");
  Hash128 half = hasher.Digest();
  EXPECT_EQ(half, FieldHasher().Text("first").Digest());
  hasher.Text("second");
  EXPECT_EQ(hasher.Digest(), FieldHasher().Text("first").Text("second").Digest());
  FieldHasher moved = std::move(hasher);
  moved.Number(3);
  EXPECT_EQ(moved.Digest(), FieldHasher().Text("first").Text("second").Number(3).Digest());
}

// Long inputs take other paths through XXH3 than short ones; streaming must agree with all.
TEST(Hash, StreamingAgreesWithOneCall) {
  for (size_t length : {0, 1, 3, 16, 17, 128, 129, 240, 241, 1023, 5000}) {
    std::string text(length, 'x');
    for (size_t i = 0; i < length; ++i) text[i] = static_cast<char>('a' + i * 7 % 26);
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i));
    EXPECT_EQ(FieldHasher().Text(text).Digest(), HashBytes(bytes + text)) << length;
  }
}

}  // namespace
}  // namespace lathe
