// RocksDB's write-ahead log, as far as it must be looked at from outside.
//
// RocksDB takes a record whose length points beyond the end of the file for one whose writing was
// cut short, and drops all that follows it: a flipped bit in a length would silently cost every
// later batch. A log that was really cut short has nothing after the cut.
#ifndef LATHE_SERVER_STORE_WRITE_AHEAD_LOG_H_
#define LATHE_SERVER_STORE_WRITE_AHEAD_LOG_H_

#include <string>

#include "absl/status/status.h"

namespace lathe {

// Data loss, with the name of the file, if a whole record follows one that is not whole in any log
// of a database. Layout of logs: github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format.
absl::Status CheckWriteAheadLogs(const std::string& directory);

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_WRITE_AHEAD_LOG_H_
