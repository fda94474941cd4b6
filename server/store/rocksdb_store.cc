#include "server/store/rocksdb_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <mutex>
#include <shared_mutex>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/store/disk_room.h"
#include "server/store/schema_version.h"
#include "server/store/store_directory.h"
#include "server/store/write_ahead_log.h"

namespace lathe {
namespace {

constexpr size_t kMebibyte = size_t{1} << 20;
// The families of a store of schema version 1.
constexpr size_t kKindsOfVersion1 = 9;

absl::Status DiskIsFull(const std::string& directory) {
  return absl::ResourceExhaustedError(absl::StrCat("the disk of store ", directory, " is full"));
}

absl::Status Translate(const rocksdb::Status& status, const std::string& directory) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat("store ", directory, ": ", status.ToString());
  if (status.IsNoSpace()) return DiskIsFull(directory);
  if (status.IsCorruption() || status.IsPathNotFound()) return absl::DataLossError(message);
  // There is no code for a lock that is held, by another process or by this one.
  if (absl::StrContains(message, "While lock file") ||
      absl::StrContains(message, "lock hold by current process")) {
    return absl::FailedPreconditionError(
        absl::StrCat("store ", directory, " is in use by another server"));
  }
  if (status.IsIOError()) return absl::UnavailableError(message);
  return absl::InternalError(message);
}

// Instead of RocksDB's own log, which aborts the process once the disk is full. It remembers the
// one thing that no status tells: which write-ahead log is damaged.
class DamageLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    char line[1024];
    std::vsnprintf(line, sizeof line, format, arguments);
    if (!absl::StrContains(line, ".log: dropping ")) return;
    const std::lock_guard lock(mutex_);
    damage_ = line;
  }
  std::string Damage() const {
    const std::lock_guard lock(mutex_);
    return damage_;
  }

 private:
  mutable std::mutex mutex_;
  std::string damage_;
};

// Keeps RocksDB from repairing itself after a failed write: it would write to its log what it has
// reported as failed.
class NoRepair : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

rocksdb::DBOptions DatabaseOptions(std::shared_ptr<rocksdb::Logger> log) {
  rocksdb::DBOptions options;
  options.paranoid_checks = true;
  // A batch whose writing was cut short was not acknowledged; nothing else may be damaged.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.create_missing_column_families = true;
  options.max_total_wal_size = 32 * kMebibyte;  // bounds what is replayed at the start
  options.db_write_buffer_size = 32 * kMebibyte;
  options.max_background_jobs = 2;
  options.max_file_opening_threads = 1;  // they are started for every family
  options.allow_fallocate = false;
  options.max_bgerror_resume_count = 0;
  options.listeners = {std::make_shared<NoRepair>()};
  options.info_log = std::move(log);
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

rocksdb::ColumnFamilyOptions FamilyOptions() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(128 * kMebibyte);
  // Indexes and filters are kept with the open tables, outside the cache: about two bytes a record,
  // and two look-ups in the cache less for every table that is asked.
  table.cache_index_and_filter_blocks = false;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  // Most evaluations and programs that are asked for are not there.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kLZ4Compression;
  options.write_buffer_size = 8 * kMebibyte;
  return options;
}

// RocksDB's default family, which stays empty, and one for each kind, in that order.
std::vector<rocksdb::ColumnFamilyDescriptor> Families() {
  const rocksdb::ColumnFamilyOptions options = FamilyOptions();
  std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, options}};
  for (const std::string_view name : kKindNames) families.emplace_back(std::string(name), options);
  return families;
}

// A table whose damage a failed opening has noticed but does not name; empty if there is none.
std::string FindDamagedTable(const std::string& directory) {
  std::vector<std::string> names;
  rocksdb::Env::Default()->GetChildren(directory, &names).PermitUncheckedError();
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".sst")) continue;
    const std::string path = absl::StrCat(directory, "/", name);
    rocksdb::SstFileReader reader{rocksdb::Options()};
    rocksdb::Status status = reader.Open(path);
    if (status.ok()) status = reader.VerifyChecksum();
    if (status.IsCorruption()) return absl::StrCat("damaged file ", path);
  }
  return "";
}

