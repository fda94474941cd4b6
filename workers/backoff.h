// Waits between attempts at something that may work later.
#ifndef LATHE_WORKERS_BACKOFF_H_
#define LATHE_WORKERS_BACKOFF_H_

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace lathe {

// Whether the whole time has passed; false as soon as a stop is requested.
inline bool SleepFor(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

// Each wait is twice as long as the one before it, up to a bound.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds most)
      : first_(first), most_(most), next_(first) {}

  bool Wait(const std::stop_token& stop) {
    return SleepFor(stop, std::exchange(next_, std::min(2 * next_, most_)));
  }
  void Reset() { next_ = first_; }

 private:
  const std::chrono::milliseconds first_, most_;
  std::chrono::milliseconds next_;
};

}  // namespace lathe

#endif  // LATHE_WORKERS_BACKOFF_H_
