#include "sandbox/formats/stream_arrays.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sandbox/formats/hidden_opcodes.h"

namespace airlock::formats {

using pickle::Kind;
using pickle::NodeId;

Result<void> StreamArrays::Enter(uint64_t) {
  if (!first_) first_ = source_.offset();
  padding_ = 0;
  return {};
}

Result<void> StreamArrays::CheckLeft(uint64_t nbytes) const {
  if (nbytes <= source_.remaining()) return {};
  return Fail(Reason::kTruncated,
              "an array has " + std::to_string(nbytes) + " bytes, " + std::to_string(source_.remaining()) + " are left",
              source_.offset());
}

// Only a joblib file has opcodes around its elements. What pickle.load makes of them begins with the padding. A joblib
// that knows of no padding takes it for elements, and the last of the elements for opcodes.
Result<void> StreamArrays::LookForOpcodes(uint64_t nbytes) {
  if (in_place_ == nullptr || !entered()) return {};
  const uint64_t at = source_.offset() - padding_;
  AIRLOCK_ASSIGN(const bool found, LookAt(at, padding_ + nbytes));
  if (found || padding_ == 0) return {};
  AIRLOCK_TRY(LookAt(at + nbytes, padding_));
  return {};
}

Result<bool> StreamArrays::LookAt(uint64_t at, uint64_t length) {
  AIRLOCK_ASSIGN(const HiddenOpcodes hidden, FindHiddenOpcodes(input_, at, length, scan_budget_));
  if (!hidden.calls && !hidden.endless) return false;
  using pickle::Severity;
  const bool dangerous = !hidden.name.empty() &&
                         pickle::Classify(hidden.module, hidden.name).symbol_class == pickle::SymbolClass::kDangerous;
  std::string message = "pickle.load, unlike joblib, would run the elements of an array as opcodes";
  if (!hidden.name.empty()) message += ", and call " + hidden.module + "." + hidden.name;
  pickle::AddFinding(context_,
                     pickle::Finding{std::string(kOpcodesInArray), dangerous ? Severity::kDanger : Severity::kWarning,
                                     std::move(message), "", at});
  return true;
}

// joblib 1.2 and later: a length, then so many bytes of 255, up to the alignment of the elements.
Result<void> StreamArrays::SkipPadding() {
  constexpr uint8_t kFiller = 0xFF;
  AIRLOCK_TRY(source_.Need(1));
  const size_t length = *source_.peek();
  source_.Skip(1);
  AIRLOCK_TRY(source_.Need(length));
  if (std::count(source_.peek(), source_.peek() + length, kFiller) != static_cast<std::ptrdiff_t>(length)) {
    return Fail(Reason::kPickleMalformed, "the padding of a joblib array holds something", source_.offset());
  }
  source_.Skip(length);
  padding_ = 1 + length;
  return {};
}

Result<tensors::Storage> StreamArrays::TakeStorage(uint64_t nbytes, uint64_t swap_size) {
  AIRLOCK_TRY(CheckLeft(nbytes));
  AIRLOCK_TRY(LookForOpcodes(nbytes));
  if (in_place_ == nullptr || swap_size > 1) return storages_.Copy(source_, nbytes, swap_size);
  const uint64_t start = source_.offset();
  in_place_->SkipTo(start + nbytes);
  return storages_.PlaceAt(start, nbytes);
}

Result<void> StreamArrays::StartElements(uint64_t nbytes) {
  AIRLOCK_TRY(CheckLeft(nbytes));
  return LookForOpcodes(nbytes);
}

Result<void> StreamArrays::NextElements(std::span<uint8_t> out) {
  while (!out.empty()) {
    AIRLOCK_TRY(source_.Need(1));
    const size_t take = std::min(source_.available(), out.size());
    std::copy_n(source_.peek(), take, out.begin());
    source_.Skip(take);
    out = out.subspan(take);
  }
  return {};
}

Result<NodeId> StreamArrays::TakeBytes(uint64_t nbytes) {
  AIRLOCK_TRY(CheckLeft(nbytes));
  AIRLOCK_TRY(LookForOpcodes(nbytes));
  const uint64_t limit = context_.limits.string_bytes;
  const uint64_t used = context_.graph.string_bytes();
  if (nbytes > limit || used > limit - nbytes) return FailLimit("string_bytes", limit, used + nbytes, source_.offset());
  std::string bytes;
  while (bytes.size() < nbytes) {
    AIRLOCK_TRY(source_.Need(1));
    const size_t take = std::min<size_t>(source_.available(), nbytes - bytes.size());
    bytes.append(reinterpret_cast<const char*>(source_.peek()), take);
    source_.Skip(take);
  }
  return context_.graph.Text(Kind::kBytes, bytes);
}

Result<NodeId> StreamArrays::TakePickle() { return pickle::Decode(context_, objects_, source_, level_); }

}  // namespace airlock::formats
