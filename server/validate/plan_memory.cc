#include "server/validate/plan_memory.h"

#include <google/protobuf/arena.h>

#include <initializer_list>
#include <new>
#include <string>

namespace airlock::server {
namespace {

void* AllocateBlock(size_t bytes) { return bytes < kLargeBlock ? ::operator new(bytes) : AllocateLargeBlock(bytes); }

void FreeBlock(void* block, size_t bytes) {
  if (bytes < kLargeBlock) return ::operator delete(block);
  FreeLargeBlock(block, bytes);
}

google::protobuf::ArenaOptions BlockOptions() {
  google::protobuf::ArenaOptions options;
  options.block_alloc = AllocateBlock;
  options.block_dealloc = FreeBlock;
  return options;
}

// What SpaceUsedLong counts of a column that holds nothing yet.
uint64_t RoomOf(const std::string& column) { return column.capacity() - column.size(); }
template <typename T>
uint64_t RoomOf(const google::protobuf::RepeatedField<T>& column) {
  return static_cast<uint64_t>(column.Capacity() - column.size()) * sizeof(T);
}

}  // namespace

std::shared_ptr<v1::PlanChunk> MakePlan() {
  auto arena = std::make_shared<google::protobuf::Arena>(BlockOptions());
  auto* const plan = google::protobuf::Arena::CreateMessage<v1::PlanChunk>(arena.get());
  return {std::move(arena), plan};
}

uint64_t HeldBytes(const v1::PlanChunk& plan) {
  const auto& g = plan.graph();
  const auto& t = plan.tensors();
  const auto& s = plan.storages();
  uint64_t room = 0;
  for (const uint64_t bytes :
       {RoomOf(g.kinds()), RoomOf(g.blob()), RoomOf(g.counts()), RoomOf(g.refs()), RoomOf(g.links()), RoomOf(g.ints()),
        RoomOf(g.floats()), RoomOf(t.storage()), RoomOf(t.dtype()), RoomOf(t.flags()), RoomOf(t.offset()),
        RoomOf(t.rank()), RoomOf(t.shape()), RoomOf(t.stride()), RoomOf(s.place()), RoomOf(s.offset()),
        RoomOf(s.nbytes()), RoomOf(s.device()), RoomOf(s.crc32())}) {
    room += bytes;
  }
  return plan.SpaceUsedLong() - room;
}

}  // namespace airlock::server
