#include "server/store/schema_version.h"

#include <gtest/gtest.h>

#include "server/store/faulty_store.h"
#include "server/store/keys.h"
#include "server/store/memory_store.h"

namespace lathe {
namespace {

void Put(Store& store, Kind kind, std::string_view key, std::string value) {
  WriteBatch batch;
  batch.Put(kind, std::string(key), std::move(value));
  ASSERT_TRUE(store.Write(batch).ok());
}

TEST(SchemaVersionTest, AnEmptyStoreIsMarkedOnce) {
  FaultyStore store(std::make_shared<MemoryStore>());
  EXPECT_TRUE(CheckSchemaVersion(store, "s").ok());
  EXPECT_EQ(*store.Get(Kind::kMeta, kSchemaVersionKey), std::to_string(kSchemaVersion));
  Put(store, Kind::kJobs, "job", "");
  EXPECT_TRUE(CheckSchemaVersion(store, "s").ok());
  EXPECT_EQ(store.Writes(), 2u);
}

TEST(SchemaVersionTest, AnotherVersionIsRefusedByName) {
  for (const char* version : {"0", "3", "10", "", "2 "}) {
    MemoryStore store;
    Put(store, Kind::kMeta, kSchemaVersionKey, version);
    EXPECT_EQ(CheckSchemaVersion(store, "/var/s"),
              absl::FailedPreconditionError(std::string("store /var/s has schema version ") +
                                            version + "; this server knows version 2"));
    EXPECT_EQ(*store.Get(Kind::kMeta, kSchemaVersionKey), version);
  }
}

TEST(SchemaVersionTest, AStoreOfTheFirstVersionIsTakenOver) {
  MemoryStore store;
  Put(store, Kind::kMeta, kSchemaVersionKey, "1");
  Put(store, Kind::kJobs, "job", "value");
  EXPECT_TRUE(CheckSchemaVersion(store, "s").ok());
  EXPECT_EQ(*store.Get(Kind::kMeta, kSchemaVersionKey), "2");
  EXPECT_EQ(*store.Get(Kind::kJobs, "job"), "value");
}

TEST(SchemaVersionTest, RecordsWithoutAVersionAreRefused) {
  for (size_t kind = 0; kind < kKindNames.size(); ++kind) {
    MemoryStore store;
    Put(store, static_cast<Kind>(kind), "key", "value");
    EXPECT_EQ(CheckSchemaVersion(store, "s"),
              absl::FailedPreconditionError("store s has records but no schema version"));
  }
}

TEST(SchemaVersionTest, AMarkThatCannotBeWrittenIsAnError) {
  FaultyStore store(std::make_shared<MemoryStore>());
  store.FailWrite(1, absl::ResourceExhaustedError("full"));
  EXPECT_EQ(CheckSchemaVersion(store, "s"), absl::ResourceExhaustedError("full"));
}

}  // namespace
}  // namespace lathe
