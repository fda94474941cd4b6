// The whole server: store, jobs, leases, services, metrics, and the thread that keeps time.
//
//   auto server = Server::Start({.store = "/var/lib/lathe", .listen = *ParseAddress("...")});
//   ... (*server)->Stop();
#ifndef LATHE_SERVER_SERVER_H_
#define LATHE_SERVER_SERVER_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rpc/address.h"
#include "server/job_board.h"
#include "server/store/rocksdb_store.h"
#include "server/store/store.h"

namespace lathe {

struct ServerOptions {
  std::string store;  // directory
  // What an acknowledged write survives.
  Durability durability = Durability::kMachine;
  Address listen;
  std::optional<Address> metrics;  // nothing: not served
  // What becomes of jobs that an earlier server left unfinished.
  Unfinished unfinished = Unfinished::kResume;
  absl::Duration lease_time = absl::Seconds(10);
};

class Server {
 public:
  // Serves once it returns. The message names what is in the way: a store or an address in use, a
  // store of another version, ...
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options);
  // The same on a store that is open already.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       std::unique_ptr<Store> store);
  virtual ~Server() = default;

  // With the ports that were chosen.
  virtual const Address& ListeningOn() const = 0;
  virtual const std::optional<Address>& MetricsOn() const = 0;
  // What /metrics tells.
  virtual std::string MetricsText() const = 0;
  // Takes no new calls, ends the ones that wait, interrupts the jobs. A later server on the same
  // store goes on with them. Destruction stops, too.
  virtual void Stop() = 0;
};

}  // namespace lathe

#endif  // LATHE_SERVER_SERVER_H_
