#include "sandbox/formats/checkpoint.h"

#include <algorithm>
#include <utility>

#include "sandbox/formats/data_findings.h"
#include "sandbox/formats/gguf.h"
#include "sandbox/formats/hidden_archive.h"
#include "sandbox/formats/hidden_opcodes.h"
#include "sandbox/formats/nested_streams.h"
#include "sandbox/formats/npy.h"
#include "sandbox/formats/placed_storages.h"
#include "sandbox/formats/plain_pickle.h"
#include "sandbox/formats/safetensors.h"
#include "sandbox/formats/set.h"
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
  // Its first bytes are a number, and could be opcodes.
  bool may_be_pickle_too = false;
};

constexpr ReaderRow kReaders[] = {
    {Format::kTorchZip, DecodeZip},
    {Format::kTorchLegacy, DecodeTorchLegacy},
    {Format::kSafetensors, DecodeSafetensors, true},
    {Format::kTorchTar, DecodeTorchTar},
    {Format::kGguf, DecodeGguf, true},
    {Format::kPickle, DecodePickle},
    {Format::kJoblib, DecodeCompressedPickle},
    {Format::kNpy, DecodeNpy},
};

// Each level is a handful of calls on the stack.
constexpr uint64_t kMostLevels = 64;

// What else the file could be taken for.
Result<void> LookForOthers(const ReaderRow& row, const Input& input, Checkpoint& checkpoint) {
  // Streams inside are found by nobody who looks at the file.
  if (row.format != Format::kTorchZip && checkpoint.level == 0) {
    AIRLOCK_TRY(LookForHiddenArchive(input, checkpoint.context));
  }
  return row.may_be_pickle_too ? LookForHiddenPickle(input, checkpoint.context) : Result<void>();
}

}  // namespace

Result<void> Read(const Input& input, Output& output, Checkpoint& checkpoint) {
  AIRLOCK_TRY(CheckLevel(checkpoint.context.limits, checkpoint.level));
  const uint64_t most = checkpoint.context.limits.input_bytes;
  if (input.size() > most) return FailLimit("input_bytes", most, input.size());
  Result<Format> format = Sniff(input);
  // What is nothing from its start on may be an archive to who looks at its end.
  if (!format.ok() && checkpoint.level == 0) AIRLOCK_TRY(LookForHiddenArchive(input, checkpoint.context));
  AIRLOCK_ASSIGN(checkpoint.format, std::move(format));
  for (const ReaderRow& row : kReaders) {
    if (row.format != checkpoint.format) continue;
    AIRLOCK_TRY(LookForOthers(row, input, checkpoint));
    return row.decode(input, output, checkpoint);
  }
  return Fail(Reason::kNotACheckpoint, "not a checkpoint of any known format", 0);
}

Result<void> CheckLevel(const Limits& limits, uint32_t level) {
  const uint64_t most = std::min(limits.nested, kMostLevels);
  if (level > most) return FailLimit("nested", most, level);
  return {};
}

Result<void> Decode(const Input& input, Output& output, Checkpoint& checkpoint, std::string_view member) {
  NestedStreams streams(input, output, checkpoint);
  checkpoint.context.streams = &streams;
  Result<void> result = input.set() != nullptr ? DecodeSet(input, member, output, checkpoint)
                        : member.empty()       ? Read(input, output, checkpoint)
                                               : DecodeMember(input, member, output, checkpoint);
  if (result.ok()) result = streams.DecodeValues();
  streams.NoteLeftOut();
  checkpoint.context.streams = nullptr;
  checkpoint.context.symbols.Settle();
  AIRLOCK_TRY(std::move(result));
  // Of all storages, wherever in the file they are.
  PlacedStorages storages(input, output, checkpoint.tables);
  AIRLOCK_TRY(tensors::RunNumberChecks(checkpoint.context, checkpoint.tables, storages, 0));
  NoteDataThatExecutes(checkpoint);
  return {};
}

}  // namespace airlock::formats
