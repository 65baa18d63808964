#include "client/cli/scan_verdict.h"

#include <gtest/gtest.h>

#include "tests/unit/client/plan_maker.h"

namespace airlock::cli {
namespace {

std::shared_ptr<const Contents> ContentsOf(v1::Verdict verdict, const std::string& finding = {}) {
  PlanAssembler assembler;
  v1::Report report;
  report.set_verdict(verdict);
  assembler.Add(std::move(report));
  v1::PlanChunk plan;
  if (!finding.empty()) {
    plan.add_findings()->set_id(finding);
    plan.mutable_findings(0)->set_where("extra.pkl");
  }
  EXPECT_TRUE(testing::AddPiece(assembler, plan));
  return assembler.Partial();
}

int Code(v1::Verdict verdict, bool allow_unknown = false, const std::string& finding = {}) {
  return Decide(*ContentsOf(verdict, finding), allow_unknown).exit_code;
}

TEST(Scan, NothingPassesThatIsNotKnownToBeClean) {
  EXPECT_EQ(Code(v1::VERDICT_CLEAN), 0);
  EXPECT_EQ(Code(v1::VERDICT_UNKNOWN_TYPES), 2);
  EXPECT_EQ(Code(v1::VERDICT_UNKNOWN_TYPES, true), 0);
  EXPECT_EQ(Code(v1::VERDICT_DANGEROUS), 1);
  EXPECT_EQ(Code(v1::VERDICT_DANGEROUS, true), 1);
  EXPECT_EQ(Code(v1::VERDICT_REFUSED, true), 1);
  for (const v1::Verdict verdict : {v1::VERDICT_UNSPECIFIED, v1::VERDICT_MALFORMED, v1::VERDICT_LIMIT,
                                    v1::VERDICT_UNSUPPORTED, v1::VERDICT_ERROR}) {
    EXPECT_EQ(Code(verdict, true), 2) << verdict;
  }
}

TEST(Scan, WhatNobodyLookedAtIsNotClean) {
  EXPECT_EQ(Code(v1::VERDICT_CLEAN, true, "zip.unused-member"), 2);
  EXPECT_EQ(Code(v1::VERDICT_UNKNOWN_TYPES, true, "tar.unused-member"), 2);
  EXPECT_EQ(Code(v1::VERDICT_CLEAN, false, "zip.wrong-crc"), 0);
  EXPECT_NE(Decide(*ContentsOf(v1::VERDICT_CLEAN, "zip.unused-member"), false).doubt.find("extra.pkl"),
            std::string::npos);
}

TEST(Scan, CodeThatWasNotJudgedIsTold) {
  EXPECT_NE(CodeIn(*ContentsOf(v1::VERDICT_CLEAN, "torchscript.code")).find("torch.jit.load"), std::string::npos);
  EXPECT_NE(CodeIn(*ContentsOf(v1::VERDICT_CLEAN, "package.code")).find("torch.package"), std::string::npos);
  EXPECT_EQ(CodeIn(*ContentsOf(v1::VERDICT_CLEAN, "zip.wrong-crc")), "");
  EXPECT_EQ(CodeIn(*ContentsOf(v1::VERDICT_CLEAN)), "");
}

TEST(Scan, FailuresKeepTheirCodesAndDangerComesFirst) {
  EXPECT_EQ(Decide(MakeError(v1::REASON_TRUNCATED)), 2);
  EXPECT_EQ(Decide(MakeError(v1::REASON_ZIP_AMBIGUOUS)), 1);
  EXPECT_EQ(Decide(MakeError(v1::REASON_PATH_NOT_FOUND)), 66);
  EXPECT_EQ(Decide(MakeError(v1::REASON_QUEUE_FULL)), 69);
  ClientError broken = MakeError(v1::REASON_PICKLE_MALFORMED);
  PlanAssembler assembler;
  v1::Report report;
  report.set_verdict(v1::VERDICT_DANGEROUS);
  report.set_outcome(v1::OUTCOME_MALFORMED);
  assembler.Add(std::move(report));
  broken.seen = assembler.Partial();
  EXPECT_EQ(Decide(broken), 1);
}

TEST(Scan, WhatHasSomethingInItIsNotSkipped) {
  ClientError none = MakeError(v1::REASON_NOT_A_CHECKPOINT);
  const auto seen = [](v1::Format format, v1::Severity severity) {
    PlanAssembler assembler;
    v1::Report report;
    report.set_format(format);
    assembler.Add(std::move(report));
    v1::PlanChunk plan;
    plan.add_findings()->set_severity(severity);
    EXPECT_TRUE(testing::AddPiece(assembler, plan));
    return assembler.Partial();
  };
  none.seen = seen(v1::FORMAT_UNSPECIFIED, v1::SEVERITY_NOTE);
  EXPECT_TRUE(IsNoCheckpoint("a.whl", none));
  none.seen = seen(v1::FORMAT_TORCH_ZIP, v1::SEVERITY_NOTE);
  EXPECT_FALSE(IsNoCheckpoint("a.whl", none)) << "what is no checkpoint is a part of it";
  none.seen = seen(v1::FORMAT_UNSPECIFIED, v1::SEVERITY_WARNING);
  EXPECT_FALSE(IsNoCheckpoint("a.gz", none));
}

TEST(Scan, OnlyWhatNobodyCallsACheckpointIsSkipped) {
  const ClientError none = MakeError(v1::REASON_NOT_A_CHECKPOINT);
  EXPECT_TRUE(IsNoCheckpoint("dir.pt/README.md", none));
  EXPECT_TRUE(IsNoCheckpoint("pt", none));
  EXPECT_TRUE(IsNoCheckpoint("index.html", MakeError(v1::REASON_HTML_PAGE)));
  EXPECT_TRUE(IsNoCheckpoint("__init__.py", MakeError(v1::REASON_EMPTY_FILE)));
  EXPECT_FALSE(IsNoCheckpoint("a/model.pt", none));
  EXPECT_FALSE(IsNoCheckpoint("a/MODEL.PKL", none));
  EXPECT_FALSE(IsNoCheckpoint("README.md", MakeError(v1::REASON_UNSUPPORTED_FORMAT)));
  EXPECT_FALSE(IsNoCheckpoint("README.md", MakeError(v1::REASON_GIT_LFS_POINTER)));
  EXPECT_FALSE(IsNoCheckpoint("README.md", MakeError(v1::REASON_TRUNCATED)));
}

}  // namespace
}  // namespace airlock::cli
