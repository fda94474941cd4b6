// A store in memory, for tests. Thread-safe.
#ifndef LATHE_SERVER_STORE_MEMORY_STORE_H_
#define LATHE_SERVER_STORE_MEMORY_STORE_H_

#include <array>
#include <functional>
#include <map>
#include <shared_mutex>
#include <string>

#include "server/store/store.h"

namespace lathe {

class MemoryStore : public Store {
 public:
  absl::Status Write(const WriteBatch& batch) override;
  absl::StatusOr<std::optional<std::string>> Get(Kind kind, std::string_view key) const override;
  absl::StatusOr<std::vector<Entry>> Scan(Kind kind, std::string_view begin, std::string_view end,
                                          size_t limit) const override;

 private:
  using Map = std::map<std::string, std::string, std::less<>>;

  mutable std::shared_mutex mutex_;
  std::array<Map, kKindNames.size()> maps_;  // by Kind
};

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_MEMORY_STORE_H_
