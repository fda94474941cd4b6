// Channels to a server.
#ifndef LATHE_RPC_CHANNEL_H_
#define LATHE_RPC_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>

#include "rpc/address.h"

namespace lathe {

// Largest message either side sends or takes, in bytes: a job with all its programs.
inline constexpr int kMaxMessageBytes = 64 << 20;

// Connects at the first call, and again soon after a server has gone and come back.
std::shared_ptr<grpc::Channel> OpenChannel(const Address& address);

}  // namespace lathe

#endif  // LATHE_RPC_CHANNEL_H_
