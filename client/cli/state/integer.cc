#include "client/cli/state/integer.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace airlock::cli {
namespace {

constexpr int kExactBits = 53;
constexpr int kDecimalBits = 4000;

struct FreeText {
  void operator()(char* text) const { OPENSSL_free(text); }
};
using BnText = std::unique_ptr<char, FreeText>;

}  // namespace

Integer::Integer(int64_t value) : Integer() {
  const uint64_t magnitude = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  BN_set_word(value_.get(), magnitude);
  BN_set_negative(value_.get(), value < 0 ? 1 : 0);
}

Integer Integer::OfBytes(std::string_view bytes) {
  Integer made;
  BN_lebin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), made.value_.get());
  if (bytes.empty() || (bytes.back() & 0x80) == 0) return made;
  Integer modulus;
  BN_set_bit(modulus.value_.get(), static_cast<int>(8 * bytes.size()));
  BN_sub(made.value_.get(), made.value_.get(), modulus.value_.get());
  return made;
}

Integer Integer::OfDigits(const std::string& digits) {
  Integer made;
  BIGNUM* value = made.value_.get();
  BN_dec2bn(&value, digits.c_str());
  return made;
}

bool Integer::Exact() const {
  Integer limit;
  BN_set_bit(limit.value_.get(), kExactBits);
  return BN_ucmp(value_.get(), limit.value_.get()) <= 0;
}

std::string Integer::HexDigits() const {
  const BnText text(BN_bn2hex(value_.get()));
  std::string_view digits(text.get());
  if (digits.starts_with('-')) digits.remove_prefix(1);
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size() - 1));
  std::string result;
  for (const char c : digits) result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string Integer::Text() const {
  if (bits() > kDecimalBits) return (negative() ? "-0x" : "0x") + HexDigits();
  return BnText(BN_bn2dec(value_.get())).get();
}

void Integer::Reduce(Integer& numerator, Integer& denominator) {
  struct FreeContext {
    void operator()(BN_CTX* context) const { BN_CTX_free(context); }
  };
  const std::unique_ptr<BN_CTX, FreeContext> context(BN_CTX_new());
  Integer common;
  BN_gcd(common.value_.get(), numerator.value_.get(), denominator.value_.get(), context.get());
  BN_set_negative(common.value_.get(), denominator.negative() ? 1 : 0);
  for (Integer* part : {&numerator, &denominator}) {
    Integer quotient;
    BN_div(quotient.value_.get(), nullptr, part->value_.get(), common.value_.get(), context.get());
    std::swap(part->value_, quotient.value_);
  }
}

}  // namespace airlock::cli
