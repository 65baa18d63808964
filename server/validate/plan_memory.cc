#include "server/validate/plan_memory.h"

#include <google/protobuf/arena.h>

#include <new>

#include "server/validate/plan_columns.h"

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
template <typename T>
uint64_t RoomOf(const google::protobuf::RepeatedField<T>& column) {
  return static_cast<uint64_t>(column.Capacity() - column.size()) * sizeof(T);
}
template <typename T>
uint64_t RoomOf(const google::protobuf::RepeatedPtrField<T>& /*column*/) {
  return 0;  // of messages little is made ahead
}

}  // namespace

std::shared_ptr<v1::PlanChunk> MakePlan() {
  auto arena = std::make_shared<google::protobuf::Arena>(BlockOptions());
  auto* const plan = google::protobuf::Arena::CreateMessage<v1::PlanChunk>(arena.get());
  return {std::move(arena), plan};
}

uint64_t HeldBytes(const v1::PlanChunk& plan) {
  return plan.SpaceUsedLong() - SumOverColumns(plan, [](const auto& column) { return RoomOf(column); });
}

}  // namespace airlock::server
