// One plan, as an encoded PlanChunk, whose graph goes to a file as a worker's does: whatever passes must be nameable
// and stay within its files.
#include <algorithm>
#include <cstdlib>

#include "sandbox/base/checked.h"
#include "tests/unit/server/valid_plan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace airlock::server;
  airlock::v1::PlanChunk plan;
  if (!plan.ParseFromArray(data, static_cast<int>(std::min<size_t>(size, 60 << 10)))) return 0;
  constexpr uint64_t kSize = 1 << 16;
  Validator validator(airlock::Limits(), PlaceSizes{kSize, kSize});
  if (!validator.Add(PlanFrame(plan)).ok()) return 0;
  const auto concluded = FinishWith(validator, plan.graph());
  if (!concluded.ok()) return 0;
  const auto& storages = concluded->plan->storages();
  for (int i = 0; i < storages.place_size(); ++i) {
    if (!airlock::SpanFits(storages.offset(i), storages.nbytes(i), kSize)) std::abort();
  }
  return 0;
}
