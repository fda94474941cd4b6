// The end of a log, for a message about the process that has written it.
#ifndef LATHE_CLIENTS_RUN_LOG_TAIL_H_
#define LATHE_CLIENTS_RUN_LOG_TAIL_H_

#include <string>

namespace lathe {

// "; the end of its log:" and up to 20 lines of the file, indented, each after a newline; "; its
// log is empty" if there are none. What is no printable text is shown as '?'.
std::string LogTail(const std::string& path);

}  // namespace lathe

#endif  // LATHE_CLIENTS_RUN_LOG_TAIL_H_
