#include "server/source/input.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "sandbox/base/checked.h"

namespace airlock::server {
namespace {

// As Linux has it.
constexpr size_t kMaxName = 255;

}  // namespace

bool IsFileName(std::string_view name) {
  using std::string_view_literals::operator""sv;
  return !name.empty() && name.size() <= kMaxName && name != "." && name != ".." &&
         name.find_first_of("/\0"sv) == std::string_view::npos;
}

OrVerdict<void> CheckManifest(const FileList& files, uint64_t size) {
  std::unordered_set<std::string_view> names;
  uint64_t left = size;
  for (const v1::File& file : files) {
    if (!IsFileName(file.name()))
      return Because(v1::REASON_BAD_REQUEST, "a name in the manifest that no file can have");
    if (!names.insert(file.name()).second) return Because(v1::REASON_BAD_REQUEST, "a name twice in the manifest");
    if (file.size() > left) return Because(v1::REASON_BAD_REQUEST, "the manifest announces more than the upload");
    left -= file.size();
  }
  if (left > 0) return Because(v1::REASON_BAD_REQUEST, "the manifest announces less than the upload");
  return {};
}

Input::Input(InputFile file) {
  fds_.push_back(file.fd());
  ends_.push_back(file.size());
  parts_.push_back(std::move(file));
}

OrVerdict<Input> Input::Concatenated(InputFile file, FileList files) {
  AIRLOCK_TRY(CheckManifest(files, file.size()));
  Input input(std::move(file));
  input.files_ = std::move(files);
  return input;
}

OrVerdict<Input> Input::Set(std::vector<InputFile> parts, FileList files) {
  Input input;
  input.files_ = std::move(files);
  uint64_t end = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto sum = CheckedAdd(end, parts[i].size());
    if (!sum) return Unexpected<Verdict>{Verdict::Limit("input_bytes", UINT64_MAX, UINT64_MAX)};
    end = *sum;
    input.files_.at(static_cast<int>(i)).set_size(parts[i].size());
    input.fds_.push_back(parts[i].fd());
    input.ends_.push_back(end);
  }
  input.parts_ = std::move(parts);
  return input;
}

std::vector<uint64_t> Input::FileEnds() const {
  std::vector<uint64_t> ends;
  uint64_t end = 0;
  for (const v1::File& file : files_) ends.push_back(end += file.size());
  return ends;
}

Input::Place Input::At(uint64_t offset) const {
  // The first part that ends behind it: empty ones have no byte.
  const auto end = std::upper_bound(ends_.begin(), ends_.end() - 1, offset);
  const auto part = static_cast<size_t>(end - ends_.begin());
  return {fds_[part], part == 0 ? offset : offset - ends_[part - 1]};
}

OrVerdict<void> Input::CheckUnchanged() const {
  for (const InputFile& part : parts_) AIRLOCK_TRY(part.CheckUnchanged());
  return {};
}

}  // namespace airlock::server
