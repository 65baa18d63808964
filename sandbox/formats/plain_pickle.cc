#include "sandbox/formats/plain_pickle.h"

#include "sandbox/formats/compression.h"
#include "sandbox/formats/pickle_file.h"
#include "sandbox/formats/pickle_sniff.h"
#include "sandbox/formats/plain_reading.h"
#include "sandbox/formats/sniff.h"
#include "sandbox/formats/strangers.h"

namespace airlock::formats {
namespace {

// Of compressed data that is no pickle. Something else that a loader would open may be in it; where its start says that
// it is nothing of the kind, the file is none.
Unexpected<Error> RefuseContent(const CompressionRow& row, std::span<const uint8_t> head, Checkpoint& checkpoint) {
  const Result<Format> content = Sniff(Input(head));
  const bool none = !row.only_joblib && !content.ok() && IsNoCheckpoint(content.error().reason);
  if (!none) return Fail(Reason::kUnsupportedFormat, row.refusal, 0);
  checkpoint.format = Format::kUnknown;
  return Fail(Reason::kNotACheckpoint, "compressed data that holds no checkpoint", 0);
}

}  // namespace

Result<void> DecodePickle(const Input& input, Output& output, Checkpoint& checkpoint) {
  WindowSource source(input, 0, input.size());
  PickleFile file(input, output, checkpoint, source, input.in_place() ? &source : nullptr);
  Result<pickle::NodeId> root = file.Decode();
  if (file.arrays().entered()) checkpoint.format = Format::kJoblib;
  AIRLOCK_ASSIGN(checkpoint.root, std::move(root));
  if (!source.AtEnd()) return Fail(Reason::kTrailingBytes, "bytes follow the end of the pickle", source.offset());
  if (file.arrays().entered()) {
    WindowSource again(input, 0, input.size());
    JudgePlainReading(again, file.arrays().first(), checkpoint);
  }
  return {};
}

Result<void> DecodeCompressedPickle(const Input& input, Output& output, Checkpoint& checkpoint) {
  constexpr size_t kHeadBytes = 512;
  AIRLOCK_ASSIGN(const CompressionRow* const row, FindCompression(input));
  if (row == nullptr) return Fail(Reason::kNotACheckpoint, "not a checkpoint of any known format", 0);
  AIRLOCK_ASSIGN(DecompressedSource source, DecompressedSource::Open(*row, input, checkpoint.context.limits));
  AIRLOCK_ASSIGN(const std::span<const uint8_t> head, source.Head(kHeadBytes));
  // Of what is longer than the head it is not known how long it is.
  if (IsLegacyMagic(head) || !LooksLikePickle(head, head.size() < kHeadBytes ? head.size() : UINT64_MAX)) {
    return RefuseContent(*row, head, checkpoint);
  }
  PickleFile file(input, output, checkpoint, source, nullptr);
  AIRLOCK_ASSIGN(checkpoint.root, file.Decode());
  if (!file.arrays().entered() && !row->only_joblib) checkpoint.format = Format::kPickle;
  AIRLOCK_TRY(source.Finish());
  if (file.arrays().entered()) {
    AIRLOCK_ASSIGN(DecompressedSource again, DecompressedSource::Open(*row, input, checkpoint.context.limits));
    JudgePlainReading(again, file.arrays().first(), checkpoint);
  }
  return {};
}

}  // namespace airlock::formats
