// The file of a graph: what is sealed is what is read, whatever the one who wrote it does.
#include "server/graph_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

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

TEST(GraphFile, NobodyReadsWhatWasNeverWritten) {
  const v1::GraphColumns graph = LargeGraph();
  GraphLengths lengths = LengthsOf(graph);
  GraphFile file = WrittenGraph(graph);
  lengths[5] = 64 << 20;
  const auto sealed = file.Seal(lengths);
  ASSERT_FALSE(sealed.ok());
  EXPECT_EQ(sealed.error().failure().layer(), "validator: graph.holes");
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
