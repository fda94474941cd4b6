#include "clients/job/message_mapping.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "clients/job/field_override.h"
#include "clients/job/testdata/every_kind.pb.h"

namespace lathe {
namespace {

// The message, or "" and the errors.
struct Mapped {
  test::EveryKind message;
  std::string errors;
};

Mapped Map(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  Mapped mapped;
  MappingLog log;
  const absl::StatusOr<YamlDocument> document = YamlDocument::Parse(yaml, {"f"});
  if (!document.ok()) return {{}, std::string(document.status().message())};
  MapMessage(document->root(), {{"f"}, &log}, "", &mapped.message);
  for (const std::string& text : overrides) ApplyOverride(text, &mapped.message, &log);
  mapped.errors = std::string(log.errors.ToStatus().message());
  return mapped;
}

TEST(MessageMapping, IntegersAreReadToTheEndsOfTheirRanges) {
  const Mapped low = Map("{int32_value: -2147483648, int64_value: -9223372036854775808}");
  EXPECT_EQ(low.errors, "");
  EXPECT_EQ(low.message.int32_value(), std::numeric_limits<int32_t>::min());
  EXPECT_EQ(low.message.int64_value(), std::numeric_limits<int64_t>::min());
  const Mapped high = Map("{uint32_value: +4294967295, uint64_value: 18446744073709551615}");
  EXPECT_EQ(high.errors, "");
  EXPECT_EQ(high.message.uint32_value(), std::numeric_limits<uint32_t>::max());
  EXPECT_EQ(high.message.uint64_value(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(Map("int32_value: 2147483648").errors,
            "f:1:14: int32_value: expected an integer from -2147483648 to 2147483647; got "
            "2147483648");
}

TEST(MessageMapping, FloatsOutOfRangeAreErrors) {
  EXPECT_EQ(Map("float_value: 3e38").message.float_value(), 3e38F);
  EXPECT_EQ(Map("float_value: 1e39").errors,
            "f:1:14: float_value: expected a number of size up to 3.40282e+38; got 1e39");
  EXPECT_EQ(Map("double_value: 5").message.double_value(), 5);
}

TEST(MessageMapping, TruthValuesAreTrueAndFalseOnly) {
  EXPECT_TRUE(Map("bool_value: true").message.bool_value());
  EXPECT_TRUE(Map("optional_bool: False").message.has_optional_bool());
  for (const char* other : {"yes", "1", "\"true\"", "tRue"}) {
    EXPECT_NE(Map(absl::StrCat("bool_value: ", other)).errors, "") << other;
  }
}

TEST(MessageMapping, EnumsAreReadInAnyCaseAndBytesAsBase64) {
  EXPECT_EQ(Map("color: Dark_Green").message.color(), test::EveryKind::DARK_GREEN);
  EXPECT_TRUE(Map("optional_switch: off").message.has_optional_switch());
  EXPECT_EQ(Map("color: blue").errors,
            "f:1:8: color: expected one of red, dark_green; got the text \"blue\"");
  EXPECT_EQ(Map("bytes_value: AP8=").message.bytes_value(), std::string("\0\xff", 2));
  EXPECT_EQ(Map("bytes_value: '*'").errors,
            "f:1:14: bytes_value: expected base64 text; got the text \"*\"");
}

TEST(MessageMapping, TextThatLooksLikeAnotherTypeMustBeQuoted) {
  for (const char* text : {"0x10", "no", "1.2.3", "e3", ".", "-", "+", "1e", ".5.", "inf"}) {
    const Mapped mapped = Map(absl::StrCat("{string_value: ", text, "}"));
    EXPECT_EQ(mapped.message.string_value() + mapped.errors, text);
  }
  for (const char* number : {"1", "-1", "+.5", "1.", "1e3", "1.5E-3", "true", ".inf", "-.Inf"}) {
    EXPECT_NE(Map(absl::StrCat("string_value: ", number)).errors, "") << number;
    EXPECT_EQ(Map(absl::StrCat("string_value: '", number, "'")).message.string_value(), number);
  }
}

TEST(MessageMapping, KeysOfMapsHaveTheirTypeAndAreUnique) {
  EXPECT_EQ(Map("string_by_number: {1: a, -2: b}").message.string_by_number().at(-2), "b");
  EXPECT_EQ(Map("string_by_number: {1: a, 01: b}").errors,
            "f:1:26: string_by_number.01: given twice; first on line 1");
  EXPECT_EQ(Map("color_by_bool: {maybe: red}").errors,
            "f:1:17: color_by_bool: key: expected true or false; got the text \"maybe\"");
  EXPECT_EQ(Map("child_by_number: {3: {colour: red}}").errors.substr(0, 70),
            "f:1:23: child_by_number.3.colour: no such field (did you mean color?);");
}

TEST(MessageMapping, OneofTakesOneMember) {
  EXPECT_EQ(Map("first_choice: a").message.first_choice(), "a");
  EXPECT_EQ(Map("{first_choice: a, second_choice: {}}").errors,
            "f:1:19: second_choice: excludes first_choice, which is given too");
  const Mapped replaced = Map("first_choice: a", {"second_choice.int32_value=3"});
  EXPECT_EQ(replaced.errors, "");
  EXPECT_EQ(replaced.message.second_choice().int32_value(), 3);
}

TEST(MessageMapping, AbsentAndEmptyAreDifferent) {
  const Mapped mapped = Map("{child: {}, optional_int32: 0, optional_string: ''}");
  EXPECT_EQ(mapped.errors, "");
  EXPECT_TRUE(mapped.message.has_child());
  EXPECT_TRUE(mapped.message.has_optional_int32());
  EXPECT_TRUE(mapped.message.has_optional_string());
  EXPECT_FALSE(mapped.message.has_optional_bool());
}

TEST(FieldOverride, EntriesOfMapsAreFoundByTheirKey) {
  const Mapped mapped =
      Map("{child_by_number: {3: {int32_value: 1, bool_value: true}}, double_by_name: {'7': 1}}",
          {"child_by_number.3.int32_value=2", "child_by_number.4.color=red", "double_by_name.7=2",
           "color_by_bool.true=red", "string_by_number={5: five}", "string_by_number.-6=six"});
  EXPECT_EQ(mapped.errors, "");
  EXPECT_EQ(mapped.message.child_by_number().size(), 2U);
  EXPECT_EQ(mapped.message.child_by_number().at(3).int32_value(), 2);
  EXPECT_TRUE(mapped.message.child_by_number().at(3).bool_value());
  EXPECT_EQ(mapped.message.child_by_number().at(4).color(), test::EveryKind::RED);
  EXPECT_EQ(mapped.message.double_by_name().size(), 1U);
  EXPECT_EQ(mapped.message.double_by_name().at("7"), 2);
  EXPECT_EQ(mapped.message.string_by_number().at(-6), "six");
  EXPECT_EQ(Map("{}", {"child_by_number.x.int32_value=2"}).errors,
            "--set child_by_number.x.int32_value=2: child_by_number: key: expected an integer from "
            "0 to 18446744073709551615; got the text \"x\"");
}

TEST(FieldOverride, ElementsAreReplacedInPlace) {
  const Mapped mapped = Map("{int64_list: [1, 2, 3], child_list: [{int32_value: 1}, {}]}",
                            {"int64_list[0]=7", "int64_list[3]=4", "child_list[0].bool_value=true",
                             "child_list[1]={color: red}"});
  EXPECT_EQ(mapped.errors, "");
  EXPECT_EQ(absl::StrCat(mapped.message.int64_list(0), mapped.message.int64_list(1),
                         mapped.message.int64_list(2), mapped.message.int64_list(3)),
            "7234");
  EXPECT_EQ(mapped.message.child_list(0).int32_value(), 1);
  EXPECT_TRUE(mapped.message.child_list(0).bool_value());
  EXPECT_EQ(mapped.message.child_list(1).color(), test::EveryKind::RED);
}

TEST(FieldOverride, RefusesBytesThatAreNotTextAndEndlessPaths) {
  EXPECT_EQ(Map("{}", {"double_by_name.\xff=1"}).errors,
            "--set double_by_name.\\xff=1: not UTF-8 text: byte 0xff");
  std::string path = "child";
  for (int i = 0; i < 100000; ++i) path += ".child";
  EXPECT_NE(Map("{}", {path + "={}"}).errors.find("expected FIELD=VALUE"), std::string::npos);
}

}  // namespace
}  // namespace lathe