class RocksDbStore : public Store {
 public:
  RocksDbStore(std::string directory, const RocksDbOptions& options)
      : directory_(std::move(directory)),
        options_(options),
        log_(std::make_shared<DamageLog>()),
        room_(directory_) {}
  ~RocksDbStore() override { Close(); }

  absl::Status Start(DirectoryContent content);
  // Opens what is there to be read, and nothing else.
  absl::Status StartReading();

  absl::Status Write(const WriteBatch& batch) override;
  absl::StatusOr<std::optional<std::string>> Get(Kind kind, std::string_view key) const override;
  absl::StatusOr<std::vector<Entry>> Scan(Kind kind, std::string_view begin, std::string_view end,
                                          size_t limit) const override;

 private:
  enum class Access : uint8_t { kCreate, kWrite, kRead };

  rocksdb::ColumnFamilyHandle* Family(Kind kind) const {
    return families_[1 + static_cast<size_t>(kind)];
  }
  absl::Status CheckFamilies() const;
  absl::Status Open(Access access);
  void Close();
  absl::Status Reopen();
  absl::Status Apply(const WriteBatch& batch);

  const std::string directory_;
  const RocksDbOptions options_;
  const std::shared_ptr<DamageLog> log_;
  DiskRoom room_;

  mutable std::shared_mutex mutex_;  // held alone to close and open
  std::unique_ptr<rocksdb::DB> db_;  // null only after a failure
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  absl::Status failure_;  // why the database is read-only or closed, if it is
  uint64_t opened_ = 0;   // times, after the first
};

absl::Status RocksDbStore::Open(Access access) {
  rocksdb::DBOptions options = DatabaseOptions(log_);
  if (options_.env != nullptr) options.env = options_.env;
  options.create_if_missing = access == Access::kCreate;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      access == Access::kRead
          ? rocksdb::DB::OpenForReadOnly(options, directory_, Families(), &families_, &db)
          : rocksdb::DB::Open(options, directory_, Families(), &families_, &db);
  db_.reset(db);
  if (!status.IsCorruption()) return Translate(status, directory_);
  std::string damage = log_->Damage();
  if (damage.empty()) damage = FindDamagedTable(directory_);
  return absl::DataLossError(
      absl::StrCat("store ", directory_, ": ", damage.empty() ? status.ToString() : damage));
}

void RocksDbStore::Close() {
  if (!db_) return;
  for (rocksdb::ColumnFamilyHandle* family : families_) {
    db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  }
  families_.clear();
  db_->Close().PermitUncheckedError();  // what was acknowledged is in the files already
  db_.reset();
}

// Nothing is opened, and so nothing changed, before this is sure.
absl::Status RocksDbStore::CheckFamilies() const {
  const std::vector<rocksdb::ColumnFamilyDescriptor> known = Families();
  std::vector<std::string> found;
  const rocksdb::Status listed =
      rocksdb::DB::ListColumnFamilies(DatabaseOptions(log_), directory_, &found);
  if (!listed.ok()) return Translate(listed, directory_);
  const bool ours = std::all_of(found.begin(), found.end(), [&](const std::string& name) {
    return std::any_of(known.begin(), known.end(),
                       [&](const auto& family) { return family.name == name; });
  });
  // Some are missing if the creation of the store was cut short, or if it is of an earlier version,
  // which its mark tells; those of the first version never are once there are records.
  const bool complete = std::all_of(
      kKindNames.begin(), kKindNames.begin() + kKindsOfVersion1, [&](std::string_view name) {
        return std::find(found.begin(), found.end(), name) != found.end();
      });
  if (ours && (complete || !HasRecords(directory_))) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(directory_, " has a database that is no store of this server"));
}

absl::Status RocksDbStore::Start(DirectoryContent content) {
  if (content == DirectoryContent::kNothing) return Open(Access::kCreate);
  absl::Status status = CheckFamilies();
  if (status.ok()) status = CheckWriteAheadLogs(directory_);
  return status.ok() ? Open(Access::kWrite) : status;
}

