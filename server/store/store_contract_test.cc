// What every store must do.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <random>
#include <thread>

#include "server/store/faulty_store.h"
#include "server/store/keys.h"
#include "server/store/memory_store.h"
#include "server/store/rocksdb_store.h"
#include "server/store/testing/temporary_directory.h"

namespace lathe {
namespace {

using Entries = std::vector<Store::Entry>;

struct Implementation {
  const char* name;
  std::function<std::shared_ptr<Store>(const std::string& directory)> make;
};

std::shared_ptr<Store> MakeRocksDb(const std::string& directory) {
  auto store = OpenRocksDbStore(directory);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

class StoreContractTest : public testing::TestWithParam<Implementation> {
 protected:
  void Put(Kind kind, std::string key, std::string value) {
    WriteBatch batch;
    batch.Put(kind, std::move(key), std::move(value));
    ASSERT_TRUE(store_->Write(batch).ok());
  }
  std::optional<std::string> Get(Kind kind, std::string_view key) {
    auto value = store_->Get(kind, key);
    EXPECT_TRUE(value.ok()) << value.status();
    return *std::move(value);
  }
  Entries Scan(Kind kind, std::string_view begin, std::string_view end, size_t limit = 1000000) {
    auto entries = store_->Scan(kind, begin, end, limit);
    EXPECT_TRUE(entries.ok()) << entries.status();
    return *std::move(entries);
  }

  const TemporaryDirectory directory_;
  const std::shared_ptr<Store> store_ = GetParam().make(directory_.Path());
};

TEST_P(StoreContractTest, ARangeGoesAtItsPlaceInTheBatch) {
  for (const char* key : {"a", "b", "ba", "c", "d"}) Put(Kind::kEvents, key, "1");
  Put(Kind::kOutcomes, "b", "1");
  WriteBatch batch;
  batch.Put(Kind::kEvents, "bb", "before");
  batch.DeleteRange(Kind::kEvents, "b", "d");
  batch.Put(Kind::kEvents, "c", "after");
  batch.DeleteRange(Kind::kEvents, "d", "a");  // nothing
  ASSERT_TRUE(store_->Write(batch).ok());
  EXPECT_EQ(Scan(Kind::kEvents, "", ""), (Entries{{"a", "1"}, {"c", "after"}, {"d", "1"}}));
  EXPECT_EQ(Get(Kind::kOutcomes, "b"), "1");
}

TEST_P(StoreContractTest, WhatIsPutIsThereAndWhatIsDeletedIsNot) {
  EXPECT_EQ(Get(Kind::kJobs, "a"), std::nullopt);
  Put(Kind::kJobs, "a", "1");
  EXPECT_EQ(Get(Kind::kJobs, "a"), "1");
  Put(Kind::kJobs, "a", "2");
  EXPECT_EQ(Get(Kind::kJobs, "a"), "2");
  WriteBatch batch;
  batch.Delete(Kind::kJobs, "a");
  batch.Delete(Kind::kJobs, "never there");
  ASSERT_TRUE(store_->Write(batch).ok());
  EXPECT_EQ(Get(Kind::kJobs, "a"), std::nullopt);
  EXPECT_EQ(Scan(Kind::kJobs, "", ""), Entries());
}

TEST_P(StoreContractTest, TheLastChangeOfABatchWins) {
  WriteBatch batch;
  batch.Put(Kind::kJobs, "put twice", "1");
  batch.Put(Kind::kJobs, "put twice", "2");
  batch.Put(Kind::kJobs, "put and deleted", "1");
  batch.Delete(Kind::kJobs, "put and deleted");
  batch.Delete(Kind::kJobs, "deleted and put");
  batch.Put(Kind::kJobs, "deleted and put", "3");
  ASSERT_TRUE(store_->Write(batch).ok());
  EXPECT_EQ(Scan(Kind::kJobs, "", ""), (Entries{{"deleted and put", "3"}, {"put twice", "2"}}));
}

TEST_P(StoreContractTest, AnEmptyBatchChangesNothing) {
  EXPECT_TRUE(store_->Write(WriteBatch()).ok());
  EXPECT_EQ(Scan(Kind::kJobs, "", ""), Entries());
}

TEST_P(StoreContractTest, KindsAreApart) {
  for (size_t kind = 0; kind < kKindNames.size(); ++kind) {
    Put(static_cast<Kind>(kind), "key", std::string(kKindNames[kind]));
  }
  for (size_t kind = 0; kind < kKindNames.size(); ++kind) {
    EXPECT_EQ(Get(static_cast<Kind>(kind), "key"), std::string(kKindNames[kind]));
    if (static_cast<Kind>(kind) == Kind::kMeta) continue;  // also holds the schema version
    EXPECT_EQ(Scan(static_cast<Kind>(kind), "", ""),
              (Entries{{"key", std::string(kKindNames[kind])}}));
  }
}

TEST_P(StoreContractTest, KeysAndValuesMayBeEmptyAndHoldAnyByte) {
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every.push_back(static_cast<char>(byte));
  Put(Kind::kPrograms, "", "");
  Put(Kind::kPrograms, every, every);
  EXPECT_EQ(Get(Kind::kPrograms, ""), "");
  EXPECT_EQ(Get(Kind::kPrograms, every), every);
  EXPECT_EQ(Scan(Kind::kPrograms, "", ""), (Entries{{"", ""}, {every, every}}));
}

TEST_P(StoreContractTest, ScansFollowTheOrderOfBytesWithinTheirBounds) {
  using namespace std::string_literals;
  const std::vector<std::string> ordered = {"",      "\0"s,     "\0\0"s,    "\0\xff"s, "a"s,
                                            "a\0"s,  "a\xff"s,  "b"s,       "\x7f"s,   "\x80"s,
                                            "\xff"s, "\xff\0"s, "\xff\xff"s};
  std::vector<std::string> shuffled = ordered;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(1));
  for (const std::string& key : shuffled) Put(Kind::kRequests, key, "of " + key);
  for (size_t begin = 0; begin < ordered.size(); ++begin) {
    // The end at 0 is the empty one: no bound.
    for (size_t end = 0; end < ordered.size(); ++end) {
      const size_t past = end == 0 ? ordered.size() : end;
      for (size_t limit : {size_t{0}, size_t{1}, size_t{3}, ordered.size()}) {
        Entries expected;
        for (size_t i = begin; i < past && expected.size() < limit; ++i) {
          expected.emplace_back(ordered[i], "of " + ordered[i]);
        }
        EXPECT_EQ(Scan(Kind::kRequests, ordered[begin], ordered[end], limit), expected);
      }
    }
  }
}

TEST_P(StoreContractTest, BoundsNeedNotBeKeys) {
  for (const char* key : {"b", "d", "f"}) Put(Kind::kRequests, key, "");
  EXPECT_EQ(Scan(Kind::kRequests, "a", "e"), (Entries{{"b", ""}, {"d", ""}}));
  EXPECT_EQ(Scan(Kind::kRequests, "bb", ""), (Entries{{"d", ""}, {"f", ""}}));
  EXPECT_EQ(Scan(Kind::kRequests, "g", ""), Entries());
  EXPECT_EQ(Scan(Kind::kRequests, "e", "b"), Entries());
}

TEST_P(StoreContractTest, ValuesMayBeBig) {
  std::mt19937_64 random(3);
  std::string big(size_t{12} << 20, '\0');
  for (char& byte : big) byte = static_cast<char>(random());
  Put(Kind::kReports, "big", big);
  EXPECT_TRUE(Get(Kind::kReports, "big") == big);
  EXPECT_EQ(Scan(Kind::kReports, "", "").size(), 1u);
}

// Every kind as a map, changed at random; reads are compared after every batch.
TEST_P(StoreContractTest, BehavesLikeMaps) {
  std::mt19937_64 random(4);
  std::array<std::map<std::string, std::string>, 3> model;
  const std::array<Kind, 3> kinds = {Kind::kJobs, Kind::kCandidates, Kind::kEvaluations};
  const auto key = [&random] {
    std::string bytes(random() % 3, '\0');
    for (char& byte : bytes) byte = "\x00\x01\x7f\x80\xff"[random() % 5];
    return bytes;
  };
  for (int step = 0; step < 2000; ++step) {
    WriteBatch batch;
    for (uint64_t changes = random() % 6; changes > 0; --changes) {
      const size_t kind = random() % 3;
      const std::string changed = key();
      if (random() % 3 == 0) {
        batch.Delete(kinds[kind], changed);
        model[kind].erase(changed);
      } else {
        const std::string value(random() % 50, static_cast<char>(step));
        batch.Put(kinds[kind], changed, value);
        model[kind][changed] = value;
      }
    }
    ASSERT_TRUE(store_->Write(batch).ok());
    const size_t kind = random() % 3, limit = random() % 10;
    const std::string begin = key(), end = key();
    Entries expected;
    for (auto it = model[kind].lower_bound(begin); it != model[kind].end(); ++it) {
      if (expected.size() == limit || (!end.empty() && it->first >= end)) break;
      expected.push_back(*it);
    }
    ASSERT_EQ(Scan(kinds[kind], begin, end, limit), expected) << "seed 4, step " << step;
    const auto found = model[kind].find(begin);
    ASSERT_EQ(Get(kinds[kind], begin),
              found == model[kind].end() ? std::nullopt : std::optional(found->second));
  }
}

// Writers move a mark between two keys; whoever looks sees it exactly once.
TEST_P(StoreContractTest, ReadersSeeWholeBatches) {
  std::atomic<bool> stop = false;
  const auto mark = [](int writer, int place) { return CandidateKey(writer, place); };
  for (int writer = 0; writer < 2; ++writer) Put(Kind::kCandidates, mark(writer, 0), "");
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&, writer] {
      for (int step = 0; step < 1000; ++step) {
        WriteBatch batch;
        batch.Delete(Kind::kCandidates, mark(writer, step % 3));
        for (int i = 0; i < 50; ++i) batch.Put(Kind::kReports, ReportKey(i), "");
        batch.Put(Kind::kCandidates, mark(writer, (step + 1) % 3), "");
        EXPECT_TRUE(store_->Write(batch).ok());
      }
    });
  }
  std::thread reader([&] {
    do {
      EXPECT_EQ(Scan(Kind::kCandidates, "", "").size(), 2u);
    } while (!stop);
  });
  for (std::thread& writer : writers) writer.join();
  stop = true;
  reader.join();
  EXPECT_EQ(Scan(Kind::kCandidates, "", ""),
            (Entries{{mark(0, 1000 % 3), ""}, {mark(1, 1000 % 3), ""}}));
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContractTest,
                         testing::Values(Implementation{"Memory",
                                                        [](const auto&) {
                                                          return std::make_shared<MemoryStore>();
                                                        }},
                                         Implementation{"RocksDb", MakeRocksDb},
                                         Implementation{"Faulty",
                                                        [](const auto&) {
                                                          return std::make_shared<FaultyStore>(
                                                              std::make_shared<MemoryStore>());
                                                        }}),
                         [](const auto& instance) { return instance.param.name; });

TEST(FaultyStoreTest, FailsTheWritesThatItIsToldTo) {
  const absl::Status full = absl::ResourceExhaustedError("full");
  FaultyStore store(std::make_shared<MemoryStore>());
  const auto write = [&](const std::string& key) {
    WriteBatch batch;
    batch.Put(Kind::kJobs, key, "");
    return store.Write(batch);
  };
  EXPECT_TRUE(write("1").ok());
  store.FailWrite(2, full);
  EXPECT_TRUE(write("2").ok());
  EXPECT_EQ(write("3"), full);
  EXPECT_TRUE(write("4").ok());
  store.FailWrites(absl::UnavailableError("gone"));
  EXPECT_EQ(write("5"), absl::UnavailableError("gone"));
  EXPECT_EQ(write("6"), absl::UnavailableError("gone"));
  store.FailWrites(absl::OkStatus());
  EXPECT_TRUE(write("7").ok());
  EXPECT_EQ(store.Writes(), 7u);
  EXPECT_EQ(*store.Scan(Kind::kJobs, "", "", 10),
            (Entries{{"1", ""}, {"2", ""}, {"4", ""}, {"7", ""}}));
}

}  // namespace
}  // namespace lathe
