// Text from anywhere, made fit for protobuf, whose strings are UTF-8.
#ifndef LATHE_RPC_UTF8_H_
#define LATHE_RPC_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace lathe {

// The text with U+FFFD for each byte that belongs to no character, at most `most` bytes of it,
// where `most` is at least 3. What is too long is cut between characters and ends in "...".
std::string ValidUtf8(std::string_view text, size_t most);

}  // namespace lathe

#endif  // LATHE_RPC_UTF8_H_
