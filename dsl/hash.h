// 128-bit content hashes (XXH3). They name things; equality is always decided on the content.
#ifndef LATHE_DSL_HASH_H_
#define LATHE_DSL_HASH_H_

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace lathe {

struct Hash128 {
  uint64_t high = 0, low = 0;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
  std::string Hex() const;  // 32 lower-case digits
};

Hash128 HashBytes(std::string_view bytes);

// Hashes a sequence of fields. Every field is written with a fixed width or its length, so that two
// different sequences of the same kinds of fields never write the same bytes. The kinds themselves
// are not written: whoever hashes decides on them.
class FieldHasher {
 public:
  FieldHasher();
  ~FieldHasher();
  FieldHasher(FieldHasher&&) noexcept;
  FieldHasher& operator=(FieldHasher&&) noexcept;

  FieldHasher& Number(uint64_t value);
  FieldHasher& Real(double value);  // by its bits
  FieldHasher& Text(std::string_view text);
  Hash128 Digest() const;  // of what has been added so far; more may be added afterwards

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace lathe

#endif  // LATHE_DSL_HASH_H_
