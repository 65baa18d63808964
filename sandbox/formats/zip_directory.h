// ZipDirectory: the members of a zip archive, from its central directory, after everything that could make two readers
// see two different archives was looked for: names, local headers, descriptors, and each byte between members.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/limits.h"
#include "sandbox/formats/folded_names.h"
#include "sandbox/formats/input.h"
#include "sandbox/formats/zip_end.h"
#include "sandbox/formats/zip_member.h"

namespace airlock::formats {

// Not thread-safe.
class ZipDirectory {
 public:
  // Fails where the archive is broken or ambiguous; see README.md for the rules.
  static Result<ZipDirectory> Read(const Input& input, const Limits& limits);

  // In the order of the central directory; not empty.
  const std::vector<ZipMember>& members() const { return members_; }
  // nullptr where there is none of exactly this name.
  const ZipMember* Find(std::string_view name) const;
  // The same, quick where it stands at `place` or soon behind it: whoever looks for members in the order in which they
  // were written goes through the directory once, and not all over a table.
  const ZipMember* FindBehind(size_t place, std::string_view name) const;
  // Whatever the case of its letters: there is at most one.
  const ZipMember* FindAnyCase(std::string_view name) const;
  // First component of the first entry's name, which torch takes for the root folder.
  std::string_view root() const;
  bool has_comment() const { return has_comment_; }

 private:
  Result<void> ReadEntries(const Input& input, const ZipEnd& end, const Limits& limits);
  Result<void> CheckLayout(const Input& input, uint64_t directory_offset);

  KeptText texts_;  // the names of members_
  std::vector<ZipMember> members_;
  FoldedNames names_;
  bool has_comment_ = false;
};

}  // namespace airlock::formats
