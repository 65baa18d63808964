// Texts that torch.export evaluates: which are expressions of numbers, and which reach for more.
#include "sandbox/formats/evaluated_text.h"

#include <gtest/gtest.h>

namespace airlock::formats {
namespace {

TEST(EvaluatedText, ExpressionsAsTorchWritesThem) {
  for (const std::string_view text :
       {"Symbol('s17', positive=True, integer=True)", "Mul(Integer(2), Symbol('s17', positive=True, integer=True))",
        "s0", "2*s0 + 1", "-s0//2", "Mod(s0, 2)", "Max(1, u0)", "1.5e-10*s0", "Float('0.5', precision=53)",
        "Piecewise(ExprCondPair(Integer(1), StrictGreaterThan(Symbol('s0'), Integer(2))))", "Eq(s0, 3) & (s1 < 4)",
        "OpaqueUnaryFn_sqrt(ToFloat(s0))", "FloorDiv(s0 + 1, (s1 + 2))", "L['y'].size()[0] == L['x'].size()[0]",
        "((4*L['y'].size()[0] + 4*L['x'].size()[0]) % (2*L['y'].size()[0] + 2*L['x'].size()[0])) == 0",
        "L['args'][0][1].stride()[0] != 1 and not (2 <= L['x'].size()[1])", "torch.sym_max(L['x'].size()[0], 2) > 1",
        ""}) {
    EXPECT_EQ(JudgeEvaluated(text), Evaluated::kPlain) << text;
  }
}

TEST(EvaluatedText, WhatReachesForMore) {
  for (const std::string_view text :
       {"__import__('os').system('id')", "eval('1')", "Add(exec('x'), 1)", "max('a', key=eval)", "().__class__",
        "(lambda: 0)()", "[x for x in (1,)]", "(s0)(1)", "getattr(torch, 'os')", "Symbol('s0')('x')", "L['x'](1)",
        "open('x')", "torch.os.system('id')"}) {
    EXPECT_EQ(JudgeEvaluated(text), Evaluated::kReaching) << text;
  }
}

TEST(EvaluatedText, WhatNobodyKnows) {
  for (const std::string_view text :
       {"Predicate._orig_doc[1357]", "Tuple(Predicate . _orig_doc)", "Tuple('os' + Predicate._orig_doc[0])",
        "1.0.func.name", "Tuple('Predicate._orig_doc')", "max('a', 'b')", "Add('a', 1)", "['a'][0]", "Symbol('a' 'b')",
        "('a')", "'a'", "preview('x')", "max(s0, key=preview)", "Symbol('a b')", "Symbol('s0", "s0; s1", "{1: 2}",
        "s0\n", "\\x41"}) {
    EXPECT_EQ(JudgeEvaluated(text), Evaluated::kUnknown) << text;
  }
}

}  // namespace
}  // namespace airlock::formats
