#include "sandbox/walls/bpf_evaluator.h"

#include <array>
#include <cstring>

namespace airlock::walls {
namespace {

struct Machine {
  uint32_t accumulator = 0;
  uint32_t index = 0;
  std::array<uint32_t, BPF_MEMWORDS> memory{};
};

// Classic BPF as seccomp restricts it: loads are 32-bit words at aligned absolute offsets of seccomp_data.
std::optional<uint32_t> LoadWord(const seccomp_data& call, uint32_t offset) {
  if (offset % sizeof(uint32_t) != 0 || offset >= sizeof(call)) return std::nullopt;
  uint32_t word = 0;
  std::memcpy(&word, reinterpret_cast<const char*>(&call) + offset, sizeof(word));
  return word;
}

std::optional<uint32_t> Load(const Machine& machine, const sock_filter& op, const seccomp_data& call) {
  switch (op.code & ~(BPF_LD | BPF_LDX)) {
    case BPF_W | BPF_ABS:
      return BPF_CLASS(op.code) == BPF_LD ? LoadWord(call, op.k) : std::nullopt;
    case BPF_W | BPF_LEN:
      return static_cast<uint32_t>(sizeof(call));
    case BPF_W | BPF_IMM:
      return op.k;
    case BPF_W | BPF_MEM:
      if (op.k >= machine.memory.size()) return std::nullopt;
      return machine.memory[op.k];
    default:
      return std::nullopt;
  }
}

std::optional<uint32_t> Arithmetic(uint32_t left, uint16_t code, uint32_t right) {
  switch (BPF_OP(code)) {
    case BPF_ADD:
      return left + right;
    case BPF_SUB:
      return left - right;
    case BPF_MUL:
      return left * right;
    case BPF_AND:
      return left & right;
    case BPF_OR:
      return left | right;
    case BPF_XOR:
      return left ^ right;
    case BPF_LSH:
      return right < 32 ? std::optional(left << right) : std::nullopt;
    case BPF_RSH:
      return right < 32 ? std::optional(left >> right) : std::nullopt;
    case BPF_NEG:
      return 0U - left;
    default:
      return std::nullopt;
  }
}

// How many instructions to skip.
std::optional<uint32_t> Jump(const Machine& machine, const sock_filter& op) {
  const uint32_t right = BPF_SRC(op.code) == BPF_X ? machine.index : op.k;
  bool taken = false;
  switch (BPF_OP(op.code)) {
    case BPF_JA:
      return op.k;
    case BPF_JEQ:
      taken = machine.accumulator == right;
      break;
    case BPF_JGT:
      taken = machine.accumulator > right;
      break;
    case BPF_JGE:
      taken = machine.accumulator >= right;
      break;
    case BPF_JSET:
      taken = (machine.accumulator & right) != 0;
      break;
    default:
      return std::nullopt;
  }
  return taken ? op.jt : op.jf;
}

bool Store(Machine& machine, const sock_filter& op) {
  if (op.k >= machine.memory.size()) return false;
  machine.memory[op.k] = BPF_CLASS(op.code) == BPF_ST ? machine.accumulator : machine.index;
  return true;
}

// Anything but a jump or a return. False: not well formed.
bool Step(Machine& machine, const sock_filter& op, const seccomp_data& call) {
  std::optional<uint32_t> result;
  switch (BPF_CLASS(op.code)) {
    case BPF_LD:
      result = Load(machine, op, call);
      if (result) machine.accumulator = *result;
      return result.has_value();
    case BPF_LDX:
      result = Load(machine, op, call);
      if (result) machine.index = *result;
      return result.has_value();
    case BPF_ST:
    case BPF_STX:
      return Store(machine, op);
    case BPF_ALU:
      result = Arithmetic(machine.accumulator, op.code, BPF_SRC(op.code) == BPF_X ? machine.index : op.k);
      if (result) machine.accumulator = *result;
      return result.has_value();
    case BPF_MISC:
      if (BPF_MISCOP(op.code) == BPF_TAX) {
        machine.index = machine.accumulator;
      } else {
        machine.accumulator = machine.index;
      }
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<uint32_t> EvaluateBpf(std::span<const sock_filter> program, const seccomp_data& call) {
  Machine machine;
  // Jumps go forward only, so that the loop ends.
  for (uint64_t at = 0; at < program.size(); ++at) {
    const sock_filter& op = program[at];
    if (BPF_CLASS(op.code) == BPF_RET) {
      return BPF_RVAL(op.code) == BPF_A ? machine.accumulator : op.k;
    }
    if (BPF_CLASS(op.code) == BPF_JMP) {
      const std::optional<uint32_t> skipped = Jump(machine, op);
      if (!skipped) return std::nullopt;
      at += *skipped;
    } else if (!Step(machine, op, call)) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace airlock::walls
