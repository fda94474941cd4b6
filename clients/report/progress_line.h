// One line that says how far a long run is, on standard error.
#ifndef LATHE_CLIENTS_REPORT_PROGRESS_LINE_H_
#define LATHE_CLIENTS_REPORT_PROGRESS_LINE_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace lathe {

// On a terminal the line is drawn over itself several times a second; elsewhere it is printed anew
// every ten seconds.
class ProgressLine {
 public:
  ProgressLine();

  // Whether it is time to show the line again, so that building it costs nothing otherwise.
  bool Due();
  // `done` of `total`; without a total there is no bar.
  void Show(uint64_t done, uint64_t total, const std::string& text);
  // Shows a last time and leaves the line standing.
  void Finish(uint64_t done, uint64_t total, const std::string& text);
  // Leaves the line standing as it is.
  void End();

  double SecondsSinceStart() const;

 private:
  using Clock = std::chrono::steady_clock;
  const bool terminal_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point shown_;
};

// "[#######-------------]  35 %"
std::string Bar(uint64_t done, uint64_t total);

}  // namespace lathe

#endif  // LATHE_CLIENTS_REPORT_PROGRESS_LINE_H_
