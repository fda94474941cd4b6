// The store on disk. An acknowledged batch survives the death of the process, not that of the
// machine. docs/store.md tells more.
#ifndef LATHE_SERVER_STORE_ROCKSDB_STORE_H_
#define LATHE_SERVER_STORE_ROCKSDB_STORE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/store.h"

namespace lathe {

// Opens the store of a directory, which is created with its parents if it is missing. Only one
// process at a time has it open. Failed precondition if it is in use, has another schema version,
// or is no store, of which nothing is changed then; permission denied; data loss names what is
// damaged; resource exhausted if the disk is full.
absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const std::string& directory);

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_ROCKSDB_STORE_H_
