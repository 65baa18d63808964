#include "sandbox/formats/part.h"

#include <string>
#include <utility>

#include "sandbox/formats/zip_of_checkpoints.h"

namespace airlock::formats {
namespace {

// How much a checkpoint held before the part, so that what the part adds can be told from the rest.
struct Before {
  explicit Before(const Checkpoint& checkpoint)
      : format(checkpoint.format),
        root(checkpoint.root),
        symbols(checkpoint.context.symbols.all().size()),
        findings(checkpoint.context.findings.size()) {}

  Format format;
  pickle::NodeId root;
  size_t symbols;
  size_t findings;
};

// What the part's readers say of findings counts from its start; the caller counts from that of the input. Places of
// storages are the file's already.
void Move(Checkpoint& checkpoint, const Before& before, uint64_t offset, std::string_view name) {
  checkpoint.context.symbols.Move(before.symbols, offset);
  std::vector<pickle::Finding>& findings = checkpoint.context.findings;
  for (size_t i = before.findings; i < findings.size(); ++i) {
    findings[i].offset += offset;
    if (name.empty()) continue;
    findings[i].where = std::string(name) + (findings[i].where.empty() ? "" : "!" + findings[i].where);
  }
}

}  // namespace

Result<Part> DecodePart(const Input& input, uint64_t offset, uint64_t length, const PartOptions& options,
                        Output& output, Checkpoint& checkpoint) {
  const Before before(checkpoint);
  const std::string_view name = options.name;
  const bool in_archive = std::exchange(checkpoint.in_archive, options.in_archive);
  const Input part_input = input.Part(offset, length);
  Result<void> decoded = options.member.empty() ? Read(part_input, output, checkpoint)
                                                : DecodeMember(part_input, options.member, output, checkpoint);
  checkpoint.in_archive = in_archive;
  Move(checkpoint, before, offset, name);
  const Part part{std::exchange(checkpoint.format, before.format), std::exchange(checkpoint.root, before.root)};
  if (decoded.ok()) return part;
  Error error = std::move(decoded).error();
  if (!name.empty()) error.message.insert(0, std::string(name) + ": ");
  if (error.offset) *error.offset += offset;
  return Unexpected<Error>{std::move(error)};
}

}  // namespace airlock::formats
