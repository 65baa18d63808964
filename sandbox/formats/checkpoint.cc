#include "sandbox/formats/checkpoint.h"

#include "sandbox/formats/safetensors.h"
#include "sandbox/formats/sniff.h"
#include "sandbox/formats/torch_legacy.h"
#include "sandbox/formats/torch_zip.h"

namespace airlock::formats {

Result<void> Decode(const Input& input, Output& output, Checkpoint& checkpoint) {
  const uint64_t most = checkpoint.context.limits.input_bytes;
  if (input.size() > most) return FailLimit("input_bytes", most, input.size());
  AIRLOCK_ASSIGN(checkpoint.format, Sniff(input));
  switch (checkpoint.format) {
    case Format::kTorchZip:
      return DecodeTorchZip(input, output, checkpoint);
    case Format::kTorchLegacy:
      return DecodeTorchLegacy(input, checkpoint);
    case Format::kSafetensors:
      return DecodeSafetensors(input, checkpoint);
    case Format::kUnknown:
      break;
  }
  return Fail(Reason::kNotACheckpoint, "not a checkpoint of any known format", 0);
}

}  // namespace airlock::formats
