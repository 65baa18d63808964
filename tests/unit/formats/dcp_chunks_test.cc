// Putting chunks together: random boxes that tile a tensor, against the plain definition; and tilings that are none.
#include "sandbox/formats/dcp_chunks.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>

#include "tests/fixtures/memory_file.h"

namespace airlock::formats {
namespace {

// A tensor in chunks, cut at random: each step cuts one box in two.
DcpTensor RandomTensor(std::mt19937& random) {
  DcpTensor tensor;
  const size_t rank = 1 + random() % 4;
  for (size_t dim = 0; dim < rank; ++dim) tensor.size.push_back(1 + random() % 9);
  tensor.chunks.push_back({DcpDims(rank, 0), tensor.size});
  for (size_t cuts = random() % 12; cuts > 0; --cuts) {
    const size_t which = random() % tensor.chunks.size();
    const size_t dim = random() % rank;
    if (tensor.chunks[which].sizes[dim] < 2) continue;
    DcpChunk second = tensor.chunks[which];
    const uint64_t at = 1 + random() % (second.sizes[dim] - 1);
    tensor.chunks[which].sizes[dim] = at;
    second.offsets[dim] += at;
    second.sizes[dim] -= at;
    tensor.chunks.push_back(second);
  }
  std::shuffle(tensor.chunks.begin(), tensor.chunks.end(), random);
  return tensor;
}

// Calls visit(index of the element in the tensor) for each element of the chunk, in row-major order.
template <typename Visit>
void ForEach(const DcpTensor& tensor, const DcpChunk& chunk, const Visit& visit) {
  for (uint64_t i = 0; i < VolumeOf(chunk); ++i) {
    uint64_t rest = i;
    uint64_t index = 0;
    uint64_t stride = 1;
    for (size_t dim = tensor.size.size(); dim-- > 0;) {
      index += (chunk.offsets[dim] + rest % chunk.sizes[dim]) * stride;
      rest /= chunk.sizes[dim];
      stride *= tensor.size[dim];
    }
    visit(index);
  }
}

// The bytes of an element: its number, as often as it takes.
std::string Element(uint64_t index, uint64_t item_size) {
  std::string bytes;
  for (uint64_t i = 0; i < item_size; ++i) bytes += static_cast<char>((index >> (8 * (i % 3))) + i);
  return bytes;
}

std::string Assembled(const DcpTensor& tensor, uint64_t item_size) {
  std::string file = "some bytes before";
  std::vector<ChunkBytes> chunks;
  uint64_t elements = 0;
  for (const DcpChunk& chunk : tensor.chunks) {
    chunks.push_back({&chunk, file.size()});
    ForEach(tensor, chunk, [&](uint64_t index) { file += Element(index, item_size); });
    elements += VolumeOf(chunk);
  }
  const Fd input_fd = fixtures::MemoryFile(file);
  const Fd output_fd = fixtures::MemoryFile("");
  Output output(output_fd.get(), elements * item_size, false);
  pickle::Context context;
  EXPECT_TRUE(CopyChunks(tensor, chunks, item_size, Input(input_fd.get(), file.size()), output, 0, context).ok());
  std::string bytes(elements * item_size, '\0');
  EXPECT_EQ(pread(output_fd.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  return bytes;
}

std::string Whole(const DcpTensor& tensor, uint64_t item_size) {
  std::string bytes;
  const uint64_t elements = std::accumulate(tensor.size.begin(), tensor.size.end(), uint64_t{1}, std::multiplies<>());
  for (uint64_t i = 0; i < elements; ++i) bytes += Element(i, item_size);
  return bytes;
}

TEST(DcpChunks, RandomTilingsComeOutWhole) {
  std::mt19937 random(20260);
  for (int turn = 0; turn < 400; ++turn) {
    const DcpTensor tensor = RandomTensor(random);
    const uint64_t item_size = uint64_t{1} << random() % 5;
    pickle::Context context;
    ASSERT_TRUE(CheckTiling(tensor, "t", context).ok()) << turn;
    ASSERT_EQ(Assembled(tensor, item_size), Whole(tensor, item_size)) << turn;
  }
}

// More than one band of rows, along the first dimension and along a later one.
TEST(DcpChunks, LargeTensorsComeOutWhole) {
  const DcpTensor rows{
      .size = {700, 3, 400},
      .chunks = {{{0, 0, 0}, {700, 3, 150}}, {{0, 0, 150}, {301, 3, 250}}, {{301, 0, 150}, {399, 3, 250}}}};
  EXPECT_EQ(Assembled(rows, 4), Whole(rows, 4));
  const DcpTensor planes{.size = {2, 3, 300'000},
                         .chunks = {{{0, 0, 0}, {1, 3, 300'000}},
                                    {{1, 0, 0}, {1, 2, 300'000}},
                                    {{1, 2, 0}, {1, 1, 299'999}},
                                    {{1, 2, 299'999}, {1, 1, 1}}}};
  EXPECT_EQ(Assembled(planes, 8), Whole(planes, 8));
}

// One chunk of a good tiling moved, grown, shrunk, doubled or lost.
TEST(DcpChunks, WhatIsNoTilingIsSeen) {
  std::mt19937 random(20261);
  for (int turn = 0; turn < 2000; ++turn) {
    DcpTensor tensor = RandomTensor(random);
    DcpChunk& chunk = tensor.chunks[random() % tensor.chunks.size()];
    const size_t dim = random() % tensor.size.size();
    switch (random() % 5) {
      case 0:
        chunk.offsets[dim] += 1;
        break;
      case 1:
        chunk.sizes[dim] += 1;
        break;
      case 2:
        chunk.sizes[dim] -= 1;
        break;
      case 3: {
        const DcpChunk copy = chunk;
        tensor.chunks.push_back(copy);
        break;
      }
      default:
        tensor.chunks.pop_back();
    }
    pickle::Context context;
    ASSERT_FALSE(CheckTiling(tensor, "t", context).ok()) << turn;
  }
}

TEST(DcpChunks, EmptyChunksCountForNothing) {
  const DcpTensor tensor{.size = {3}, .chunks = {{{0}, {3}}, {{3}, {0}}, {{1}, {0}}}};
  pickle::Context context;
  EXPECT_TRUE(CheckTiling(tensor, "t", context).ok());
}

// So many chunks side by side that comparing them all would take for ever.
TEST(DcpChunks, ComparingIsALimit) {
  DcpTensor tensor{.size = {1, 20'000}, .chunks = {}};
  for (uint64_t i = 0; i < 20'000; ++i) tensor.chunks.push_back({{0, i}, {1, 1}});
  pickle::Context context;
  context.limits.opcodes = 1'000'000;
  const auto checked = CheckTiling(tensor, "t", context);
  ASSERT_FALSE(checked.ok());
  EXPECT_STREQ(checked.error().limit->name, "opcodes");
}

}  // namespace
}  // namespace airlock::formats
