// TarArchive: the members of a tar archive, read so strictly that no two readers could see two different archives:
// plain files only, no name twice, none that leads elsewhere, sizes in octal, and zeros in each byte between members.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/limits.h"
#include "sandbox/formats/input.h"

namespace airlock::formats {

struct TarMember {
  std::string name;
  uint64_t header_offset = 0;
  uint64_t offset = 0;  // of its bytes
  uint64_t size = 0;
};

// Not thread-safe.
class TarArchive {
 public:
  // Fails as kTarMalformed, kTarAmbiguous, kTruncated or kTrailingBytes; as kUnsupportedFormat where the first member's
  // name is not in `first_names`: then it is an archive of another kind, which is judged no further.
  static Result<TarArchive> Read(const Input& input, const Limits& limits,
                                 std::initializer_list<std::string_view> first_names);

  // In file order.
  const std::vector<TarMember>& members() const { return members_; }
  // nullptr where there is none.
  const TarMember* Find(std::string_view name) const;

 private:
  std::vector<TarMember> members_;
};

}  // namespace airlock::formats
