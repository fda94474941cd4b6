#include "clients/job/plain_scalar.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"

namespace lathe {
namespace {

void SkipSign(std::string_view* text) {
  if (!text->empty() && (text->front() == '-' || text->front() == '+')) text->remove_prefix(1);
}

// Removes the digits that `text` begins with; whether there were any.
bool SkipDigits(std::string_view* text) {
  const auto end =
      std::find_if_not(text->begin(), text->end(), [](char c) { return absl::ascii_isdigit(c); });
  const bool any = end != text->begin();
  text->remove_prefix(end - text->begin());
  return any;
}

bool IsInteger(std::string_view text) {
  SkipSign(&text);
  return SkipDigits(&text) && text.empty();
}

bool IsNumber(std::string_view text) {
  SkipSign(&text);
  bool digits = SkipDigits(&text);
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    digits |= SkipDigits(&text);
  }
  if (!digits) return false;
  if (text.empty()) return true;
  if (text.front() != 'e' && text.front() != 'E') return false;
  text.remove_prefix(1);
  return IsInteger(text);
}

bool IsBool(std::string_view text) {
  return text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
         text == "FALSE";
}

bool IsNonFinite(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  SkipSign(&text);
  return text == ".inf" || text == ".Inf" || text == ".INF";
}

}  // namespace

PlainType PlainTypeOf(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kScalar) return PlainType::kNone;
  if (!node.plain) return PlainType::kText;
  if (IsBool(node.text)) return PlainType::kBool;
  if (IsInteger(node.text)) return PlainType::kInteger;
  if (IsNumber(node.text)) return PlainType::kNumber;
  return IsNonFinite(node.text) ? PlainType::kNonFinite : PlainType::kText;
}

}  // namespace lathe
