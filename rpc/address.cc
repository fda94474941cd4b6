#include "rpc/address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr size_t kMaxPath = sizeof(sockaddr_un::sun_path) - 1;  // a zero ends it

absl::Status Wrong(std::string_view text, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("address '", std::string(text), "': ", std::string(what)));
}

absl::StatusOr<Address> ParsePath(std::string_view text, std::string_view path) {
  if (path.empty()) return Wrong(text, "a path is missing; write unix:PATH");
  if (path.ends_with('/')) return Wrong(text, "the path names a folder; write that of a socket");
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) return Wrong(text, absl::StrCat("no current folder: ", error.message()));
  Address address{Address::Kind::kUnix, absolute.string(), "", 0};
  // unix:///run/socket is another way to write unix:/run/socket.
  address.path.erase(0, address.path.find_first_not_of('/') - 1);
  if (address.path.size() <= kMaxPath) return address;
  return Wrong(text, absl::StrCat("the path of a socket has at most ", kMaxPath, " bytes, ",
                                  address.path, " has ", address.path.size()));
}

// The host as we write it; nothing if it is not a loopback address.
std::optional<std::string> Loopback(std::string_view host, bool in_brackets) {
  if (host == "localhost" && !in_brackets) return "127.0.0.1";
  const std::string text(host);
  in_addr v4 = {};
  in6_addr v6 = {};
  if (!in_brackets && inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    if (ntohl(v4.s_addr) >> 24 == 127) return text;
  } else if (in_brackets && inet_pton(AF_INET6, text.c_str(), &v6) == 1) {
    if (IN6_IS_ADDR_LOOPBACK(&v6)) return "::1";
  }
  return std::nullopt;
}

std::optional<int> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

absl::StatusOr<Address> ParseHostAndPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos) {
    return Wrong(text, "a port is missing; write e.g. 127.0.0.1:7433 or unix:PATH");
  }
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool in_brackets = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (in_brackets) host = host.substr(1, host.size() - 2);
  if (!in_brackets && host.find(':') != host.npos) {
    return Wrong(text, "write an IPv6 address in brackets, e.g. [::1]:7433");
  }
  const std::optional<std::string> loopback = Loopback(host, in_brackets);
  if (!loopback) {
    return Wrong(text, absl::StrCat("the host '", std::string(host), "' is not allowed; allowed ",
                                    "are 127.0.0.1, localhost, [::1] and unix:PATH"));
  }
  const std::optional<int> port = ParsePort(digits);
  if (!port) {
    return Wrong(text, absl::StrCat("the port '", std::string(digits), "' is not allowed; allowed ",
                                    "are 0 to 65535"));
  }
  return Address{Address::Kind::kTcp, "", *loopback, *port};
}

}  // namespace

std::string Address::Text() const {
  if (kind == Kind::kUnix) return absl::StrCat(std::string(kUnixPrefix), path);
  const bool v6 = host.find(':') != host.npos;
  return absl::StrCat(v6 ? "[" : "", host, v6 ? "]" : "", ":", port);
}

std::string Address::Target() const {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/:";
  if (kind == Kind::kTcp) return Text();
  std::string target;
  for (const char c : Text()) {
    if (kPlain.find(c) != kPlain.npos) {
      target += c;
    } else {
      absl::StrAppend(&target, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return target;
}

absl::StatusOr<Address> ParseAddress(std::string_view text) {
  if (text.find('\0') != text.npos) return Wrong(text, "a zero byte is not allowed");
  if (text.starts_with(kUnixPrefix)) return ParsePath(text, text.substr(kUnixPrefix.size()));
  return ParseHostAndPort(text);
}

}  // namespace lathe
