#include "server/validate/inventory_rules.h"

#include <algorithm>
#include <array>

#include "server/validate/rules.h"

namespace airlock::server {
namespace {

constexpr size_t kMaxSymbolText = 1 << 10;
constexpr size_t kMaxFindingText = 4 << 10;
constexpr size_t kMaxFindingId = 64;
constexpr uint32_t kMaxWorkerReason = 99;
constexpr int kMaxNested = 10'000;
constexpr uint32_t kMaxLevel = 1'000;

constexpr std::array kLimitNames = {
#define AIRLOCK_LIMIT(name, default_value, why) std::string_view(#name),
#include "sandbox/base/limits.def"
#undef AIRLOCK_LIMIT
};

bool IsFindingId(std::string_view id) {
  const auto plausible = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  };
  return !id.empty() && id.size() <= kMaxFindingId && std::all_of(id.begin(), id.end(), plausible);
}

// UTF-8 is settled by the parser: a proto3 string that is none does not parse.
OrVerdict<void> CheckSymbol(const v1::Symbol& symbol) {
  if (symbol.module().size() > kMaxSymbolText || symbol.name().size() > kMaxSymbolText) {
    return Broken(Rule::kSymbolText);
  }
  if (!v1::SymbolClass_IsValid(symbol.class_()) || symbol.class_() == v1::SYMBOL_CLASS_UNSPECIFIED) {
    return Broken(Rule::kSymbolClass);
  }
  return {};
}

OrVerdict<void> CheckFinding(const v1::Finding& finding) {
  if (!IsFindingId(finding.id())) return Broken(Rule::kFindingId);
  if (!v1::Severity_IsValid(finding.severity()) || finding.severity() == v1::SEVERITY_UNSPECIFIED) {
    return Broken(Rule::kFindingSeverity);
  }
  if (finding.message().size() > kMaxFindingText || finding.where().size() > kMaxFindingText) {
    return Broken(Rule::kFindingText);
  }
  return {};
}

bool IsLimitName(std::string_view name) {
  return std::find(kLimitNames.begin(), kLimitNames.end(), name) != kLimitNames.end();
}

}  // namespace

OrVerdict<void> CheckInventory(const v1::PlanChunk& piece) {
  for (const auto& symbol : piece.symbols()) AIRLOCK_TRY(CheckSymbol(symbol));
  for (const auto& finding : piece.findings()) AIRLOCK_TRY(CheckFinding(finding));
  return {};
}

OrVerdict<void> CheckDone(const worker::v1::Done& done) {
  if (done.reason() > kMaxWorkerReason || !v1::Reason_IsValid(static_cast<int>(done.reason()))) {
    return Broken(Rule::kDoneReason);
  }
  if (!v1::Format_IsValid(done.format())) return Broken(Rule::kDoneFormat);
  if (done.reason() == 0 && done.format() == v1::FORMAT_UNSPECIFIED) return Broken(Rule::kDoneFormat);
  const bool limit = done.reason() == v1::REASON_LIMIT_EXCEEDED;
  if (limit != !done.limit_name().empty()) return Broken(Rule::kDoneLimit);
  if (limit && !IsLimitName(done.limit_name())) return Broken(Rule::kDoneLimit);
  if (done.held_back() && done.reason() != 0) return Broken(Rule::kDoneHeldBack);
  if (done.graph_bytes_size() != 0 && done.reason() != 0) return Broken(Rule::kDoneGraphBytes);
  if (done.nested_size() > kMaxNested) return Broken(Rule::kDoneNested);
  for (const auto& nested : done.nested()) {
    if (!v1::Format_IsValid(nested.format()) || nested.level() > kMaxLevel || nested.where().size() > kMaxFindingText) {
      return Broken(Rule::kDoneNested);
    }
  }
  return {};
}

OrVerdict<GraphLengths> CheckGraphLengths(const worker::v1::Done& done, uint64_t room) {
  GraphLengths lengths{};
  if (static_cast<size_t>(done.graph_bytes_size()) != lengths.size()) return Broken(Rule::kDoneGraphBytes);
  std::copy(done.graph_bytes().begin(), done.graph_bytes().end(), lengths.begin());
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] > room || lengths[i] % kGraphWidths[i] != 0) return Broken(Rule::kDoneGraphBytes);
  }
  return lengths;
}

Verdict VerdictOf(const worker::v1::Done& done) {
  if (done.reason() == 0) return {};
  Verdict verdict = done.reason() == v1::REASON_LIMIT_EXCEEDED
                        ? Verdict::Limit(done.limit_name(), done.limit(), done.limit_seen())
                        : Verdict(static_cast<v1::Reason>(done.reason()), done.message());
  if (done.has_offset()) verdict.At(done.offset());
  return verdict;
}

v1::Verdict Judge(const v1::PlanChunk& plan) {
  v1::Verdict verdict = v1::VERDICT_CLEAN;
  for (const auto& symbol : plan.symbols()) {
    const bool dangerous = symbol.class_() == v1::SYMBOL_CLASS_DANGEROUS;
    if (dangerous && symbol.would_call()) return v1::VERDICT_DANGEROUS;
    // One that is only named is not known either.
    if (dangerous || symbol.class_() == v1::SYMBOL_CLASS_UNKNOWN) verdict = v1::VERDICT_UNKNOWN_TYPES;
  }
  for (const auto& finding : plan.findings()) {
    if (finding.severity() == v1::SEVERITY_DANGER) return v1::VERDICT_DANGEROUS;
    // What a decoder warns of, it did not understand: a known symbol with arguments that nobody writes, say.
    if (finding.severity() == v1::SEVERITY_WARNING) verdict = v1::VERDICT_UNKNOWN_TYPES;
  }
  return verdict;
}

}  // namespace airlock::server
