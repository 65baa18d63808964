#include "sandbox/pickle/machine.h"

#include <algorithm>
#include <utility>

#include "sandbox/pickle/interpreter.h"
#include "sandbox/pickle/python_types.h"

namespace airlock::pickle {
namespace {

constexpr uint64_t kNoFrame = UINT64_MAX;
constexpr uint64_t kHighestProtocol = 5;
// Byte strings from here on stay in the file where they stand there as they are.
constexpr uint64_t kLongBytes = uint64_t{64} << 10;

}  // namespace

void AddFinding(Context& context, Finding finding) {
  auto& findings = context.findings;
  // Without room for one there would be no telling a hostile file from a harmless one.
  const uint64_t room = std::max<uint64_t>(context.limits.findings, 1);
  if (findings.size() < room) {
    findings.push_back(std::move(finding));
    return;
  }
  Finding& last = findings.back();
  context.findings_left_out += context.findings_left_out == 0 ? 2 : 1;
  finding.severity = std::max(finding.severity, last.severity);
  finding.id = "findings.more";
  finding.message = std::to_string(context.findings_left_out) + " more findings are not listed";
  finding.where.clear();
  finding.offset = last.offset;
  last = std::move(finding);
}

Result<NodeId> Decode(Context& context, Constructor& constructor, Source& source, uint32_t level) {
  return Interpreter(context, constructor, source, level).Run();
}

Interpreter::Interpreter(Context& context, Constructor& constructor, Source& source, uint32_t level)
    : context_(context),
      graph_(context.graph),
      constructor_(constructor),
      source_(source),
      level_(level),
      suspicion_(context, level),
      start_(source.offset()),
      first_node_(static_cast<NodeId>(context.graph.size())),
      first_kept_(context.kept_dicts.size()) {}

// Of millions of opcodes each comes by here.
[[gnu::always_inline]] inline Result<void> Interpreter::Step() {
  if (context_.opcodes >= look_at_) [[unlikely]]
    AIRLOCK_TRY(LookBeforeStep());
  const uint64_t offset = source_.offset();
  if (offset >= frame_end_) AIRLOCK_TRY(LeaveFrame());
  if (source_.available() == 0) AIRLOCK_TRY(source_.Need(1));
  offset_ = offset;
  opcode_ = &kOpcodes[*source_.peek()];
  source_.Skip(1);
  ++context_.opcodes;
  return opcode_->execute(*this);
}

Result<void> Interpreter::RunToStop() {
  while (result_ == kNoNode) {
    if (context_.opcodes >= look_at_) AIRLOCK_TRY(LookBeforeStep());
    RunSimple();
    AIRLOCK_TRY(Step());
  }
  return LookAtLimits();
}

Result<NodeId> Interpreter::Run() {
  Result<void> ran = RunToStop();
  Conclude();
  AIRLOCK_TRY(std::move(ran));
  return result_;
}

void Interpreter::Conclude() {
  suspicion_.Conclude();
  auto& kept = context_.kept_dicts;
  const bool changed =
      std::any_of(kept.begin() + static_cast<std::ptrdiff_t>(first_kept_), kept.end(),
                  [this](const KeptDict& part) { return graph_.children(part.dict).size() != part.children; });
  kept.resize(first_kept_);
  if (!changed) return;
  AddFinding(context_,
             {.id = "pickle.changed-part",
              .severity = Severity::kDanger,
              .message = "a dict is changed after an object took it for a part of its own: the object is then "
                         "another than the one that was looked at",
              .where = {},
              .offset = offset_});
}

// Millions of opcodes add little each: after a look none can be over a limit for so many of them. What can add more,
// and text that nobody has asked CheckText for, says LookSoon.
Result<void> Interpreter::LookAtLimits() {
  const Limits& limits = context_.limits;
  if (graph_.size() > limits.nodes) return FailLimit("nodes", limits.nodes, graph_.size(), offset_);
  if (stack_.size() > limits.stack) return FailLimit("stack", limits.stack, stack_.size(), offset_);
  if (memo_.count() > limits.memo) return FailLimit("memo", limits.memo, memo_.count(), offset_);
  if (graph_.string_bytes() > limits.string_bytes) {
    return FailLimit("string_bytes", limits.string_bytes, graph_.string_bytes(), offset_);
  }
  const uint64_t room =
      std::min({limits.nodes - graph_.size(), limits.stack - stack_.size(), limits.memo - memo_.count()});
  look_at_ = std::min(context_.opcodes + room / kMostAdded, limits.opcodes);
  return {};
}

Result<void> Interpreter::LookBeforeStep() {
  AIRLOCK_TRY(LookAtLimits());
  const uint64_t limit = context_.limits.opcodes;
  if (context_.opcodes >= limit) return FailLimit("opcodes", limit, context_.opcodes + 1, source_.offset());
  return {};
}

BoxedError<Error> Interpreter::Malformed(std::string_view what) const {
  Result<void> error = Fail(Reason::kPickleMalformed, std::string(opcode_->name) + ": " + std::string(what), offset_);
  return std::move(error).TakeError();
}

BoxedError<Error> Interpreter::NoMemoEntry() const { return Malformed("no memo entry " + std::to_string(number_)); }

Result<void> Interpreter::ReadSized(size_t width, bool is_signed) {
  AIRLOCK_TRY(ReadNumber(width));
  if (is_signed && number_ > INT32_MAX) return Malformed("a negative length");
  if (number_ > source_.available() && number_ > source_.remaining()) {
    return Fail(Reason::kTruncated,
                std::string(opcode_->name) + ": " + std::to_string(number_) + " bytes announced, " +
                    std::to_string(source_.remaining()) + " are left",
                offset_);
  }
  if (StaysInFile()) return PassBytes();
  AIRLOCK_TRY(CheckText(number_));
  return ReadBytes(number_);
}

Result<void> Interpreter::FailText(uint64_t length) const {
  return FailLimit("string_bytes", context_.limits.string_bytes, graph_.string_bytes() + length, offset_);
}

bool Interpreter::StaysInFile() const {
  return opcode_->stays_in_file && number_ >= kLongBytes && source_.file_offset().has_value();
}

// Reads on without keeping what it reads: a checksum over the source needs every byte.
Result<void> Interpreter::PassBytes() {
  span_ = InputSpan{.offset = *source_.file_offset(), .length = number_};
  for (uint64_t left = number_; left > 0;) {
    AIRLOCK_TRY(source_.Need(1));
    const size_t take = std::min<uint64_t>(source_.available(), left);
    source_.Skip(take);
    left -= take;
  }
  return {};
}

Result<void> Interpreter::ReadBytes(uint64_t length) {
  if (length <= Source::kMaxPeek) {
    if (source_.available() < length) AIRLOCK_TRY(source_.Need(length));
    first_ = {reinterpret_cast<const char*>(source_.peek()), length};
    source_.Skip(length);
    return {};
  }
  scratch_.clear();
  scratch_.reserve(length);
  while (scratch_.size() < length) {
    AIRLOCK_TRY(source_.Need(1));
    const size_t take = std::min<size_t>(source_.available(), length - scratch_.size());
    scratch_.append(reinterpret_cast<const char*>(source_.peek()), take);
    source_.Skip(take);
  }
  first_ = scratch_;
  return {};
}

// A line that the window holds is not copied.
Result<void> Interpreter::ReadLine(std::string_view& line) {
  scratch_.clear();
  for (;;) {
    AIRLOCK_TRY(source_.Need(1));
    const auto* start = reinterpret_cast<const char*>(source_.peek());
    const std::string_view window(start, source_.available());
    const size_t newline = window.find('\n');
    const std::string_view part = window.substr(0, newline);
    source_.Skip(newline == std::string_view::npos ? part.size() : part.size() + 1);
    if (newline != std::string_view::npos && scratch_.empty()) {
      line = part;
      return {};
    }
    AIRLOCK_TRY(CheckText(scratch_.size() + part.size()));
    scratch_ += part;
    if (newline == std::string_view::npos) continue;
    line = scratch_;
    return {};
  }
}

Result<void> Interpreter::ReadTwoLines() {
  AIRLOCK_TRY(ReadLine(first_));
  second_scratch_ = first_;  // the second line may move the window
  AIRLOCK_TRY(ReadLine(second_));
  first_ = second_scratch_;
  return {};
}

Result<void> Interpreter::Invalid() {
  constexpr char kDigits[] = "0123456789abcdef";
  const auto byte = static_cast<uint8_t>(opcode_ - kOpcodes.data());
  const std::string text = {'0', 'x', kDigits[byte >> 4], kDigits[byte & 0xF]};
  return Fail(Reason::kPickleMalformed, "byte " + text + " is not a pickle opcode", offset_);
}

Result<void> Interpreter::Proto() {
  if (number_ > kHighestProtocol) return Malformed("protocol " + std::to_string(number_) + " is not known");
  if (offset_ != start_ && !told_of_late_proto_) {
    told_of_late_proto_ = true;
    AddFinding(context_, {.id = "pickle.late-proto",
                          .severity = Severity::kNote,
                          .message = "PROTO stands in the middle of the stream, where no writer puts it",
                          .where = {},
                          .offset = offset_});
  }
  return {};
}

// Readers differ in what they do with an opcode that crosses the end of a frame: some see other bytes. So none may.
Result<void> Interpreter::Frame() {
  if (frame_end_ != kNoFrame) return Malformed("a frame begins inside a frame");
  if (number_ > source_.remaining()) {
    return Fail(
        Reason::kTruncated,
        "FRAME: a frame of " + std::to_string(number_) + " bytes, " + std::to_string(source_.remaining()) + " are left",
        offset_);
  }
  frame_end_ = source_.offset() + number_;
  return {};
}

Result<void> Interpreter::LeaveFrame() {
  if (source_.offset() > frame_end_) return Malformed("crosses the end of its frame");
  frame_end_ = kNoFrame;
  return {};
}

// joblib ends the frame before it writes an array between the opcodes.
Result<void> Interpreter::LeaveFrameFor(uint64_t behind) {
  if (source_.offset() == behind) return {};
  if (frame_end_ != kNoFrame && frame_end_ != behind) return Malformed("an array stands inside a frame");
  frame_end_ = kNoFrame;
  return {};
}

Result<void> Interpreter::Stop() {
  if (frame_end_ != kNoFrame && source_.offset() != frame_end_) return Malformed("its frame goes on behind it");
  if (stack_.within() == 0) return Underflow();
  if (stack_.size() > 1) {
    AddFinding(context_, {.id = "pickle.leftover-stack",
                          .severity = Severity::kWarning,
                          .message = std::to_string(stack_.size() - 1) + " objects or marks are left below the result",
                          .where = {},
                          .offset = offset_});
  }
  if (finishes_later_) CheckFinished(context_, first_node_, offset_);
  result_ = stack_.Pop();
  return {};
}

}  // namespace airlock::pickle
