#include "server/store/keys.h"

#include <limits>
#include <type_traits>

namespace lathe {
namespace {

constexpr size_t kHashBytes = 16, kIdBytes = 8;
// All of an evaluation's key but its numeric class.
constexpr size_t kEvaluationBytes = 2 * kHashBytes + 4 + 1 + 4;

template <typename Number>
void Append(Number value, std::string& bytes) {
  static_assert(std::is_unsigned_v<Number>);
  for (int shift = 8 * static_cast<int>(sizeof value) - 8; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(value >> shift));
  }
}

void Append(const Hash128& hash, std::string& bytes) {
  Append(hash.high, bytes);
  Append(hash.low, bytes);
}

// Takes a number off the front of `bytes`, which are long enough.
template <typename Number>
Number Take(std::string_view& bytes) {
  Number value = 0;
  for (size_t i = 0; i < sizeof value; ++i) {
    value = static_cast<Number>(value << 8 | static_cast<unsigned char>(bytes[i]));
  }
  bytes.remove_prefix(sizeof value);
  return value;
}

Hash128 TakeHash(std::string_view& bytes) {
  const uint64_t high = Take<uint64_t>(bytes);
  return {high, Take<uint64_t>(bytes)};
}

std::string NumberKey(uint64_t number) {
  std::string key;
  Append(number, key);
  return key;
}

std::string PairKey(uint64_t first, uint64_t second) {
  std::string key = NumberKey(first);
  Append(second, key);
  return key;
}

}  // namespace

std::string JobKey(JobId id) {
  return NumberKey(~id);
}
std::string JobSpecKey(JobId id) {
  return NumberKey(id);
}
std::string ReportKey(JobId id) {
  return NumberKey(id);
}
std::string CandidateKey(JobId id, uint64_t index, int search) {
  return PairKey(id, static_cast<uint64_t>(search) * kMostCandidates + index);
}
std::string OutcomeKey(JobId id, uint64_t slot, int search) {
  return CandidateKey(id, slot, search);
}
std::string CheckpointKey(JobId id, int search) {
  std::string key = NumberKey(id);
  Append(static_cast<uint16_t>(search), key);
  return key;
}
std::string EventKey(JobId id, int64_t revision) {
  return PairKey(id, static_cast<uint64_t>(revision));
}
std::string JobPrefix(JobId id) {
  return NumberKey(id);
}
std::string LogEntryKey(JobId id, uint64_t sequence) {
  return PairKey(id, sequence);
}
std::string ProgramKey(const Hash128& program) {
  return PairKey(program.high, program.low);
}

std::string EvaluationKey::Bytes() const {
  std::string key;
  key.reserve(kEvaluationBytes + numeric_class.size());
  Append(program, key);
  Append(task, key);
  Append(static_cast<uint32_t>(language_version), key);
  key.push_back(measured_test ? 1 : 0);
  Append(static_cast<uint32_t>(seed_index), key);
  return key += numeric_class;
}

std::optional<JobId> ParseJobKey(std::string_view key) {
  if (key.size() != kIdBytes) return std::nullopt;
  return ~Take<uint64_t>(key);
}

std::optional<uint64_t> ParseCandidateIndex(std::string_view key) {
  if (key.size() != 2 * kIdBytes) return std::nullopt;
  key.remove_prefix(kIdBytes);
  return Take<uint64_t>(key);
}

std::optional<EvaluationKey> ParseEvaluationKey(std::string_view key) {
  constexpr uint32_t kMost = std::numeric_limits<int>::max();
  if (key.size() < kEvaluationBytes) return std::nullopt;
  EvaluationKey parsed;
  parsed.program = TakeHash(key);
  parsed.task = TakeHash(key);
  const auto language_version = Take<uint32_t>(key);
  const auto measured_test = Take<uint8_t>(key);
  const auto seed_index = Take<uint32_t>(key);
  if (language_version > kMost || measured_test > 1 || seed_index > kMost) return std::nullopt;
  parsed.language_version = static_cast<int>(language_version);
  parsed.measured_test = measured_test == 1;
  parsed.seed_index = static_cast<int>(seed_index);
  parsed.numeric_class = std::string(key);
  return parsed;
}

std::string EndOfPrefix(std::string_view prefix) {
  // Bytes 0xff at the end have no successor of the same length.
  const size_t last = prefix.find_last_not_of('\xff');
  if (last == std::string_view::npos) return "";
  std::string end(prefix.substr(0, last + 1));
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace lathe
