// Input: parts and bytes in memory are read as the file is, and places come out in offsets of the file.
#include "sandbox/formats/input.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/fixtures/memory_file.h"

namespace airlock::formats {
namespace {

constexpr std::string_view kText = "0123456789abcdef";

std::string Read(const Input& input, uint64_t offset, size_t count) {
  std::string text(count, '?');
  const auto read = input.ReadAt(offset, {reinterpret_cast<uint8_t*>(text.data()), text.size()});
  return read.ok() ? text : "! " + read.error().message;
}

TEST(InputTest, APartCountsFromItsStartAndEndsWhereItEnds) {
  const Fd file = fixtures::MemoryFile(kText);
  const Input part = Input(file.get(), kText.size()).Part(4, 8);
  EXPECT_EQ(part.size(), 8U);
  EXPECT_EQ(Read(part, 0, 8), "456789ab");
  EXPECT_EQ(Read(part, 6, 3), "! more of it is needed");
  EXPECT_TRUE(part.in_file());
  EXPECT_EQ(part.FileOffset(3), 7U);
}

TEST(InputTest, APartOfAPartIsAPartOfTheFile) {
  const Fd file = fixtures::MemoryFile(kText);
  const Input part = Input(file.get(), kText.size()).Part(4, 8).Part(2, 3);
  EXPECT_EQ(Read(part, 0, 3), "678");
  EXPECT_EQ(part.FileOffset(0), 6U);
  EXPECT_EQ(Read(part, 3, 1), "! more of it is needed");
}

TEST(InputTest, BytesInMemoryAreReadLikeAFileButAreNoneOfIt) {
  const Input memory(std::span(reinterpret_cast<const uint8_t*>(kText.data()), kText.size()));
  EXPECT_FALSE(memory.in_file());
  EXPECT_EQ(Read(memory, 10, 6), "abcdef");
  EXPECT_EQ(Read(memory, 10, 7), "! more of it is needed");
  const Input part = memory.Part(1, 3);
  EXPECT_FALSE(part.in_file());
  EXPECT_EQ(Read(part, 0, 3), "123");
  EXPECT_EQ(Read(part, 1, 3), "! more of it is needed");
}

TEST(InputTest, WhatIsReadAgainIsTheFileButNoStorageIsASpanOfIt) {
  const Fd file = fixtures::MemoryFile(kText);
  const Input again = Input(file.get(), kText.size()).Part(2, 10).Again().Part(1, 4);
  EXPECT_FALSE(again.in_file());
  EXPECT_EQ(Read(again, 0, 4), "3456");
}

}  // namespace
}  // namespace airlock::formats
