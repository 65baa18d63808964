#include "airlock/error.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <type_traits>

#include "airlock/words.h"
#include "sandbox/base/error.h"

namespace airlock {
namespace {

// One program may hold the client and the decoders, as tests and tools do.
static_assert(!std::is_same_v<ClientResult<int>, Result<int>>);

TEST(ErrorTable, EveryRowIsComplete) {
  const auto* reasons = v1::Reason_descriptor();
  for (int i = 1; i < reasons->value_count(); ++i) {
    const auto reason = static_cast<v1::Reason>(reasons->value(i)->number());
    const ClientError error = MakeError(reason);
    EXPECT_EQ(error.outcome, FactsOf(reason).outcome());
    EXPECT_FALSE(error.message.empty());
    EXPECT_EQ(error.exit_code, static_cast<int>(FactsOf(error.outcome).exit_code()));
    EXPECT_NE(error.exit_code, 0) << reasons->value(i)->name();
    EXPECT_EQ(ReasonOf(error.reason_name()), reason);
  }
}

TEST(ErrorTable, ExitCodesAreTheContract) {
  EXPECT_EQ(MakeError(v1::REASON_DANGEROUS_CONTENT).exit_code, 1);
  EXPECT_EQ(MakeError(v1::REASON_DANGEROUS_CONTENT).verdict(), v1::VERDICT_DANGEROUS);
  EXPECT_EQ(MakeError(v1::REASON_ZIP_OVERLAP).exit_code, 1);
  EXPECT_EQ(MakeError(v1::REASON_TRUNCATED).exit_code, 2);
  EXPECT_EQ(MakeError(v1::REASON_BAD_REQUEST).exit_code, 64);
  EXPECT_EQ(MakeError(v1::REASON_PATH_NOT_FOUND).exit_code, 66);
  EXPECT_EQ(MakeError(v1::REASON_QUEUE_FULL).exit_code, 69);
  EXPECT_EQ(MakeError(v1::REASON_INTERNAL).exit_code, 70);
  const int by_verdict[] = {0, 0, 1, 1, 2, 2, 2, 2};
  for (int verdict = v1::VERDICT_CLEAN; verdict <= v1::VERDICT_ERROR; ++verdict) {
    EXPECT_EQ(ExitCodeOf(static_cast<v1::Verdict>(verdict)), by_verdict[verdict - 1]) << verdict;
  }
}

TEST(ErrorTable, WorstWins) {
  EXPECT_EQ(WorseExitCode(0, 2), 2);
  EXPECT_EQ(WorseExitCode(2, 1), 1);
  EXPECT_EQ(WorseExitCode(1, 70), 1);
  EXPECT_EQ(WorseExitCode(66, 2), 66);
  EXPECT_EQ(WorseExitCode(0, 0), 0);
}

TEST(Words, AreThoseOfTheContract) {
  EXPECT_EQ(Word(v1::VERDICT_UNKNOWN_TYPES), "unknown_types");
  EXPECT_EQ(Word(v1::FORMAT_TORCH_LEGACY), "torch_legacy");
  EXPECT_EQ(Word(v1::POSTURE_FILTER_ONLY), "filter-only");
  EXPECT_EQ(Word(v1::DTYPE_FLOAT8_E4M3FN), "float8_e4m3fn");
  EXPECT_EQ(Word(v1::REASON_ZIP_OVERLAP), "ZIP_OVERLAP");
}

// client/README.md lists the exit codes: one row for each outcome, as the proto has them.
TEST(Readme, ExitCodeTableIsTheProtos) {
  std::ifstream file(AIRLOCK_CLIENT_README);
  std::stringstream text;
  text << file.rdbuf();
  const auto* outcomes = v1::Outcome_descriptor();
  for (int i = 1; i < outcomes->value_count(); ++i) {
    const auto outcome = static_cast<v1::Outcome>(outcomes->value(i)->number());
    const std::string row = "| " + Word(outcome) + " | " + Word(FactsOf(outcome).verdict()) + " | " +
                            std::to_string(FactsOf(outcome).exit_code()) + " |";
    EXPECT_NE(text.str().find(row), std::string::npos) << row;
  }
}

}  // namespace
}  // namespace airlock
