#include "client/cli/contents_table.h"

#include <algorithm>
#include <span>

#include "airlock/words.h"
#include "client/cli/address.h"
#include "client/cli/escape.h"
#include "client/cli/listing.h"

namespace airlock::cli {
namespace {

constexpr size_t kMaxTensors = 40;
constexpr size_t kMaxSymbols = 20;
constexpr size_t kMaxFindings = 20;
constexpr size_t kMaxNameWidth = 72;
constexpr size_t kMaxTextWidth = 200;

std::string Padded(std::string text, size_t width) {
  const size_t shown = Width(text);
  if (shown < width) text.append(width - shown, ' ');
  return text;
}

std::string Joined(std::span<const uint64_t> numbers) {
  std::string text = "[";
  for (uint64_t number : numbers) text += (text.size() > 1 ? ", " : "") + std::to_string(number);
  return text + "]";
}

std::string More(size_t total, size_t shown, const char* what) {
  if (shown >= total) return {};
  return "  ... and " + std::to_string(total - shown) + " more " + what + " (--all shows them)\n";
}

std::string Painted(v1::Verdict verdict, const Paint& paint) {
  const std::string word = Word(verdict);
  if (verdict == v1::VERDICT_CLEAN) return paint.Good(word);
  return verdict == v1::VERDICT_UNKNOWN_TYPES ? paint.Doubtful(word) : paint.Bad(word);
}

struct Row {
  std::string name;
  std::string dtype;
  std::string shape;
  std::string size;
  std::string digest;
};

std::string NameCell(std::string_view name) { return EscapeShort(name.empty() ? "(the tensor)" : name, kMaxNameWidth); }

Row RowOf(const Contents& contents, const NamedTensor& entry, const std::vector<std::string>& digests) {
  const TensorInfo& info = contents.tensor(entry.tensor);
  return {NameCell(entry.name), Word(info.dtype), Joined(info.shape), HumanBytes(info.Bytes()),
          digests.empty() ? "" : digests[entry.tensor]};
}

Row RowOf(const Graph& graph, const NamedMeta& entry) {
  const MetaTensor meta = graph.MetaAt(entry.node);
  std::vector<uint64_t> shape;
  for (const NodeId size : graph.Items(meta.shape)) shape.push_back(static_cast<uint64_t>(graph.Int(size)));
  return {NameCell(entry.name), EscapeShort(meta.dtype, kMaxNameWidth), Joined(shape), "no data", ""};
}

std::string TensorRows(const Contents& contents, const std::vector<Listed>& listed,
                       const std::vector<std::string>& digests, bool all) {
  std::vector<Row> rows;
  for (const Listed& row : std::span(listed).first(all ? listed.size() : std::min(listed.size(), kMaxTensors))) {
    rows.push_back(row.meta == nullptr ? RowOf(contents, *row.tensor, digests) : RowOf(contents.graph(), *row.meta));
  }
  size_t name_width = 4;
  size_t shape_width = 5;
  for (const Row& row : rows) {
    name_width = std::max(name_width, Width(row.name));
    shape_width = std::max(shape_width, row.shape.size());
  }
  std::string text = rows.empty() ? ""
                                  : "  " + Padded("name", name_width) + "  dtype       " +
                                        Padded("shape", shape_width) + "        bytes\n";
  for (const Row& row : rows) {
    text += "  " + Padded(row.name, name_width) + "  " + Padded(row.dtype, 10) + "  " + Padded(row.shape, shape_width) +
            std::string(row.size.size() < 13 ? 13 - row.size.size() : 1, ' ') + row.size;
    if (!row.digest.empty()) text += "  " + row.digest;
    text += '\n';
  }
  return text + More(listed.size(), rows.size(), "tensors");
}

std::string SymbolRows(const Contents& contents, bool all, const Paint& paint) {
  std::vector<const v1::Symbol*> symbols;
  for (const v1::Symbol& symbol : contents.symbols()) {
    if (symbol.class_() != v1::SYMBOL_CLASS_KNOWN) symbols.push_back(&symbol);
  }
  std::stable_sort(symbols.begin(), symbols.end(),
                   [](const v1::Symbol* a, const v1::Symbol* b) { return a->class_() > b->class_(); });
  const size_t shown = all ? symbols.size() : std::min(symbols.size(), kMaxSymbols);
  std::string text;
  for (size_t i = 0; i < shown; ++i) {
    const v1::Symbol& symbol = *symbols[i];
    const bool bad = symbol.class_() == v1::SYMBOL_CLASS_DANGEROUS;
    const std::string word = Padded(Word(symbol.class_()), 9);
    text += "  " + (bad ? paint.Bad(word) : paint.Doubtful(word)) + "  " +
            EscapeShort(symbol.module() + "." + symbol.name(), kMaxTextWidth) + "  (" + std::to_string(symbol.uses()) +
            (symbol.uses() == 1 ? " use" : " uses") + (symbol.would_call() ? ", would be called" : "") + ")\n";
  }
  return text + More(symbols.size(), shown, "symbols");
}

std::string FindingRows(const Contents& contents, bool all, const Paint& paint) {
  std::vector<const v1::Finding*> findings;
  for (const v1::Finding& finding : contents.findings()) findings.push_back(&finding);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const v1::Finding* a, const v1::Finding* b) { return a->severity() > b->severity(); });
  const size_t shown = all ? findings.size() : std::min(findings.size(), kMaxFindings);
  std::string text;
  for (size_t i = 0; i < shown; ++i) {
    const v1::Finding& finding = *findings[i];
    const std::string word = Padded(Word(finding.severity()), 9);
    text += "  " + (finding.severity() == v1::SEVERITY_DANGER    ? paint.Bad(word)
                    : finding.severity() == v1::SEVERITY_WARNING ? paint.Doubtful(word)
                                                                 : paint.Dim(word));
    text += "  " + EscapeShort(finding.message(), kMaxTextWidth) + "  [" + EscapeShort(finding.id(), kMaxNameWidth);
    if (!finding.where().empty()) text += ", " + EscapeShort(finding.where(), kMaxNameWidth);
    text += ", byte " + std::to_string(finding.offset()) + "]\n";
  }
  return text + More(findings.size(), shown, "findings");
}

