#include "sandbox/formats/zip_kinds.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "sandbox/formats/data_findings.h"
#include "sandbox/formats/npy.h"
#include "sandbox/formats/old_torch_export.h"
#include "sandbox/formats/torch_export.h"
#include "sandbox/formats/torch_package.h"
#include "sandbox/formats/torch_zip.h"
#include "sandbox/formats/torchscript.h"
#include "sandbox/formats/zip_directory.h"
#include "sandbox/formats/zip_of_checkpoints.h"

namespace airlock::formats {
namespace {

// What a zip without data.pkl seems to be, by the end of a member's name.
struct RefusalRow {
  std::string_view suffix;
  const char* sentence;
  // Of a framework, whose reader finds a model in what is no checkpoint by itself.
  bool model = true;
};
constexpr RefusalRow kRefusals[] = {
    {"/constants.pkl", "a TorchScript archive without its data.pkl"},
    {"/model.json", "a TorchScript archive of torch 1.0 or 1.1"},
    {"/bytecode.pkl", "a PyTorch Mobile archive"},
    {"model.weights.h5", "a Keras archive (.keras)"},
    {"[Content_Types].xml", "an Office document", false},
    {"META-INF/MANIFEST.MF", "a Java archive", false},
};

// Kinds that are told by one of their members.
struct KindRow {
  Format format;
  bool (*is)(const ZipDirectory& directory);
  Result<void> (*decode)(const Input& input, Output& output, Checkpoint& checkpoint, const ZipDirectory& directory);
};
constexpr KindRow kKinds[] = {
    {Format::kTorchExport, IsTorchExport, DecodeTorchExport},
    {Format::kTorchExport, IsOldTorchExport, DecodeOldTorchExport},
    {Format::kTorchPackage, IsTorchPackage, DecodeTorchPackage},
};

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lower;
}

bool HasRecord(const ZipDirectory& directory, const char* name) {
  return !directory.root().empty() && directory.FindAnyCase(std::string(directory.root()) + "/" + name) != nullptr;
}

// A data.pkl in another folder than torch would look in, or under a name in other case.
Result<void> CheckNoOtherData(const ZipDirectory& directory) {
  for (const ZipMember& member : directory.members()) {
    const size_t slash = member.name.find('/');
    if (slash == std::string::npos || Lower(std::string_view(member.name).substr(slash + 1)) != "data.pkl") continue;
    return Fail(Reason::kZipAmbiguous, "some readers find '" + std::string(member.name) + "' and others do not",
                member.header_offset);
  }
  return {};
}

const RefusalRow* FindRefusal(const ZipDirectory& directory) {
  for (const RefusalRow& row : kRefusals) {
    for (const ZipMember& member : directory.members()) {
      if (member.name.ends_with(row.suffix)) return &row;
    }
  }
  return nullptr;
}

// What is no kind of checkpoint. A failure that has a format is one of something inside it; here it is the file that is
// none, and so it has none.
Result<void> DecodeOther(const Input& input, Output& output, Checkpoint& checkpoint, const ZipDirectory& directory) {
  const RefusalRow* const row = FindRefusal(directory);
  const bool model = row != nullptr && row->model;
  const char* const sentence =
      row != nullptr ? row->sentence : "a zip archive that holds no torch checkpoint (no data.pkl)";
  if (row == nullptr && IsZipOfCheckpoints(input, directory)) {
    checkpoint.format = Format::kZipOfCheckpoints;
    return DecodeZipOfCheckpoints(input, output, checkpoint, directory);
  }
  if (model || !HoldsNoCheckpoint(input, directory)) return Fail(Reason::kUnsupportedFormat, sentence, 0);
  checkpoint.format = Format::kUnknown;
  return Fail(Reason::kNotACheckpoint, row != nullptr ? sentence : "a zip archive that holds no checkpoint", 0);
}

}  // namespace

Result<void> DecodeZip(const Input& input, Output& output, Checkpoint& checkpoint) {
  checkpoint.format = Format::kTorchZip;
  AIRLOCK_ASSIGN(const ZipDirectory directory, ZipDirectory::Read(input, checkpoint.context.limits));
  NotePrograms(directory, checkpoint.context);
  if (directory.Find(std::string(directory.root()) + "/data.pkl") != nullptr) {
    // Torch, too, takes what has constants for TorchScript, whatever wrote it.
    if (!HasRecord(directory, "constants.pkl")) return DecodeTorchZip(input, output, checkpoint, directory);
    checkpoint.format = Format::kTorchScript;
    return DecodeTorchScript(input, output, checkpoint, directory);
  }
  if (IsNpz(directory)) return DecodeNpz(input, output, checkpoint, directory);
  AIRLOCK_TRY(CheckNoOtherData(directory));
  for (const KindRow& row : kKinds) {
    if (!row.is(directory)) continue;
    checkpoint.format = row.format;
    return row.decode(input, output, checkpoint, directory);
  }
  return DecodeOther(input, output, checkpoint, directory);
}

}  // namespace airlock::formats
