#include "workers/held_work.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace lathe {
namespace {

// Results that may wait for a server that grants leases but takes no results.
constexpr size_t kLeastUnacknowledged = 64;
constexpr size_t kUnacknowledgedBatches = 4;

auto Key(const v1::LeaseToken& token) {
  return std::tuple(token.epoch(), token.item(), token.grant());
}

}  // namespace

HeldWork::HeldWork(int batch, std::chrono::milliseconds gather) : batch_(batch), gather_(gather) {}

int HeldWork::Room() const {
  if (finished_ >= std::max(kLeastUnacknowledged, kUnacknowledgedBatches * batch_)) return 0;
  return batch_ - static_cast<int>(queue_.size());
}

bool HeldWork::MayTake() const {
  return closed_ || !queue_.empty();
}

int HeldWork::WaitForRoom() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || Room() > 0; });
  return closed_ ? 0 : Room();
}

uint64_t HeldWork::Generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

void HeldWork::Add(const v1::LeaseEvaluationsResponse& leases, uint64_t generation) {
  const std::lock_guard lock(mutex_);
  if (closed_ || generation != generation_) return;
  for (const v1::Lease& lease : leases.leases()) {
    const uint64_t id = next_id_++;
    Entry& entry = entries_[id];
    entry.token = lease.token();
    entry.program_hash = lease.item().program_hash();
    entry.item = lease.item();
    queue_.push_back(id);
  }
  changed_.notify_all();
}

void HeldWork::WaitForItems() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return MayTake(); });
}

std::vector<v1::EvaluatorItem> HeldWork::TakeBatch() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return MayTake(); });
  std::vector<v1::EvaluatorItem> batch;
  while (!queue_.empty() && batch.size() < static_cast<size_t>(batch_)) {
    Entry& entry = entries_.at(queue_.front());
    entry.state = State::kRunning;
    ++running_;
    v1::EvaluatorItem& item = batch.emplace_back();
    item.set_id(queue_.front());
    *item.mutable_item() = std::move(entry.item);
    queue_.pop_front();
  }
  changed_.notify_all();
  return batch;
}

void HeldWork::Finish(uint64_t id, v1::ItemResult result) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (entry.state == State::kRunning) --running_;
  *result.mutable_token() = entry.token;
  result.set_program_hash(entry.program_hash);
  entry.result = std::move(result);
  entry.state = State::kFinished;
  ++finished_;
  changed_.notify_all();
}

void HeldWork::EndEvaluating() {
  Close();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  std::erase_if(entries_, [](const auto& entry) { return entry.second.state == State::kRunning; });
  running_ = 0;
  changed_.notify_all();
}

std::vector<HeldWork::Finished> HeldWork::WaitForFinished(size_t most) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ended_ || finished_ > 0; });
  changed_.wait_for(lock, gather_, [&] { return ended_ || running_ == 0 || finished_ >= most; });
  std::vector<Finished> finished;
  for (const auto& [id, entry] : entries_) {
    if (finished.size() == most) break;
    if (entry.state == State::kFinished) finished.push_back({id, entry.result});
  }
  return finished;
}

void HeldWork::Acknowledge(const std::vector<uint64_t>& ids) {
  const std::lock_guard lock(mutex_);
  for (uint64_t id : ids) finished_ -= entries_.erase(id);
  changed_.notify_all();
}

std::string HeldWork::KeyOf(uint64_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? "" : found->second.token.item_key();
}

std::vector<v1::LeaseToken> HeldWork::Tokens() const {
  const std::lock_guard lock(mutex_);
  std::vector<v1::LeaseToken> tokens;
  for (const auto& [id, entry] : entries_) tokens.push_back(entry.token);
  return tokens;
}

std::vector<uint64_t> HeldWork::ForgetEnded(
    const google::protobuf::RepeatedPtrField<v1::LeaseToken>& ended) {
  std::set<decltype(Key({}))> over;
  for (const v1::LeaseToken& token : ended) over.insert(Key(token));
  const std::lock_guard lock(mutex_);
  std::vector<uint64_t> running;
  std::erase_if(entries_, [&](const auto& entry) {
    if (!over.contains(Key(entry.second.token))) return false;
    if (entry.second.state == State::kRunning) {
      running.push_back(entry.first);
      --running_;
    }
    return entry.second.state != State::kFinished;
  });
  std::erase_if(queue_, [this](uint64_t id) { return !entries_.contains(id); });
  changed_.notify_all();
  return running;
}

void HeldWork::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  EraseQueued();
}

void HeldWork::ForgetQueued() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  EraseQueued();
}

void HeldWork::EraseQueued() {
  for (uint64_t id : queue_) entries_.erase(id);
  queue_.clear();
  changed_.notify_all();
}

size_t HeldWork::Unacknowledged() const {
  const std::lock_guard lock(mutex_);
  return finished_;
}

}  // namespace lathe
