#include "sandbox/formats/checkpoint.h"

#include "sandbox/formats/data_findings.h"
#include "sandbox/formats/gguf.h"
#include "sandbox/formats/placed_storages.h"
#include "sandbox/formats/safetensors.h"
#include "sandbox/formats/sniff.h"
#include "sandbox/formats/torch_legacy.h"
#include "sandbox/formats/torch_tar.h"
#include "sandbox/formats/zip_kinds.h"
#include "sandbox/formats/zip_of_checkpoints.h"
#include "sandbox/tensors/number_check.h"

namespace airlock::formats {
namespace {

struct ReaderRow {
  Format format;
  Result<void> (*decode)(const Input& input, Output& output, Checkpoint& checkpoint);
};

constexpr ReaderRow kReaders[] = {
    {Format::kTorchZip, DecodeZip},
    {Format::kTorchLegacy, DecodeTorchLegacy},
    {Format::kSafetensors, DecodeSafetensors},
    {Format::kTorchTar, DecodeTorchTar},
    {Format::kGguf, DecodeGguf},
};

}  // namespace

Result<void> Read(const Input& input, Output& output, Checkpoint& checkpoint) {
  const uint64_t most = checkpoint.context.limits.input_bytes;
  if (input.size() > most) return FailLimit("input_bytes", most, input.size());
  AIRLOCK_ASSIGN(checkpoint.format, Sniff(input));
  for (const ReaderRow& row : kReaders) {
    if (row.format == checkpoint.format) return row.decode(input, output, checkpoint);
  }
  return Fail(Reason::kNotACheckpoint, "not a checkpoint of any known format", 0);
}

Result<void> Decode(const Input& input, Output& output, Checkpoint& checkpoint, std::string_view member) {
  AIRLOCK_TRY(member.empty() ? Read(input, output, checkpoint) : DecodeMember(input, member, output, checkpoint));
  // Of all storages, wherever in the file they are.
  PlacedStorages storages(input, output, checkpoint.tables);
  AIRLOCK_TRY(tensors::RunNumberChecks(checkpoint.context, checkpoint.tables, storages, 0));
  if (checkpoint.level == 0) NoteDataThatExecutes(checkpoint);
  return {};
}

}  // namespace airlock::formats
