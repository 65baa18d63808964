#include "sandbox/formats/part.h"

#include <string>
#include <utility>

#include "sandbox/formats/inflated_member.h"
#include "sandbox/formats/placed_storages.h"
#include "sandbox/formats/zip_of_checkpoints.h"
#include "sandbox/formats/zip_storages.h"
#include "sandbox/tensors/number_check.h"

namespace airlock::formats {
namespace {

// Checkpoints in each other. Each is a handful of calls on the stack; real archives have one or two.
constexpr uint32_t kMostParts = 4;

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

// `offset` is that of the bytes in the input.
Result<Part> DecodeBytes(const Input& bytes, uint64_t offset, const PartOptions& options, Output& output,
                         Checkpoint& checkpoint) {
  if (checkpoint.parts >= kMostParts) {
    return Fail(Reason::kUnsupportedFeature, "checkpoints in checkpoints, more than are read");
  }
  const Before before(checkpoint);
  const std::string_view name = options.name;
  const uint32_t parts = checkpoint.parts;
  if (options.in_archive) ++checkpoint.parts;
  Result<void> decoded = options.member.empty() ? Read(bytes, output, checkpoint)
                                                : DecodeMember(bytes, options.member, output, checkpoint);
  checkpoint.parts = parts;
  Move(checkpoint, before, offset, name);
  const Part part{std::exchange(checkpoint.format, before.format), std::exchange(checkpoint.root, before.root)};
  if (decoded.ok()) return part;
  Error error = std::move(decoded).error();
  if (!name.empty()) error.message.insert(0, std::string(name) + ": ");
  if (error.offset) *error.offset += offset;
  return Unexpected<Error>{std::move(error)};
}

}  // namespace

Result<Part> DecodePart(const Input& input, uint64_t offset, uint64_t length, const PartOptions& options,
                        Output& output, Checkpoint& checkpoint) {
  return DecodeBytes(input.Part(offset, length), offset, options, output, checkpoint);
}

Result<Part> DecodePart(const Input& input, const ZipMember& member, std::string_view name, Output& output,
                        Checkpoint& checkpoint) {
  if (!member.deflated()) {
    return DecodePart(input, member.data_offset, member.size, {.name = name}, output, checkpoint);
  }
  AIRLOCK_ASSIGN(const auto inflated, InflatedMember::Open(input, member, output));
  if (inflated->crc() != member.crc) NoteWrongCrc(checkpoint.context, member);
  const size_t checks = checkpoint.tables.check_count();
  const Input bytes = inflated->input();
  AIRLOCK_ASSIGN(const Part part, DecodeBytes(bytes, 0, {.name = name}, output, checkpoint));
  // Now, while its bytes can be read.
  PlacedStorages storages(bytes, output, checkpoint.tables);
  AIRLOCK_TRY(tensors::RunNumberChecks(checkpoint.context, checkpoint.tables, storages, checks));
  return part;
}

}  // namespace airlock::formats
