#include "rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

constexpr int kFirstBackoffMs = 20, kMaxBackoffMs = 1000;
constexpr int kConnectMs = 5000;  // how long an attempt may take

// With a scheme, so that no name is looked up.
std::string Uri(const Address& address) {
  if (address.kind == Address::Kind::kUnix) return address.Target();
  const bool v6 = address.host.find(':') != std::string::npos;
  return v6 ? absl::StrCat("ipv6:%5B", address.host, "%5D:", address.port)
            : absl::StrCat("ipv4:", address.Target());
}

}  // namespace

std::shared_ptr<grpc::Channel> OpenChannel(const Address& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstBackoffMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxBackoffMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMs);
  // What the environment says of proxies is about other machines.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Channels share no connection, so that one's back-off is not another's.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(Uri(address), grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace lathe
