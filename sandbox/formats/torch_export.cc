#include "sandbox/formats/torch_export.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sandbox/base/keyed_hash.h"
#include "sandbox/formats/part.h"
#include "sandbox/formats/payload_config.h"
#include "sandbox/formats/script_names.h"
#include "sandbox/formats/strangers.h"
#include "sandbox/formats/torch_archive.h"
#include "sandbox/tensors/device_name.h"
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/geometry.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;
using pickle::Severity;
using tensors::DType;

constexpr std::string_view kFormat = "archive_format";
constexpr std::string_view kVersion = "archive_version";
constexpr std::string_view kFormatValue = "pt2";
constexpr std::string_view kVersionValue = "0";
constexpr std::string_view kRecords[] = {kFormat, kVersion};
constexpr std::string_view kModels = "models/";
constexpr std::string_view kExtra = "extra/";
// Objects of TorchScript's classes.
constexpr std::string_view kCustomObject = "custom_obj_";
constexpr std::string_view kCompiled = "data/aotinductor/";
// As long as a safetensors header may be, which says the same.
constexpr uint64_t kMaxConfigBytes = 100'000'000;

// ScalarType and Layout of torch/_export/serde/schema.py, which are not those of c10.
struct NumberRow {
  uint64_t number;
  DType dtype;
};
constexpr NumberRow kNumbers[] = {
    {1, DType::kUInt8},           {2, DType::kInt8},
    {3, DType::kInt16},           {4, DType::kInt32},
    {5, DType::kInt64},           {6, DType::kFloat16},
    {7, DType::kFloat32},         {8, DType::kFloat64},
    {9, DType::kComplex32},       {10, DType::kComplex64},
    {11, DType::kComplex128},     {12, DType::kBool},
    {13, DType::kBFloat16},       {28, DType::kUInt16},
    {29, DType::kFloat8E4M3FN},   {30, DType::kFloat8E5M2},
    {31, DType::kFloat8E4M3FNUZ}, {32, DType::kFloat8E5M2FNUZ},
    {33, DType::kFloat8E8M0FNU},  {34, DType::kUInt32},
    {35, DType::kUInt64},
};
constexpr uint64_t kStrided = 7;

void Tell(Checkpoint& checkpoint, const ZipMember& member, const char* id, Severity severity, std::string message) {
  pickle::AddFinding(checkpoint.context, {.id = id,
                                          .severity = severity,
                                          .message = std::move(message),
                                          .where = member.name,
                                          .offset = member.header_offset});
}

void TellProgram(Checkpoint& checkpoint, const ZipMember& member) {
  Tell(checkpoint, member, "export.program", Severity::kNote,
       "the program, which nothing here looks at; torch.export evaluates expressions in it");
}

Result<void> CheckNodes(const Checkpoint& checkpoint) {
  const Limits& limits = checkpoint.context.limits;
  const pickle::Graph& graph = checkpoint.context.graph;
  if (graph.size() > limits.nodes) return FailLimit("nodes", limits.nodes, graph.size());
  if (graph.string_bytes() > limits.string_bytes) {
    return FailLimit("string_bytes", limits.string_bytes, graph.string_bytes());
  }
  return {};
}

// A checkpoint that torch wrote into the archive: by torch.save, or by pickle.
Result<NodeId> DecodeSaved(const Input& input, const ZipMember& member, Output& output, Checkpoint& checkpoint) {
  AIRLOCK_ASSIGN(const Part part, DecodePart(input, member, member.name, output, checkpoint));
  constexpr Format kSaved[] = {Format::kTorchZip, Format::kTorchLegacy, Format::kTorchScript, Format::kPickle};
  if (std::ranges::find(kSaved, part.format) != std::end(kSaved)) return part.root;
  return Fail(Reason::kUnsupportedFeature, "member '" + member.name + "' is no checkpoint that torch.save writes",
              member.header_offset);
}

// A tensor that had no data when it was saved.
bool IsShell(const PayloadTensor& tensor, const ZipMember& member) {
  return member.size == 0 && tensors::ElementCount(tensor.sizes) != 0;
}

