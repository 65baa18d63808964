#include "sandbox/tensors/by_symbol.h"

#include <gtest/gtest.h>

namespace airlock::tensors {
namespace {

TEST(BySymbol, AsksOnceOfEachSymbol) {
  BySymbol<std::optional<int>> answers;
  int asked = 0;
  for (int round = 0; round < 3; ++round) {
    for (const uint32_t symbol : {0U, 7U, 7U, 0U, 8U}) {
      const auto answer = answers.Of(symbol, [&]() -> std::optional<int> {
        ++asked;
        if (symbol == 8) return std::nullopt;
        return static_cast<int>(symbol) + 1;
      });
      EXPECT_EQ(answer, symbol == 8 ? std::nullopt : std::optional(static_cast<int>(symbol) + 1));
    }
  }
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace airlock::tensors
