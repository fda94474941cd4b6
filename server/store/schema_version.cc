#include "server/store/schema_version.h"

#include "absl/strings/str_cat.h"
#include "server/store/keys.h"

namespace lathe {
namespace {

// Its records mean what they mean now. Of a candidate the outcome is in its record, and kinds that
// came later are empty.
constexpr std::string_view kReadableVersion = "1";

absl::StatusOr<bool> HasRecords(const Store& store) {
  for (size_t kind = 0; kind < kKindNames.size(); ++kind) {
    const auto first = store.Scan(static_cast<Kind>(kind), "", "", 1);
    if (!first.ok()) return first.status();
    if (!first->empty()) return true;
  }
  return false;
}

absl::Status Mark(Store& store) {
  WriteBatch batch;
  batch.Put(Kind::kMeta, std::string(kSchemaVersionKey), std::to_string(kSchemaVersion));
  return store.Write(batch);
}

}  // namespace

absl::Status CheckSchemaVersion(Store& store, const std::string& name) {
  const std::string known = std::to_string(kSchemaVersion);
  const auto found = store.Get(Kind::kMeta, kSchemaVersionKey);
  if (!found.ok()) return found.status();
  if (*found == known) return absl::OkStatus();
  if (*found == kReadableVersion) return Mark(store);
  if (*found) {
    return absl::FailedPreconditionError(absl::StrCat(
        "store ", name, " has schema version ", **found, "; this server knows version ", known));
  }
  const auto has_records = HasRecords(store);
  if (!has_records.ok()) return has_records.status();
  if (*has_records) {
    return absl::FailedPreconditionError(
        absl::StrCat("store ", name, " has records but no schema version"));
  }
  return Mark(store);
}

}  // namespace lathe
