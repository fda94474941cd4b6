// `lathe prog`: what can be done with programs without a server and without torch.
//
// Each command returns the exit status: 0; 1 if a program is wrong, or differs where fmt --check
// looks; 2 if the command line is wrong or names a file that cannot be read. Errors are on standard
// error, those of a program as FILE:LINE:COLUMN: MESSAGE. With `json`, standard output is one JSON
// document on one line, in which numbers that JSON lacks are "NaN", "Infinity" and "-Infinity".
#ifndef LATHE_CLIENTS_CLI_PROG_COMMANDS_H_
#define LATHE_CLIENTS_CLI_PROG_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

int ProgCheck(const std::vector<std::string>& files, bool json);

int ProgHash(const std::vector<std::string>& files, bool json);

struct ProgFormatOptions {
  std::vector<std::string> files;
  bool write = false, check = false, canonical = false;  // one of them at most
};
int ProgFormat(const ProgFormatOptions& options, bool json);

struct ProgRunOptions {
  std::string file;
  std::vector<std::string> shapes;  // "5x7"
  std::optional<int64_t> groups;
  std::vector<std::string> inputs;  // "g=0.5", "g=g.json"
  std::string executor = "reference";
  uint64_t seed = 1;
  int steps = 1;
  bool evaluation = false;
};
int ProgRun(const ProgRunOptions& options, bool json);

// Of all ops, or of one.
int ProgOps(const std::string& name, bool json, bool markdown);

// Declares `prog` and its subcommands; `exit_status` is set when one has run.
void AddProgCommand(CLI::App& app, int* exit_status);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_PROG_COMMANDS_H_
