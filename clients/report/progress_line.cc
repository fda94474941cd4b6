#include "clients/report/progress_line.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_format.h"

namespace lathe {

std::string Bar(uint64_t done, uint64_t total) {
  constexpr uint64_t kWidth = 20;
  if (total == 0) return "";
  const uint64_t full = std::min(kWidth, done * kWidth / total);
  return absl::StrFormat("[%s%s] %3d %%", std::string(full, '#'), std::string(kWidth - full, '-'),
                         static_cast<int>(std::min<uint64_t>(100, done * 100 / total)));
}

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0), shown_(start_) {}

bool ProgressLine::Due() {
  auto interval = terminal_ ? std::chrono::milliseconds(100) : std::chrono::seconds(10);
  return Clock::now() - shown_ >= interval;
}

void ProgressLine::Show(uint64_t done, uint64_t total, const std::string& text) {
  shown_ = Clock::now();
  const std::string line = Bar(done, total) + (total > 0 ? "  " : "") + text;
  // \x1b[K clears what a longer line has left.
  std::fprintf(stderr, terminal_ ? "\r%s\x1b[K" : "%s\n", line.c_str());
}

void ProgressLine::Finish(uint64_t done, uint64_t total, const std::string& text) {
  Show(done, total, text);
  End();
}

void ProgressLine::End() {
  if (terminal_) std::fputc('\n', stderr);
}

double ProgressLine::SecondsSinceStart() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

}  // namespace lathe
