// `lathe store`: commands about the directory of a store, without a server.
#ifndef LATHE_CLIENTS_CLI_STORE_COMMANDS_H_
#define LATHE_CLIENTS_CLI_STORE_COMMANDS_H_

#include <CLI/CLI.hpp>

namespace lathe {

// Adds `store check DIR`. If it is asked for, it replaces this process by the `lathe-server` beside
// it, which alone can read stores; `status` is the exit status if that is not there.
void AddStoreCommand(CLI::App& app, int* status);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_STORE_COMMANDS_H_
