#include "clients/job/source_text.h"

#include <gtest/gtest.h>

#include "clients/job/closest_name.h"
#include "clients/job/field_path.h"

namespace lathe {
namespace {

TEST(SourceText, PrintableIsOneLineOfUtf8) {
  EXPECT_EQ(Printable("a\n\t\"\\\x01é"), "a\\n\\t\\\"\\\\\\x01é");
  EXPECT_EQ(Printable("a\xff"), "a\\xff");
  EXPECT_EQ(Printable("abcdé", 5), "abcd...");
  EXPECT_EQ(Printable("abcde", 5), "abcde");
}

TEST(SourceText, PlacesNameTheFileOrTheOverride) {
  EXPECT_EQ((TextSource{"job.yaml"}.Place(3, 5)), "job.yaml:3:5");
  EXPECT_EQ((TextSource{"name=a", true}.Place(3, 5)), "--set name=a");
}

TEST(ClosestName, EditDistanceCountsSlips) {
  EXPECT_EQ(EditDistance("", "abc"), 3);
  EXPECT_EQ(EditDistance("abc", "abc"), 0);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
  EXPECT_EQ(EditDistance("evolutoin", "evolution"), 1);
  EXPECT_EQ(EditDistance("abcd", "acbd"), 1);
}

TEST(ClosestName, SuggestsWhatIsCloseOnly) {
  EXPECT_EQ(Suggestion("sedes", {"steps", "seed", "seeds"}), " (did you mean seeds?)");
  EXPECT_EQ(Suggestion("nme", {"name"}), " (did you mean name?)");
  EXPECT_EQ(Suggestion("abc", {"xyc"}), "");
  EXPECT_EQ(Suggestion("colour", {"name", "seed"}), "");
  EXPECT_EQ(Suggestion(std::string(1 << 20, 'a'), {"name"}), "");
}

TEST(FieldPath, StepsAreNamesWithIndices) {
  const auto path = ParseFieldPath("study.baselines[12].base_lr");
  ASSERT_TRUE(path.has_value());
  ASSERT_EQ(path->size(), 3U);
  EXPECT_EQ((*path)[0].name, "study");
  EXPECT_EQ((*path)[1].name, "baselines");
  EXPECT_EQ((*path)[1].index, 12);
  EXPECT_FALSE((*path)[2].index.has_value());
}

TEST(FieldPath, WhatIsNoPathIsRefused) {
  for (const char* text : {"", ".", "a.", ".a", "a..b", "[0]", "a[]", "a[", "a]", "a[-1]", "a[+1]",
                           "a[1]b", "a[1][2]", "a[ 1]", "a[99999999999]"}) {
    const bool is_path = std::string_view(text) == "a]";  // a key of a map may be called that
    EXPECT_EQ(ParseFieldPath(text).has_value(), is_path) << text;
  }
}

}  // namespace
}  // namespace lathe
