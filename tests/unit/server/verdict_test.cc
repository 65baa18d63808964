#include "server/verdict.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace airlock::server {
namespace {

TEST(VerdictTable, EveryReasonHasFacts) {
  const auto* reasons = v1::Reason_descriptor();
  for (int i = 0; i < reasons->value_count(); ++i) {
    const auto* value = reasons->value(i);
    if (value->number() == v1::REASON_UNSPECIFIED) continue;
    ASSERT_TRUE(value->options().HasExtension(v1::reason)) << value->name();
    const auto& facts = value->options().GetExtension(v1::reason);
    EXPECT_FALSE(facts.sentence().empty()) << value->name();
    EXPECT_NE(facts.outcome(), v1::OUTCOME_UNSPECIFIED) << value->name();
    EXPECT_NE(facts.outcome(), v1::OUTCOME_OK) << value->name();
  }
}

TEST(VerdictTable, EveryOutcomeHasFacts) {
  const auto* outcomes = v1::Outcome_descriptor();
  for (int i = 0; i < outcomes->value_count(); ++i) {
    const auto* value = outcomes->value(i);
    if (value->number() == v1::OUTCOME_UNSPECIFIED) continue;
    ASSERT_TRUE(value->options().HasExtension(v1::outcome)) << value->name();
    const auto& facts = value->options().GetExtension(v1::outcome);
    EXPECT_EQ(facts.grpc_code() == 0, value->number() == v1::OUTCOME_OK) << value->name();
    EXPECT_LE(facts.grpc_code(), 16U) << value->name();
    EXPECT_NE(facts.verdict(), v1::VERDICT_UNSPECIFIED) << value->name();
  }
}

TEST(VerdictTable, ValuesWithoutARowAreOurFault) {
  EXPECT_EQ(FactsOf(static_cast<v1::Reason>(9999)).outcome(), v1::OUTCOME_INTERNAL);
  EXPECT_EQ(FactsOf(v1::REASON_UNSPECIFIED).outcome(), v1::OUTCOME_INTERNAL);
}

TEST(Verdict, SuccessIsOk) {
  EXPECT_TRUE(Verdict().ok());
  EXPECT_TRUE(Verdict().ToStatus().ok());
  EXPECT_EQ(Verdict().outcome(), v1::OUTCOME_OK);
}

TEST(Verdict, FirstCauseWins) {
  Verdict verdict;
  verdict.Note(Verdict());
  verdict.Note(Verdict::Crash(11));
  verdict.Note(Verdict(v1::REASON_TIMEOUT_TOTAL));
  EXPECT_EQ(verdict.reason(), v1::REASON_DECODER_CRASH);
  EXPECT_EQ(verdict.failure().signal(), 11U);
}

google::rpc::ErrorInfo InfoOf(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), status.error_code());
  EXPECT_TRUE(details.details_size() > 0 && details.details(0).UnpackTo(&info));
  return info;
}

TEST(Verdict, StatusCarriesEveryParticular) {
  const grpc::Status status = Verdict::Limit("nodes", 5, 6).At(77).ToStatus();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  const auto info = InfoOf(status);
  EXPECT_EQ(info.domain(), "airlock.dev");
  EXPECT_EQ(info.reason(), "LIMIT_EXCEEDED");
  EXPECT_EQ(info.metadata().at("limit"), "nodes");
  EXPECT_EQ(info.metadata().at("limit_value"), "5");
  EXPECT_EQ(info.metadata().at("seen"), "6");
  EXPECT_EQ(info.metadata().at("offset"), "77");
  EXPECT_EQ(InfoOf(Verdict::Crash(9).ToStatus()).metadata().at("signal"), "9");
  EXPECT_EQ(InfoOf(Verdict::Violation(v1::REASON_SANDBOX_VIOLATION, "seccomp").ToStatus()).metadata().at("layer"),
            "seccomp");
}

TEST(Verdict, ParticularsAreThereWhereTheySayMore) {
  const auto message = [](v1::Reason reason, std::string_view particulars) {
    return Verdict(reason, particulars).failure().message();
  };
  EXPECT_EQ(message(v1::REASON_SEVEN_ZIP, "a 7z archive"), "a 7z archive, which is not read");
  EXPECT_EQ(message(v1::REASON_EMPTY_FILE, "the file is empty"), "the file is empty");
  EXPECT_EQ(message(v1::REASON_EMPTY_FILE, ""), "the file is empty");
  EXPECT_EQ(message(v1::REASON_GIT_LFS_POINTER, "a Git LFS pointer, not the file it points to"),
            FactsOf(v1::REASON_GIT_LFS_POINTER).sentence());
  EXPECT_EQ(message(v1::REASON_NOT_A_CHECKPOINT, "not a checkpoint of any known format, but a poem"),
            "not a checkpoint of any known format, but a poem");
  EXPECT_EQ(message(v1::REASON_UNSUPPORTED_FORMAT, "a RAR archive"), "a known format that is not read: a RAR archive");
}

TEST(Verdict, QuotedTextIsEscapedAndCapped) {
  const std::string hostile = "\x1b[2J" + std::string(10'000, 'a');
  const Verdict verdict(v1::REASON_PICKLE_MALFORMED, hostile);
  EXPECT_LE(verdict.failure().message().size(), 512U);
  EXPECT_EQ(verdict.failure().message().find('\x1b'), std::string::npos);
  EXPECT_NE(verdict.failure().message().find("\\x1b[2J"), std::string::npos);
}

}  // namespace
}  // namespace airlock::server
