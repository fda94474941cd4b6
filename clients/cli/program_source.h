// Where the programs of a command line come from, and how commands about them talk.
#ifndef LATHE_CLIENTS_CLI_PROGRAM_SOURCE_H_
#define LATHE_CLIENTS_CLI_PROGRAM_SOURCE_H_

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dsl/text.h"

namespace lathe {

inline constexpr int kWrongProgram = 1, kWrongUsage = 2;

// What is in a file, or on standard input for "-". Invalid argument, with the path and the reason,
// if it cannot be read or has more than `most_bytes`.
absl::StatusOr<std::string> ReadInput(const std::string& path, size_t most_bytes);

// A file, "-", or else a known program. The message of an error names it.
absl::StatusOr<std::string> ReadProgramText(const std::string& name);

// "lathe: MESSAGE" on standard error, fit for a terminal.
void TellError(const std::string& message);
void TellError(const absl::Status& status);
// "FILE:LINE:COLUMN: MESSAGE" per diagnostic, likewise.
void TellDiagnostics(const std::vector<Diagnostic>& diagnostics, const std::string& file);

// Reads and parses each file, whatever becomes of the others, and tells what is wrong.
// `visit(file, text, result)` is called for what could be read and returns an exit status of its
// own. Returns the highest one.
using ProgramVisit =
    std::function<int(const std::string& file, const std::string& text, ParseResult& result)>;
int ForEachProgram(const std::vector<std::string>& files, const ProgramVisit& visit);

// Writes to standard output; the exit status, after an error message if it cannot be written.
int WriteOutput(std::string_view text);
// The same, but made harmless if standard output is a terminal.
int WriteOutputAsIs(std::string_view text);

using Json = nlohmann::ordered_json;
// One line.
std::string JsonLine(const Json& json);
// A number, or one of "NaN", "Infinity", "-Infinity".
Json RealJson(double value);
// Text that may not be UTF-8, such as the name of a file.
Json TextJson(std::string_view text);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_PROGRAM_SOURCE_H_
