// Whether all that a store holds is whole, and fits together.
#ifndef LATHE_SERVER_STORE_CHECK_H_
#define LATHE_SERVER_STORE_CHECK_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/store.h"

namespace lathe {

struct StoreCheck {
  std::array<uint64_t, kKindNames.size()> records = {};  // by Kind
  std::vector<std::string> problems;                     // the first hundred
  uint64_t problem_count = 0;
};

// Reads every record: keys and values must be what keys.h says; programs lie under the hash of
// their text; a job has its spec; candidates, outcomes and log entries have no gaps. An error if
// the store cannot be read, which names the file.
absl::StatusOr<StoreCheck> CheckRecords(const Store& store);

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_CHECK_H_
