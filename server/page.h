// Pages of lists (AIP-158): a size that is a wish, and a token that says where the next one begins.
#ifndef LATHE_SERVER_PAGE_H_
#define LATHE_SERVER_PAGE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/store/store.h"

namespace lathe {

// What a page holds at most, whatever its size.
inline constexpr size_t kMostPageBytes = size_t{16} << 20;

struct Page {
  size_t size = 0;
  std::string first_key;  // where it begins; the first page: the begin of the range
};

// Invalid argument if the size is negative, or the token does not come from a list within [begin,
// end).
absl::StatusOr<Page> ParsePage(int32_t page_size, std::string_view token, std::string_view begin,
                               std::string_view end);
std::string PageToken(std::string_view next_key);
// What is wrong with a field of a request for a page.
absl::Status WrongPage(std::string_view field, std::string_view what);

// The entries of one page and the token of the next; the token is empty on the last page.
struct PageOfEntries {
  std::vector<Store::Entry> entries;
  std::string next_page_token;
};
absl::StatusOr<PageOfEntries> ReadPage(const Store& store, Kind kind, int32_t page_size,
                                       std::string_view token, std::string_view begin,
                                       std::string_view end);

}  // namespace lathe

#endif  // LATHE_SERVER_PAGE_H_
