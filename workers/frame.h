// Messages over a stream socket, each preceded by its length in bytes: 32 bits, little-endian, at
// most 64 MiB.
//
//   absl::Status status = WriteFrame(socket, batch);
//   status = ReadFrame(socket, result, {.deadline = now + 5s});
#ifndef LATHE_WORKERS_FRAME_H_
#define LATHE_WORKERS_FRAME_H_

#include <google/protobuf/message_lite.h>

#include <chrono>
#include <cstdint>

#include "absl/status/status.h"

namespace lathe {

inline constexpr uint32_t kMaxFrameBytes = 64 << 20;

// What ends a wait for the other side.
struct FrameWait {
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  // Readable once nothing more will come, e.g. a descriptor of the process on the other side; what
  // that process had sent before is still read. -1: none.
  int end = -1;
};

// Out of range if the other side has closed its end between two messages, data loss if it did so
// within one or sent what is no message, deadline exceeded, unavailable if `wait.end` has become
// readable or the system fails. Whatever the error: the socket is of no use afterwards.
absl::Status ReadFrame(int socket, google::protobuf::MessageLite& message,
                       const FrameWait& wait = {});

// Invalid argument if the message is too long (nothing has been written then), unavailable if the
// other side has gone, deadline exceeded. Raises no SIGPIPE.
absl::Status WriteFrame(int socket, const google::protobuf::MessageLite& message,
                        const FrameWait& wait = {});

}  // namespace lathe

#endif  // LATHE_WORKERS_FRAME_H_
