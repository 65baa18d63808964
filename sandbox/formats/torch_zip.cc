#include "sandbox/formats/torch_zip.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include "sandbox/formats/inflate.h"
#include "sandbox/formats/window_source.h"
#include "sandbox/formats/zip_directory.h"
#include "sandbox/formats/zip_storages.h"
#include "sandbox/tensors/torch_constructor.h"

namespace airlock::formats {
namespace {

using pickle::Severity;

// Members that torch writes beside the storages.
constexpr std::string_view kKnownRecords[] = {
    "data.pkl",           "version",   ".data/version",         ".format_version",
    ".storage_alignment", "byteorder", ".data/serialization_id"};

// What a zip without data.pkl seems to be, by the end of a member's name.
struct KindRow {
  std::string_view suffix;
  const char* sentence;
};
constexpr KindRow kKinds[] = {
    {"/constants.pkl", "a TorchScript archive, which holds code"},
    {"/.data/extern_modules", "a torch.package archive"},
    {"/archive_format", "a torch.export archive (.pt2)"},
    {"serialized_exported_program.json", "a torch.export archive (.pt2, before torch 2.8)"},
    {"/bytecode.pkl", "a PyTorch Mobile archive"},
    {".npy", "a numpy archive (.npz)"},
    {"model.weights.h5", "a Keras archive (.keras)"},
    {"[Content_Types].xml", "an Office document"},
    {"META-INF/MANIFEST.MF", "a Java archive"},
};

constexpr uint64_t kMinVersion = 1;
constexpr uint64_t kMaxVersion = 10;

class TorchZip {
 public:
  TorchZip(const Input& input, Output& output, Checkpoint& checkpoint, ZipDirectory directory)
      : input_(input),
        output_(output),
        checkpoint_(checkpoint),
        directory_(std::move(directory)),
        root_(directory_.root()) {}

  Result<void> Decode() {
    AIRLOCK_ASSIGN(const ZipMember* const data, FindData());
    AIRLOCK_TRY(CheckMembers());
    AIRLOCK_TRY(CheckVersion());
    AIRLOCK_ASSIGN(const bool big_endian, ReadByteOrder());
    ZipStorages storages(input_, output_, directory_, big_endian, checkpoint_.context, checkpoint_.tables);
    AIRLOCK_TRY(RunPickle(*data, storages));
    AIRLOCK_TRY(storages.Rewrite());
    NoteStrangers(storages);
    return {};
  }

 private:
  const ZipMember* Record(std::string_view name) const { return directory_.Find(root_ + "/" + std::string(name)); }

  Result<const ZipMember*> FindData() const;
  Result<void> CheckMembers() const;
  Result<void> CheckVersion();
  Result<bool> ReadByteOrder();
  Result<std::string> ReadSmall(const ZipMember& member);
  Result<void> RunPickle(const ZipMember& data, ZipStorages& storages);
  void NoteStrangers(const ZipStorages& storages);

