// lathe-server: jobs over gRPC, evaluated by workers, kept in a store.
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "server/server.h"
#include "server/store_check.h"

namespace lathe {
namespace {

constexpr int kFailure = 1, kUsage = 2;

struct Flags {
  std::string store, listen = std::string(kDefaultAddress), metrics = "127.0.0.1:9464";
  bool abandon_unfinished = false, sync = true, check_store = false;
  double lease_seconds = 10;
};

int Fail(int code, const absl::Status& status) {
  std::fprintf(stderr, "lathe-server: %s\n", std::string(status.message()).c_str());
  return code;
}

absl::StatusOr<ServerOptions> OptionsOf(const Flags& flags) {
  ServerOptions options;
  options.store = flags.store;
  const auto listen = ParseAddress(flags.listen);
  if (!listen.ok()) return listen.status();
  options.listen = *listen;
  if (flags.metrics != "off") {
    const auto metrics = ParseAddress(flags.metrics);
    if (!metrics.ok()) return metrics.status();
    if (metrics->kind != Address::Kind::kTcp) {
      return absl::InvalidArgumentError(
          absl::StrCat("--metrics ", flags.metrics, ": a port is required, or off"));
    }
    options.metrics = *metrics;
  }
  options.durability = flags.sync ? Durability::kMachine : Durability::kProcess;
  if (flags.abandon_unfinished) options.unfinished = Unfinished::kAbandon;
  options.lease_time = absl::Seconds(flags.lease_seconds);
  return options;
}

// One line for whoever has started this server.
void Announce(const Server& server) {
  std::string line = absl::StrCat("lathe-server: listening on ", server.ListeningOn().Target());
  if (server.MetricsOn()) {
    absl::StrAppend(&line, ", metrics on http://", server.MetricsOn()->Target(), "/metrics");
  }
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  spdlog::info("{}", line);
}

// Reads all of a store that no server has open.
int CheckStore(const std::string& directory) {
  const auto store = OpenRocksDbStoreForReading(directory);
  if (!store.ok()) return Fail(kFailure, store.status());
  const auto check = CheckRecords(**store);
  if (!check.ok()) return Fail(kFailure, check.status());
  for (size_t kind = 0; kind < kKindNames.size(); ++kind) {
    std::printf("%-12s %12llu records\n", std::string(kKindNames[kind]).c_str(),
                static_cast<unsigned long long>(check->records[kind]));
  }
  for (const std::string& problem : check->problems) std::printf("%s\n", problem.c_str());
  if (check->problem_count == 0) {
    std::printf("the store is whole\n");
    return 0;
  }
  return Fail(kFailure, absl::DataLossError(absl::StrCat("store ", directory, ": ",
                                                         check->problem_count, " problems")));
}

int Serve(const Flags& flags) {
  const auto options = OptionsOf(flags);
  if (!options.ok()) return Fail(kUsage, options.status());

  // Before any thread is there, so that all of them leave these signals to this one.
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  auto server = Server::Start(*options);
  if (!server.ok()) return Fail(kFailure, server.status());
  Announce(**server);
  int received = 0;
  sigwait(&signals, &received);
  spdlog::info("stopping on {}", strsignal(received));
  (*server)->Stop();
  spdlog::info("stopped");
  return 0;
}

int Main(int argc, char** argv) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("lathe-server"));
  Flags flags;
  CLI::App app("Takes search jobs over gRPC, leases their evaluations to workers, keeps results.",
               "lathe-server");
  app.add_option("--store", flags.store, "Directory of the store; created if it is missing")
      ->required();
  app.add_option("--listen", flags.listen, "unix:PATH, or HOST:PORT of the loopback interface")
      ->capture_default_str();
  app.add_option("--metrics", flags.metrics, "HOST:PORT of /metrics, or off")
      ->capture_default_str();
  app.add_flag("--abandon-unfinished", flags.abandon_unfinished,
               "Cancel the jobs that an earlier server left unfinished instead of resuming them");
  app.add_flag(
      "--sync,!--no-sync", flags.sync,
      "Force what is acknowledged to the disk, so that it survives a power loss (default); "
      "without it survives the death of the server only");
  app.add_flag("--check-store", flags.check_store,
               "Read all of the store, tell what is damaged, and leave");
  app.add_option("--lease-seconds", flags.lease_seconds,
                 "How long a silent worker keeps what it has leased")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  return flags.check_store ? CheckStore(flags.store) : Serve(flags);
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  return lathe::Main(argc, argv);
}
