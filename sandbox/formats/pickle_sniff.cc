#include "sandbox/formats/pickle_sniff.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "sandbox/pickle/opcodes.h"
#include "sandbox/pickle/utf8.h"

namespace airlock::formats {
namespace {

using pickle::Argument;
using std::string_view_literals::operator""sv;  // NOLINT(misc-unused-using-decls): clang-tidy 14 does not see literals

// So many opcodes that fit each other are no accident, where the head ends before the stream does.
constexpr int kConvincing = 3;

// What an opcode needs above the last mark, and what is left of that. `marked`: it takes all down to the last mark
// first.
struct Effect {
  std::string_view codes;
  bool marked;
  int needs;
  int leaves;
};
constexpr Effect kEffects[] = {
    {"NIJKMLFGSTUVXBC)]}cPghj\x82\x83\x84\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x96\x97"sv, false, 0, 1},
    {"\x80\x95"sv, false, 0, 0},
    {"qrpQ.\x85\x94\x98"sv, false, 1, 1},
    {"0"sv, false, 1, 0},
    {"2"sv, false, 1, 2},
    {"abR\x81\x86\x93"sv, false, 2, 1},
    {"s\x87\x92"sv, false, 3, 1},
    {"1"sv, true, 0, 0},
    {"tldi\x91"sv, true, 0, 1},
    {"o"sv, true, 0, 1},
    {"eu\x90"sv, true, 1, 1},
};
// Opcodes that ask for a call; INST names what is called itself.
constexpr std::string_view kCalls = "Rbo\x81\x92"sv;
constexpr std::string_view kNames = "ci\x93\x82\x83\x84"sv;

const Effect* EffectOf(char code) {
  const auto* const row = std::find_if(std::begin(kEffects), std::end(kEffects), [&](const Effect& effect) {
    return effect.codes.find(code) != std::string_view::npos;
  });
  return row == std::end(kEffects) ? nullptr : row;
}

bool AllOf(std::string_view text, std::string_view alphabet) {
  return !text.empty() && text.find_first_not_of(alphabet) == std::string_view::npos;
}

bool StartsWithDigit(std::string_view line) {
  const size_t start = line.find_first_not_of("+- \t\v\f\r");
  return start != std::string_view::npos && line[start] >= '0' && line[start] <= '9';
}

// Whether a line can be this opcode's argument.
bool LineFits(char code, std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  switch (code) {
    case 'I':
    case 'L':
      // Of any base that Python takes.
      return StartsWithDigit(line) && AllOf(line, "0123456789abcdefABCDEFoOxX+-L_ \t\v\f\r");
    case 'F':
      return AllOf(line, "0123456789+-.eEinfatyINFATY_ \t\v\f\r");
    case 'S':
      return line.size() >= 2 && (line.front() == '\'' || line.front() == '"') && line.back() == line.front();
    case 'p':
    case 'g':
      return AllOf(line, "0123456789+-_ \t\v\f\r");
    case 'c':
    case 'i':
      return IsPickleName(line);
    default:
      return true;
  }
}

class Walk {
 public:
  Walk(std::span<const uint8_t> head, uint64_t size)
      : head_(reinterpret_cast<const char*>(head.data()), head.size()), size_(size) {}

  bool Convinces() {
    while (next_ < head_.size()) {
      const char code = head_[next_++];
      const pickle::Opcode& opcode = pickle::kOpcodes[static_cast<uint8_t>(code)];
      if (opcode.name == nullptr || !Skip(code, opcode.argument)) return called_;
      if (!cut_ && !Apply(code)) return called_;
      ++opcodes_;
      if (code == '.' && !cut_) return StopConvinces();
    }
    return called_ || named_ || opcodes_ >= kConvincing || (next_ > head_.size() && sized_);
  }

 private:
  // Steps over the argument. False where it cannot be one.
  bool Skip(char code, Argument argument) {
    switch (argument) {
      case Argument::kNone:
        return true;
      case Argument::kUInt1:
        return Take(1);
      case Argument::kUInt2:
        return Take(2);
      case Argument::kInt4:
      case Argument::kUInt4:
        return Take(4);
      case Argument::kUInt8:
      case Argument::kFloat8:
        return Take(8);
      case Argument::kLine:
        return Line(code);
      case Argument::kTwoLines:
        return Line(code) && (cut_ || Line(code));
      case Argument::kBytes1:
        return Sized(1);
      case Argument::kBytes4:
      case Argument::kSignedBytes4:
        return Sized(4);
      case Argument::kBytes8:
        return Sized(8);
    }
    return false;
  }

  bool Take(uint64_t count) {
    if (next_ > size_ || count > size_ - next_) return false;
    next_ += count;
    cut_ = next_ > head_.size();
    return true;
  }

  bool Line(char code) {
    const size_t end = head_.find('\n', next_);
    if (end == std::string_view::npos) {
      cut_ = true;
      next_ = head_.size();
      return head_.size() < size_;
    }
    const std::string_view line = head_.substr(next_, end - next_);
    next_ = end + 1;
    return LineFits(code, line);
  }

  bool Sized(size_t width) {
    if (head_.size() - next_ < width) return Take(width);
    uint64_t length = 0;
    for (size_t i = 0; i < width; ++i) length |= uint64_t{static_cast<uint8_t>(head_[next_ + i])} << (8 * i);
    next_ += width;
    sized_ = true;
    return Take(length);
  }

  // False where the stack has too little.
  bool Apply(char code) {
    const Effect* effect = EffectOf(code);
    if (code == '(') {
      below_.push_back(depth_);
      depth_ = 0;
      return true;
    }
    // POP takes a mark that stands on top.
    const bool marked = (effect != nullptr && effect->marked) || (code == '0' && depth_ == 0);
    if (effect == nullptr || (marked && below_.empty())) return false;
    if (code == 'o' && depth_ == 0) return false;
    if (marked) {
      depth_ = below_.back();
      below_.pop_back();
    }
    if (code == '0' && marked) return true;
    if (depth_ < effect->needs) return false;
    depth_ += effect->leaves - effect->needs;
    named_ = named_ || IsNamingOpcode(code);
    called_ = called_ || code == 'i' || (named_ && IsCallingOpcode(code));
    return true;
  }

  // A few letters and a full stop start many a text; a pickle ends there, or has said more.
  bool StopConvinces() const { return next_ == size_ || named_ || opcodes_ > kConvincing; }

  std::string_view head_;
  uint64_t size_;
  uint64_t next_ = 0;
  int depth_ = 0;           // objects above the last mark
  std::vector<int> below_;  // and above each mark before it
  int opcodes_ = 0;
  bool cut_ = false;     // the head ends inside an argument
  bool sized_ = false;   // an argument had a length that the file has room for
  bool named_ = false;   // something was named
  bool called_ = false;  // and called
};

}  // namespace

bool IsPickleName(std::string_view text) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-' || static_cast<uint8_t>(c) >= 0x80;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), good) &&
         pickle::IsUtf8(text, pickle::Surrogates::kRefuse);
}

bool IsNamingOpcode(char code) { return kNames.find(code) != std::string_view::npos; }
bool IsCallingOpcode(char code) { return kCalls.find(code) != std::string_view::npos; }

bool LooksLikePickle(std::span<const uint8_t> head, uint64_t size) {
  constexpr uint8_t kProto = 0x80;
  if (head.size() >= 3 && head[0] == kProto && head[1] <= 5) {
    return pickle::kOpcodes[head[2]].name != nullptr;
  }
  return Walk(head, size).Convinces();
}

}  // namespace airlock::formats
