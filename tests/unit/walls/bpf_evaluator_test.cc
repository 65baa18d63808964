#include "sandbox/walls/bpf_evaluator.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

namespace airlock::walls {
namespace {

constexpr uint32_t kArgument = offsetof(seccomp_data, args);

sock_filter Statement(int code, uint32_t k) { return {static_cast<uint16_t>(code), 0, 0, k}; }
sock_filter JumpTo(int code, uint32_t k, uint8_t jt, uint8_t jf) { return {static_cast<uint16_t>(code), jt, jf, k}; }

std::optional<uint32_t> Evaluate(const std::vector<sock_filter>& program, uint64_t argument = 0) {
  seccomp_data call{};
  call.nr = 7;
  call.args[0] = argument;
  return EvaluateBpf(program, call);
}

TEST(BpfEvaluatorTest, ReturnsConstantAndAccumulator) {
  EXPECT_EQ(Evaluate({Statement(BPF_RET | BPF_K, 5)}), 5U);
  EXPECT_EQ(Evaluate({Statement(BPF_LD | BPF_W | BPF_ABS, 0), Statement(BPF_RET | BPF_A, 0)}), 7U);
  EXPECT_EQ(Evaluate({Statement(BPF_LD | BPF_W | BPF_LEN, 0), Statement(BPF_RET | BPF_A, 0)}), sizeof(seccomp_data));
}

TEST(BpfEvaluatorTest, ReadsBothHalvesOfAnArgument) {
  const uint64_t argument = 0x1122334455667788;
  EXPECT_EQ(Evaluate({Statement(BPF_LD | BPF_W | BPF_ABS, kArgument), Statement(BPF_RET | BPF_A, 0)}, argument),
            0x55667788U);
  EXPECT_EQ(Evaluate({Statement(BPF_LD | BPF_W | BPF_ABS, kArgument + 4), Statement(BPF_RET | BPF_A, 0)}, argument),
            0x11223344U);
}

struct JumpRow {
  int operation;
  uint32_t left;
  uint32_t right;
  bool taken;
};

TEST(BpfEvaluatorTest, JumpsAsTheKernelDoes) {
  constexpr JumpRow kRows[] = {{BPF_JEQ, 3, 3, true},          {BPF_JEQ, 3, 4, false}, {BPF_JGT, 4, 3, true},
                               {BPF_JGT, 3, 3, false},         {BPF_JGE, 3, 3, true},  {BPF_JGE, 2, 3, false},
                               {BPF_JGT, 0xffffffff, 1, true}, {BPF_JSET, 6, 2, true}, {BPF_JSET, 6, 1, false}};
  for (const JumpRow& row : kRows) {
    EXPECT_EQ(Evaluate({Statement(BPF_LD | BPF_IMM, row.left), JumpTo(BPF_JMP | row.operation | BPF_K, row.right, 0, 1),
                        Statement(BPF_RET | BPF_K, 1), Statement(BPF_RET | BPF_K, 0)}),
              row.taken ? 1U : 0U)
        << row.operation << " " << row.left << " " << row.right;
  }
  EXPECT_EQ(Evaluate({Statement(BPF_JMP | BPF_JA, 1), Statement(BPF_RET | BPF_K, 1), Statement(BPF_RET | BPF_K, 2)}),
            2U);
}

TEST(BpfEvaluatorTest, CalculatesAndRemembers) {
  EXPECT_EQ(Evaluate({Statement(BPF_LD | BPF_IMM, 0xff), Statement(BPF_ALU | BPF_AND | BPF_K, 0x0f),
                      Statement(BPF_ST, 3), Statement(BPF_LD | BPF_IMM, 1), Statement(BPF_LDX | BPF_MEM, 3),
                      Statement(BPF_ALU | BPF_ADD | BPF_X, 0), Statement(BPF_RET | BPF_A, 0)}),
            0x10U);
}

TEST(BpfEvaluatorTest, WhatTheKernelWouldNotTakeHasNoResult) {
  EXPECT_EQ(Evaluate({}), std::nullopt);
  // No return; past the end; far past the end.
  EXPECT_EQ(Evaluate({Statement(BPF_LD | BPF_IMM, 1)}), std::nullopt);
  EXPECT_EQ(Evaluate({Statement(BPF_JMP | BPF_JA, 7), Statement(BPF_RET | BPF_K, 1)}), std::nullopt);
  EXPECT_EQ(Evaluate({Statement(BPF_JMP | BPF_JA, 0xffffffff), Statement(BPF_RET | BPF_K, 1)}), std::nullopt);
  // Misaligned; outside; bytes and half-words; packets.
  for (const int code : {BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_B | BPF_ABS, BPF_LD | BPF_W | BPF_IND}) {
    EXPECT_EQ(Evaluate({Statement(code, 2), Statement(BPF_RET | BPF_K, 1)}), std::nullopt) << code;
    EXPECT_EQ(Evaluate({Statement(code, sizeof(seccomp_data)), Statement(BPF_RET | BPF_K, 1)}), std::nullopt) << code;
  }
  // Memory out of range; shift too far; division, which filters do not use; an unknown class of jump.
  EXPECT_EQ(Evaluate({Statement(BPF_ST, BPF_MEMWORDS), Statement(BPF_RET | BPF_K, 1)}), std::nullopt);
  EXPECT_EQ(Evaluate({Statement(BPF_LD | BPF_MEM, BPF_MEMWORDS), Statement(BPF_RET | BPF_K, 1)}), std::nullopt);
  EXPECT_EQ(Evaluate({Statement(BPF_ALU | BPF_LSH | BPF_K, 32), Statement(BPF_RET | BPF_K, 1)}), std::nullopt);
  EXPECT_EQ(Evaluate({Statement(BPF_ALU | BPF_DIV | BPF_K, 0), Statement(BPF_RET | BPF_K, 1)}), std::nullopt);
  EXPECT_EQ(Evaluate({Statement(BPF_JMP | 0xf0, 0), Statement(BPF_RET | BPF_K, 1)}), std::nullopt);
}

}  // namespace
}  // namespace airlock::walls
