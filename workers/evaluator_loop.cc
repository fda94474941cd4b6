#include "workers/evaluator_loop.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "workers/evaluate_item.h"
#include "workers/frame.h"

namespace lathe {
namespace {

// What has been received and not been evaluated.
class Inbox {
 public:
  void Put(v1::EvaluatorBatch batch) {
    const std::lock_guard lock(mutex_);
    for (v1::EvaluatorItem& item : *batch.mutable_items()) items_.push_back(std::move(item));
    changed_.notify_one();
  }

  void Close(int status) {
    const std::lock_guard lock(mutex_);
    status_ = status;
    changed_.notify_one();
  }

  // Waits for items; the next ones, at most so many. None once closed, whatever is left.
  std::vector<v1::EvaluatorItem> Take(int most) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return status_ || !items_.empty(); });
    std::vector<v1::EvaluatorItem> items;
    while (!status_ && !items_.empty() && std::ssize(items) < most) {
      items.push_back(std::move(items_.front()));
      items_.pop_front();
    }
    return items;
  }

  int Status() {
    const std::lock_guard lock(mutex_);
    return status_.value_or(1);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::EvaluatorItem> items_;
  std::optional<int> status_;
};

int ReportEnd(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kOutOfRange) return 0;
  std::fprintf(stderr, "evaluator: from the worker: %s\n", std::string(status.message()).c_str());
  return 1;
}

void Receive(int socket, Inbox& inbox, const std::function<void(int)>& worker_gone) {
  while (true) {
    v1::EvaluatorBatch batch;
    if (absl::Status status = ReadFrame(socket, batch); !status.ok()) {
      const int exit_status = ReportEnd(status);
      worker_gone(exit_status);
      return inbox.Close(exit_status);
    }
    inbox.Put(std::move(batch));
  }
}

}  // namespace

v1::EvaluatorHello DescribeEvaluator(Evaluator& evaluator) {
  v1::EvaluatorHello hello;
  hello.set_numeric_class(evaluator.NumericClass());
  hello.set_device("cpu");
  for (const std::string& model : evaluator.Models()) hello.add_models(model);
  const DatasetSurvey survey = evaluator.Datasets();
  for (const auto& [name, data] : survey.whole) {
    v1::WorkerDataset& dataset = *hello.add_datasets();
    dataset.set_name(name);
    dataset.set_content_hash(data.content_hash());
    *dataset.mutable_data() = data;
  }
  for (const auto& [name, description] : survey.models) {
    v1::WorkerModel& model = *hello.add_registered_models();
    model.set_name(name);
    *model.mutable_description() = description;
  }
  for (const auto& [name, problem] : survey.problems) {
    v1::MissingDataset& missing = *hello.add_missing_datasets();
    missing.set_name(name);
    missing.set_reason(WireMessage(problem));
  }
  return hello;
}

int ServeEvaluations(int socket, Evaluator& evaluator,
                     const std::function<void(int status)>& worker_gone) {
  Inbox inbox;
  std::thread receiver(Receive, socket, std::ref(inbox), std::cref(worker_gone));
  v1::FromEvaluator message;
  *message.mutable_hello() = DescribeEvaluator(evaluator);
  absl::Status written = WriteFrame(socket, message);
  while (written.ok()) {
    const std::vector<v1::EvaluatorItem> items = inbox.Take(evaluator.PopulationSize());
    if (items.empty()) break;
    for (v1::EvaluatorResult& result : EvaluateItems(evaluator, items)) {
      *message.mutable_result() = std::move(result);
      written.Update(WriteFrame(socket, message));
    }
  }
  // Ends the receiver where it was not the first to end.
  shutdown(socket, SHUT_RDWR);
  receiver.join();
  return inbox.Status();
}

int RunEvaluatorProcess(const char* name, Evaluator& evaluator) {
  struct stat info = {};
  if (fstat(kEvaluatorSocket, &info) != 0 || !S_ISSOCK(info.st_mode)) {
    std::fprintf(stderr, "%s: is started by lathe-worker, with a socket as descriptor 3\n", name);
    return 2;
  }
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
  return ServeEvaluations(kEvaluatorSocket, evaluator, [](int status) { _exit(status); });
}

}  // namespace lathe
