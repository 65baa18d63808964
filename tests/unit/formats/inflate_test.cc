#include "sandbox/formats/inflate.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/fixtures/memory_file.h"

namespace airlock::formats {
namespace {

std::string Deflated(const std::string& text) {
  libdeflate_compressor* const compressor = libdeflate_alloc_compressor(6);
  std::string out(libdeflate_deflate_compress_bound(compressor, text.size()), '\0');
  out.resize(libdeflate_deflate_compress(compressor, text.data(), text.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

// Longer than a window, and no constant.
std::string Text() {
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += std::to_string(i * i % 7919);
  return text;
}

Result<std::string> InSteps(const std::string& deflated, uint64_t inflated) {
  const Fd file = fixtures::MemoryFile(deflated);
  const Input input(file.get(), deflated.size());
  Inflater inflater(input, 0, deflated.size(), inflated);
  std::string text;
  std::vector<uint8_t> step(1000);
  while (inflater.left() > 0) {
    AIRLOCK_ASSIGN(const size_t count, inflater.Read(step));
    text.append(step.begin(), step.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return text;
}

Result<std::string> AsAWhole(const std::string& deflated, uint64_t inflated) {
  const Fd file = fixtures::MemoryFile(deflated);
  const Input input(file.get(), deflated.size());
  WholeInflater inflater;
  EXPECT_TRUE(inflater.MakeRoom(deflated.size(), inflated));
  AIRLOCK_ASSIGN(const std::span<uint8_t> bytes, inflater.Inflate(input, 0, deflated.size(), inflated));
  return std::string(bytes.begin(), bytes.end());
}

// Both take the same streams for right, and no others.
class Inflaters : public testing::TestWithParam<Result<std::string> (*)(const std::string&, uint64_t)> {
 protected:
  static Reason ReasonOf(const std::string& deflated, uint64_t inflated) {
    const auto text = GetParam()(deflated, inflated);
    return text.ok() ? Reason{} : text.error().reason;
  }
};

TEST_P(Inflaters, GiveWhatWasDeflated) {
  const auto text = GetParam()(Deflated(Text()), Text().size());
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_EQ(*text, Text());
}

TEST_P(Inflaters, RefuseWhatIsNotExactlyAsAnnounced) {
  const std::string deflated = Deflated(Text());
  const size_t size = Text().size();
  EXPECT_EQ(ReasonOf(deflated, size - 1), Reason::kCompressionBroken) << "inflates to more";
  EXPECT_EQ(ReasonOf(deflated, size + 1), Reason::kCompressionBroken) << "inflates to less";
  EXPECT_EQ(ReasonOf(deflated + '\0', size), Reason::kCompressionBroken) << "bytes follow";
  EXPECT_EQ(ReasonOf(deflated + deflated, size), Reason::kCompressionBroken) << "a stream follows";
  EXPECT_EQ(ReasonOf(deflated.substr(0, deflated.size() - 1), size), Reason::kCompressionBroken) << "ends early";
  EXPECT_EQ(ReasonOf(Text(), size), Reason::kCompressionBroken) << "no deflate data";
}

INSTANTIATE_TEST_SUITE_P(Both, Inflaters, testing::Values(&InSteps, &AsAWhole),
                         [](const auto& each) { return each.param == &InSteps ? "InSteps" : "AsAWhole"; });

TEST(WholeInflater, TakesNoMoreThanAWorkerMayHold) {
  constexpr uint64_t kMost = WholeInflater::kMostBytes;
  EXPECT_TRUE(WholeInflater::Fits(kMost / 2, kMost / 2, UINT64_MAX));
  EXPECT_FALSE(WholeInflater::Fits(kMost / 2, kMost / 2 + 1, UINT64_MAX));
  EXPECT_FALSE(WholeInflater::Fits(UINT64_MAX, UINT64_MAX, UINT64_MAX));
  EXPECT_TRUE(WholeInflater::Fits(1, 1, 16));
  EXPECT_FALSE(WholeInflater::Fits(1, 2, 16));
}

TEST(WholeInflater, ServesOneRangeAfterAnother) {
  const std::string first = Deflated(Text());
  const std::string second = Deflated("short");
  const Fd file = fixtures::MemoryFile(first + second);
  const Input input(file.get(), first.size() + second.size());
  WholeInflater inflater;
  ASSERT_TRUE(inflater.MakeRoom(first.size(), Text().size()));
  ASSERT_TRUE(inflater.Inflate(input, 0, first.size(), Text().size()).ok());
  ASSERT_TRUE(inflater.MakeRoom(second.size(), 5));
  const auto bytes = inflater.Inflate(input, first.size(), second.size(), 5);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(std::string(bytes->begin(), bytes->end()), "short");
}

}  // namespace
}  // namespace airlock::formats
