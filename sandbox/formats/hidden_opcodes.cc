#include "sandbox/formats/hidden_opcodes.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "sandbox/formats/pickle_sniff.h"
#include "sandbox/pickle/opcodes.h"

namespace airlock::formats {
namespace {

using pickle::Argument;

// A walk this long is no accident of numbers, unless all of them are one byte that is an opcode.
constexpr int kMaxOpcodes = 1 << 20;
// Longer than any name.
constexpr size_t kMaxLine = 1 << 10;
constexpr size_t kFirstBytes = 512;
constexpr size_t kStepBytes = size_t{1} << 16;
constexpr uint64_t kFileBudget = uint64_t{256} << 20;

class Walk {
 public:
  Walk(const Input& input, uint64_t offset, uint64_t end, uint64_t& budget)
      : input_(input), budget_(budget), next_(offset), end_(end) {}

  Result<HiddenOpcodes> Run() {
    for (int i = 0; i < kMaxOpcodes; ++i) {
      // Where the elements end between two of these opcodes, the real ones go on, which are judged by themselves.
      if (next_ == end_ && !named_) return found_;
      AIRLOCK_ASSIGN(const bool goes_on, Step());
      if (!goes_on) return found_;
    }
    found_.endless = true;
    return found_;
  }

 private:
  // False where a loader would stop.
  Result<bool> Step() {
    AIRLOCK_ASSIGN(const bool there, Load(1));
    if (!there) return false;
    const uint8_t code = window_[next_ - start_];
    const pickle::Opcode& opcode = pickle::kOpcodes[code];
    ++next_;
    if (opcode.name == nullptr || code == '.') return false;
    if (code == 'c' || code == 'i') return Name(code);
    named_ = named_ || IsNamingOpcode(static_cast<char>(code));
    found_.calls = found_.calls || (named_ && IsCallingOpcode(static_cast<char>(code)));
    return SkipArgument(opcode.argument);
  }

  Result<bool> Name(uint8_t code) {
    std::string module;
    std::string name;
    AIRLOCK_ASSIGN(const bool first, Line(module));
    if (!first || !IsPickleName(module)) return false;
    AIRLOCK_ASSIGN(const bool second, Line(name));
    if (!second || !IsPickleName(name)) return false;
    if (found_.name.empty()) {
      found_.module = std::move(module);
      found_.name = std::move(name);
    }
    named_ = true;
    found_.calls = found_.calls || code == 'i';
    return true;
  }

  Result<bool> SkipArgument(Argument argument) {
    switch (argument) {
      case Argument::kNone:
        return true;
      case Argument::kUInt1:
        return Skip(1);
      case Argument::kUInt2:
        return Skip(2);
      case Argument::kInt4:
      case Argument::kUInt4:
        return Skip(4);
      case Argument::kUInt8:
      case Argument::kFloat8:
        return Skip(8);
      case Argument::kLine:
        return SkipLine();
      case Argument::kBytes1:
        return SkipSized(1);
      case Argument::kBytes4:
      case Argument::kSignedBytes4:
        return SkipSized(4);
      case Argument::kBytes8:
        return SkipSized(8);
      case Argument::kTwoLines:
        break;
    }
    return false;
  }

  // Has `count` bytes from next_ on in the window; false where the file ends before.
  Result<bool> Load(size_t count) {
    if (next_ > input_.size() || count > input_.size() - next_) return false;
    if (next_ >= start_ && next_ + count <= start_ + window_.size()) return true;
    const size_t wanted = window_.empty() ? kFirstBytes : kStepBytes;
    window_.resize(std::min<uint64_t>(wanted, input_.size() - next_));
    if (window_.size() > budget_) {
      found_.endless = true;
      return false;
    }
    budget_ -= window_.size();
    start_ = next_;
    AIRLOCK_TRY(input_.ReadAt(start_, window_));
    return true;
  }

  Result<bool> Skip(uint64_t count) {
    if (count > input_.size() - next_) return false;
    next_ += count;
    return true;
  }

  Result<bool> SkipSized(size_t width) {
    AIRLOCK_ASSIGN(const bool there, Load(width));
    if (!there) return false;
    uint64_t length = 0;
    for (size_t i = 0; i < width; ++i) length |= uint64_t{window_[next_ - start_ + i]} << (8 * i);
    next_ += width;
    return Skip(length);
  }

  // A line that no name has the length of comes back cut.
  Result<bool> Line(std::string& line) {
    while (line.size() < kMaxLine) {
      AIRLOCK_ASSIGN(const bool there, Load(1));
      if (!there) return false;
      const char c = static_cast<char>(window_[next_++ - start_]);
      if (c == '\n') return true;
      line += c;
    }
    return false;
  }

  Result<bool> SkipLine() {
    for (;;) {
      AIRLOCK_ASSIGN(const bool there, Load(1));
      if (!there) return false;
      if (window_[next_++ - start_] == '\n') return true;
    }
  }

  const Input& input_;
  uint64_t& budget_;
  uint64_t next_;
  const uint64_t end_;  // of the elements
  uint64_t start_ = 0;  // of the window
  std::vector<uint8_t> window_;
  bool named_ = false;
  HiddenOpcodes found_;
};

}  // namespace

Result<HiddenOpcodes> FindHiddenOpcodes(const Input& input, uint64_t offset, uint64_t length, uint64_t& budget) {
  return Walk(input, offset, offset + length, budget).Run();
}

Result<void> LookForHiddenPickle(const Input& input, pickle::Context& context) {
  uint64_t budget = kFileBudget;
  AIRLOCK_ASSIGN(const HiddenOpcodes hidden, FindHiddenOpcodes(input, 0, input.size(), budget));
  if (!hidden.calls && !hidden.endless) return {};
  std::string message = "pickle.load would read the file as a pickle";
  if (!hidden.name.empty()) message += ", and call " + hidden.module + "." + hidden.name;
  pickle::AddFinding(context, {.id = "file.hidden-pickle",
                               .severity = hidden.calls ? pickle::Severity::kDanger : pickle::Severity::kWarning,
                               .message = std::move(message),
                               .where = {},
                               .offset = input.FileOffset(0)});
  return {};
}

}  // namespace airlock::formats
