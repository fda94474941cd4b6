// The service of one run: a server and its workers as child processes.
#ifndef LATHE_CLIENTS_RUN_SERVICE_PROCESSES_H_
#define LATHE_CLIENTS_RUN_SERVICE_PROCESSES_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "clients/run/server_process.h"
#include "clients/run/worker_group.h"

namespace lathe {

struct ServiceOptions {
  std::string programs;   // folder of lathe-server and lathe-worker
  std::string directory;  // for the logs
  std::string socket;     // path
  std::string store;
  std::string metrics;  // as lathe-server takes it
  int workers = 1;
  int batch = 1;
  std::string data, evaluator;  // empty: the worker's own
};

// Nothing waits: the owner polls Descriptor() and SIGCHLD until WakeAt() and calls Update() then,
// from the main thread. Destruction kills what is left.
class ServiceProcesses {
 public:
  using Clock = WorkerGroup::Clock;

  ServiceProcesses(const ServiceOptions& options, WorkerGroup::Say say);

  // Starts the server.
  absl::Status Start();
  // From now on there are workers. The server serves.
  void StartWorkers() { workers_wanted_ = true; }

  // Looks at what has happened and does what is due. `completed` counts the training runs so far.
  // An error says what has ended, with the end of its log, unless it was to end.
  absl::Status Update(uint64_t completed);
  int Descriptor() const { return server_.Descriptor(); }
  std::optional<Clock::time_point> WakeAt() const;

  bool Serving() const { return server_.Serving(); }
  const std::string& Announcement() const { return server_.Announcement(); }

  // Asks the workers to end, then the server. Those that take too long are killed.
  void Stop();
  // At once, with all their descendants.
  void Kill();
  bool Stopped() { return stage_ != Stage::kRunning && !workers_.Running() && !server_.Running(); }

 private:
  enum class Stage : uint8_t { kRunning, kDraining, kHurrying, kServer };

  void GoOnStopping();
  void EnterStage(Stage stage, std::chrono::milliseconds patience);

  ServerProcess server_;
  WorkerGroup workers_;
  bool workers_wanted_ = false;
  Stage stage_ = Stage::kRunning;
  Clock::time_point patience_ends_;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_RUN_SERVICE_PROCESSES_H_
