#include "clients/run/log_tail.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace lathe {
namespace {

constexpr std::streamoff kMostBytes = 4096;
constexpr size_t kMostLines = 20;

// The last bytes of the file, from the start of a line on.
std::string LastBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : 0;
  file.seekg(std::max<std::streamoff>(0, size - kMostBytes));
  std::stringstream text;
  text << file.rdbuf();
  std::string last = text.str();
  if (size > kMostBytes) last.erase(0, last.find('\n') + 1);
  return last;
}

// A log may tell what came from elsewhere, and a terminal obeys control characters.
std::string Printable(std::string_view line) {
  std::string text(line);
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '\t') {
      c = ' ';
    } else if (byte < 0x20 || byte == 0x7F) {
      c = '?';
    }
  }
  return text;
}

}  // namespace

std::string LogTail(const std::string& path) {
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(LastBytes(path), '\n', absl::SkipEmpty())) {
    lines.push_back("  " + Printable({line.data(), line.size()}));
  }
  if (lines.empty()) return "; its log is empty";
  const size_t first = lines.size() - std::min(lines.size(), kMostLines);
  lines.erase(lines.begin(), lines.begin() + static_cast<ptrdiff_t>(first));
  return "; the end of its log:\n" + absl::StrJoin(lines, "\n");
}

}  // namespace lathe
