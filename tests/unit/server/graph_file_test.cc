// The file of a graph: what is sealed is what is read, whatever the one who wrote it does.
#include "server/graph_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>

#include "tests/unit/server/valid_plan.h"

namespace airlock::server {
namespace {

// Long enough for columns that are mapped, and with short ones beside them.
v1::GraphColumns LargeGraph() {
  v1::GraphColumns graph = CompoundPlan().graph();
  for (int i = 0; i < 100'000; ++i) graph.add_ints(i);
  graph.mutable_blob()->append(size_t{1} << 20, 'x');
  return graph;
}

TEST(GraphFile, WhatWasWrittenIsWhatIsRead) {
  const v1::GraphColumns graph = LargeGraph();
  GraphFile file = WrittenGraph(graph);
  const auto sealed = file.Seal(LengthsOf(graph));
  ASSERT_TRUE(sealed.ok()) << sealed.error().failure().DebugString();
  for (size_t i = 0; i < kGraphColumns; ++i) EXPECT_EQ((*sealed)->column(i), ColumnsOf(graph)[i]) << i;
  const GraphView& view = (*sealed)->view();
  EXPECT_EQ(view.kinds, graph.kinds());
  EXPECT_EQ(view.blob, graph.blob());
  EXPECT_TRUE(std::equal(view.ints.begin(), view.ints.end(), graph.ints().begin(), graph.ints().end()));
  EXPECT_TRUE(std::equal(view.refs.begin(), view.refs.end(), graph.refs().begin(), graph.refs().end()));
  EXPECT_EQ(view.floats.size(), 0U);
}

TEST(GraphFile, NobodyWritesToASealedOne) {
  const v1::GraphColumns graph = LargeGraph();
  GraphFile file = WrittenGraph(graph);
  // What a worker keeps.
  const Fd kept(::fcntl(file.fd(), F_DUPFD_CLOEXEC, 0));
  const auto sealed = file.Seal(LengthsOf(graph));
  ASSERT_TRUE(sealed.ok());
  EXPECT_LT(::pwrite(kept.get(), "!", 1, 0), 0);
  EXPECT_EQ(errno, EPERM);
  EXPECT_NE(::ftruncate(kept.get(), 0), 0);
  EXPECT_NE(::fallocate(kept.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, kept.get(), 0), MAP_FAILED);
  EXPECT_EQ((*sealed)->column(0), graph.kinds());
}

// A worker whose walls fell could map it. Then there is no answer.
TEST(GraphFile, WhoeverMayStillWriteKeepsItFromBeingSealed) {
  const v1::GraphColumns graph = LargeGraph();
  GraphFile file = WrittenGraph(graph);
  void* const mapped = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  EXPECT_FALSE(file.Seal(LengthsOf(graph)).ok());
  ::munmap(mapped, 4096);
}

std::string LayerOf(GraphFile& file, const GraphLengths& lengths) {
  const auto sealed = file.Seal(lengths);
  return sealed.ok() ? "" : sealed.error().failure().layer();
}

TEST(GraphFile, NobodyReadsWhatWasNeverWritten) {
  const v1::GraphColumns graph = LargeGraph();
  GraphLengths lengths = LengthsOf(graph);
  for (const bool junk_beside : {false, true}) {
    GraphFile file = WrittenGraph(graph);
    lengths[5] = 8 << 20;
    if (junk_beside) {
      EXPECT_TRUE(WriteAt(file.fd(), std::string(16 << 20, 'x'), 3 * file.room()));
    }
    EXPECT_EQ(LayerOf(file, lengths), "validator: graph.holes");
  }
  // In the middle of a column, and at its end.
  GraphFile file = WrittenGraph({});
  EXPECT_TRUE(WriteAt(file.fd(), "x", 0));
  EXPECT_TRUE(WriteAt(file.fd(), "x", 1 << 20));
  EXPECT_EQ(LayerOf(file, {(1 << 20) + 1}), "validator: graph.holes");
  GraphFile shorter = WrittenGraph({});
  EXPECT_TRUE(WriteAt(shorter.fd(), "x", 0));
  EXPECT_EQ(LayerOf(shorter, {1 << 20}), "validator: graph.holes");
}

// It would stay for as long as the graph does, and count as nothing.
TEST(GraphFile, NobodyKeepsWhatStandsBesideTheGraph) {
  const v1::GraphColumns graph = LargeGraph();
  for (const uint64_t at : {uint64_t{0}, uint64_t{5}}) {
    GraphFile file = WrittenGraph(graph);
    EXPECT_TRUE(WriteAt(file.fd(), std::string(16 << 20, 'x'), at * file.room() + (32 << 20)));
    EXPECT_EQ(LayerOf(file, LengthsOf(graph)), "validator: graph.surplus");
  }
}

TEST(GraphFile, CountsTheMemoryThatItTakes) {
  const v1::GraphColumns graph = LargeGraph();
  GraphFile file = WrittenGraph(graph);
  const GraphLengths lengths = LengthsOf(graph);
  const auto sealed = file.Seal(lengths);
  ASSERT_TRUE(sealed.ok());
  EXPECT_GE((*sealed)->memory(), lengths[4] + lengths[6]);
}

// Whose files may not be so long gets less room.
TEST(GraphFile, FitsIntoWhatThisProcessMayWrite) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit lower{64 << 20, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &lower), 0);
  const auto file = GraphFile::Create(kMaxGraphRoom);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->room(), (64 << 20) / 7 / 65'536 * 65'536);
}

TEST(GraphFile, ThereIsRoomForWhatMemoryAllowsAndNoMore) {
  const GraphFile file = WrittenGraph({}, 100'000);
  EXPECT_EQ(file.room(), 131'072U);
  EXPECT_TRUE(WriteAt(file.fd(), "x", kGraphColumns * file.room() - 1));
  EXPECT_FALSE(WriteAt(file.fd(), "x", kGraphColumns * file.room()));
  EXPECT_EQ(WrittenGraph({}, uint64_t{1} << 40).room(), kMaxGraphRoom);
}

}  // namespace
}  // namespace airlock::server
