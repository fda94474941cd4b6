#include "server/store/write_ahead_log.h"

#include <boost/crc.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlock = 32768;
// Checksum (4), length (2), type (1); of a log file that is used again also its number (4).
constexpr size_t kHeader = 7, kHeaderOfReused = 11;
constexpr unsigned char kLastType = 4, kLastReusedType = 8;

using Crc32c = boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true>;

uint32_t Little(std::string_view bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    value |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return value;
}

// Where the record at `at` ends; nothing if there is no whole one.
std::optional<size_t> EndOfRecord(std::string_view log, size_t at) {
  if (at + kHeader > log.size()) return std::nullopt;
  const auto type = static_cast<unsigned char>(log[at + 6]);
  if (type == 0 || type > kLastReusedType) return std::nullopt;
  const size_t header = type <= kLastType ? kHeader : kHeaderOfReused;
  const size_t end = at + header + Little(log, at + 4, 2);
  const size_t end_of_block = (at / kBlock + 1) * kBlock;
  if (end > log.size() || end > end_of_block) return std::nullopt;
  Crc32c crc;
  crc.process_bytes(log.data() + at + 6, 1);
  crc.process_bytes(log.data() + at + kHeader, end - at - kHeader);
  // Stored in another form, since a checksum over data with checksums in it is weak.
  const uint32_t sum = crc.checksum();
  const uint32_t masked = ((sum >> 15) | (sum << 17)) + 0xa282ead8U;
  return masked == Little(log, at, 4) ? std::optional(end) : std::nullopt;
}

// A block's end that is too short for a header is left empty.
size_t SkipTrailer(size_t at) {
  const size_t left = kBlock - at % kBlock;
  return left < kHeader ? at + left : at;
}

bool HasRecordAfterDamage(std::string_view log) {
  size_t at = 0;
  while (const auto end = EndOfRecord(log, at)) at = SkipTrailer(*end);
  for (++at; at + kHeader <= log.size(); ++at) {
    if (EndOfRecord(log, at)) return true;
  }
  return false;
}

}  // namespace

absl::Status CheckWriteAheadLogs(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() != ".log") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    if (!HasRecordAfterDamage(bytes)) continue;
    return absl::DataLossError(
        absl::StrCat("store ", directory, ": damaged file ", entry.path().string()));
  }
  return absl::OkStatus();
}

}  // namespace lathe
