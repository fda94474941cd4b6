// Where a server listens: a unix socket or a port of the loopback interface.
//
//   unix:/run/lathe/socket     unix:relative/path     127.0.0.1:7433     localhost:7433 [::1]:7433
#ifndef LATHE_RPC_ADDRESS_H_
#define LATHE_RPC_ADDRESS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace lathe {

// Used where none is given.
inline constexpr std::string_view kDefaultAddress = "127.0.0.1:7433";

struct Address {
  enum class Kind : uint8_t { kUnix, kTcp };
  Kind kind = Kind::kTcp;
  std::string path;  // of kUnix, absolute
  std::string host;  // of kTcp: 127.0.0.1 (any of 127.0.0.0/8) or ::1
  int port = 0;      // 0: any that is free

  // As people write it and ParseAddress reads it.
  std::string Text() const;
  // As gRPC takes it, at both ends: what has a meaning in a URI is escaped.
  std::string Target() const;
};

// Invalid argument says what is wrong and what is allowed: not loopback, a path longer than the
// system's limit for sockets (107 bytes), a port that is no number from 0 to 65535.
absl::StatusOr<Address> ParseAddress(std::string_view text);

}  // namespace lathe

#endif  // LATHE_RPC_ADDRESS_H_
