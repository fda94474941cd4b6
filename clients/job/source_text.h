// Text that came from outside: where it came from, whether it may be read at all, and how parts of
// it are quoted in messages. Errors of a job file name their place with these.
#ifndef LATHE_CLIENTS_JOB_SOURCE_TEXT_H_
#define LATHE_CLIENTS_JOB_SOURCE_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace lathe {

// The most bytes that a job file, an override or a program file may have.
inline constexpr size_t kMaxTextBytes = size_t{1} << 20;

// A file, or the text of one override.
struct TextSource {
  std::string name;
  bool is_override = false;

  // "job.yaml:3:5" for a file, "--set name=x" for an override, which is a single line anyway.
  std::string Place(int line, int column) const;
};

// `text` on one line: control characters, quotes and backslashes are escaped, and what goes beyond
// `max_bytes` is replaced by "...". `text` need not be valid UTF-8, the result is.
std::string Printable(std::string_view text, size_t max_bytes = 80);

// Invalid argument with the place, unless `text` is UTF-8 of at most kMaxTextBytes without control
// characters other than tab, line feed and carriage return.
absl::Status CheckText(std::string_view text, const TextSource& source);

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_SOURCE_TEXT_H_