// Of a member, all that is known is how large the file is that it stands in.
std::string SizeCell(const std::string& file, const v1::Report& report, const Options& options) {
  const bool member = !SplitMember(options, file).second.empty();
  return (member ? "in a file of " : "") + HumanBytes(report.size());
}

// How many tensors there are, or were chosen, and what they take.
std::string TensorSummary(const Contents& contents, const std::vector<Listed>& listed, const Options& options) {
  const bool chosen = !options.select.empty();
  const size_t all = contents.entries().size() + contents.meta_entries().size();
  const Holding holding =
      chosen ? StoragesOf(contents, listed) : Holding{contents.storage_count(), contents.payload_bytes()};
  return (chosen ? std::to_string(listed.size()) + " of " + Counted(all, "tensor") + " chosen"
                 : Counted(all, "tensor")) +
         ", " + HumanBytes(holding.bytes) + " in " + Counted(holding.storages, "storage");
}

std::string VerifiedRow(const Contents& contents, const std::vector<Listed>& listed) {
  const Verified verified = VerifiedOf(contents, listed);
  if (verified.compared == 0) return "  not verified: the file has no CRC-32 of any of these tensors\n";
  const std::string without =
      verified.without == 0 ? "" : "; of " + Counted(verified.without, "tensor") + " it has none";
  return "  verified: the bytes of " + Counted(verified.compared, "tensor") + " have the CRC-32 that the file says" +
         without + "\n";
}

}  // namespace

std::string ContentsTable(const std::string& file, const Contents& contents, const std::vector<std::string>& digests,
                          const Options& options, const Paint& paint) {
  const std::vector<Listed> listed = ListTensors(contents, options.select);
  const v1::Report& report = contents.report();
  const v1::Timing& timing = report.timing();
  char milliseconds[32];
  snprintf(milliseconds, sizeof milliseconds, "%.1f ms",
           static_cast<double>(timing.decode_us() + timing.validate_us()) / 1e3);
  return Escape(file) + ": " + Word(report.format()) + ", " + SizeCell(file, report, options) + ", " +
         Painted(report.verdict(), paint) + "\n" + TensorRows(contents, listed, digests, options.all) +
         SymbolRows(contents, options.all, paint) + FindingRows(contents, options.all, paint) +
         (options.verify ? VerifiedRow(contents, listed) : "") + "  " + TensorSummary(contents, listed, options) +
         "; " + Counted(contents.symbols().size(), "symbol") + ", " + Counted(contents.findings().size(), "finding") +
         "; decoded in " + milliseconds + " behind " + Word(report.posture()) + " walls\n";
}

std::string FailureTable(const Contents& seen, bool all, const Paint& paint) {
  return SymbolRows(seen, all, paint) + FindingRows(seen, all, paint);
}

}  // namespace airlock::cli
