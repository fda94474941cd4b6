// What a job asks to be evaluated, and who hears of it.
#ifndef LATHE_SERVER_EVALUATION_REQUEST_H_
#define LATHE_SERVER_EVALUATION_REQUEST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dsl/canonicalize.h"
#include "lathe/v1/report.pb.h"
#include "lathe/v1/task.pb.h"
#include "search/outcome.h"

namespace lathe {

// Who asked. Its functions are called from any thread, with locks held: they must be short, and
// must not call the desk.
class EvaluationClient {
 public:
  virtual ~EvaluationClient() = default;

  // Once per request. An error means that the evaluation failed for good.
  virtual void Deliver(uint64_t id, absl::StatusOr<EvaluationResult> result,
                       const v1::EvaluationCounts& sources) = 0;
  // Workers came or went: what the client waits for may be there, or gone.
  virtual void WorkersChanged() = 0;
  // An event worth a line of the job's log.
  virtual void Warn(const std::string& message) = 0;
};

// Training runs that are scored together.
struct DeskRequest {
  std::shared_ptr<EvaluationClient> client;
  uint64_t id = 0;  // chosen by the client
  std::shared_ptr<const CanonicalForm> program;
  v1::Task task;  // resolved
  std::vector<int> seeds;
  bool stop_at_divergence = false;
  bool measure_test = false;
  std::string numeric_class;
  // Runs whatever is known already, and is recorded nowhere: for whoever compares.
  bool repeat = false;
};

}  // namespace lathe

#endif  // LATHE_SERVER_EVALUATION_REQUEST_H_
