#include "server/validate/repeat_validator.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "server/validate/inventory_rules.h"
#include "server/validate/plan_columns.h"
#include "server/validate/rules.h"

namespace airlock::server {
namespace {

// Whether `part` is what `whole` has from `from` on. Numbers are compared as bytes: not every float equals itself.
bool Continues(std::string_view whole, size_t from, std::string_view part) {
  return part.size() <= whole.size() - from && whole.substr(from, part.size()) == part;
}

template <typename T>
std::string_view BytesOf(const google::protobuf::RepeatedField<T>& column) {
  return {reinterpret_cast<const char*>(column.data()), column.size() * sizeof(T)};
}

template <typename T>
bool Continues(const google::protobuf::RepeatedField<T>& whole, size_t from, std::string_view part) {
  return Continues(BytesOf(whole), from * sizeof(T), part);
}

template <typename T>
bool Continues(const google::protobuf::RepeatedField<T>& whole, size_t from,
               const google::protobuf::RepeatedField<T>& part) {
  return Continues(whole, from, BytesOf(part));
}

// Of a part of a column.
template <typename Column, typename Part>
size_t Rows(const Column& /*whole*/, const Part& part) {
  return static_cast<size_t>(part.size());
}
template <typename T>
size_t Rows(const google::protobuf::RepeatedField<T>& /*whole*/, std::string_view part) {
  return part.size() / sizeof(T);
}

bool IsSame(const std::string& a, const std::string& b) { return a == b; }

template <typename Message>
bool IsSame(const Message& a, const Message& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

template <typename T>
bool Continues(const google::protobuf::RepeatedPtrField<T>& whole, size_t from,
               const google::protobuf::RepeatedPtrField<T>& part) {
  const auto room = static_cast<size_t>(whole.size()) - from;
  return static_cast<size_t>(part.size()) <= room &&
         std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(from),
                    [](const T& a, const T& b) { return IsSame(a, b); });
}

}  // namespace

OrVerdict<void> RepeatValidator::Add(Tainted<PlanPiece> tainted) {
  const PlanPiece piece = std::move(tainted).Open(TaintKey());
  if (piece.rest.has_entries()) return Broken(Rule::kPieceEntries);
  auto said = said_.begin();
  const bool same = VisitColumns(*first_.plan, piece, [&](const auto& whole, const auto& part) {
    if (!Continues(whole, *said, part)) return false;
    *said++ += Rows(whole, part);
    return true;
  });
  if (!same) return Broken(Rule::kRepeatPlan);
  AIRLOCK_TRY(CheckInventory(piece.rest));
  auto& findings = *findings_.mutable_findings();
  findings.MergeFrom(piece.rest.findings());
  if (static_cast<uint64_t>(findings.size()) > limits_.findings) return Broken(Rule::kPieceFindings);
  return {};
}

bool RepeatValidator::IsWhole() const {
  auto said = said_.begin();
  return VisitColumns(*first_.plan, *first_.plan,
                      [&](const auto& whole, const auto&) { return static_cast<size_t>(whole.size()) == *said++; });
}

OrVerdict<Conclusion> RepeatValidator::Finish(Tainted<worker::v1::Frame> frame) {
  const worker::v1::Frame opened = std::move(frame).Open(TaintKey());
  const worker::v1::Done& done = opened.done();
  AIRLOCK_TRY(CheckDone(done));
  if (done.held_back()) return Broken(Rule::kDoneHeldBack);
  Conclusion conclusion;
  conclusion.verdict = VerdictOf(done);
  conclusion.format = done.format();
  // One that fails says what it has met, and no more.
  if (conclusion.verdict.ok()) {
    const bool same = IsWhole() && done.format() == first_.format && done.nested_size() == first_.nested.size() &&
                      Continues(first_.nested, 0, done.nested());
    if (!same) return Broken(Rule::kRepeatPlan);
  }
  conclusion.plan = std::make_shared<v1::PlanChunk>(std::move(findings_));
  return conclusion;
}

}  // namespace airlock::server
