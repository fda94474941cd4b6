// JSON as text. What is not UTF-8 in it, such as the name of a file in a message, is shown with
// replacement characters: nlohmann::json throws otherwise.
#ifndef LATHE_CLIENTS_REPORT_JSON_TEXT_H_
#define LATHE_CLIENTS_REPORT_JSON_TEXT_H_

#include <nlohmann/json.hpp>
#include <string>

namespace lathe {

inline constexpr int kOneLine = -1;

// With a newline at the end. `indent` is how far each level is indented.
template <typename Json>
std::string JsonText(const Json& json, int indent = kOneLine) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

}  // namespace lathe

#endif  // LATHE_CLIENTS_REPORT_JSON_TEXT_H_
