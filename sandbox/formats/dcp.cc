#include "sandbox/formats/dcp.h"

#include <algorithm>
#include <string>
#include <vector>

#include "sandbox/base/checked.h"
#include "sandbox/formats/dcp_chunks.h"
#include "sandbox/formats/dcp_items.h"
#include "sandbox/formats/dcp_metadata.h"
#include "sandbox/formats/dcp_tree.h"
#include "sandbox/formats/part.h"
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/geometry.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;
using tensors::TensorView;

bool Covers(const DcpChunk& chunk, const DcpTensor& tensor) { return chunk.sizes == tensor.size; }

class DcpReader {
 public:
  DcpReader(const Input& input, const DcpMetadata& metadata, Output& output, Checkpoint& checkpoint)
      : input_(input),
        metadata_(metadata),
        output_(output),
        checkpoint_(checkpoint),
        tables_(checkpoint.tables),
        graph_(checkpoint.context.graph),
        items_(input, metadata, output, checkpoint),
        tree_(checkpoint.context) {}

  Result<void> Run() {
    AIRLOCK_TRY(items_.CheckLayout());
    for (const DcpEntry& entry : metadata_.entries) {
      AIRLOCK_ASSIGN(const NodeId value, Value(entry));
      AIRLOCK_TRY(tree_.Set(entry, value));
    }
    items_.NoteUnused();
    AIRLOCK_ASSIGN(checkpoint_.root, tree_.Build());
    return {};
  }

 private:
  Unexpected<Error> Malformed(const DcpEntry& entry, const char* what) const {
    return Fail(Reason::kSetMalformed, "'" + entry.name + "': " + what);
  }

  Result<NodeId> Value(const DcpEntry& entry) {
    if (!entry.tensor) return items_.Decode(DcpMetadata::KeyOf(entry.name, {}), entry.name);
    const DcpTensor& tensor = *entry.tensor;
    AIRLOCK_TRY(CheckTiling(tensor, entry.name, checkpoint_.context));
    AIRLOCK_TRY(LookAtEmpty(entry));
    const auto whole =
        std::ranges::find_if(tensor.chunks, [&](const DcpChunk& chunk) { return Covers(chunk, tensor); });
    if (whole == tensor.chunks.end()) return Assembled(entry);
    AIRLOCK_ASSIGN(const NodeId node, Chunk(entry, *whole));
    // As torch does: plain tensors, whatever was saved.
    const uint32_t tensor_index = graph_.tensor(node);
    tables_.SetFlags(tensor_index, tables_.tensor(tensor_index).flags & (tensors::kConj | tensors::kNeg));
    return node;
  }

  // Ranks that have nothing of a tensor write that down too. It is no more than looked at.
  Result<void> LookAtEmpty(const DcpEntry& entry) {
    for (const DcpChunk& chunk : entry.tensor->chunks) {
      const bool written = metadata_.items.contains(DcpMetadata::KeyOf(entry.name, chunk.offsets));
      if (VolumeOf(chunk) > 0 || !written) continue;
      AIRLOCK_TRY(Chunk(entry, chunk));
    }
    return {};
  }

  // The tensor of one chunk, which is what .metadata says.
  Result<NodeId> Chunk(const DcpEntry& entry, const DcpChunk& chunk) {
    AIRLOCK_ASSIGN(const NodeId node, items_.Decode(DcpMetadata::KeyOf(entry.name, chunk.offsets), entry.name));
    if (!graph_.is(node, Kind::kTensor)) return Malformed(entry, "a chunk that is no plain tensor");
    const TensorView view = tables_.tensor(graph_.tensor(node));
    if (view.dtype != entry.tensor->dtype || !std::ranges::equal(view.shape, chunk.sizes)) {
      return Malformed(entry, "a chunk of another size or type than .metadata says");
    }
    return node;
  }

