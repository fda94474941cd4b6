// Numbered batches by which a test knows what a store must hold: batch n puts a candidate and a log
// entry with number n and marks n as the last one.
#ifndef LATHE_SERVER_STORE_TESTING_BATCHES_H_
#define LATHE_SERVER_STORE_TESTING_BATCHES_H_

#include <cstdint>
#include <random>
#include <string>

#include "server/store/keys.h"
#include "server/store/store.h"

namespace lathe {

inline constexpr JobId kBatchJob = 1;
inline constexpr char kLastBatch[] = "last batch";

// From a few bytes up to many blocks of a log; does not compress.
inline std::string BatchValue(uint64_t number) {
  std::mt19937_64 random(number);
  const size_t size = random() % 4 == 0 ? random() % 200000 : random() % 200;
  std::string value(size, '\0');
  for (char& byte : value) byte = static_cast<char>(random());
  return value;
}

inline WriteBatch BatchOf(uint64_t number) {
  WriteBatch batch;
  batch.Put(Kind::kCandidates, CandidateKey(kBatchJob, number), std::to_string(number));
  batch.Put(Kind::kLogEntries, LogEntryKey(kBatchJob, number), BatchValue(number));
  batch.Put(Kind::kRequests, kLastBatch, std::to_string(number));
  return batch;
}

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_TESTING_BATCHES_H_
