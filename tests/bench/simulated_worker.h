// A worker that trains nothing: it speaks to a server as workers do, and answers what it is told
// to.
#ifndef LATHE_TESTS_BENCH_SIMULATED_WORKER_H_
#define LATHE_TESTS_BENCH_SIMULATED_WORKER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lathe/v1/worker_service.grpc.pb.h"
#include "rpc/address.h"

namespace lathe::bench {

class SimulatedWorker {
 public:
  // Registered, over a connection of its own. Waits for the server to be there.
  static absl::StatusOr<std::unique_ptr<SimulatedWorker>> Connect(const Address& server, int batch);

  using Leases = std::vector<v1::Lease>;
  // What is there now, at most `most`.
  absl::StatusOr<Leases> Lease(int most);
  absl::Status Heartbeat(const Leases& leases);
  // A loss that follows from the lease, for each of its seeds. An error if one is not stored.
  absl::Status Complete(const Leases& leases);

 private:
  std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::string name_;
};

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_SIMULATED_WORKER_H_
