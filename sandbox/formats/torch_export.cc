#include "sandbox/formats/torch_export.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/formats/export_parts.h"
#include "sandbox/formats/export_payloads.h"
#include "sandbox/formats/export_program.h"
#include "sandbox/formats/member_finding.h"
#include "sandbox/formats/strangers.h"
#include "sandbox/formats/torch_archive.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;
using pickle::Severity;

constexpr std::string_view kFormat = "archive_format";
constexpr std::string_view kVersion = "archive_version";
constexpr std::string_view kFormatValue = "pt2";
constexpr std::string_view kVersionValue = "0";
constexpr std::string_view kRecords[] = {kFormat, kVersion};
constexpr std::string_view kModels = "models/";
constexpr std::string_view kExtra = "extra/";
constexpr std::string_view kCompiled = "data/aotinductor/";

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
  ExportPayloads weights_;
  ExportPayloads constants_;
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
    AIRLOCK_TRY(JudgeProgram(input_, member, checkpoint_));
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
      TellOfStranger(checkpoint_.context, {"export.extra-file", std::string(member.name), member.header_offset,
                                           SniffMember(input_, member)});
    }
    if (name.starts_with(kCompiled) && !std::exchange(compiled, true)) {
      TellOfMember(checkpoint_.context, member, "export.compiled", Severity::kWarning,
                   "a compiled model; neither its code nor the weights that it brings are read");
    }
  }
  archive_.NoteStrangers(kRecords,
                         [](std::string_view name) { return name.starts_with(kExtra) || name.starts_with(kCompiled); });
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

}  // namespace airlock::formats
