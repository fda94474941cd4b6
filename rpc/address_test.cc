#include "rpc/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace lathe {
namespace {

using testing::HasSubstr;

std::string TextOf(std::string_view text) {
  const absl::StatusOr<Address> address = ParseAddress(text);
  return address.ok() ? address->Text() : std::string(address.status().message());
}

std::string ErrorOf(std::string_view text) {
  const absl::StatusOr<Address> address = ParseAddress(text);
  EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(address.status().message());
}

TEST(AddressTest, ReadsPorts) {
  EXPECT_EQ(TextOf("127.0.0.1:7433"), "127.0.0.1:7433");
  EXPECT_EQ(TextOf("localhost:7433"), "127.0.0.1:7433");
  EXPECT_EQ(TextOf("127.8.9.10:65535"), "127.8.9.10:65535");
  EXPECT_EQ(TextOf("[::1]:7433"), "[::1]:7433");
  EXPECT_EQ(TextOf("[0:0:0:0:0:0:0:1]:0"), "[::1]:0");
  const Address address = *ParseAddress(kDefaultAddress);
  EXPECT_EQ(address.kind, Address::Kind::kTcp);
  EXPECT_EQ(address.host, "127.0.0.1");
  EXPECT_EQ(address.port, 7433);
}

TEST(AddressTest, ReadsPaths) {
  const Address address = *ParseAddress("unix:/run/lathe/socket");
  EXPECT_EQ(address.kind, Address::Kind::kUnix);
  EXPECT_EQ(address.path, "/run/lathe/socket");
  EXPECT_EQ(TextOf("unix:///run/lathe/socket"), "unix:/run/lathe/socket");
  EXPECT_EQ(TextOf("unix:/a b%20c:1"), "unix:/a b%20c:1");
  EXPECT_EQ(ParseAddress("unix:folder/socket")->path,
            (std::filesystem::current_path() / "folder/socket").string());
}

TEST(AddressTest, WhatIsPrintedReadsBack) {
  for (std::string text : {"unix:/run/a b", "unix:relative", "127.0.0.1:0", "[::1]:80"}) {
    EXPECT_EQ(TextOf(TextOf(text)), TextOf(text));
  }
}

TEST(AddressTest, EscapesWhatHasAMeaningInAUri) {
  EXPECT_EQ(ParseAddress("unix:/a b%20c#d?e/\xC3\xBC:1")->Target(),
            "unix:/a%20b%2520c%23d%3fe/%c3%bc:1");
  EXPECT_EQ(ParseAddress("[::1]:80")->Target(), "[::1]:80");
}

TEST(AddressTest, PathsAreAsLongAsTheSystemAllows) {
  const std::string longest = "unix:/" + std::string(106, 'x');
  EXPECT_EQ(TextOf(longest), longest);
  EXPECT_THAT(ErrorOf(longest + "x"), HasSubstr("at most 107 bytes, /xxx"));
  EXPECT_THAT(ErrorOf(longest + "x"), HasSubstr("x has 108"));
  EXPECT_THAT(ErrorOf("unix:" + std::string(107, 'x')), HasSubstr("at most 107 bytes"))
      << "the current folder counts";
  EXPECT_THAT(ErrorOf("unix:"), HasSubstr("a path is missing"));
  EXPECT_THAT(ErrorOf("unix:///"), HasSubstr("names a folder"));
  EXPECT_THAT(ErrorOf("unix:/run/"), HasSubstr("names a folder"));
}

TEST(AddressTest, OnlyLoopbackIsAllowed) {
  for (std::string host : {"", "0.0.0.0", "192.168.0.1", "128.0.0.1", "126.255.255.255", "[::]",
                           "[fe80::1]", "[::ffff:127.0.0.1]", "[127.0.0.1]", "[localhost]", "[]",
                           "example.com", "127.1", "127.0.0.1.5", " 127.0.0.1", "[::1"}) {
    EXPECT_THAT(ErrorOf(host + ":7433"),
                testing::AnyOf(HasSubstr("is not allowed; allowed are"), HasSubstr("in brackets")));
  }
  EXPECT_THAT(ErrorOf("example.com:7433"), HasSubstr("'example.com:7433': the host 'example.com'"));
  EXPECT_THAT(ErrorOf("::1:7433"), HasSubstr("in brackets, e.g. [::1]:7433"));
  EXPECT_THAT(ErrorOf(std::string("127.0.0.1\0.example.com:1", 24)), HasSubstr("zero byte"));
}

TEST(AddressTest, PortsAreNumbersInRange) {
  for (std::string port :
       {"", "65536", "99999999999999999999", "-1", "+1", "0x50", "80 ", " 80", "http", "7433/"}) {
    EXPECT_THAT(ErrorOf("127.0.0.1:" + port),
                HasSubstr("the port '" + port + "' is not allowed; allowed are 0 to 65535"));
  }
  EXPECT_THAT(ErrorOf("127.0.0.1"), HasSubstr("a port is missing"));
  EXPECT_THAT(ErrorOf("[::1]"), HasSubstr("'[::1]'"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("a port is missing"));
}

}  // namespace
}  // namespace lathe
