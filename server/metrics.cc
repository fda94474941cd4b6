#include "server/metrics.h"

#include <prometheus/exposer.h>
#include <prometheus/text_serializer.h>

#include <cctype>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

Counter& AddCounter(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

Gauge& AddGauge(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

// Bounds in seconds, a factor of about 3 apart.
Histogram& AddHistogram(Registry& registry, const char* name, const char* help,
                        std::vector<double> bounds) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, bounds);
}

std::vector<double> LongTimes() {
  return {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000};
}

std::vector<double> ShortTimes() {
  return {0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1};
}

std::array<Counter*, kFilterCount> AddRejections(Registry& registry) {
  auto& family = prometheus::BuildCounter()
                     .Name("lathe_candidates_rejected_total")
                     .Help("Proposals that a filter rejected before any training.")
                     .Register(registry);
  std::array<Counter*, kFilterCount> counters;
  for (int i = 0; i < kFilterCount; ++i) {
    counters[i] = &family.Add({{"filter", std::string(kFilterNames[i])}});
  }
  return counters;
}

std::array<Gauge*, v1::Job::State_ARRAYSIZE> AddJobStates(Registry& registry) {
  auto& family =
      prometheus::BuildGauge().Name("lathe_jobs").Help("Jobs by state.").Register(registry);
  std::array<Gauge*, v1::Job::State_ARRAYSIZE> gauges = {};
  for (int state = v1::Job::QUEUED; state < v1::Job::State_ARRAYSIZE; ++state) {
    std::string name = v1::Job::State_Name(static_cast<v1::Job::State>(state));
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    gauges[state] = &family.Add({{"state", name}});
  }
  return gauges;
}

}  // namespace

prometheus::Family<Gauge>& Metrics::Gauges(const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry_);
}

Metrics::Metrics()
    : jobs(AddJobStates(*registry_)),
      jobs_created(AddCounter(*registry_, "lathe_jobs_created_total", "Jobs that were created.")),
      candidates_proposed(AddCounter(*registry_, "lathe_candidates_proposed_total",
                                     "Proposals of the searches, rejected ones included.")),
      candidates_rejected(AddRejections(*registry_)),
      candidates_duplicate(AddCounter(*registry_, "lathe_candidates_duplicate_total",
                                      "Proposals equal to an earlier one of their job.")),
      candidates_evaluated(AddCounter(*registry_, "lathe_candidates_evaluated_total",
                                      "Candidates whose scores were told to their search.")),
      candidates_diverged(AddCounter(*registry_, "lathe_candidates_diverged_total",
                                     "Evaluated candidates with a training run that diverged.")),
      candidates_stopped(AddCounter(*registry_, "lathe_candidates_stopped_total",
                                    "Evaluated candidates that were stopped at a hurdle.")),
      evaluations(AddCounter(*registry_, "lathe_evaluations_total",
                             "Training runs whose results were stored.")),
      evaluations_diverged(
          AddCounter(*registry_, "lathe_evaluations_diverged_total", "Of these, diverged.")),
      evaluations_failed(AddCounter(*registry_, "lathe_evaluations_failed_total",
                                    "Items given up after the last attempt.")),
      evaluations_retried(AddCounter(*registry_, "lathe_evaluations_retried_total",
                                     "Items queued again: a lease ran out, a worker left, or an "
                                     "evaluator failed.")),
      evaluations_merged(AddCounter(*registry_, "lathe_evaluations_merged_total",
                                    "Training runs shared with one that was under way.")),
      evaluations_repeated(AddCounter(*registry_, "lathe_evaluations_repeated_total",
                                      "Training runs repeated to compare them with what is "
                                      "stored; not among the others.")),
      cache_queries(AddCounter(*registry_, "lathe_evaluation_cache_queries_total",
                               "Training runs that were looked up in the store.")),
      cache_hits(AddCounter(*registry_, "lathe_evaluation_cache_hits_total",
                            "Training runs answered from the store.")),
      evaluation_seconds(AddHistogram(*registry_, "lathe_evaluation_duration_seconds",
                                      "Time that an item took in its evaluator.", LongTimes())),
      items_queued(
          AddGauge(*registry_, "lathe_evaluation_items_queued", "Items that wait for a worker.")),
      items_leased(
          AddGauge(*registry_, "lathe_evaluation_items_leased", "Items that workers hold.")),
      queue_seconds(AddHistogram(*registry_, "lathe_evaluation_queue_duration_seconds",
                                 "Time from an item's queueing to its completion.", LongTimes())),
      leases_granted(AddCounter(*registry_, "lathe_leases_granted_total", "Leases granted.")),
      leases_expired(AddCounter(*registry_, "lathe_leases_expired_total",
                                "Leases that ran out without a result.")),
      completions_refused(AddCounter(*registry_, "lathe_completions_refused_total",
                                     "Results that came after their lease was over.")),
      workers(AddGauge(*registry_, "lathe_workers", "Live workers.")),
      workers_registered(
          AddCounter(*registry_, "lathe_workers_registered_total", "Workers that registered.")),
      workers_lost(AddCounter(*registry_, "lathe_workers_lost_total",
                              "Workers that went silent without leaving.")),
      store_write_seconds(AddHistogram(*registry_, "lathe_store_write_duration_seconds",
                                       "Time to write a batch to the store.", ShortTimes())),
      store_write_failures(AddCounter(*registry_, "lathe_store_write_failures_total",
                                      "Batches that could not be written.")),
      job_info_(Gauges("lathe_job_info", "The job that has a slot; always 1.")),
      job_best_objective_(
          Gauges("lathe_job_best_objective", "Lowest objective of the job's search so far.")),
      job_proposed_(Gauges("lathe_job_candidates_proposed", "Proposals of the job's search.")),
      job_evaluated_(
          Gauges("lathe_job_candidates_evaluated", "Candidates of the job's search with scores.")),
      job_progress_(
          Gauges("lathe_job_progress_ratio", "Share of the job's current phase that is done.")),
      job_update_time_(Gauges("lathe_job_last_progress_timestamp_seconds",
                              "When the job last got on, in seconds since 1970.")) {}

