// Integer: one of Python's, of any size.
#pragma once

#include <openssl/bn.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace airlock::cli {

// Move-only. Not thread-safe. Decimal text takes the square of its length to make: Text() is linear.
class Integer {
 public:
  Integer() : value_(BN_new()) {}
  explicit Integer(int64_t value);
  // Two's complement, little-endian, as a BIG_INT node has it.
  static Integer OfBytes(std::string_view bytes);
  // REQUIRES: decimal digits, perhaps a minus in front.
  static Integer OfDigits(const std::string& digits);

  // Whether readers of JSON in all languages keep it: between -2^53 and 2^53.
  bool Exact() const;
  // Decimal below 2^4000, hexadecimal (-0x1f) beyond.
  std::string Text() const;
  // The magnitude, lower case; "0" for zero.
  std::string HexDigits() const;

  bool zero() const { return BN_is_zero(value_.get()) != 0; }
  bool negative() const { return BN_is_negative(value_.get()) != 0; }
  int bits() const { return BN_num_bits(value_.get()); }

  // Takes common factors out of both, and the sign out of the second. REQUIRES: the second is not zero.
  static void Reduce(Integer& numerator, Integer& denominator);

 private:
  struct Free {
    void operator()(BIGNUM* value) const { BN_free(value); }
  };
  std::unique_ptr<BIGNUM, Free> value_;
};

}  // namespace airlock::cli
