#include "workers/frame.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

using std::chrono::steady_clock;

constexpr size_t kLengthBytes = 4;
// Read at a time, so that a length that lies reserves no memory.
constexpr size_t kChunkBytes = 1 << 20;

absl::Status SystemError(const char* what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::generic_category().message(errno)));
}

// As poll takes it; rounded up, so that no wait ends just before its deadline.
int MillisecondsUntil(steady_clock::time_point deadline) {
  if (deadline == steady_clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, INT_MAX));
}

// OK once `socket` is ready for `events`; also if it has an error, which its next use returns.
absl::Status WaitFor(int socket, int16_t events, const FrameWait& wait) {
  while (true) {
    std::array<pollfd, 2> polled = {{{socket, events, 0}, {wait.end, POLLIN, 0}}};
    const int ready = poll(polled.data(), polled.size(), MillisecondsUntil(wait.deadline));
    if (ready < 0 && errno != EINTR) return SystemError("poll");
    if (ready > 0 && polled[0].revents != 0) return absl::OkStatus();
    if (ready > 0) return absl::UnavailableError("the other side has ended");
    if (steady_clock::now() >= wait.deadline) return absl::DeadlineExceededError("no answer");
  }
}

bool WouldBlock() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

// Reads `size` bytes or fails; `got` is how many there were.
absl::Status ReadBytes(int socket, char* data, size_t size, size_t& got, const FrameWait& wait) {
  for (got = 0; got < size;) {
    const ssize_t n = recv(socket, data + got, size - got, MSG_DONTWAIT);
    if (n > 0) {
      got += static_cast<size_t>(n);
    } else if (n == 0 || errno == ECONNRESET) {
      return absl::OutOfRangeError("the other side has closed the connection");
    } else if (WouldBlock()) {
      if (absl::Status status = WaitFor(socket, POLLIN, wait); !status.ok()) return status;
    } else if (errno != EINTR) {
      return SystemError("recv");
    }
  }
  return absl::OkStatus();
}

absl::Status WriteBytes(int socket, std::string_view bytes, const FrameWait& wait) {
  while (!bytes.empty()) {
    const ssize_t n = send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (WouldBlock()) {
      if (absl::Status status = WaitFor(socket, POLLOUT, wait); !status.ok()) return status;
    } else if (errno != EINTR) {
      return SystemError("send");
    }
  }
  return absl::OkStatus();
}

// An end within a message is not an end between two.
absl::Status WithinMessage(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kOutOfRange) return status;
  return absl::DataLossError("the connection was closed in the middle of a message");
}

absl::Status ReadBody(int socket, size_t length, std::string& body, const FrameWait& wait) {
  while (body.size() < length) {
    const size_t begin = body.size();
    body.resize(std::min(length, begin + kChunkBytes));
    size_t got = 0;
    absl::Status status = ReadBytes(socket, body.data() + begin, body.size() - begin, got, wait);
    if (!status.ok()) return WithinMessage(status);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadFrame(int socket, google::protobuf::MessageLite& message, const FrameWait& wait) {
  std::array<char, kLengthBytes> prefix;
  size_t got = 0;
  absl::Status status = ReadBytes(socket, prefix.data(), prefix.size(), got, wait);
  if (!status.ok()) return got == 0 ? status : WithinMessage(status);
  uint32_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= static_cast<uint32_t>(static_cast<uint8_t>(prefix[i])) << (8 * i);
  }
  if (length > kMaxFrameBytes) {
    return absl::DataLossError(
        absl::StrCat("a message of ", length, " bytes; allowed: at most ", kMaxFrameBytes));
  }
  std::string body;
  if (status = ReadBody(socket, length, body, wait); !status.ok()) return status;
  if (message.ParseFromString(body)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("not a ", message.GetTypeName()));
}

absl::Status WriteFrame(int socket, const google::protobuf::MessageLite& message,
                        const FrameWait& wait) {
  const size_t length = message.ByteSizeLong();
  if (length > kMaxFrameBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a message of ", length, " bytes; allowed: at most ", kMaxFrameBytes));
  }
  std::string frame(kLengthBytes, '\0');
  for (size_t i = 0; i < kLengthBytes; ++i) frame[i] = static_cast<char>(length >> (8 * i));
  if (!message.AppendToString(&frame)) return absl::InternalError("the message does not serialize");
  return WriteBytes(socket, frame, wait);
}

}  // namespace lathe
