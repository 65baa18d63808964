#include "airlock/tensor.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace airlock {
namespace {

std::string ReadAll(const TensorInfo& info, const std::string& storage, size_t piece = 16) {
  RowMajorReader reader(info, std::as_bytes(std::span(storage)));
  std::vector<std::byte> buffer(piece);
  std::string all;
  while (const size_t length = reader.Read(buffer)) all.append(reinterpret_cast<const char*>(buffer.data()), length);
  return all;
}

TEST(RowMajorReader, WalksAnyStrides) {
  struct Case {
    std::vector<uint64_t> shape, strides;
    uint64_t offset;
    const char* expected;
  };
  const Case cases[] = {
      {{3, 4}, {4, 1}, 0, "abcdefghijkl"},
      {{4, 3}, {1, 4}, 0, "aeibfjcgkdhl"},
      {{2, 2}, {4, 1}, 5, "fgjk"},
      {{2, 3}, {0, 1}, 1, "bcdbcd"},
      {{}, {}, 11, "l"},
      {{0, 5}, {5, 1}, 0, ""},
      {{1, 3}, {99, 1}, 0, "abc"},
      {{3, 1, 2}, {4, 7, 2}, 0, "acegik"},
  };
  for (const Case& row : cases) {
    const TensorInfo info{0, v1::DTYPE_UINT8, 0, row.offset, row.shape, row.strides};
    EXPECT_EQ(ReadAll(info, "abcdefghijkl"), row.expected);
  }
}

TEST(RowMajorReader, PiecesHoldWholeElements) {
  const std::vector<uint64_t> shape{2, 2};
  const std::vector<uint64_t> strides{1, 2};
  const TensorInfo info{0, v1::DTYPE_FLOAT32, 0, 0, shape, strides};
  EXPECT_EQ(ReadAll(info, "aaaabbbbccccdddd", 19), "aaaaccccbbbbdddd");
}

TEST(RowMajorReader, AppliesConjugateAndNegativeBits) {
  const float parts[] = {1.0F, 2.0F};
  const std::string storage(reinterpret_cast<const char*>(parts), sizeof parts);
  const std::vector<uint64_t> shape{1};
  auto read = [&](uint32_t flags) {
    std::array<float, 2> out;
    const std::string all = ReadAll({0, v1::DTYPE_COMPLEX64, flags, 0, shape, shape}, storage);
    memcpy(out.data(), all.data(), sizeof out);
    return out;
  };
  EXPECT_EQ(read(v1::TENSOR_FLAG_CONJ), (std::array<float, 2>{1, -2}));
  EXPECT_EQ(read(v1::TENSOR_FLAG_NEG), (std::array<float, 2>{-1, -2}));
  EXPECT_EQ(read(v1::TENSOR_FLAG_NEG | v1::TENSOR_FLAG_CONJ), (std::array<float, 2>{-1, 2}));
  const int16_t number = 300;
  const std::string negated =
      ReadAll({0, v1::DTYPE_INT16, v1::TENSOR_FLAG_NEG, 0, shape, shape}, {reinterpret_cast<const char*>(&number), 2});
  int16_t result = 0;
  memcpy(&result, negated.data(), 2);
  EXPECT_EQ(result, -300);
}

TEST(TensorInfo, CountsSaturate) {
  const std::vector<uint64_t> shape{UINT64_MAX, 2};
  const std::vector<uint64_t> strides{0, 0};
  EXPECT_EQ((TensorInfo{0, v1::DTYPE_FLOAT32, 0, 0, shape, strides}.Bytes()), UINT64_MAX);
  EXPECT_FALSE((TensorInfo{0, v1::DTYPE_FLOAT32, 0, 0, shape, strides}.Contiguous()));
}

TEST(TensorInfo, PackedElementsGoOnOverRowEnds) {
  const std::vector<uint64_t> shape{3, 3};
  const std::vector<uint64_t> strides{3, 1};
  EXPECT_EQ((TensorInfo{0, v1::DTYPE_QUINT4X2, 0, 0, shape, strides}.Bytes()), 5U);
  EXPECT_EQ((TensorInfo{0, v1::DTYPE_QUINT2X4, 0, 0, shape, strides}.Bytes()), 3U);
  EXPECT_EQ(ReadAll({0, v1::DTYPE_QUINT4X2, 0, 0, shape, strides}, "abcdefgh"), "abcde");
}

TEST(DType, EveryOneHasASize) {
  const auto* dtypes = v1::DType_descriptor();
  for (int i = 1; i < dtypes->value_count(); ++i) {
    EXPECT_GT(ElementSize(static_cast<v1::DType>(dtypes->value(i)->number())), 0U) << dtypes->value(i)->name();
  }
}

}  // namespace
}  // namespace airlock
