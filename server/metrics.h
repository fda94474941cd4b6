// What the server tells Prometheus. Names and labels are part of the interface; labels are bounded:
// what is told of a single job carries `job_slot`, 0 to 31, which the most recent jobs share.
//
// Thread-safe: every member may be counted from any thread.
#ifndef LATHE_SERVER_METRICS_H_
#define LATHE_SERVER_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lathe/v1/resources.pb.h"
#include "rpc/address.h"
#include "search/outcome.h"

namespace prometheus {
class Exposer;
}

namespace lathe {

inline constexpr int kJobSlots = 32;

// The series of one job, as long as it has its slot.
struct JobGauges {
  prometheus::Gauge* info = nullptr;
  prometheus::Gauge* best_objective = nullptr;  // set once something ran through
  prometheus::Gauge* proposed = nullptr;
  prometheus::Gauge* evaluated = nullptr;
  prometheus::Gauge* progress = nullptr;
  prometheus::Gauge* update_time = nullptr;
};

class Metrics {
 private:
  std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  std::unique_ptr<prometheus::Exposer> exposer_;

 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Serves /metrics there, until destruction. The port that was chosen; unavailable if it is not
  // free.
  absl::StatusOr<int> Expose(const Address& address);

  // Gives a slot to a job, and takes the slot's series from the job that had it.
  JobGauges TakeSlot(int slot, const std::string& display_name);

  // The text that is served.
  std::string Text() const;

  // Search.
  std::array<prometheus::Gauge*, v1::Job::State_ARRAYSIZE> jobs;  // by state; null: unspecified
  prometheus::Counter& jobs_created;
  prometheus::Counter& candidates_proposed;
  std::array<prometheus::Counter*, kFilterCount> candidates_rejected;  // by filter
  prometheus::Counter& candidates_duplicate;
  prometheus::Counter& candidates_evaluated;
  prometheus::Counter& candidates_diverged;
  prometheus::Counter& candidates_stopped;

  // Evaluations: training runs of one seed index.
  prometheus::Counter& evaluations;
  prometheus::Counter& evaluations_diverged;
  prometheus::Counter& evaluations_failed;
  prometheus::Counter& evaluations_retried;
  prometheus::Counter& evaluations_merged;
  prometheus::Counter& evaluations_repeated;
  prometheus::Counter& cache_queries;
  prometheus::Counter& cache_hits;
  prometheus::Histogram& evaluation_seconds;

  // Items and leases.
  prometheus::Gauge& items_queued;
  prometheus::Gauge& items_leased;
  prometheus::Histogram& queue_seconds;
  prometheus::Counter& leases_granted;
  prometheus::Counter& leases_expired;
  prometheus::Counter& completions_refused;

  // Workers.
  prometheus::Gauge& workers;
  prometheus::Counter& workers_registered;
  prometheus::Counter& workers_lost;

  // Store.
  prometheus::Histogram& store_write_seconds;
  prometheus::Counter& store_write_failures;

 private:
  prometheus::Family<prometheus::Gauge>& Gauges(const char* name, const char* help);

  prometheus::Family<prometheus::Gauge>& job_info_;
  prometheus::Family<prometheus::Gauge>& job_best_objective_;
  prometheus::Family<prometheus::Gauge>& job_proposed_;
  prometheus::Family<prometheus::Gauge>& job_evaluated_;
  prometheus::Family<prometheus::Gauge>& job_progress_;
  prometheus::Family<prometheus::Gauge>& job_update_time_;
  std::array<JobGauges, kJobSlots> slots_;
};

}  // namespace lathe

#endif  // LATHE_SERVER_METRICS_H_