// What one folder of the archive holds: weights or constants.
class Payloads {
 public:
  Payloads(const Input& input, Output& output, Checkpoint& checkpoint, const ZipDirectory& directory,
           TorchArchive& archive, std::string_view folder)
      : input_(input),
        output_(output),
        checkpoint_(checkpoint),
        graph_(checkpoint.context.graph),
        archive_(archive),
        folder_(folder),
        storages_(input, output, directory, std::string(directory.root()) + "/" + folder_, false, checkpoint.context,
                  checkpoint.tables) {}

  // A dict by name of what the config lists. It is `model`_`suffix`.json, or, of a first version of the format,
  // `model`.pt, a checkpoint that has the dict.
  Result<NodeId> Decode(const std::string& model, std::string_view suffix);

  // After all configs.
  Result<void> Finish() {
    AIRLOCK_TRY(storages_.Rewrite());
    archive_.UseAllOf(storages_);
    return {};
  }

 private:
  const ZipMember* Find(const std::string& name) { return archive_.Record(folder_ + name); }
  Result<NodeId> DecodePayload(const Payload& payload);
  Result<NodeId> MakeTensor(const Payload& payload, const ZipMember& member);
  // Fails where it is not what its member can hold.
  Result<const tensors::DTypeRow*> CheckTensor(const Payload& payload, const ZipMember& member) const;
  NodeId MakeMeta(const PayloadTensor& tensor, const tensors::DTypeRow& dtype, const ZipMember& member);

  const Input& input_;
  Output& output_;
  Checkpoint& checkpoint_;
  pickle::Graph& graph_;
  TorchArchive& archive_;
  const std::string folder_;
  ZipStorages storages_;
  std::unordered_map<std::string, NodeId, KeyedHash> saved_;  // by path: checkpoints that were decoded
  bool told_of_meta_ = false;
};

Result<NodeId> Payloads::Decode(const std::string& model, std::string_view suffix) {
  const ZipMember* config = Find(model + "_" + std::string(suffix) + ".json");
  const ZipMember* old = Find(model + ".pt");
  if ((config == nullptr) == (old == nullptr)) {
    return Fail(config == nullptr ? Reason::kZipMalformed : Reason::kZipAmbiguous,
                "the archive has " + std::string(config == nullptr ? "no " : "two lists of ") + folder_ + " of '" +
                    model + "'");
  }
  archive_.Use(config != nullptr ? *config : *old);
  if (old != nullptr) return DecodeSaved(input_, *old, output_, checkpoint_);
  const uint64_t most = std::min(kMaxConfigBytes, checkpoint_.context.limits.string_bytes);
  if (config->size > most) return FailLimit("string_bytes", most, config->size, config->header_offset);
  AIRLOCK_ASSIGN(const std::string json, ReadText(input_, *config, config->size));
  AIRLOCK_ASSIGN(const std::vector<Payload> payloads,
                 ParsePayloadConfig(json, checkpoint_.context.limits, archive_.NameOf(*config)));
  std::vector<NodeId> pairs;
  pairs.reserve(2 * payloads.size());
  for (const Payload& payload : payloads) {
    pairs.push_back(graph_.Text(Kind::kString, payload.name));
    AIRLOCK_ASSIGN(const NodeId value, DecodePayload(payload));
    pairs.push_back(value);
    AIRLOCK_TRY(CheckNodes(checkpoint_));
  }
  return graph_.Container(Kind::kDict, pairs);
}

Result<NodeId> Payloads::DecodePayload(const Payload& payload) {
  const ZipMember* member = Find(payload.path);
  if (member == nullptr) {
    return Fail(Reason::kZipMalformed,
                "the archive has no member '" + folder_ + payload.path + "' for '" + payload.name + "'");
  }
  if (!payload.use_pickle) return MakeTensor(payload, *member);
  if (const auto found = saved_.find(payload.path); found != saved_.end()) return found->second;
  archive_.Use(*member);
  std::optional<ScriptNames> names;
  if (payload.path.starts_with(kCustomObject)) names.emplace(checkpoint_.context.symbols);
  AIRLOCK_ASSIGN(const NodeId value, DecodeSaved(input_, *member, output_, checkpoint_));
  saved_.emplace(payload.path, value);
  return value;
}

