#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "clients/cli/client.h"
#include "clients/cli/commands.h"
#include "clients/cli/job_text.h"
#include "clients/cli/message_json.h"

namespace lathe {
namespace {

constexpr size_t kMostJobs = 20;

struct Snapshot {
  v1::ListJobsResponse jobs;
  v1::ListWorkersResponse workers;
};

absl::StatusOr<Snapshot> TakeSnapshot(Client& client) {
  absl::StatusOr<v1::ListJobsResponse> jobs = client.ListJobs(kMostJobs);
  if (!jobs.ok()) return jobs.status();
  absl::StatusOr<v1::ListWorkersResponse> workers = client.ListWorkers();
  if (!workers.ok()) return workers.status();
  return Snapshot{*std::move(jobs), *std::move(workers)};
}

std::string SnapshotJson(const Snapshot& snapshot) {
  // Both are objects with one list.
  std::string json = MessageJson(snapshot.jobs), workers = MessageJson(snapshot.workers);
  json.back() = ',';
  return json + workers.substr(1);
}

std::string SnapshotText(const Snapshot& snapshot) {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const double now = std::chrono::duration<double>(since_1970).count();
  const auto& jobs = snapshot.jobs.jobs();
  const auto& workers = snapshot.workers.workers();
  return absl::StrCat(JobTable({jobs.begin(), jobs.end()}, now), "\n",
                      WorkerTable({workers.begin(), workers.end()}, now));
}

// In place of what stands on the terminal.
void Redraw(const std::string& text) {
  winsize size = {};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  std::string frame = "\x1b[H";
  // \x1b[K clears the rest of a line, \x1b[J what is below.
  for (const char c : CutLines(text, known ? size.ws_col : 1000)) {
    frame += c == '\n' ? "\x1b[K\n" : std::string(1, c);
  }
  std::fputs((frame + "\x1b[J").c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

absl::Status TopCommand(const Address& server, bool once, bool json) {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  const bool repeated = !once && (terminal || json);
  std::optional<Interrupt> interrupt;
  if (repeated) interrupt.emplace();
  Client client(server);
  if (repeated && !json) std::fputs("\x1b[2J", stdout);
  do {
    const absl::StatusOr<Snapshot> snapshot = TakeSnapshot(client);
    if (!snapshot.ok()) return snapshot.status();
    if (json) {
      PrintLine(SnapshotJson(*snapshot));
    } else if (repeated) {
      Redraw(SnapshotText(*snapshot));
    } else {
      std::fputs(SnapshotText(*snapshot).c_str(), stdout);
    }
  } while (interrupt && !interrupt->WaitFor(1));
  return absl::OkStatus();
}

}  // namespace lathe
