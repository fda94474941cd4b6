#include "server/store/memory_store.h"

#include <mutex>

namespace lathe {

absl::Status MemoryStore::Write(const WriteBatch& batch) {
  const std::lock_guard lock(mutex_);
  for (const WriteBatch::Change& change : batch.Changes()) {
    Map& map = maps_[static_cast<size_t>(change.kind)];
    if (!change.end.empty()) {
      if (change.key < change.end) {
        map.erase(map.lower_bound(change.key), map.lower_bound(change.end));
      }
    } else if (change.value) {
      map.insert_or_assign(change.key, *change.value);
    } else {
      map.erase(change.key);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> MemoryStore::Get(Kind kind, std::string_view key) const {
  const std::shared_lock lock(mutex_);
  const Map& map = maps_[static_cast<size_t>(kind)];
  const auto found = map.find(key);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<std::vector<Store::Entry>> MemoryStore::Scan(Kind kind, std::string_view begin,
                                                            std::string_view end,
                                                            size_t limit) const {
  const std::shared_lock lock(mutex_);
  const Map& map = maps_[static_cast<size_t>(kind)];
  std::vector<Entry> entries;
  for (auto it = map.lower_bound(begin); it != map.end() && entries.size() < limit; ++it) {
    if (!end.empty() && it->first >= end) break;
    entries.emplace_back(*it);
  }
  return entries;
}

}  // namespace lathe
