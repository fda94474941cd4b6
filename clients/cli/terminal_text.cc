#include "clients/cli/terminal_text.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "rpc/utf8.h"

namespace lathe {
namespace {

constexpr size_t kNoLimit = std::numeric_limits<size_t>::max() / 2;

bool ContinuesCharacter(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

size_t Characters(std::string_view text) {
  return text.size() -
         static_cast<size_t>(std::count_if(text.begin(), text.end(), ContinuesCharacter));
}

bool IsLayout(char c) {
  return c == '\n' || c == '\t' || c == '\r';
}

std::string WithoutControls(std::string_view text, bool keep_layout) {
  const std::string valid = ValidUtf8(text, kNoLimit);
  std::string plain;
  for (size_t i = 0; i < valid.size(); ++i) {
    const auto byte = static_cast<unsigned char>(valid[i]);
    if (IsLayout(valid[i])) {
      if (keep_layout && byte != '\r') plain += valid[i];
      if (!keep_layout) plain += ' ';
    } else if (byte == 0xc2 && static_cast<unsigned char>(valid[i + 1]) < 0xa0) {
      ++i;  // U+0080 to U+009F
    } else if (byte >= 0x20 && byte != 0x7f) {
      plain += valid[i];
    }
  }
  return plain;
}

}  // namespace

std::string OneLine(std::string_view text) {
  return WithoutControls(text, false);
}

std::string PlainLines(std::string_view text) {
  return WithoutControls(text, true);
}

std::string DurationText(double seconds) {
  constexpr double kMost = 1e15;  // fits into a number
  if (!(seconds > 0)) return "0 s";
  if (seconds < 9.995) return absl::StrFormat("%.2f s", seconds);
  const auto whole = static_cast<int64_t>(std::round(std::min(seconds, kMost)));
  if (whole < 60) return absl::StrFormat("%d s", whole);
  if (whole < 3600) return absl::StrFormat("%d min %d s", whole / 60, whole % 60);
  const int64_t minutes = whole / 60;
  if (minutes < 24 * 60) return absl::StrFormat("%d h %d min", minutes / 60, minutes % 60);
  return absl::StrFormat("%d d %d h", minutes / (24 * 60), minutes / 60 % 24);
}

double SecondsOf(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + 1e-9 * duration.nanos();
}

double SecondsOf(const google::protobuf::Timestamp& time) {
  return static_cast<double>(time.seconds()) + 1e-9 * time.nanos();
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string Table(const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  for (const Row& row : rows) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Characters(row[i]));
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - Characters(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string CutLines(std::string_view text, size_t width) {
  std::string cut;
  size_t column = 0;
  for (const char c : text) {
    if (c == '\n') {
      column = 0;
    } else if (!ContinuesCharacter(c)) {
      ++column;
    }
    if (column <= width) cut += c;
  }
  return cut;
}

}  // namespace lathe