Result<const tensors::DTypeRow*> Payloads::CheckTensor(const Payload& payload, const ZipMember& member) const {
  const uint64_t at = member.header_offset;
  if (!payload.tensor) return Fail(Reason::kZipMalformed, "'" + payload.name + "' is no tensor and no pickle", at);
  const PayloadTensor& tensor = *payload.tensor;
  const auto* const number = std::ranges::find(kNumbers, tensor.dtype, &NumberRow::number);
  if (number == std::end(kNumbers) || tensor.layout != kStrided) {
    return Fail(Reason::kUnsupportedFeature,
                "'" + payload.name + "' has element type " + std::to_string(tensor.dtype) + " and layout " +
                    std::to_string(tensor.layout) + ", which are not read",
                at);
  }
  if (tensor.sizes.size() != tensor.strides.size() || !tensors::IsDeviceName(tensor.device)) {
    return Fail(Reason::kZipMalformed, "'" + payload.name + "' is described as torch never does", at);
  }
  const tensors::DTypeRow& dtype = tensors::RowOf(number->dtype);
  if (member.size % dtype.item_size != 0) {
    return Fail(Reason::kStorageSizeMismatch, "the member of '" + payload.name + "' ends inside an element", at);
  }
  const uint64_t elements = IsShell(tensor, member) ? UINT64_MAX : member.size / dtype.item_size;
  AIRLOCK_TRY(tensors::CheckGeometry(tensor.offset, tensor.sizes, tensor.strides, elements,
                                     checkpoint_.context.limits.dims, at));
  return &dtype;
}

Result<NodeId> Payloads::MakeTensor(const Payload& payload, const ZipMember& member) {
  AIRLOCK_ASSIGN(const tensors::DTypeRow* const dtype, CheckTensor(payload, member));
  const PayloadTensor& tensor = *payload.tensor;
  if (IsShell(tensor, member)) return MakeMeta(tensor, *dtype, member);
  const uint64_t most = checkpoint_.context.limits.tensors;
  const uint64_t count = checkpoint_.tables.tensor_count();
  if (count >= most) return FailLimit("tensors", most, count + 1, member.header_offset);
  AIRLOCK_ASSIGN(const uint32_t storage, storages_.Resolve({.key = payload.path,
                                                            .location = tensor.device,
                                                            .dtype = dtype->dtype,
                                                            .numel = member.size / dtype->item_size,
                                                            .nbytes = member.size,
                                                            .at = member.header_offset,
                                                            .slice = {}}));
  const uint32_t flags =
      (tensor.requires_grad ? tensors::kRequiresGrad : 0U) | (payload.is_parameter ? tensors::kParameter : 0U);
  return graph_.Tensor(checkpoint_.tables.AddTensor({.storage = storage,
                                                     .dtype = dtype->dtype,
                                                     .flags = flags,
                                                     .offset = tensor.offset,
                                                     .shape = tensor.sizes,
                                                     .stride = tensor.strides}));
}

NodeId Payloads::MakeMeta(const PayloadTensor& tensor, const tensors::DTypeRow& dtype, const ZipMember& member) {
  archive_.Use(member);
  if (!std::exchange(told_of_meta_, true)) {
    Tell(checkpoint_, member, "export.no-data", Severity::kNote, "a tensor without data, which torch fills with zeros");
  }
  const auto numbers = [this](Kind kind, const std::vector<uint64_t>& values) {
    std::vector<NodeId> items;
    items.reserve(values.size());
    for (const uint64_t value : values) items.push_back(graph_.Int(static_cast<int64_t>(value)));
    return graph_.Container(kind, items);
  };
  const NodeId refs[] = {graph_.Text(Kind::kDType, dtype.name), numbers(Kind::kSize, tensor.sizes),
                         numbers(Kind::kTuple, tensor.strides)};
  return graph_.Compound(Kind::kMetaTensor, tensor.requires_grad ? tensors::kRequiresGrad : 0U, refs);
}

