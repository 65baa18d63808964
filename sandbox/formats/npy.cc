#include "sandbox/formats/npy.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sandbox/formats/inflate.h"
#include "sandbox/formats/npy_header.h"
#include "sandbox/formats/pickle_file.h"
#include "sandbox/formats/zip_storages.h"
#include "sandbox/tensors/structured_array.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;

constexpr std::string_view kSuffix = ".npy";

// One array: the header says what follows it.
class NpyArray {
 public:
  NpyArray(const Input& input, Output& output, Checkpoint& checkpoint, pickle::Source& source, WindowSource* in_place)
      : checkpoint_(checkpoint), source_(source), file_(input, output, checkpoint, source, in_place) {}

  Result<NodeId> Decode() {
    const Limits& limits = checkpoint_.context.limits;
    const uint64_t start = source_.offset();
    AIRLOCK_ASSIGN(const NpyHeader header, ReadNpyHeader(source_, limits.dims));
    AIRLOCK_ASSIGN(const NodeId root, header.structure ? Structures(header, start) : Plain(header, start));
    if (!source_.AtEnd()) return Fail(Reason::kTrailingBytes, "bytes follow the last element", source_.offset());
    return root;
  }

 private:
  Result<NodeId> Plain(const NpyHeader& header, uint64_t start) {
    const std::optional<tensors::NumpyDType> dtype = tensors::ParseNumpyDType(header.descr);
    if (dtype) return Elements(header, *dtype, start);
    return Fail(Reason::kUnsupportedFeature, "a numpy array of '" + header.descr + "', which is not read", start);
  }

  Result<NodeId> Structures(const NpyHeader& header, uint64_t start) {
    if (header.structure->has_objects()) return file_.DecodePlain();
    pickle::Context& context = checkpoint_.context;
    tensors::StructuredArray array(context, checkpoint_.tables, file_.storages(), *header.structure, header.shape,
                                   header.fortran, start);
    const std::optional<uint64_t> nbytes = array.Bytes();
    if (!nbytes) return Fail(Reason::kTensorOutOfBounds, "an array has more elements than can be counted", start);
    AIRLOCK_ASSIGN(const NodeId array_class, SymbolNode("ndarray"));
    AIRLOCK_ASSIGN(const NodeId dtype_class, SymbolNode("dtype"));
    tensors::StreamElements elements(file_.arrays(), *nbytes);
    AIRLOCK_ASSIGN(const pickle::RecordParts parts, array.Make(array_class, dtype_class, elements));
    return context.graph.Record(parts);
  }

  Result<NodeId> SymbolNode(std::string_view name) {
    pickle::Context& context = checkpoint_.context;
    AIRLOCK_ASSIGN(const uint32_t symbol, context.symbols.Use("numpy", name, source_.offset(), checkpoint_.level));
    return context.graph.Symbol(symbol);
  }

  Result<NodeId> Elements(const NpyHeader& header, const tensors::NumpyDType& dtype, uint64_t start) {
    // An array of objects is a pickle of that array.
    if (dtype.is_object) return file_.DecodePlain();
    const std::optional<uint64_t> nbytes = tensors::ArrayBytes(header.shape, dtype.item_size);
    if (!nbytes) return Fail(Reason::kTensorOutOfBounds, "an array has more elements than can be counted", start);
    if (*nbytes > source_.remaining()) {
      return Fail(Reason::kTruncated,
                  "an array of " + std::to_string(*nbytes) + " bytes by its header, " +
                      std::to_string(source_.remaining()) + " are there",
                  source_.offset());
    }
    if (dtype.number == tensors::DType::kNone) return Others(header, dtype, *nbytes);
    AIRLOCK_ASSIGN(tensors::Storage storage, file_.arrays().TakeStorage(*nbytes, dtype.swap_size));
    storage.device = checkpoint_.tables.Device("cpu");
    return tensors::AddArray(checkpoint_.context, checkpoint_.tables, dtype, header.shape, header.fortran,
                             checkpoint_.tables.AddStorage(storage), start);
  }

  // Strings, dates, long doubles.
  Result<NodeId> Others(const NpyHeader& header, const tensors::NumpyDType& dtype, uint64_t nbytes) {
    pickle::Graph& graph = checkpoint_.context.graph;
    AIRLOCK_ASSIGN(const NodeId array_class, SymbolNode("ndarray"));
    AIRLOCK_ASSIGN(const NodeId bytes, file_.arrays().TakeBytes(nbytes));
    return graph.Record(tensors::OtherArray(graph, array_class, dtype, header.shape, header.fortran, bytes));
  }

  Checkpoint& checkpoint_;
  pickle::Source& source_;
  PickleFile file_;
};

Result<NodeId> DecodeMember(const Input& input, Output& output, Checkpoint& checkpoint, const ZipMember& member) {
  if (!member.deflated()) {
    WindowSource source(input, member.data_offset, member.size);
    return DecodeNpyStream(input, output, checkpoint, source, input.in_place() ? &source : nullptr);
  }
  InflateSource source(input, member.data_offset, member.stored_size, member.size);
  AIRLOCK_ASSIGN(const NodeId array, DecodeNpyStream(input, output, checkpoint, source, nullptr));
  if (source.crc() != member.crc) NoteWrongCrc(checkpoint.context, member);
  return array;
}

}  // namespace

Result<NodeId> DecodeNpyStream(const Input& input, Output& output, Checkpoint& checkpoint, pickle::Source& source,
                               WindowSource* in_place) {
  return NpyArray(input, output, checkpoint, source, in_place).Decode();
}

Result<void> DecodeNpy(const Input& input, Output& output, Checkpoint& checkpoint) {
  WindowSource source(input, 0, input.size());
  AIRLOCK_ASSIGN(checkpoint.root,
                 DecodeNpyStream(input, output, checkpoint, source, input.in_place() ? &source : nullptr));
  return {};
}

bool IsNpz(const ZipDirectory& directory) {
  return std::all_of(directory.members().begin(), directory.members().end(), [](const ZipMember& member) {
    return member.name.size() > kSuffix.size() && member.name.ends_with(kSuffix);
  });
}

Result<void> DecodeNpz(const Input& input, Output& output, Checkpoint& checkpoint, const ZipDirectory& directory) {
  checkpoint.format = Format::kNpz;
  pickle::Context& context = checkpoint.context;
  std::vector<NodeId> pairs;
  pairs.reserve(2 * directory.members().size());
  for (const ZipMember& member : directory.members()) {
    Result<NodeId> array = DecodeMember(input, output, checkpoint, member);
    if (!array.ok()) {
      Error error = std::move(array).error();
      error.message.insert(0, std::string(member.name) + ": ");
      return Unexpected<Error>{std::move(error)};
    }
    const std::string_view name = std::string_view(member.name).substr(0, member.name.size() - kSuffix.size());
    pairs.push_back(context.graph.Text(Kind::kString, name));
    pairs.push_back(*array);
    if (context.graph.size() > context.limits.nodes) {
      return FailLimit("nodes", context.limits.nodes, context.graph.size(), member.header_offset);
    }
  }
  if (directory.has_comment()) {
    pickle::AddFinding(context,
                       pickle::Finding{"zip.comment", pickle::Severity::kNote, "the zip archive has a comment", "", 0});
  }
  checkpoint.root = context.graph.Container(Kind::kDict, pairs);
  return {};
}

}  // namespace airlock::formats
