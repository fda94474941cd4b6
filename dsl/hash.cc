#include "dsl/hash.h"

#include <array>
#include <bit>
#include <cstdio>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace lathe {

std::string Hash128::Hex() const {
  char digits[33];
  std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  return digits;
}

Hash128 HashBytes(std::string_view bytes) {
  XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

struct FieldHasher::Stream {
  XXH3_state_t state;
};

FieldHasher::FieldHasher() : stream_(std::make_unique<Stream>()) {
  XXH3_INITSTATE(&stream_->state);
  XXH3_128bits_reset(&stream_->state);
}
FieldHasher::~FieldHasher() = default;
FieldHasher::FieldHasher(FieldHasher&&) noexcept = default;
FieldHasher& FieldHasher::operator=(FieldHasher&&) noexcept = default;

FieldHasher& FieldHasher::Number(uint64_t value) {
  // Little-endian whatever the machine, so that a hash may leave it.
  std::array<unsigned char, 8> bytes;
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(value >> (8 * i));
  XXH3_128bits_update(&stream_->state, bytes.data(), bytes.size());
  return *this;
}

FieldHasher& FieldHasher::Real(double value) {
  return Number(std::bit_cast<uint64_t>(value));
}

FieldHasher& FieldHasher::Text(std::string_view text) {
  Number(text.size());
  XXH3_128bits_update(&stream_->state, text.data(), text.size());
  return *this;
}

Hash128 FieldHasher::Digest() const {
  XXH128_hash_t hash = XXH3_128bits_digest(&stream_->state);
  return {hash.high64, hash.low64};
}

}  // namespace lathe
