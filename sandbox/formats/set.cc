#include "sandbox/formats/set.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/formats/dcp.h"
#include "sandbox/formats/index_set.h"
#include "sandbox/formats/part.h"
#include "sandbox/formats/set_index.h"
#include "sandbox/formats/sniff.h"

namespace airlock::formats {
namespace {

constexpr std::string_view kIndexEnd = ".index.json";
// Which libraries take where a folder has the same weights twice.
constexpr std::string_view kPreferredEnd = ".safetensors.index.json";
// Names that a message lists.
constexpr size_t kMostNamed = 8;

Input PartOf(const Input& input, const SetFile& file) { return input.Part(file.start, file.size); }

std::string List(const std::vector<const SetFile*>& files) {
  std::string list;
  for (const SetFile* file : std::span(files).first(std::min(files.size(), kMostNamed))) {
    list += (list.empty() ? "'" : ", '") + file->name + "'";
  }
  return files.size() > kMostNamed ? list + " ..." : list;
}

// One file for itself, or a member of it.
Result<void> DecodeFile(const Input& input, const SetFile& file, std::string_view member, Output& output,
                        Checkpoint& checkpoint) {
  const PartOptions options{.name = {}, .member = member, .in_archive = false};
  AIRLOCK_ASSIGN(const Part part, DecodePart(input, file.start, file.size, options, output, checkpoint));
  checkpoint.format = part.format;
  checkpoint.root = part.root;
  return {};
}

// What a file stands for: for others, where it says so.
Result<void> DecodeNamed(const Input& input, const SetFile& file, Output& output, Checkpoint& checkpoint) {
  if (file.name == kDcpMetadata) return DecodeDcp(input, file, output, checkpoint);
  AIRLOCK_ASSIGN(const std::optional<SetIndex> index, ReadSetIndex(PartOf(input, file), checkpoint.context));
  if (index) return DecodeIndexSet(input, file, *index, output, checkpoint);
  return DecodeFile(input, file, {}, output, checkpoint);
}

// `NAME`, or `NAME!MEMBER`: a name may have the mark in it.
Result<void> DecodeMemberOf(const Input& input, std::string_view member, Output& output, Checkpoint& checkpoint) {
  const FileSet& set = *input.set();
  if (const SetFile* file = set.Find(member)) return DecodeNamed(input, *file, output, checkpoint);
  for (size_t mark = member.find('!'); mark != std::string_view::npos; mark = member.find('!', mark + 1)) {
    const SetFile* file = set.Find(member.substr(0, mark));
    if (file != nullptr) return DecodeFile(input, *file, member.substr(mark + 1), output, checkpoint);
  }
  return Fail(Reason::kNoSuchMember, "the folder has no file '" + std::string(member) + "'");
}

std::vector<const SetFile*> FilesThat(const FileSet& set, const auto& holds) {
  std::vector<const SetFile*> files;
  for (const SetFile& file : set.files()) {
    if (holds(file)) files.push_back(&file);
  }
  return files;
}

// The files that speak for the whole; of several indices that which libraries prefer.
std::vector<const SetFile*> Speakers(const FileSet& set) {
  std::vector<const SetFile*> speakers =
      FilesThat(set, [](const SetFile& file) { return file.name.ends_with(kIndexEnd); });
  const std::vector<const SetFile*> preferred =
      FilesThat(set, [](const SetFile& file) { return file.name.ends_with(kPreferredEnd); });
  if (preferred.size() == 1) speakers = preferred;
  if (const SetFile* metadata = set.Find(kDcpMetadata)) speakers.push_back(metadata);
  return speakers;
}

}  // namespace

Result<void> DecodeSet(const Input& input, std::string_view member, Output& output, Checkpoint& checkpoint) {
  const uint64_t most = checkpoint.context.limits.input_bytes;
  if (input.size() > most) return FailLimit("input_bytes", most, input.size());
  if (!member.empty()) return DecodeMemberOf(input, member, output, checkpoint);
  const FileSet& set = *input.set();
  std::vector<const SetFile*> files = Speakers(set);
  if (files.empty()) files = FilesThat(set, [&](const SetFile& file) { return Sniff(PartOf(input, file)).ok(); });
  if (files.size() == 1) return DecodeNamed(input, *files.front(), output, checkpoint);
  if (files.empty()) return Fail(Reason::kNotACheckpoint, "a folder that holds no checkpoint");
  return Fail(Reason::kUnsupportedFeature,
              "the folder holds several checkpoints, of which one must be named (FOLDER!NAME): " + List(files));
}

}  // namespace airlock::formats
