#include "clients/run/worker_group.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace lathe {

WorkerGroup::WorkerGroup(WorkerGroupOptions options, Say say)
    : options_(std::move(options)), say_(std::move(say)) {
  workers_.resize(static_cast<size_t>(options_.workers));
}

absl::Status WorkerGroup::Update(uint64_t completed) {
  for (size_t i = 0; i < workers_.size() && !stopping_; ++i) {
    Worker& worker = workers_[i];
    if (worker.child && worker.child->Poll()) {
      if (absl::Status status = NoteEnd(i, completed); !status.ok()) return status;
    }
    if (!worker.child && worker.start_at <= Clock::now()) {
      if (absl::Status status = StartWorker(i); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status WorkerGroup::NoteEnd(size_t number, uint64_t completed) {
  Worker& worker = workers_[number];
  const ExitStatus end = *worker.child->Poll();
  worker.child.reset();
  if (completed > worker.completed_then) worker.ends = 0;
  worker.completed_then = completed;
  ++worker.ends;
  const std::string name = absl::StrCat("worker ", number);
  if (worker.ends >= options_.most_ends) {
    absl::Status error = EndedError(name, end, Command(number).log);
    return absl::UnavailableError(
        absl::StrCat("the workers end as soon as they are started: ", error.message()));
  }
  say_(absl::StrCat(name, " ", end.Text(), "; starting it again"));
  const auto wait = options_.first_wait * (int64_t{1} << std::min(worker.ends - 1, 20));
  worker.start_at = Clock::now() + std::min<Clock::duration>(wait, options_.longest_wait);
  return absl::OkStatus();
}

absl::Status WorkerGroup::StartWorker(size_t number) {
  auto child = StartLogged(Command(number));
  if (!child.ok()) return child.status();
  workers_[number].child.emplace(*std::move(child));
  return absl::OkStatus();
}

LoggedCommand WorkerGroup::Command(size_t number) const {
  return {options_.program, options_.arguments,
          absl::StrCat(options_.log_folder, "/worker-", number, ".log")};
}

std::optional<WorkerGroup::Clock::time_point> WorkerGroup::WakeAt() const {
  std::optional<Clock::time_point> first;
  for (const Worker& worker : workers_) {
    if (stopping_ || worker.child) continue;
    first = std::min(first.value_or(worker.start_at), worker.start_at);
  }
  return first;
}

void WorkerGroup::Signal(int signal) {
  stopping_ = true;
  for (Worker& worker : workers_) {
    if (worker.child && !worker.child->Poll()) worker.child->Signal(signal);
  }
}

void WorkerGroup::Kill() {
  stopping_ = true;
  for (Worker& worker : workers_) {
    if (worker.child) worker.child->KillTree();
    worker.child.reset();
  }
}

bool WorkerGroup::Running() {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](Worker& worker) { return worker.child && !worker.child->Poll(); });
}

}  // namespace lathe
