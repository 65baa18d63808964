#include "sandbox/formats/torch_archive.h"

#include <algorithm>

#include "sandbox/formats/array_storages.h"
#include "sandbox/formats/inflate.h"
#include "sandbox/formats/strangers.h"
#include "sandbox/formats/window_source.h"
#include "sandbox/tensors/constructors.h"

namespace airlock::formats {
namespace {

using pickle::NodeId;
using pickle::Severity;

// Members that torch's writer puts beside the pickles and the storages.
constexpr std::string_view kCommonRecords[] = {
    "data.pkl",           "version",   ".data/version",         ".format_version",
    ".storage_alignment", "byteorder", ".data/serialization_id"};

constexpr uint64_t kMinVersion = 1;
constexpr uint64_t kMaxVersion = 10;

bool Contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

Result<void> TorchArchive::Check(std::span<const std::string_view> records, Pickles pickles) {
  AIRLOCK_TRY(CheckMembers(pickles));
  AIRLOCK_TRY(CheckCase(kCommonRecords));
  AIRLOCK_TRY(CheckCase(records));
  AIRLOCK_TRY(CheckVersion());
  AIRLOCK_TRY(ReadByteOrder());
  if (directory_.has_comment()) {
    pickle::AddFinding(checkpoint_.context,
                       pickle::Finding{"zip.comment", Severity::kNote, "the zip archive has a comment", "", 0});
  }
  return {};
}

Result<void> TorchArchive::CheckMembers(Pickles pickles) const {
  const std::string folder = root_ + "/";
  for (const ZipMember& member : directory_.members()) {
    if (!member.name.starts_with(folder)) {
      return Fail(Reason::kZipAmbiguous,
                  "member '" + std::string(member.name) + "' is outside the root folder '" + root_ + "'",
                  member.header_offset);
    }
    if (pickles == Pickles::kInRoot && member.name.ends_with("/data.pkl") && member.name != folder + "data.pkl") {
      return Fail(Reason::kZipAmbiguous, "readers that look for a data.pkl find '" + std::string(member.name) + "' too",
                  member.header_offset);
    }
    if (member.name.ends_with('/') && (member.size > 0 || member.stored_size > 0)) {
      return Fail(Reason::kZipAmbiguous, "folder '" + std::string(member.name) + "' has bytes", member.header_offset);
    }
  }
  return {};
}

// Torch finds a record whatever the case of its letters, other readers do not.
Result<void> TorchArchive::CheckCase(std::span<const std::string_view> records) const {
  for (const std::string_view record : records) {
    const ZipMember* member = directory_.FindAnyCase(root_ + "/" + std::string(record));
    if (member != nullptr && member != Record(record)) {
      return Fail(Reason::kZipAmbiguous, "some readers find '" + std::string(member->name) + "' and others do not",
                  member->header_offset);
    }
  }
  return {};
}

// For records of a few bytes. A longer one comes back cut, which no check below takes for right.
Result<std::string> TorchArchive::ReadSmall(const ZipMember& member) {
  constexpr uint64_t kMost = 64;
  return ReadText(input_, member, std::min(member.size, kMost));
}

Result<void> TorchArchive::CheckVersion() {
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

Result<void> TorchArchive::ReadByteOrder() {
  const ZipMember* member = Record("byteorder");
  if (member == nullptr) return {};
  AIRLOCK_ASSIGN(const std::string text, ReadSmall(*member));
  big_endian_ = text == "big";
  if (big_endian_ || text == "little") return {};
  return Fail(Reason::kZipMalformed, "the archive's byte order is neither little nor big", member->data_offset);
}

Result<NodeId> TorchArchive::Decode(std::string_view record, std::string_view folder, Data data) {
  const ZipMember* member = Record(record);
  if (member == nullptr) return Fail(Reason::kZipMalformed, "the archive has no " + std::string(record));
  ZipStorages storages(input_, output_, directory_, root_ + "/" + std::string(folder) + "/", big_endian_,
                       checkpoint_.context, checkpoint_.tables);
  if (data == Data::kMayBeLeftOut) storages.MayLackData();
  ArrayStorages arrays(input_, output_);
  tensors::Constructors constructor(checkpoint_.context, checkpoint_.tables, storages, tensors::PersistentForm::kZip,
                                    arrays);
  AIRLOCK_ASSIGN(const NodeId root, Run(*member, constructor));
  AIRLOCK_TRY(storages.Rewrite());
  UseAllOf(storages);
  return root;
}

void TorchArchive::UseAllOf(const ZipStorages& storages) {
  for (const ZipMember& member : directory_.members()) {
    if (storages.Uses(member)) Use(member);
  }
}

Result<NodeId> TorchArchive::Run(const ZipMember& member, pickle::Constructor& constructor) {
  pickle::Context& context = checkpoint_.context;
  Use(member);
  uint32_t crc = 0;
  const auto run = [&](auto& source) -> Result<NodeId> {
    AIRLOCK_ASSIGN(const NodeId root, pickle::Decode(context, constructor, source, checkpoint_.level));
    if (!source.AtEnd()) {
      return Fail(Reason::kTrailingBytes, "bytes follow the end of the pickle in " + std::string(NameOf(member)),
                  source.offset());
    }
    crc = source.crc();
    return root;
  };
  const auto decode = [&]() -> Result<NodeId> {
    if (member.deflated()) {
      InflateSource source(input_, member.data_offset, member.stored_size, member.size);
      return run(source);
    }
    WindowSource source(input_, member.data_offset, member.size);
    return run(source);
  };
  AIRLOCK_ASSIGN(const NodeId root, decode());
  if (crc != member.crc) NoteWrongCrc(context, member);
  return root;
}

void TorchArchive::NoteStrangers(std::span<const std::string_view> records, bool (*expected)(std::string_view name)) {
  for (size_t i = 0; i < used_.size(); ++i) {
    if (used_[i]) continue;
    const ZipMember& member = directory_.members()[i];
    const std::string_view name = NameOf(member);
    if (Contains(kCommonRecords, name) || Contains(records, name)) continue;
    if (member.name.ends_with('/')) continue;
    if (expected != nullptr && expected(name)) continue;
    const Result<Format> content = SniffMember(input_, member);
    TellOfStranger(checkpoint_.context, {"zip.unused-member", std::string(member.name), member.header_offset, content});
  }
}

}  // namespace airlock::formats
