// Text for a terminal: free text made harmless, numbers and times made readable, columns.
#ifndef LATHE_CLIENTS_CLI_TERMINAL_TEXT_H_
#define LATHE_CLIENTS_CLI_TERMINAL_TEXT_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// `text` without the characters that a terminal would obey, and with blanks for line ends and tabs.
std::string OneLine(std::string_view text);
// The same, but line ends and tabs stay.
std::string PlainLines(std::string_view text);

// "0.25 s", "42 s", "3 min 5 s", "2 h 5 min", "3 d 4 h"
std::string DurationText(double seconds);

double SecondsOf(const google::protobuf::Duration& duration);
// Since 1970; 0 where it is not set.
double SecondsOf(const google::protobuf::Timestamp& time);
// "2026-01-31 12:00:01", in UTC; "-" where it is not set.
std::string TimeText(const google::protobuf::Timestamp& time);

using Row = std::vector<std::string>;
// Rows of one line each, in columns that are two blanks apart. Cells are OneLine already.
std::string Table(const std::vector<Row>& rows);

// Each line cut after `width` characters.
std::string CutLines(std::string_view text, size_t width);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_TERMINAL_TEXT_H_