  Result<NodeId> Assembled(const DcpEntry& entry) {
    const DcpTensor& tensor = *entry.tensor;
    if (tensors::ElementsPerByte(tensor.dtype) > 1 || tensors::IsQuantized(tensor.dtype)) {
      return Fail(Reason::kUnsupportedFeature, "'" + entry.name + "': chunks of packed or quantised elements");
    }
    const uint64_t item_size = tensors::ItemSize(tensor.dtype);
    const auto nbytes = CheckedMul(*tensors::ElementCount(tensor.size), item_size);
    if (!nbytes) return Malformed(entry, "more bytes than can be counted");
    std::vector<ChunkBytes> chunks;
    for (const DcpChunk& chunk : tensor.chunks) {
      if (VolumeOf(chunk) == 0) continue;
      AIRLOCK_ASSIGN(const NodeId node, Chunk(entry, chunk));
      AIRLOCK_ASSIGN(const uint64_t offset, BytesOf(entry, node, item_size));
      chunks.push_back({&chunk, offset});
    }
    AIRLOCK_ASSIGN(const uint64_t start, output_.Reserve(*nbytes));
    if (*nbytes > 0 && !output_.dry() && output_.Wants(start, *nbytes)) {
      AIRLOCK_TRY(CopyChunks(tensor, chunks, item_size, input_, output_, start, checkpoint_.context));
    }
    return NewTensor(tensor, start, *nbytes);
  }

  // Where the elements of a chunk stand in the input. They need not be in order to be read alone, but to be put
  // together.
  Result<uint64_t> BytesOf(const DcpEntry& entry, NodeId node, uint64_t item_size) const {
    const TensorView view = tables_.tensor(graph_.tensor(node));
    const tensors::Storage& storage = tables_.storages()[view.storage];
    const bool plain = storage.place == tensors::Place::kInput && (view.flags & ~tensors::kRequiresGrad) == 0;
    if (!plain || !tensors::IsRowMajor(view.shape, view.stride)) {
      return Fail(
          Reason::kUnsupportedFeature,
          "'" + entry.name + "': chunks to be put together that are compressed, big-endian or not in row-major order");
    }
    // The view lies in its storage, and the storage in the input.
    return storage.offset + view.offset * item_size;
  }

  NodeId NewTensor(const DcpTensor& tensor, uint64_t start, uint64_t nbytes) {
    DcpDims stride(tensor.size.size(), 1);
    for (size_t i = stride.size(); i-- > 1;) stride[i - 1] = stride[i] * std::max<uint64_t>(tensor.size[i], 1);
    const uint32_t storage = tables_.AddStorage(
        {.place = tensors::Place::kOutput, .device = tables_.Device("cpu"), .offset = start, .nbytes = nbytes});
    return graph_.Tensor(tables_.AddTensor(
        {.storage = storage, .dtype = tensor.dtype, .flags = 0, .offset = 0, .shape = tensor.size, .stride = stride}));
  }

  const Input& input_;
  const DcpMetadata& metadata_;
  Output& output_;
  Checkpoint& checkpoint_;
  tensors::Tables& tables_;
  pickle::Graph& graph_;
  DcpItems items_;
  DcpTree tree_;
};

}  // namespace

Result<void> DecodeDcp(const Input& input, const SetFile& metadata_file, Output& output, Checkpoint& checkpoint) {
  checkpoint.format = Format::kTorchDcp;
  AIRLOCK_ASSIGN(const Part part, DecodePart(input, metadata_file.start, metadata_file.size,
                                             {.name = metadata_file.name}, output, checkpoint));
  if (part.format != Format::kPickle) {
    return Fail(Reason::kSetMalformed, metadata_file.name + ": not the pickle that describes a checkpoint",
                metadata_file.start);
  }
  checkpoint.read_roots.push_back(part.root);
  AIRLOCK_ASSIGN(const DcpMetadata metadata, ReadDcpMetadata(checkpoint.context, part.root));
  return DcpReader(input, metadata, output, checkpoint).Run();
}

}  // namespace airlock::formats
