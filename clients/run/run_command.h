// `lathe run JOB.yaml`: a whole job on this machine. A server and its workers are child processes
// over a socket in a private directory; all of them are gone when the command ends, however it
// ends.
//
//   int exit_code = 0;
//   CLI::App app;
//   AddRunCommand(app, &exit_code);
//   app.parse(argc, argv);
//   return exit_code;
#ifndef LATHE_CLIENTS_RUN_RUN_COMMAND_H_
#define LATHE_CLIENTS_RUN_RUN_COMMAND_H_

#include <CLI/CLI.hpp>

namespace lathe {

// Adds the subcommand `run`. If it is chosen, app.parse() runs it to its end and puts its exit
// status into `*exit_code`: 0, 1 for a failure, 2 for wrong usage or a bad job, 128 + N if a signal
// N has ended it. Call parse from the main thread, before there are others.
void AddRunCommand(CLI::App& app, int* exit_code);

}  // namespace lathe

#endif  // LATHE_CLIENTS_RUN_RUN_COMMAND_H_
