// InflatedMember: bytes of a deflated member in any order, the same each time.
#include "sandbox/formats/inflated_member.h"

#include <gtest/gtest.h>

#include <random>

#include "sandbox/formats/zip_directory.h"
#include "tests/fixtures/memory_file.h"
#include "tests/fixtures/zip_writer.h"

namespace airlock::formats {
namespace {

// Compressible, and no two pieces of it alike.
std::string Text(size_t size) {
  std::string text;
  for (size_t number = 0; text.size() < size; ++number) text += std::to_string(number * 2654435761U) + ',';
  text.resize(size);
  return text;
}

TEST(InflatedMember, ReadsAnywhereAndWritesAllOfIt) {
  const std::string text = Text((size_t{5} << 20) + 77);
  const std::string zip = fixtures::WriteZip({.parts = {{.name = "a", .data = text, .deflate = true}}});
  const Fd file = fixtures::MemoryFile(zip);
  const Fd out = fixtures::MemoryFile("");
  const Input archive(file.get(), zip.size());
  Output output(out.get(), uint64_t{1} << 24, false);
  const auto directory = ZipDirectory::Read(archive, {});
  ASSERT_TRUE(directory.ok());
  ASSERT_TRUE(output.Reserve(1).ok());
  const auto member = InflatedMember::Open(archive, directory->members()[0], output);
  ASSERT_TRUE(member.ok()) << member.error().message;
  EXPECT_EQ((*member)->crc(), directory->members()[0].crc);

  const Input input = (*member)->input();
  ASSERT_EQ(input.size(), text.size());
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    const size_t offset = random() % text.size();
    const size_t length = random() % std::min<size_t>(text.size() - offset, 3000);
    std::string read(length, '\0');
    ASSERT_TRUE(input.ReadAt(offset, {reinterpret_cast<uint8_t*>(read.data()), length}).ok());
    ASSERT_EQ(read, text.substr(offset, length)) << offset;
  }
  uint8_t byte = 0;
  EXPECT_TRUE(input.ReadAt(text.size() - 1, {&byte, 1}).ok());
  EXPECT_FALSE(input.ReadAt(text.size(), {&byte, 1}).ok());

  const tensors::Storage storage = input.StorageAt(1000, 50);
  EXPECT_EQ(storage.place, tensors::Place::kOutput);
  std::string written(50, '\0');
  ASSERT_EQ(::pread(out.get(), written.data(), 50, static_cast<off_t>(storage.offset)), 50);
  EXPECT_EQ(written, text.substr(1000, 50));
  EXPECT_EQ(input.OffsetOf(storage), 1000U);
  const Input part = input.Part(1000, 40);
  EXPECT_EQ(part.OffsetOf(storage), std::nullopt);  // not all of it
  ASSERT_TRUE(part.ReadAt(0, {&byte, 1}).ok());
  EXPECT_EQ(static_cast<char>(byte), text[1000]);
}

TEST(InflatedMember, MayBeEmpty) {
  const std::string zip = fixtures::WriteZip({.parts = {{.name = "a", .data = "", .deflate = true}}});
  const Fd file = fixtures::MemoryFile(zip);
  const Input archive(file.get(), zip.size());
  Output output(file.get(), 0, true);
  const auto directory = ZipDirectory::Read(archive, {});
  ASSERT_TRUE(directory.ok());
  const auto member = InflatedMember::Open(archive, directory->members()[0], output);
  ASSERT_TRUE(member.ok()) << member.error().message;
  EXPECT_TRUE((*member)->input().ReadAt(0, {}).ok());
}

}  // namespace
}  // namespace airlock::formats
