// Linked to a server, this makes it end by SIGKILL where LATHE_CRASH_AT in the environment says:
// "POINT:N", at the N-th time that it comes by there.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "server/crash_point.h"

namespace lathe {
namespace {

std::string wanted_point;
std::atomic<int> times_left = 0;

void CrashThere(std::string_view point) {
  if (point == wanted_point && --times_left == 0) kill(getpid(), SIGKILL);
}

const bool is_set = [] {
  const char* wanted = std::getenv("LATHE_CRASH_AT");
  if (wanted == nullptr) return false;
  const std::string text = wanted;
  const size_t colon = text.find(':');
  if (colon == std::string::npos) return false;
  wanted_point = text.substr(0, colon);
  times_left = std::atoi(text.c_str() + colon + 1);
  crash_hook = CrashThere;
  return true;
}();

}  // namespace
}  // namespace lathe
