// A process that has a store open, for tests to kill.
//
//   store_writer DIRECTORY hold
//     writes one byte to its standard output once the store is open; waits for the end of its input
//   store_writer DIRECTORY write FIRST
//     writes batch FIRST, FIRST + 1, ... (batches.h) until it is killed; writes the number of each
//     batch that the store has acknowledged, 8 bytes in the machine's order
//   store_writer DIRECTORY die-beyond BYTES
//     dies as soon as a file would grow larger than that; exits with 0 if none does
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "server/store/rocksdb_store.h"
#include "server/store/testing/batches.h"

namespace lathe {
namespace {

int WriteForever(Store& store, uint64_t first) {
  for (uint64_t number = first;; ++number) {
    if (!store.Write(BatchOf(number)).ok()) return 1;
    if (write(STDOUT_FILENO, &number, sizeof number) != sizeof number) return 1;
  }
}

int Hold() {
  char byte = 0;
  if (write(STDOUT_FILENO, &byte, 1) != 1) return 1;
  return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1;
}

int Main(const std::string& directory, const std::string& mode, uint64_t number) {
  if (mode == "die-beyond") {
    const rlimit no_core = {0, 0}, limit = {number, number};
    if (setrlimit(RLIMIT_CORE, &no_core) != 0 || setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
  }
  auto store = OpenRocksDbStore(directory);
  if (!store.ok()) {
    std::fprintf(stderr, "store_writer: %s\n", store.status().ToString().c_str());
    return 1;
  }
  if (mode == "write") return WriteForever(**store, number);
  if (mode == "hold") return Hold();
  return 0;
}

}  // namespace
}  // namespace lathe

int main(int count, char** arguments) {
  if (count < 3) return 2;
  return lathe::Main(arguments[1], arguments[2], count > 3 ? std::stoull(arguments[3]) : 0);
}
