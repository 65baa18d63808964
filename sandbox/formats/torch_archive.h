// TorchArchive: what the zip archives of torch's writer have in common: one root folder with records in it, a version,
// a byte order, pickles, and storages in folders beside them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/zip_directory.h"
#include "sandbox/formats/zip_storages.h"

namespace airlock::formats {

// Borrows all that it is given.
class TorchArchive {
 public:
  TorchArchive(const Input& input, Output& output, Checkpoint& checkpoint, const ZipDirectory& directory)
      : input_(input),
        output_(output),
        checkpoint_(checkpoint),
        directory_(directory),
        root_(directory.root()),
        used_(directory.members().size(), false) {}

  // The member of this name in the root folder; nullptr where there is none.
  const ZipMember* Record(std::string_view name) const { return directory_.Find(root_ + "/" + std::string(name)); }

  // Looks for members that readers find or do not find, depending on how they look, and reads version and byte order.
  // `records` are those that this kind of archive has beside the common ones. `pickles` says where a data.pkl may
  // stand: in the root folder only, or wherever the archive's author likes.
  enum class Pickles : uint8_t { kInRoot, kAnywhere };
  Result<void> Check(std::span<const std::string_view> records, Pickles pickles = Pickles::kInRoot);

  // Runs the pickle in `record`, whose storages are in `folder` of the root, and writes what of them must be rewritten.
  // Fails where there is no such record. kMayBeLeftOut: storages may be there in name only, and their tensors are
  // shapes.
  enum class Data : uint8_t { kIsThere, kMayBeLeftOut };
  Result<pickle::NodeId> Decode(std::string_view record, std::string_view folder, Data data = Data::kIsThere);

  // Runs the pickle of a member; `constructor` makes what is in it.
  Result<pickle::NodeId> Run(const ZipMember& member, pickle::Constructor& constructor);

  // The name of a member in the root folder. REQUIRES: Check was fine.
  std::string_view NameOf(const ZipMember& member) const {
    return std::string_view(member.name).substr(root_.size() + 1);
  }
  bool big_endian() const { return big_endian_; }
  // The member belongs to what was read.
  void Use(const ZipMember& member) { used_[static_cast<size_t>(&member - directory_.members().data())] = true; }
  void UseAllOf(const ZipStorages& storages);

  // Tells of members that nothing refers to: neither records, nor storages of the pickles that were decoded, nor those
  // for which `expected` says so. It is given their name in the root folder.
  void NoteStrangers(std::span<const std::string_view> records, bool (*expected)(std::string_view name) = nullptr);

 private:
  Result<void> CheckMembers(Pickles pickles) const;
  Result<void> CheckCase(std::span<const std::string_view> records) const;
  Result<void> CheckVersion();
  Result<void> ReadByteOrder();
  Result<std::string> ReadSmall(const ZipMember& member);

  const Input& input_;
  Output& output_;
  Checkpoint& checkpoint_;
  const ZipDirectory& directory_;
  const std::string root_;
  bool big_endian_ = false;
  std::vector<bool> used_;  // by member
};

}  // namespace airlock::formats
