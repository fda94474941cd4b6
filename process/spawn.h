// Starts a program with nothing of ours but what it is given.
#ifndef LATHE_PROCESS_SPAWN_H_
#define LATHE_PROCESS_SPAWN_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "process/child_process.h"

namespace lathe {

// The number of the new process, which runs the program already; `mark` is in its environment.
// Thread-safe.
absl::StatusOr<pid_t> Spawn(const ChildOptions& options, const std::string& mark);

}  // namespace lathe

#endif  // LATHE_PROCESS_SPAWN_H_
