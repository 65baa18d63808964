#include "server/validate/key_text.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "sandbox/base/float_text.h"
#include "server/text.h"

namespace airlock::server {
namespace {

constexpr size_t kMaxKeyBytes = 4 << 10;
// Decimal digits cost the square of the length.
constexpr size_t kMaxDecimalBytes = 64;

// Little-endian two's complement to decimal, by repeated division by 10^9.
std::string BigIntText(std::string_view bytes) {
  if (bytes.size() > kMaxDecimalBytes) return "<integer of " + std::to_string(bytes.size()) + " bytes>";
  const bool negative = !bytes.empty() && (static_cast<uint8_t>(bytes.back()) & 0x80) != 0;
  std::vector<uint32_t> limbs((bytes.size() + 3) / 4, negative ? 0xFFFFFFFFU : 0);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint32_t shift = 8 * static_cast<uint32_t>(i % 4);
    limbs[i / 4] = (limbs[i / 4] & ~(0xFFU << shift)) | uint32_t{static_cast<uint8_t>(bytes[i])} << shift;
  }
  uint64_t carry = 1;
  for (uint32_t& limb : limbs) {
    if (!negative) break;
    carry += static_cast<uint32_t>(~limb);
    limb = static_cast<uint32_t>(carry);
    carry >>= 32;
  }
  if (negative && carry != 0) limbs.push_back(1);
  std::string digits;  // lowest first
  while (!limbs.empty()) {
    uint64_t rest = 0;
    for (size_t i = limbs.size(); i-- > 0;) {
      rest = rest << 32 | limbs[i];
      limbs[i] = static_cast<uint32_t>(rest / 1'000'000'000);
      rest %= 1'000'000'000;
    }
    while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
    for (int i = 0; i < 9; ++i, rest /= 10) digits += static_cast<char>('0' + rest % 10);
  }
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  if (digits.empty()) digits += '0';
  if (negative) digits += '-';
  return {digits.rbegin(), digits.rend()};
}

// A part of a complex number: as repr(float) without ".0".
std::string ComplexPart(double value) {
  std::string text = FloatText(value);
  if (text.size() > 2 && text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string ComplexText(double real, double imaginary) {
  std::string tail = ComplexPart(imaginary) + "j";
  if (real == 0 && !std::signbit(real)) return tail;
  std::string text(1, '(');
  text.append(ComplexPart(real)).append(tail[0] == '-' ? "" : "+").append(tail).append(")");
  return text;
}

void AppendHexByte(uint32_t value, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\x";
  out += kHex[value >> 4 & 15];
  out += kHex[value & 15];
}

// One character within quotes, as repr() has it. Characters above Latin-1 count as printable.
void AppendQuoted(const CodePoint& point, std::string_view raw, char quote, std::string& out) {
  const bool byte = !point.valid;
  switch (byte ? 0 : point.value) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\\':
      out += "\\\\";
      return;
    default:
      break;
  }
  if (point.value == static_cast<uint32_t>(quote)) {
    out += '\\';
    out += quote;
  } else if (byte || point.value < 0x20 || (point.value >= 0x7F && point.value <= 0xA0) || point.value == 0xAD) {
    AppendHexByte(point.value, out);
  } else {
    AppendUtf8(raw, out);
  }
}

std::string Quoted(std::string_view text, bool bytes) {
  // No more is shown, and a long key may stand in a million tuples.
  text = text.substr(0, kMaxKeyBytes + 4);
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(bytes ? "b" : "");
  out += quote;
  while (!text.empty() && out.size() < kMaxKeyBytes) {
    const auto first = static_cast<uint8_t>(text[0]);
    const CodePoint point = bytes ? CodePoint{first, 1, first < 0x80} : FirstCodePoint(text);
    AppendQuoted(point, text.substr(0, point.length), quote, out);
    text.remove_prefix(point.length);
  }
  return out + quote;
}

std::string DeviceText(std::string_view name) {
  const size_t colon = name.find(':');
  std::string out = "device(type='" + std::string(name.substr(0, colon)) + "'";
  if (colon != std::string_view::npos) out += ", index=" + std::string(name.substr(colon + 1));
  return out + ")";
}

// repr() of a node that has no parts.
std::string LeafText(const v1::PlanChunk& plan, const NodeTable& nodes, uint32_t node) {
  switch (nodes.kind(node)) {
    case v1::NODE_KIND_NONE:
      return "None";
    case v1::NODE_KIND_FALSE:
      return "False";
    case v1::NODE_KIND_TRUE:
      return "True";
    case v1::NODE_KIND_INT:
      return std::to_string(nodes.integer(node));
    case v1::NODE_KIND_BIG_INT:
      return BigIntText(nodes.blob(node));
    case v1::NODE_KIND_FLOAT:
      return FloatText(nodes.real(node));
    case v1::NODE_KIND_COMPLEX:
      return ComplexText(nodes.real(node), nodes.real(node, 1));
    case v1::NODE_KIND_STRING:
      return Quoted(nodes.blob(node), false);
    case v1::NODE_KIND_BYTES:
      return Quoted(nodes.blob(node), true);
    case v1::NODE_KIND_DTYPE:
    case v1::NODE_KIND_LAYOUT:
      return "torch." + std::string(nodes.blob(node));
    case v1::NODE_KIND_DEVICE:
      return DeviceText(nodes.blob(node));
    case v1::NODE_KIND_NUMPY_DTYPE:
      return std::string("dtype('").append(nodes.blob(node)).append("')");
    case v1::NODE_KIND_SCALAR:
      return LeafText(plan, nodes, nodes.refs(node)[1]);
    case v1::NODE_KIND_TENSOR:
    case v1::NODE_KIND_SPARSE_TENSOR:
    case v1::NODE_KIND_META_TENSOR:
    case v1::NODE_KIND_NESTED_TENSOR:
    case v1::NODE_KIND_ATTRIBUTED:
      return "<tensor>";
    case v1::NODE_KIND_STREAM:
      return "<stream>";
    case v1::NODE_KIND_STORAGE:
      return "<storage>";
    case v1::NODE_KIND_SYMBOL: {
      const auto& symbol = plan.symbols(static_cast<int>(nodes.link(node)));
      return "<" + symbol.module() + "." + symbol.name() + ">";
    }
    case v1::NODE_KIND_RECORD:
      return "<record>";
    default:
      return "<container>";
  }
}

struct Brackets {
  std::string_view open;
  std::string_view close;
};

// How repr() encloses a container that can be a key; nothing for what has no parts to show.
Brackets BracketsOf(v1::NodeKind kind) {
  if (kind == v1::NODE_KIND_TUPLE) return {"(", ")"};
  if (kind == v1::NODE_KIND_SIZE) return {"torch.Size([", "])"};
  if (kind == v1::NODE_KIND_FROZEN_SET) return {"frozenset({", "})"};
  return {};
}

// A tuple (or other hashable container) with what it holds, without recursion and cut at kMaxKeyBytes: every step of
// the loop appends at least one byte.
std::string ContainerText(const v1::PlanChunk& plan, const NodeTable& nodes, uint32_t root) {
  struct Step {
    uint32_t node;
    size_t next;
  };
  std::string out(BracketsOf(nodes.kind(root)).open);
  std::vector<Step> stack = {{root, 0}};
  while (!stack.empty() && out.size() < kMaxKeyBytes) {
    Step& top = stack.back();
    const auto children = nodes.refs(top.node);
    const v1::NodeKind kind = nodes.kind(top.node);
    if (top.next == children.size()) {
      if (kind == v1::NODE_KIND_TUPLE && children.size() == 1) out += ",";
      out += BracketsOf(kind).close;
      stack.pop_back();
      continue;
    }
    if (top.next > 0) out += ", ";
    const uint32_t child = children[top.next++];
    const Brackets brackets = BracketsOf(nodes.kind(child));
    if (brackets.open.empty()) {
      out += LeafText(plan, nodes, child);
    } else {
      out += brackets.open;
      stack.push_back({child, 0});
    }
  }
  if (!stack.empty()) out += "...";
  return out;
}

}  // namespace

void AppendKeyText(const v1::PlanChunk& plan, const NodeTable& nodes, uint32_t key, std::string& out) {
  const v1::NodeKind kind = nodes.kind(key);
  if (kind == v1::NODE_KIND_STRING) {
    AppendUtf8(nodes.blob(key), out);
  } else if (kind == v1::NODE_KIND_DEVICE) {
    out += nodes.blob(key);  // str() of a device differs from its repr()
  } else {
    out += BracketsOf(kind).open.empty() ? LeafText(plan, nodes, key) : ContainerText(plan, nodes, key);
  }
}

}  // namespace airlock::server
