// The memory of a plan. Nobody knows how long its columns will be: a worker that announced it could lie. So a full
// column gets room far ahead of what is there, which costs nothing until it is written.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "airlock/v1/plan.pb.h"
#include "sandbox/base/large_block.h"

namespace airlock::server {

// An empty plan. What its columns hold lies in blocks that go with it.
std::shared_ptr<v1::PlanChunk> MakePlan();

// Bytes that a plan holds, without the room ahead.
uint64_t HeldBytes(const v1::PlanChunk& plan);

// REQUIRES: the column lies in the plan's arena.
template <typename T>
void MakeRoom(google::protobuf::RepeatedField<T>& column, size_t more) {
  const size_t needed = static_cast<size_t>(column.size()) + more;
  if (needed <= static_cast<size_t>(column.Capacity())) return;
  const T* const outgrown = column.data();
  const size_t bytes = static_cast<size_t>(column.Capacity()) * sizeof(T);
  column.Reserve(static_cast<int>(RoomAhead(needed, sizeof(T))));
  // The arena keeps the block until the plan goes.
  DropPages(outgrown, bytes);
}

}  // namespace airlock::server
