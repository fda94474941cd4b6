// Places at which a test may end the process, to see what the next one makes of it. In a server
// that is no test nothing happens there.
#ifndef LATHE_SERVER_CRASH_POINT_H_
#define LATHE_SERVER_CRASH_POINT_H_

#include <atomic>
#include <string_view>

namespace lathe {

using CrashHook = void (*)(std::string_view point);
inline std::atomic<CrashHook> crash_hook = nullptr;  // set before any thread is there

inline void CrashPoint(std::string_view point) {
  if (const CrashHook hook = crash_hook.load(std::memory_order_relaxed)) hook(point);
}

}  // namespace lathe

#endif  // LATHE_SERVER_CRASH_POINT_H_
