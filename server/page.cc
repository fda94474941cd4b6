#include "server/page.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "rpc/status.h"

namespace lathe {
namespace {

constexpr int32_t kDefaultSize = 50, kMostSize = 1000;

}  // namespace

absl::Status WrongPage(std::string_view field, std::string_view what) {
  return WithReason(WithField(absl::InvalidArgumentError(
                                  absl::StrCat(std::string(field), ": ", std::string(what))),
                              field),
                    "PAGE_INVALID");
}

absl::StatusOr<Page> ParsePage(int32_t page_size, std::string_view token, std::string_view begin,
                               std::string_view end) {
  if (page_size < 0) return WrongPage("page_size", absl::StrCat(page_size, " is negative"));
  Page page;
  page.size = static_cast<size_t>(page_size == 0 ? kDefaultSize : std::min(page_size, kMostSize));
  page.first_key = std::string(begin);
  if (token.empty()) return page;
  std::string key;
  const bool is_token = absl::WebSafeBase64Unescape(std::string(token), &key);
  if (!is_token || key < begin || (!end.empty() && key >= end)) {
    return WrongPage("page_token", "is not one that this list has given");
  }
  page.first_key = std::move(key);
  return page;
}

std::string PageToken(std::string_view next_key) {
  return absl::WebSafeBase64Escape(std::string(next_key));
}

absl::StatusOr<PageOfEntries> ReadPage(const Store& store, Kind kind, int32_t page_size,
                                       std::string_view token, std::string_view begin,
                                       std::string_view end) {
  const auto page = ParsePage(page_size, token, begin, end);
  if (!page.ok()) return page.status();
  auto entries = store.Scan(kind, page->first_key, end, page->size + 1);
  if (!entries.ok()) return entries.status();
  // As many as fit, but at least one, so that a list goes on whatever it holds.
  size_t count = 0, bytes = 0;
  for (; count < std::min(entries->size(), page->size); ++count) {
    bytes += (*entries)[count].second.size();
    if (count > 0 && bytes > kMostPageBytes) break;
  }
  PageOfEntries result;
  if (count < entries->size()) result.next_page_token = PageToken((*entries)[count].first);
  entries->resize(count);
  result.entries = *std::move(entries);
  return result;
}

}  // namespace lathe
