#include "clients/cli/program_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <limits>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "clients/cli/terminal_text.h"
#include "clients/job/closest_name.h"
#include "clients/report/json_text.h"
#include "dsl/known_programs.h"
#include "rpc/utf8.h"

namespace lathe {
namespace {

constexpr size_t kMaxProgramBytes = size_t{1} << 20;  // as the parser has it

absl::Status CannotRead(const std::string& path, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", why));
}

std::string ErrorText() {
  return std::generic_category().message(errno);
}

// At most one byte more than `most_bytes`: enough to see that it is too much.
absl::StatusOr<std::string> ReadAll(int descriptor, size_t most_bytes) {
  std::string text;
  char block[65536];
  while (text.size() <= most_bytes) {
    const size_t wanted = std::min(sizeof block, most_bytes + 1 - text.size());
    const ssize_t got = read(descriptor, block, wanted);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::InvalidArgumentError(ErrorText());
    if (got == 0) break;
    text.append(block, static_cast<size_t>(got));
  }
  return text;
}

bool IsThere(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

}  // namespace

absl::StatusOr<std::string> ReadInput(const std::string& path, size_t most_bytes) {
  const int descriptor =
      path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) return CannotRead(path, ErrorText());
  const absl::StatusOr<std::string> text = ReadAll(descriptor, most_bytes);
  if (descriptor != STDIN_FILENO) close(descriptor);
  if (!text.ok()) return CannotRead(path, std::string(text.status().message()));
  if (text->size() <= most_bytes) return text;
  return CannotRead(path, absl::StrCat("has more than ", most_bytes, " bytes"));
}

absl::StatusOr<std::string> ReadProgramText(const std::string& name) {
  if (name == "-" || IsThere(name)) return ReadInput(name, kMaxProgramBytes);
  if (const auto known = KnownProgramText(name); known.ok()) return std::string(*known);
  const absl::StatusOr<std::string> text = ReadInput(name, kMaxProgramBytes);
  if (text.ok() || name.find_first_of("/.") != std::string::npos) return text;
  const std::vector<std::string_view> known = KnownProgramNames();
  const std::string hint = Suggestion(name, {known.begin(), known.end()});
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(text.status().message()), ", and ",
                   std::string(KnownProgramText(name).status().message()), hint));
}

void TellError(const std::string& message) {
  std::fputs(PlainLines(absl::StrCat("lathe: ", message, "\n")).c_str(), stderr);
}

void TellError(const absl::Status& status) {
  TellError(std::string(status.message()));
}

void TellDiagnostics(const std::vector<Diagnostic>& diagnostics, const std::string& file) {
  std::fputs((PlainLines(RenderDiagnostics(diagnostics, file)) + "\n").c_str(), stderr);
}

int ForEachProgram(const std::vector<std::string>& files, const ProgramVisit& visit) {
  if (std::count(files.begin(), files.end(), "-") > 1) {
    TellError("- is given twice, but standard input can be read once");
    return kWrongUsage;
  }
  int worst = 0;
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> text = ReadProgramText(file);
    if (!text.ok()) {
      TellError(text.status());
      worst = kWrongUsage;
      continue;
    }
    ParseResult result = Parse(*text);
    if (!result.program) {
      TellDiagnostics(result.diagnostics, file);
      worst = std::max(worst, kWrongProgram);
    }
    worst = std::max(worst, visit(file, *text, result));
  }
  return worst;
}

int WriteOutputAsIs(std::string_view text) {
  if (isatty(STDOUT_FILENO) != 0) return WriteOutput(PlainLines(text));
  return WriteOutput(text);
}

int WriteOutput(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
    return 0;
  }
  TellError(absl::StrCat("standard output: ", ErrorText()));
  return kWrongProgram;
}

std::string JsonLine(const Json& json) {
  return JsonText(json);
}

Json RealJson(double value) {
  if (std::isfinite(value)) return value;
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

Json TextJson(std::string_view text) {
  return ValidUtf8(text, std::numeric_limits<size_t>::max() / 2);
}

}  // namespace lathe