absl::Status RocksDbStore::StartReading() {
  absl::Status status = CheckFamilies();
  if (status.ok()) status = CheckWriteAheadLogs(directory_);
  if (status.ok()) status = Open(Access::kRead);
  failure_ = absl::FailedPreconditionError("the store is open for reading only");
  return status;
}

absl::Status RocksDbStore::Reopen() {
  Close();
  ++opened_;
  failure_ = Open(Access::kWrite);
  if (!failure_.ok()) Open(Access::kRead).IgnoreError();  // readers need not suffer
  return failure_;
}

absl::Status RocksDbStore::Apply(const WriteBatch& batch) {
  rocksdb::WriteBatch changes;
  rocksdb::Status status;
  for (const WriteBatch::Change& change : batch.Changes()) {
    if (!change.end.empty()) {
      if (change.key < change.end) {
        status = changes.DeleteRange(Family(change.kind), change.key, change.end);
      }
    } else if (change.value) {
      status = changes.Put(Family(change.kind), change.key, *change.value);
    } else {
      status = changes.Delete(Family(change.kind), change.key);
    }
    if (!status.ok()) return Translate(status, directory_);
  }
  rocksdb::WriteOptions options;
  options.sync = options_.durability == Durability::kMachine;
  return Translate(db_->Write(options, &changes), directory_);
}

// A failed write leaves RocksDB with a torn log and unwilling to write. What helps is what helps
// after a crash: to open the database again, which drops the torn end of the log.
absl::Status RocksDbStore::Write(const WriteBatch& batch) {
  if (!room_.Suffices(batch)) return DiskIsFull(directory_);
  uint64_t opened = 0;
  {
    const std::shared_lock lock(mutex_);
    opened = opened_;
    if (failure_.ok() && Apply(batch).ok()) return absl::OkStatus();
  }
  const std::lock_guard lock(mutex_);
  const bool reopened_by_another_writer = opened != opened_;
  const absl::Status status = reopened_by_another_writer ? failure_ : Reopen();
  return status.ok() ? Apply(batch) : status;
}

absl::StatusOr<std::optional<std::string>> RocksDbStore::Get(Kind kind,
                                                             std::string_view key) const {
  const std::shared_lock lock(mutex_);
  if (!db_) return failure_;
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), Family(kind), key, &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return Translate(status, directory_);
  return value;
}

absl::StatusOr<std::vector<Store::Entry>> RocksDbStore::Scan(Kind kind, std::string_view begin,
                                                             std::string_view end,
                                                             size_t limit) const {
  const std::shared_lock lock(mutex_);
  if (!db_) return failure_;
  rocksdb::ReadOptions options;
  const rocksdb::Slice bound(end);
  if (!end.empty()) options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, Family(kind)));
  std::vector<Entry> entries;
  for (it->Seek(begin); it->Valid() && entries.size() < limit; it->Next()) {
    entries.emplace_back(it->key().ToString(), it->value().ToString());
  }
  if (!it->status().ok()) return Translate(it->status(), directory_);
  return entries;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const std::string& directory,
                                                        const RocksDbOptions& options) {
  const auto content = PrepareStoreDirectory(directory);
  if (!content.ok()) return content.status();
  auto store = std::make_unique<RocksDbStore>(directory, options);
  absl::Status status = store->Start(*content);
  if (status.ok()) status = CheckSchemaVersion(*store, directory);
  if (!status.ok()) return status;
  return store;
}

absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStoreForReading(const std::string& directory) {
  auto store = std::make_unique<RocksDbStore>(directory, RocksDbOptions());
  absl::Status status = store->StartReading();
  if (!status.ok()) return status;
  const std::string damage = FindDamagedTable(directory);
  if (!damage.empty()) {
    return absl::DataLossError(absl::StrCat("store ", directory, ": ", damage));
  }
  return store;
}

}  // namespace lathe
