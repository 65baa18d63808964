#include "sandbox/formats/plain_reading.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sandbox/formats/hidden_opcodes.h"
#include "sandbox/formats/pickle_file.h"
#include "sandbox/formats/pickle_sniff.h"

namespace airlock::formats {
namespace {

using pickle::Finding;
using pickle::Severity;
using pickle::SymbolClass;

// Real streams end with the first bytes of their first array, which are no opcodes, and have few objects before it.
constexpr uint64_t kMostOpcodes = uint64_t{1} << 23;
constexpr uint64_t kMostObjects = uint64_t{1} << 21;
constexpr uint64_t kMostText = uint64_t{32} << 20;

// Elements are of no interest here: nothing is kept, and what is read of it is zeros.
class NoData final : public tensors::ArrayData {
 public:
  Result<tensors::Storage> Keep(std::span<const uint8_t> bytes, uint64_t) override { return Reserve(bytes.size()); }
  Result<tensors::Storage> Reserve(uint64_t nbytes) override { return tensors::Storage{.nbytes = nbytes}; }
  Result<void> Write(const tensors::Storage&, uint64_t, std::span<uint8_t>, uint64_t) override { return {}; }
  Result<void> Read(pickle::InputSpan, uint64_t, std::span<uint8_t> out) override {
    std::ranges::fill(out, uint8_t{0});
    return {};
  }
  Result<tensors::Storage> Place(pickle::InputSpan span, uint64_t) override { return Reserve(span.length); }
};

Limits Within(Limits limits) {
  limits.opcodes = std::min(limits.opcodes, kMostOpcodes);
  for (uint64_t* objects : {&limits.nodes, &limits.stack, &limits.memo}) *objects = std::min(*objects, kMostObjects);
  limits.string_bytes = std::min(limits.string_bytes, kMostText);
  return limits;
}

void Report(Checkpoint& checkpoint, Severity severity, const std::string& what, uint64_t at) {
  pickle::AddFinding(checkpoint.context, {.id = std::string(kOpcodesInArray),
                                          .severity = severity,
                                          .message = "pickle.load, unlike joblib, would go on inside an array: " + what,
                                          .where = {},
                                          .offset = at});
}

}  // namespace

void JudgePlainReading(pickle::Source& source, uint64_t first_array, Checkpoint& checkpoint) {
  if (std::ranges::find(checkpoint.context.findings, kOpcodesInArray, &Finding::id) !=
      checkpoint.context.findings.end()) {
    return;
  }
  pickle::Context plain;
  plain.limits = Within(checkpoint.context.limits);
  tensors::Tables tables;
  NoStorages nothing;
  NoData data;
  tensors::Constructors constructors(plain, tables, nothing, tensors::PersistentForm::kZip, data);
  const Result<pickle::NodeId> root = pickle::Decode(plain, constructors, source, checkpoint.level);
  for (const Finding& finding : plain.findings) {
    if (finding.offset < first_array || finding.severity != Severity::kDanger) continue;
    return Report(checkpoint, Severity::kDanger, finding.message, finding.offset);
  }
  for (const pickle::SymbolUse& use : plain.symbols.all()) {
    if (use.first_offset < first_array || !use.would_call || use.symbol_class != SymbolClass::kUnknown) continue;
    if (!IsPickleName(use.module) || !IsPickleName(use.name)) continue;  // nothing is called so
    return Report(checkpoint, Severity::kWarning, use.module + "." + use.name + " is called", use.first_offset);
  }
  if (!root.ok() && root.error().reason == Reason::kLimitExceeded) {
    Report(checkpoint, Severity::kWarning, "what it would do there is too long to say", first_array);
  }
}

}  // namespace airlock::formats
