// The file's own CRC-32 held against the bytes that came: in memory, and on the way to a sink.
#include "client/cpp/checksums.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <cstring>
#include <string>

#include "tests/unit/client/plan_maker.h"

namespace airlock {
namespace {

const std::string kBytes[] = {"abc", "defg", ""};

uint64_t CrcOf(const std::string& bytes) {
  return (uint64_t{1} << 32) + libdeflate_crc32(0, bytes.data(), bytes.size());
}

// Three storages, of which the first has a tensor called "w".
class ChecksumsTest : public ::testing::Test {
 protected:
  ChecksumsTest() {
    for (const std::string& bytes : kBytes) maker_.Storage(bytes.size());
    maker_.Entry("w", maker_.Tensor(0, v1::DTYPE_UINT8, {3}, {1}));
    maker_.Items(v1::NODE_KIND_LIST, {});
    for (int i = 0; i < 3; ++i) maker_.plan.mutable_storages()->set_crc32(i, CrcOf(kBytes[i]));
  }
  std::shared_ptr<const Contents> contents() const { return *maker_.Make(); }
  Checkpoint checkpoint() const {
    std::vector<std::shared_ptr<const Storage>> storages;
    for (const std::string& bytes : kBytes) {
      storages.push_back(Storage::Allocate(bytes.size()));
      if (!bytes.empty()) {
        std::memcpy(const_cast<std::byte*>(storages.back()->bytes().data()), bytes.data(), bytes.size());
      }
    }
    return Checkpoint(contents(), std::move(storages));
  }
  ClientResult<void> Verify() const { return VerifyChecksums(checkpoint()); }

  testing::PlanMaker maker_;
};

TEST_F(ChecksumsTest, RightBytesPass) { EXPECT_TRUE(Verify().ok()); }

TEST_F(ChecksumsTest, OneWrongBitIsSeenAndNamed) {
  for (const int wrong : {0, 1, 2}) {
    const uint64_t right = maker_.plan.storages().crc32(wrong);
    maker_.plan.mutable_storages()->set_crc32(wrong, right ^ 1);
    const auto verified = Verify();
    ASSERT_FALSE(verified.ok()) << wrong;
    EXPECT_EQ(verified.error().reason, v1::REASON_CHECKSUM_MISMATCH);
    EXPECT_NE(verified.error().message.find("storage " + std::to_string(wrong)), std::string::npos);
    EXPECT_EQ(verified.error().message.find(", of w ") != std::string::npos, wrong == 0);
    maker_.plan.mutable_storages()->set_crc32(wrong, right);
  }
}

TEST_F(ChecksumsTest, BesideTheCallersWorkItFindsTheSame) {
  EXPECT_TRUE(Verification(checkpoint()).Finish().ok());
  maker_.plan.mutable_storages()->set_crc32(1, CrcOf("defh"));
  Verification verification(checkpoint());
  const auto verified = verification.Finish();
  ASSERT_FALSE(verified.ok());
  EXPECT_EQ(verified.error().reason, v1::REASON_CHECKSUM_MISMATCH);
}

TEST_F(ChecksumsTest, AVerificationMayBeGivenUp) {
  maker_.plan.mutable_storages()->set_crc32(1, CrcOf("defh"));
  const Verification verification(checkpoint());
}

TEST_F(ChecksumsTest, WhatHasNoChecksumPasses) {
  for (int i = 0; i < 3; ++i) maker_.plan.mutable_storages()->set_crc32(i, 0);
  EXPECT_TRUE(Verify().ok());
}

// What reaches a sink, piece by piece.
class Heard : public StorageSink {
 public:
  ClientResult<void> Plan(const std::shared_ptr<const Contents>&) override { return {}; }
  ClientResult<bool> File(uint32_t, int, uint64_t) override {
    ADD_FAILURE() << "bytes that nobody has looked at";
    return true;
  }
  ClientResult<void> Data(uint32_t, uint64_t, std::string_view bytes) override {
    text += bytes;
    return {};
  }
  ClientResult<void> End(uint32_t) override {
    text += ';';
    return {};
  }
  std::string text;
};

TEST_F(ChecksumsTest, ASinkHearsOfNoEndOfWrongBytes) {
  maker_.plan.mutable_storages()->set_crc32(1, CrcOf("defh"));
  Heard heard;
  ChecksumSink sink(heard);
  ASSERT_TRUE(sink.Plan(contents()).ok());
  EXPECT_FALSE(*sink.File(0, -1, 0));
  EXPECT_TRUE(sink.Data(0, 0, "a").ok());
  EXPECT_TRUE(sink.Data(0, 1, "bc").ok());
  EXPECT_TRUE(sink.End(0).ok());
  EXPECT_TRUE(sink.Data(1, 0, "defg").ok());
  EXPECT_EQ(sink.End(1).error().reason, v1::REASON_CHECKSUM_MISMATCH);
  EXPECT_EQ(heard.text, "abc;defg");
}

}  // namespace
}  // namespace airlock
