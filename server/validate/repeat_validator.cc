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
bool Continues(const google::protobuf::RepeatedField<T>& whole, size_t from,
               const google::protobuf::RepeatedField<T>& part) {
  return Continues(BytesOf(whole), from * sizeof(T), BytesOf(part));
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

OrVerdict<void> RepeatValidator::Add(Tainted<v1::PlanChunk> tainted) {
  const v1::PlanChunk piece = std::move(tainted).Open(TaintKey());
  if (piece.has_graph()) return Broken(Rule::kPieceGraph);
  if (piece.has_entries()) return Broken(Rule::kPieceEntries);
  auto said = said_.begin();
  const bool same = VisitColumns(*first_.plan, piece, [&](const auto& whole, const auto& part) {
    if (!Continues(whole, *said, part)) return false;
    *said++ += static_cast<size_t>(part.size());
    return true;
  });
  if (!same) return Broken(Rule::kRepeatPlan);
  AIRLOCK_TRY(CheckInventory(piece));
  auto& findings = *findings_.mutable_findings();
  findings.MergeFrom(piece.findings());
  if (static_cast<uint64_t>(findings.size()) > limits_.findings) return Broken(Rule::kPieceFindings);
  return {};
}

bool RepeatValidator::IsWhole() const {
  auto said = said_.begin();
  return VisitColumns(*first_.plan, *first_.plan,
                      [&](const auto& whole, const auto&) { return static_cast<size_t>(whole.size()) == *said++; });
}

OrVerdict<void> RepeatValidator::CheckGraph(const worker::v1::Done& done, GraphFile& file) const {
  AIRLOCK_ASSIGN(const GraphLengths lengths, CheckGraphLengths(done, file.room()));
  if (lengths != first_.graph->lengths()) return Broken(Rule::kRepeatPlan);
  AIRLOCK_ASSIGN(const auto graph, file.Seal(lengths));
  for (size_t i = 0; i < kGraphColumns; ++i) {
    if (graph->column(i) != first_.graph->column(i)) return Broken(Rule::kRepeatPlan);
  }
  return {};
}

OrVerdict<Conclusion> RepeatValidator::Finish(Tainted<worker::v1::Frame> frame, GraphFile& file) {
  const worker::v1::Frame opened = std::move(frame).Open(TaintKey());
  const worker::v1::Done& done = opened.done();
  AIRLOCK_TRY(CheckDone(done));
  if (done.held_back()) return Broken(Rule::kDoneHeldBack);
  Conclusion conclusion;
  conclusion.verdict = VerdictOf(done);
  conclusion.format = done.format();
  // One that fails says what it has met, and no more.
  if (conclusion.verdict.ok()) {
    AIRLOCK_TRY(CheckGraph(done, file));
    const bool same = IsWhole() && done.format() == first_.format && done.nested_size() == first_.nested.size() &&
                      Continues(first_.nested, 0, done.nested());
    if (!same) return Broken(Rule::kRepeatPlan);
  }
  conclusion.plan = std::make_shared<v1::PlanChunk>(std::move(findings_));
  return conclusion;
}

}  // namespace airlock::server
