// The store on disk. docs/store.md tells more.
#ifndef LATHE_SERVER_STORE_ROCKSDB_STORE_H_
#define LATHE_SERVER_STORE_ROCKSDB_STORE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/store.h"

namespace rocksdb {
class Env;
}

namespace lathe {

// What an acknowledged batch survives: the death of the process; or also that of the machine, since
// it is on the disk. Batches that are written at the same time share a sync.
enum class Durability : uint8_t { kProcess, kMachine };

struct RocksDbOptions {
  Durability durability = Durability::kProcess;
  rocksdb::Env* env =
      nullptr;  // of tests: another file system than the machine's; outlives the store
};

// Opens the store of a directory, which is created with its parents if it is missing. Only one
// process at a time has it open. Failed precondition if it is in use, has another schema version,
// or is no store, of which nothing is changed then; permission denied; data loss names what is
// damaged; resource exhausted if the disk is full.
absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const std::string& directory,
                                                        const RocksDbOptions& options = {});

// Opens a store that no server has open, to be read; changes nothing. Reads every block of every
// table first: data loss names the file that is damaged. Not found if there is none.
absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStoreForReading(const std::string& directory);

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_ROCKSDB_STORE_H_
