// Bytes from files of this machine: where views point, what they keep alive, what is noticed.
#include "client/cpp/local_payload.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "tests/unit/client/plan_maker.h"

namespace airlock {
namespace {

std::string Text(const Storage& storage) {
  return {reinterpret_cast<const char*>(storage.bytes().data()), storage.bytes().size()};
}

// A file that can be written to behind the payload's back.
struct TestFile {
  explicit TestFile(const std::string& bytes) : writable(memfd_create("test", MFD_CLOEXEC)) {
    EXPECT_EQ(write(writable.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  LocalFile Open() const {
    LocalFile file;
    file.fd = Fd(open(("/proc/self/fd/" + std::to_string(writable.get())).c_str(), O_RDONLY | O_CLOEXEC));
    file.identity = *IdentityOf(file.fd.get());
    return file;
  }
  Fd writable;
};

// Takes every other storage from its file.
class RecordingSink : public StorageSink {
 public:
  ClientResult<void> Plan(const std::shared_ptr<const Contents>&) override { return {}; }
  ClientResult<bool> File(uint32_t index, int fd, uint64_t offset) override {
    if (index % 2 == 0) return false;
    char byte = 0;
    EXPECT_EQ(pread(fd, &byte, 1, static_cast<off_t>(offset)), 1);
    heard += "file " + std::string(1, byte) + "; ";
    return true;
  }
  ClientResult<void> Data(uint32_t index, uint64_t offset, std::string_view bytes) override {
    heard += "data " + std::to_string(index) + "@" + std::to_string(offset) + " " + std::string(bytes) + "; ";
    return {};
  }
  ClientResult<void> End(uint32_t index) override {
    heard += "end " + std::to_string(index) + "; ";
    return {};
  }
  std::string heard;
};

class LocalPayloadTest : public ::testing::Test {
 protected:
  LocalPayload Make() {
    maker_.Items(v1::NODE_KIND_LIST, {});
    const auto contents = maker_.Make();
    EXPECT_TRUE(contents.ok());
    std::vector<LocalFile> inputs;
    inputs.push_back(first_.Open());
    inputs.push_back(second_.Open());
    return {*contents, std::move(inputs), Fd(dup(output_.writable.get()))};
  }

  TestFile first_{"0123456789"};
  TestFile second_{"abcdefgh"};
  TestFile output_{"OUTPUT"};
  testing::PlanMaker maker_;
};

TEST_F(LocalPayloadTest, FilesAreOneInputAndViewsOutliveThePayload) {
  maker_.Storage(3, v1::PLACE_INPUT, 1);
  maker_.Storage(8, v1::PLACE_INPUT, 10);
  maker_.Storage(4, v1::PLACE_OUTPUT, 2);
  maker_.Storage(5, v1::PLACE_LEFT_OUT);
  maker_.Storage(0, v1::PLACE_INPUT, 18);
  maker_.Storage(1, v1::PLACE_INPUT, 9);
  std::vector<std::shared_ptr<const Storage>> storages;
  {
    LocalPayload payload = Make();
    auto mapped = payload.Map();
    ASSERT_TRUE(mapped.ok()) << mapped.error().message;
    storages = std::move(mapped).value();
  }
  ASSERT_EQ(storages.size(), 6U);
  EXPECT_EQ(Text(*storages[0]), "123");
  EXPECT_EQ(Text(*storages[1]), "abcdefgh");
  EXPECT_EQ(Text(*storages[2]), "TPUT");
  EXPECT_EQ(storages[3], nullptr);
  EXPECT_EQ(Text(*storages[4]), "");
  const std::shared_ptr<const Storage> last = storages[5];
  storages.clear();
  EXPECT_EQ(Text(*last), "9");
}

TEST_F(LocalPayloadTest, SpansThatAreNotThereAreAnError) {
  const std::pair<v1::Place, std::pair<uint64_t, uint64_t>> wrong[] = {
      {v1::PLACE_INPUT, {18, 1}}, {v1::PLACE_INPUT, {9, 2}},          {v1::PLACE_INPUT, {0, 19}},
      {v1::PLACE_OUTPUT, {5, 2}}, {v1::PLACE_INPUT, {UINT64_MAX, 1}}, {v1::PLACE_OUTPUT, {UINT64_MAX, 0}},
  };
  for (const auto& [place, span] : wrong) {
    maker_ = testing::PlanMaker();
    maker_.Storage(span.second, place, span.first);
    LocalPayload payload = Make();
    EXPECT_EQ(payload.Map().error().outcome, v1::OUTCOME_INTERNAL) << span.first;
    EXPECT_FALSE(payload.Copy().ok());
  }
}

TEST_F(LocalPayloadTest, AFileThatChangedIsNoticed) {
  maker_.Storage(3, v1::PLACE_INPUT, 1);
  LocalPayload payload = Make();
  ASSERT_TRUE(payload.Map().ok());
  ASSERT_EQ(pwrite(second_.writable.get(), "more", 4, 8), 4);
  EXPECT_EQ(payload.Map().error().reason, v1::REASON_INPUT_CHANGED);
  EXPECT_EQ(payload.Copy().error().reason, v1::REASON_INPUT_CHANGED);
  RecordingSink sink;
  EXPECT_EQ(payload.Feed(sink, false, [](uint64_t) { return ClientResult<void>(); }).error().reason,
            v1::REASON_INPUT_CHANGED);
}

// Reads everything into memory of its own, piece by piece, but one storage.
class RoomySink : public RecordingSink {
 public:
  ClientResult<bool> File(uint32_t, int, uint64_t) override { return false; }
  std::span<std::byte> Room(uint32_t index, uint64_t offset) override {
    if (index == 1) return {};
    return std::span(memory_).subspan(8 * index + offset, std::min<uint64_t>(2, kBytes - offset));
  }
  ClientResult<void> Data(uint32_t index, uint64_t offset, std::string_view bytes) override {
    const void* const place = memory_.data() + 8 * index + offset;
    in_place += bytes.data() == place ? 1 : 0;
    return RecordingSink::Data(index, offset, bytes);
  }
  static constexpr uint64_t kBytes = 5;
  int in_place = 0;

 private:
  std::vector<std::byte> memory_ = std::vector<std::byte>(24);
};

TEST_F(LocalPayloadTest, BytesAreReadToWhereTheSinkWantsThem) {
  for (const uint64_t offset : {1, 10, 0}) {
    maker_.Storage(RoomySink::kBytes, offset == 0 ? v1::PLACE_OUTPUT : v1::PLACE_INPUT, offset);
  }
  LocalPayload payload = Make();
  for (const bool copy : {false, true}) {
    RoomySink sink;
    ASSERT_TRUE(payload.Feed(sink, copy, [](uint64_t) { return ClientResult<void>(); }).ok());
    EXPECT_EQ(sink.heard,
              "data 0@0 12; data 0@2 34; data 0@4 5; end 0; data 1@0 abcde; end 1; "
              "data 2@0 OU; data 2@2 TP; data 2@4 U; end 2; ");
    EXPECT_EQ(sink.in_place, 6);
  }
}

// Mapped, this would be the end of the process.
TEST_F(LocalPayloadTest, ACopyOfAFileThatWasCutShortIsAnError) {
  maker_.Storage(8, v1::PLACE_INPUT, 10);
  LocalPayload payload = Make();
  ASSERT_EQ(ftruncate(second_.writable.get(), 0), 0);
  EXPECT_EQ(payload.Copy().error().reason, v1::REASON_INPUT_CHANGED);
}

TEST_F(LocalPayloadTest, ACopyIsNobodyElsesToChange) {
  maker_.Storage(3, v1::PLACE_INPUT, 1);
  LocalPayload payload = Make();
  const auto copied = payload.Copy();
  const auto mapped = payload.Map();
  ASSERT_TRUE(copied.ok() && mapped.ok());
  ASSERT_EQ(pwrite(first_.writable.get(), "xyz", 3, 1), 3);
  EXPECT_EQ(Text(*copied->front()), "123");
  EXPECT_EQ(Text(*mapped->front()), "xyz") << "a view is the file";
}

// More than one thread reads at a time.
TEST_F(LocalPayloadTest, ALargeCopyIsWhole) {
  std::string bytes(20'000'003, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761U >> 24);
  output_ = TestFile(bytes);
  maker_.Storage(bytes.size() - 7, v1::PLACE_OUTPUT, 7);
  maker_.Storage(8, v1::PLACE_INPUT, 10);
  const auto copied = Make().Copy();
  ASSERT_TRUE(copied.ok()) << copied.error().message;
  EXPECT_TRUE(Text(*copied->front()) == bytes.substr(7));
  EXPECT_EQ(Text(*copied->back()), "abcdefgh");
}

TEST_F(LocalPayloadTest, SinksGetDataOrTheFile) {
  for (const bool copy : {false, true}) {
    maker_ = testing::PlanMaker();
    maker_.Storage(3, v1::PLACE_INPUT, 1);
    maker_.Storage(2, v1::PLACE_INPUT, 11);
    maker_.Storage(5, v1::PLACE_LEFT_OUT);
    maker_.Storage(3, v1::PLACE_OUTPUT, 1);
    maker_.Storage(0, v1::PLACE_INPUT, 0);
    LocalPayload payload = Make();
    RecordingSink sink;
    uint64_t done = 0;
    const auto fed = payload.Feed(sink, copy, [&](uint64_t bytes) {
      done = bytes;
      return ClientResult<void>();
    });
    ASSERT_TRUE(fed.ok()) << fed.error().message;
    EXPECT_EQ(sink.heard, "data 0@0 123; end 0; file b; end 1; file U; end 3; end 4; ");
    EXPECT_EQ(done, 8U);
  }
}

TEST_F(LocalPayloadTest, WhoIsToldHowFarItIsCanEndIt) {
  maker_.Storage(3, v1::PLACE_INPUT, 1);
  LocalPayload payload = Make();
  RecordingSink sink;
  const auto fed = payload.Feed(
      sink, false, [](uint64_t) -> ClientResult<void> { return Unexpected{MakeError(v1::REASON_CANCELLED)}; });
  EXPECT_EQ(fed.error().reason, v1::REASON_CANCELLED);
}

}  // namespace
}  // namespace airlock
