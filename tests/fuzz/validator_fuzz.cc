// One plan, as an encoded PlanChunk in a frame: whatever passes must be nameable and stay within its files.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "sandbox/base/checked.h"
#include "server/validate/validator.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace airlock::server;
  airlock::worker::v1::Frame frame;
  if (!frame.mutable_plan()->ParseFromArray(data, static_cast<int>(std::min<size_t>(size, 60 << 10)))) return 0;
  const std::string encoded = frame.SerializeAsString();
  PlanPiece plan;
  if (ParsePlanFrame(encoded, plan) != PieceParse::kGood) return 0;
  airlock::worker::v1::Frame done;
  done.mutable_done()->set_format(airlock::v1::FORMAT_TORCH_ZIP);
  constexpr uint64_t kSize = 1 << 16;
  Validator validator(airlock::Limits(), PlaceSizes{kSize, kSize});
  if (!validator.Add(Tainted(std::move(plan))).ok()) return 0;
  const auto concluded = validator.Finish(Tainted(std::move(done)));
  if (!concluded.ok()) return 0;
  const auto& storages = concluded->plan->storages();
  for (int i = 0; i < storages.place_size(); ++i) {
    if (!airlock::SpanFits(storages.offset(i), storages.nbytes(i), kSize)) std::abort();
  }
  return 0;
}
