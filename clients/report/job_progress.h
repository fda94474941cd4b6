// How far a job is, as a line of text.
#ifndef LATHE_CLIENTS_REPORT_JOB_PROGRESS_H_
#define LATHE_CLIENTS_REPORT_JOB_PROGRESS_H_

#include <string>
#include <string_view>

#include "clients/report/progress_line.h"
#include "lathe/v1/resources.pb.h"

namespace lathe {

// "512 proposals/s, rejected: no_effect 4, duplicates 2, evaluated 9 (3.1/s, diverged 1), best
// 0.1204" during the search, "study: tuning 3" after it. `seconds` is how long the search has been
// running.
std::string ProgressText(const v1::JobProgress& progress, double seconds);

// The line of a job on standard error, phase after phase; a phase that has ended leaves its line
// standing.
class JobProgressLine {
 public:
  // Whether it is time to show the job in that phase, so that its progress is made up only then. A
  // new phase is shown at once.
  bool Due(std::string_view phase);
  // `note` is added where it is not empty.
  void Show(const v1::JobProgress& progress, double seconds, const std::string& note = "");
  // The phase has ended, and with it the search or the study.
  void Finish(const v1::JobProgress& progress, double seconds);
  // The job has ended before its time: leaves the line as it is.
  void Leave();

 private:
  void FinishShown();

  ProgressLine line_;
  std::string last_phase_ = "search";
  v1::JobProgress shown_;  // without a phase: no line is open
  double shown_seconds_ = 0;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_REPORT_JOB_PROGRESS_H_