  const Input& input_;
  Output& output_;
  Checkpoint& checkpoint_;
  ZipDirectory directory_;
  std::string root_;
};

Result<const ZipMember*> TorchZip::FindData() const {
  if (const ZipMember* data = root_.empty() ? nullptr : Record("data.pkl"); data != nullptr) return data;
  for (const ZipMember& member : directory_.members()) {
    const size_t slash = member.name.find('/');
    if (slash == std::string::npos) continue;
    std::string rest = member.name.substr(slash + 1);
    std::transform(rest.begin(), rest.end(), rest.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (rest == "data.pkl") {
      return Fail(Reason::kZipAmbiguous, "some readers find '" + member.name + "' and others do not",
                  member.header_offset);
    }
  }
  for (const KindRow& row : kKinds) {
    for (const ZipMember& member : directory_.members()) {
      if (member.name.ends_with(row.suffix)) return Fail(Reason::kUnsupportedFormat, row.sentence, 0);
    }
  }
  return Fail(Reason::kUnsupportedFormat, "a zip archive that holds no torch checkpoint (no data.pkl)", 0);
}

Result<void> TorchZip::CheckMembers() const {
  const std::string folder = root_ + "/";
  for (const ZipMember& member : directory_.members()) {
    if (!member.name.starts_with(folder)) {
      return Fail(Reason::kZipAmbiguous, "member '" + member.name + "' is outside the root folder '" + root_ + "'",
                  member.header_offset);
    }
    if (member.name.ends_with("/data.pkl") && member.name != folder + "data.pkl") {
      return Fail(Reason::kZipAmbiguous, "readers that look for a data.pkl find '" + member.name + "' too",
                  member.header_offset);
    }
    if (member.name.ends_with('/') && (member.size > 0 || member.stored_size > 0)) {
      return Fail(Reason::kZipAmbiguous, "folder '" + member.name + "' has bytes", member.header_offset);
    }
  }
  // Torch finds a record whatever the case of its letters, other readers do not.
  for (const std::string_view record : kKnownRecords) {
    const ZipMember* member = directory_.FindAnyCase(folder + std::string(record));
    if (member != nullptr && member != Record(record)) {
      return Fail(Reason::kZipAmbiguous, "some readers find '" + member->name + "' and others do not",
                  member->header_offset);
    }
  }
  if (directory_.FindAnyCase(folder + "constants.pkl") != nullptr) {
    return Fail(Reason::kUnsupportedFormat, "a TorchScript archive, which holds code", 0);
  }
  if (directory_.has_comment()) {
    pickle::AddFinding(checkpoint_.context,
                       pickle::Finding{"zip.comment", Severity::kNote, "the zip archive has a comment", "", 0});
  }
  return {};
}

// For records of a few bytes. A longer one comes back cut, which no check below takes for right.
Result<std::string> TorchZip::ReadSmall(const ZipMember& member) {
  constexpr uint64_t kMost = 64;
  std::string text(std::min(member.size, kMost), '\0');
  const std::span<uint8_t> out(reinterpret_cast<uint8_t*>(text.data()), text.size());
  if (member.deflated()) {
    Inflater inflater(input_, member.data_offset, member.stored_size, member.size);
    AIRLOCK_TRY(inflater.Read(out));
  } else {
    AIRLOCK_TRY(input_.ReadAt(member.data_offset, out));
  }
  return text;
}

Result<void> TorchZip::CheckVersion() {
  const ZipMember* member = Record(".data/version");
  if (member == nullptr) member = Record("version");
  if (member == nullptr) return Fail(Reason::kZipMalformed, "the archive has no version record");
  AIRLOCK_ASSIGN(std::string text, ReadSmall(*member));
  if (text.ends_with('\n')) text.pop_back();
  const bool digits = !text.empty() && text.size() <= 9 &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return Fail(Reason::kZipMalformed, "the archive's version record is no number", member->data_offset);
  uint64_t version = 0;
  for (const char c : text) version = version * 10 + static_cast<uint64_t>(c - '0');
  if (version < kMinVersion || version > kMaxVersion) {
    return Fail(Reason::kUnsupportedFeature, "torch archives of version " + text + " are not read",
                member->data_offset);
  }
  return {};
}

Result<bool> TorchZip::ReadByteOrder() {
  const ZipMember* member = Record("byteorder");
  if (member == nullptr) return false;
  AIRLOCK_ASSIGN(const std::string text, ReadSmall(*member));
  if (text == "little") return false;
  if (text == "big") return true;
  return Fail(Reason::kZipMalformed, "the archive's byte order is neither little nor big", member->data_offset);
}

Result<void> TorchZip::RunPickle(const ZipMember& data, ZipStorages& storages) {
  pickle::Context& context = checkpoint_.context;
  tensors::TorchConstructor constructor(context, checkpoint_.tables, storages, tensors::PersistentForm::kZip);
  uint32_t crc = 0;
  const auto run = [&](auto& source) -> Result<void> {
    AIRLOCK_ASSIGN(checkpoint_.root, pickle::Decode(context, constructor, source, checkpoint_.level));
    if (!source.AtEnd()) {
      return Fail(Reason::kTrailingBytes, "bytes follow the end of the pickle in data.pkl", source.offset());
    }
    crc = source.crc();
    return {};
  };
  if (data.deflated()) {
    InflateSource source(input_, data.data_offset, data.stored_size, data.size);
    AIRLOCK_TRY(run(source));
  } else {
    WindowSource source(input_, data.data_offset, data.size);
    AIRLOCK_TRY(run(source));
  }
  if (crc != data.crc) NoteWrongCrc(context, data);
  return {};
}

void TorchZip::NoteStrangers(const ZipStorages& storages) {
  for (const ZipMember& member : directory_.members()) {
    const std::string_view name = std::string_view(member.name).substr(root_.size() + 1);
    const bool known = std::find(std::begin(kKnownRecords), std::end(kKnownRecords), name) != std::end(kKnownRecords);
    if (known || member.name.ends_with('/') || storages.Uses(member)) continue;
    pickle::AddFinding(checkpoint_.context, pickle::Finding{"zip.unused-member", Severity::kNote,
                                                            "nothing in the checkpoint refers to this member",
                                                            member.name, member.header_offset});
  }
}

}  // namespace

Result<void> DecodeTorchZip(const Input& input, Output& output, Checkpoint& checkpoint) {
  AIRLOCK_ASSIGN(ZipDirectory directory, ZipDirectory::Read(input, checkpoint.context.limits));
  return TorchZip(input, output, checkpoint, std::move(directory)).Decode();
}

}  // namespace airlock::formats
