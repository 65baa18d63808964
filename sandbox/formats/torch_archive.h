// TorchArchive: what the zip archives of torch's writer have in common: one root folder with records in it, a version,
// a byte order, pickles, and storages in folders beside them.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/zip_directory.h"
#include "sandbox/formats/zip_storages.h"

namespace airlock::formats {

// Borrows all that it is given.
class TorchArchive {
 public:
  TorchArchive(const Input& input, Output& output, Checkpoint& checkpoint, const ZipDirectory& directory)
      : input_(input), output_(output), checkpoint_(checkpoint), directory_(directory), root_(directory.root()) {}

  // The member of this name in the root folder; nullptr where there is none.
  const ZipMember* Record(std::string_view name) const { return directory_.Find(root_ + "/" + std::string(name)); }

  // Looks for members that readers find or do not find, depending on how they look, and reads version and byte order.
  // `records` are those that this kind of archive has beside the common ones.
  Result<void> Check(std::span<const std::string_view> records);

  // Runs the pickle in `record`, whose storages are in `folder` of the root, and writes what of them must be rewritten.
  // Fails where there is no such record.
  Result<pickle::NodeId> Decode(std::string_view record, std::string_view folder);

  // Tells of members that nothing refers to: neither records, nor storages of the pickles that were decoded, nor those
  // for which `expected` says so. It is given their name in the root folder.
  void NoteStrangers(std::span<const std::string_view> records, bool (*expected)(std::string_view name) = nullptr);

 private:
  Result<void> CheckMembers() const;
  Result<void> CheckCase(std::span<const std::string_view> records) const;
  Result<void> CheckVersion();
  Result<void> ReadByteOrder();
  Result<std::string> ReadSmall(const ZipMember& member);
  Result<pickle::NodeId> Run(const ZipMember& member, ZipStorages& storages);

  const Input& input_;
  Output& output_;
  Checkpoint& checkpoint_;
  const ZipDirectory& directory_;
  const std::string root_;
  bool big_endian_ = false;
  std::unordered_set<const ZipMember*> used_;
};

}  // namespace airlock::formats
