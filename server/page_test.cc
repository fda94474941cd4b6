#include "server/page.h"

#include <gtest/gtest.h>

#include "rpc/status.h"
#include "server/store/memory_store.h"

namespace lathe {
namespace {

void Put(Store& store, const std::string& key, const std::string& value) {
  WriteBatch batch;
  batch.Put(Kind::kLogEntries, key, value);
  ASSERT_TRUE(store.Write(batch).ok());
}

TEST(PageTest, PagesCoverARangeOnceAndInOrder) {
  MemoryStore store;
  for (char c = 'a'; c <= 'z'; ++c) Put(store, std::string("k") + c, "");
  Put(store, "j", "before");
  Put(store, "l", "after");
  for (int size : {1, 5, 13, 26, 27, 2000}) {
    std::string token, seen;
    int pages = 0;
    do {
      auto page = ReadPage(store, Kind::kLogEntries, size, token, "k", "l");
      ASSERT_TRUE(page.ok()) << page.status();
      EXPECT_LE(page->entries.size(), static_cast<size_t>(size));
      for (const auto& [key, value] : page->entries) seen += key[1];
      token = page->next_page_token;
      ++pages;
    } while (!token.empty());
    EXPECT_EQ(seen, "abcdefghijklmnopqrstuvwxyz") << size;
    EXPECT_EQ(pages, (26 + size - 1) / size) << size;
  }
}

TEST(PageTest, AListGoesOnThoughItChanges) {
  MemoryStore store;
  for (char c = 'a'; c <= 'f'; ++c) Put(store, std::string(1, c), "");
  auto first = ReadPage(store, Kind::kLogEntries, 3, "", "", "");
  WriteBatch batch;
  batch.Delete(Kind::kLogEntries, "d");  // the one that the next page would begin with
  ASSERT_TRUE(store.Write(batch).ok());
  Put(store, "aa", "");
  auto second = ReadPage(store, Kind::kLogEntries, 3, first->next_page_token, "", "");
  ASSERT_EQ(second->entries.size(), 2u);
  EXPECT_EQ(second->entries[0].first, "e");
}

TEST(PageTest, SizesAreWishes) {
  EXPECT_EQ(ParsePage(0, "", "", "")->size, 50u);
  EXPECT_EQ(ParsePage(7, "", "", "")->size, 7u);
  EXPECT_EQ(ParsePage(1000000, "", "", "")->size, 1000u);
  EXPECT_EQ(ReasonOf(ParsePage(-1, "", "", "").status()), "PAGE_INVALID");
}

TEST(PageTest, BigEntriesMakeSmallPages) {
  MemoryStore store;
  for (char c : {'a', 'b', 'c'}) Put(store, std::string(1, c), std::string(kMostPageBytes, c));
  auto page = ReadPage(store, Kind::kLogEntries, 10, "", "", "");
  EXPECT_EQ(page->entries.size(), 1u);
  page = ReadPage(store, Kind::kLogEntries, 10, page->next_page_token, "", "");
  ASSERT_EQ(page->entries.size(), 1u);
  EXPECT_EQ(page->entries[0].first, "b");
}

TEST(PageTest, TokensOfOtherListsAreRefused) {
  for (const std::string& token : {std::string("!!"), PageToken("a"), PageToken("l")}) {
    EXPECT_EQ(ReasonOf(ParsePage(1, token, "k", "l").status()), "PAGE_INVALID") << token;
  }
  EXPECT_TRUE(ParsePage(1, PageToken("kk"), "k", "l").ok());
}

}  // namespace
}  // namespace lathe
