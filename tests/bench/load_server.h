// A server with one search, for benchmarks of its load, in a process of its own.
//
// A job takes no strategy but those of its spec, so the search is driven here as JobRun does it:
// Drive, a JobInbox, a SearchLog that is written after 256 records or when nothing is left to do.
// Left out are the budgets, the progress of the job and the checkpoints, which come now and then.
// The desk, the store and the service are the server's own.
#ifndef LATHE_TESTS_BENCH_LOAD_SERVER_H_
#define LATHE_TESTS_BENCH_LOAD_SERVER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rpc/address.h"
#include "tests/bench/machine.h"

namespace lathe::bench {

// The numeric class that its evaluations ask for.
inline constexpr std::string_view kBenchClass = "bench";

struct LoadServerOptions {
  std::string directory;     // for the store and the socket
  uint64_t evaluations = 0;  // of one seed each
  int workers = 1;           // the search begins once so many are there
  bool sync = false;         // Durability::kMachine
  bool trajectory = false;   // whether candidates are proposed by a Trajectory, with all filters
};
Address SocketOf(const LoadServerOptions& options);

// What such a server tells once all is evaluated and recorded:
//   seconds, cpu_seconds              from the first proposal to the last record
//   store_seconds, store_cpu_seconds  for the same batches, written to a store of their own, alone
absl::StatusOr<OwnProcess> StartLoadServer(const LoadServerOptions& options);

// The main function of that process; `arguments` are those after the first one, kServeArgument.
inline constexpr char kServeArgument[] = "--serve";
int ServeMain(const std::vector<std::string>& arguments);

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_LOAD_SERVER_H_
