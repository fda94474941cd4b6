// Which version of keys.h the records of a store follow.
#ifndef LATHE_SERVER_STORE_SCHEMA_VERSION_H_
#define LATHE_SERVER_STORE_SCHEMA_VERSION_H_

#include <string>

#include "absl/status/status.h"
#include "server/store/store.h"

namespace lathe {

// Marks an empty store, or one of an earlier version that can be read as it is, with the version
// that this program knows. Failed precondition, with `name` of the store and both versions, if it
// is marked with another one.
absl::Status CheckSchemaVersion(Store& store, const std::string& name);

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_SCHEMA_VERSION_H_