class TorchExport {
 public:
  TorchExport(const Input& input, Output& output, Checkpoint& checkpoint, const ZipDirectory& directory)
      : input_(input),
        output_(output),
        checkpoint_(checkpoint),
        directory_(directory),
        archive_(input, output, checkpoint, directory),
        weights_(input, output, checkpoint, directory, archive_, "data/weights/"),
        constants_(input, output, checkpoint, directory, archive_, "data/constants/") {}

  Result<void> Decode();

 private:
  Result<void> CheckRecords();
  Result<NodeId> DecodeModel(const std::string& model);
  void TellOthers();

  const Input& input_;
  Output& output_;
  Checkpoint& checkpoint_;
  const ZipDirectory& directory_;
  TorchArchive archive_;
  Payloads weights_;
  Payloads constants_;
};

// The name of the model that a member is the program of; empty for all others.
std::string_view ModelOf(std::string_view name) {
  constexpr std::string_view kSuffix = ".json";
  if (!name.starts_with(kModels) || !name.ends_with(kSuffix)) return {};
  name.remove_prefix(kModels.size());
  name.remove_suffix(std::min(name.size(), kSuffix.size()));
  return name;
}

Result<void> TorchExport::CheckRecords() {
  AIRLOCK_TRY(archive_.Check(kRecords));
  // One byte more than it may have, so that a longer one is another.
  const auto read = [this](const ZipMember& member, uint64_t most) {
    return ReadText(input_, member, std::min(member.size, most + 1));
  };
  AIRLOCK_ASSIGN(const std::string kind, read(*archive_.Record(kFormat), kFormatValue.size()));
  if (kind != kFormatValue) return Fail(Reason::kUnsupportedFormat, "a torch.export archive of an unknown kind");
  // Torch takes one without a version for the first.
  std::string text(kVersionValue);
  if (const ZipMember* version = archive_.Record(kVersion); version != nullptr) {
    AIRLOCK_ASSIGN(text, read(*version, kVersionValue.size()));
  }
  if (text != kVersionValue) return Fail(Reason::kUnsupportedFeature, "a torch.export archive of a later version");
  if (archive_.big_endian()) return Fail(Reason::kUnsupportedFeature, "a big-endian torch.export archive");
  return {};
}

Result<void> TorchExport::Decode() {
  AIRLOCK_TRY(CheckRecords());
  std::vector<NodeId> models;
  for (const ZipMember& member : directory_.members()) {
    const std::string model(ModelOf(archive_.NameOf(member)));
    if (model.empty()) continue;
    archive_.Use(member);
    TellProgram(checkpoint_, member);
    models.push_back(checkpoint_.context.graph.Text(Kind::kString, model));
    AIRLOCK_ASSIGN(const NodeId value, DecodeModel(model));
    models.push_back(value);
  }
  AIRLOCK_TRY(weights_.Finish());
  AIRLOCK_TRY(constants_.Finish());
  checkpoint_.root = models.size() == 2 ? models[1] : checkpoint_.context.graph.Container(Kind::kDict, models);
  TellOthers();
  return {};
}

Result<NodeId> TorchExport::DecodeModel(const std::string& model) {
  pickle::Graph& graph = checkpoint_.context.graph;
  std::vector<NodeId> pairs = {graph.Text(Kind::kString, "state_dict")};
  AIRLOCK_ASSIGN(const NodeId weights, weights_.Decode(model, "weights_config"));
  pairs.insert(pairs.end(), {weights, graph.Text(Kind::kString, "constants")});
  AIRLOCK_ASSIGN(const NodeId constants, constants_.Decode(model, "constants_config"));
  pairs.push_back(constants);
  const ZipMember* inputs = archive_.Record("data/sample_inputs/" + model + ".pt");
  if (inputs != nullptr) archive_.Use(*inputs);
  if (inputs != nullptr && inputs->size > 0) {
    pairs.push_back(graph.Text(Kind::kString, "example_inputs"));
    AIRLOCK_ASSIGN(const NodeId value, DecodeSaved(input_, *inputs, output_, checkpoint_));
    pairs.push_back(value);
  }
  return graph.Container(Kind::kDict, pairs);
}

