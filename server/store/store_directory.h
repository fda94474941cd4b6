// The directory of a store on disk, before the store in it is opened.
#ifndef LATHE_SERVER_STORE_STORE_DIRECTORY_H_
#define LATHE_SERVER_STORE_STORE_DIRECTORY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace lathe {

enum class DirectoryContent : uint8_t {
  kNothing,   // or what is left of a store whose creation was cut short
  kDatabase,  // some database; whether it is a store of ours is to be seen
};

// Creates the directory (0700) if it is missing. Failed precondition if it is no directory, is on a
// read-only file system or has files but no database; permission denied; data loss if a database
// has lost the file that it starts from. Touches nothing that is there.
absl::StatusOr<DirectoryContent> PrepareStoreDirectory(const std::string& directory);

// Whether a database of that directory has ever written a record.
bool HasRecords(const std::string& directory);

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_STORE_DIRECTORY_H_