Metrics::~Metrics() = default;

absl::StatusOr<int> Metrics::Expose(const Address& address) {
  const std::string host = address.host.find(':') == std::string::npos
                               ? address.host
                               : absl::StrCat("[", address.host, "]");
  const std::string where = absl::StrCat(host, ":", address.port);
  try {
    exposer_ = std::make_unique<prometheus::Exposer>(where, 2);
    exposer_->RegisterCollectable(registry_);
    return exposer_->GetListeningPorts().front();
  } catch (const std::exception& error) {
    exposer_.reset();
    return absl::UnavailableError(absl::StrCat("metrics: cannot listen on ", where,
                                               "; is the port in use? (", error.what(), ")"));
  }
}

JobGauges Metrics::TakeSlot(int slot, const std::string& display_name) {
  JobGauges& gauges = slots_[slot];
  if (gauges.info != nullptr) {
    job_info_.Remove(gauges.info);
    job_best_objective_.Remove(gauges.best_objective);
    job_proposed_.Remove(gauges.proposed);
    job_evaluated_.Remove(gauges.evaluated);
    job_progress_.Remove(gauges.progress);
    job_update_time_.Remove(gauges.update_time);
  }
  const prometheus::Labels labels = {{"job_slot", std::to_string(slot)}};
  gauges.info =
      &job_info_.Add({{"job_slot", std::to_string(slot)}, {"display_name", display_name}}, 1.0);
  gauges.best_objective = &job_best_objective_.Add(labels, NAN);
  gauges.proposed = &job_proposed_.Add(labels);
  gauges.evaluated = &job_evaluated_.Add(labels);
  gauges.progress = &job_progress_.Add(labels);
  gauges.update_time = &job_update_time_.Add(labels);
  return gauges;
}

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

}  // namespace lathe