void TorchExport::TellOthers() {
  bool compiled = false;
  for (const ZipMember& member : directory_.members()) {
    const std::string_view name = archive_.NameOf(member);
    if (name.starts_with(kExtra) && !name.ends_with('/')) {
      TellOfStranger(checkpoint_.context,
                     {"export.extra-file", member.name, member.header_offset, SniffMember(input_, member)});
    }
    if (name.starts_with(kCompiled) && !std::exchange(compiled, true)) {
      Tell(checkpoint_, member, "export.compiled", Severity::kWarning,
           "a compiled model; neither its code nor the weights that it brings are read");
    }
  }
  archive_.NoteStrangers(kRecords,
                         [](std::string_view name) { return name.starts_with(kExtra) || name.starts_with(kCompiled); });
}

// --- before torch 2.8 ---

constexpr std::string_view kOldProgram = "serialized_exported_program.json";

struct OldRow {
  std::string_view member;
  std::string_view key;
};
// Torch 2.1 gave the weights the ending of the program.
constexpr OldRow kOldParts[] = {
    {"serialized_state_dict.pt", "state_dict"},
    {"serialized_state_dict.json", "state_dict"},
    {"serialized_constants.pt", "constants"},
    {"serialized_example_inputs.pt", "example_inputs"},
};

bool IsOldRecord(const ZipMember& member) {
  return member.name == kOldProgram || member.name == "version" || member.name.ends_with('/') ||
         std::ranges::find(kOldParts, member.name, &OldRow::member) != std::end(kOldParts);
}

}  // namespace

bool IsTorchExport(const ZipDirectory& directory) {
  return !directory.root().empty() &&
         directory.Find(std::string(directory.root()) + "/" + std::string(kFormat)) != nullptr;
}

Result<void> DecodeTorchExport(const Input& input, Output& output, Checkpoint& checkpoint,
                               const ZipDirectory& directory) {
  return TorchExport(input, output, checkpoint, directory).Decode();
}

bool IsOldTorchExport(const ZipDirectory& directory) { return directory.Find(kOldProgram) != nullptr; }

Result<void> DecodeOldTorchExport(const Input& input, Output& output, Checkpoint& checkpoint,
                                  const ZipDirectory& directory) {
  if (directory.Find(kOldParts[0].member) != nullptr && directory.Find(kOldParts[1].member) != nullptr) {
    return Fail(Reason::kZipAmbiguous, "the archive has two state_dicts");
  }
  pickle::Graph& graph = checkpoint.context.graph;
  std::vector<NodeId> pairs;
  for (const OldRow& row : kOldParts) {
    const ZipMember* member = directory.Find(row.member);
    if (member == nullptr || member->size == 0) continue;  // without bytes: there was nothing to save
    pairs.push_back(graph.Text(Kind::kString, row.key));
    AIRLOCK_ASSIGN(const NodeId value, DecodeSaved(input, *member, output, checkpoint));
    pairs.push_back(value);
  }
  checkpoint.root = graph.Container(Kind::kDict, pairs);
  TellProgram(checkpoint, *directory.Find(kOldProgram));
  for (const ZipMember& member : directory.members()) {
    if (IsOldRecord(member)) continue;
    const bool extra = member.name.starts_with("extra_files/");
    TellOfStranger(checkpoint.context, {extra ? "export.extra-file" : "zip.unused-member", member.name,
                                        member.header_offset, SniffMember(input, member)});
  }
  return {};
}

}  // namespace airlock::formats
