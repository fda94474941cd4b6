// `lathe data`: datasets and models of a data directory, without a server.
#ifndef LATHE_CLIENTS_CLI_DATA_COMMANDS_H_
#define LATHE_CLIENTS_CLI_DATA_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace lathe {

struct DataAddOptions {
  std::string directory, name, format;
  std::vector<std::string> files;                    // of cifar10, npz, text and torchscript
  std::string images, labels;                        // of idx
  std::string features_key = "x", labels_key = "y";  // of npz
  uint32_t classes = 0;  // of idx and npz; 0: as many as there are labels
  std::string input;     // of torchscript: what it is given; empty: the file says it
  std::string reader;    // of torchscript: the program that reads it
  bool replace = false;
};

// Reads, checks and registers a dataset, and prints what it is. Invalid argument: the options are
// wrong.
absl::Status DataAdd(const DataAddOptions& options, bool json);

// The same for a model, which `options.reader` reads: it runs what the file has, in a process of
// its own that has a minute or two.
absl::Status ModelAdd(const DataAddOptions& options, bool json);

// Prints what ships and what is registered.
absl::Status DataList(const std::string& directory, bool json);

// Reads datasets and models whole, all of them if none is named, and tells which are. Data loss if
// one is not.
absl::Status DataCheck(const std::string& directory, const std::vector<std::string>& names,
                       bool json);

// Adds `data` with these as its subcommands. Exit status: 2 for a wrong command line, 1 for data
// that are wrong.
void AddDataCommand(CLI::App& app, int* exit_status);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_DATA_COMMANDS_H_
