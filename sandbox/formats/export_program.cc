#include "sandbox/formats/export_program.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/formats/evaluated_text.h"
#include "sandbox/formats/member_finding.h"
#include "sandbox/formats/zip_storages.h"

namespace airlock::formats {
namespace {

using Json = nlohmann::json;
using pickle::Severity;

// Programs of large models have a few dozen MiB.
constexpr uint64_t kMaxProgramBytes = uint64_t{100} << 20;
constexpr size_t kMostShown = 80;
constexpr size_t kMostLevels = 8;
constexpr const char* kFinding = "export.expression";

// Structures of arguments are texts of JSON in the JSON, with texts of JSON in them.
constexpr std::string_view kStructures[] = {"in_spec", "out_spec"};

// The factory of a defaultdict: a module that torch.export imports, and a name of it that is called for missing keys.
Evaluated JudgeFactoryModule(std::string_view text) {
  return text == "builtins" || text == "collections" ? Evaluated::kPlain : Evaluated::kUnknown;
}
Evaluated JudgeFactoryName(std::string_view text) {
  constexpr std::string_view kTypes[] = {"list",  "dict",      "set",     "frozenset", "tuple",
                                         "int",   "float",     "complex", "bool",      "str",
                                         "bytes", "bytearray", "Counter", "deque",     "OrderedDict"};
  return std::ranges::find(kTypes, text) != std::end(kTypes) ? Evaluated::kPlain : Evaluated::kUnknown;
}
// MODULE:CLASS of an enumeration's member: the module is imported.
Evaluated JudgeEnumeration(std::string_view text) {
  return text.starts_with("torch.") ? Evaluated::kPlain : Evaluated::kUnknown;
}

// What torch does more than keep. A key stands for all that follows it, down to the next: lists have none.
struct Use {
  std::string_view key;
  Evaluated (*judge)(std::string_view text);
  const char* what;
  // Outside of structures the key is a name of something else.
  bool in_structures_only;
};
constexpr const char* kEvaluates = "torch.export evaluates this, which is more than an expression of numbers: ";
constexpr const char* kImports = "torch.export imports this, or a name of it: ";
constexpr Use kUses[] = {{"expr_str", JudgeEvaluated, kEvaluates, false},
                         {"guards_code", JudgeEvaluated, kEvaluates, false},
                         {"default_factory_module", JudgeFactoryModule, kImports, false},
                         {"default_factory_name", JudgeFactoryName, kImports, false},
                         {"fqn", JudgeEnumeration, kImports, true}};

struct Worst {
  Evaluated judged = Evaluated::kPlain;
  std::string said;
};

bool MayBeJson(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && (text[begin] == '{' || text[begin] == '[');
}

class ProgramReader final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  bool key(string_t& value) override {
    const auto* found = std::ranges::find(kUses, std::string_view(value), &Use::key);
    use_ = found == std::end(kUses) || (found->in_structures_only && !in_structure_) ? nullptr : found;
    structure_follows_ =
        in_structure_ || std::ranges::find(kStructures, std::string_view(value)) != std::end(kStructures);
    return true;
  }
  bool string(string_t& value) override {
    if (structure_follows_ && MayBeJson(value)) inner_.push_back(value);
    const Evaluated judged = use_ == nullptr ? Evaluated::kPlain : use_->judge(value);
    if (judged > worst_.judged) worst_ = {judged, use_->what + value.substr(0, kMostShown)};
    return true;
  }

  // The structures of the last level. What is read from now on stands in them.
  std::vector<std::string> TakeStructures() {
    in_structure_ = structure_follows_ = true;
    use_ = nullptr;
    return std::exchange(inner_, {});
  }
  const Worst& worst() const { return worst_; }

 private:
  const Use* use_ = nullptr;
  bool in_structure_ = false;
  bool structure_follows_ = false;
  std::vector<std::string> inner_;
  Worst worst_;
};

// The JSON reader takes a NUL for the end.
bool ReadJson(const std::string& json, ProgramReader& reader) {
  return json.find('\0') == std::string::npos && Json::sax_parse(json.begin(), json.end(), &reader);
}

// Whether all of it was read, structures in structures too: Python's reader takes texts that are no JSON, such as NaN.
bool ReadLevels(std::string program, ProgramReader& reader) {
  std::vector<std::string> level;
  level.push_back(std::move(program));
  for (size_t levels = 0; levels < kMostLevels; ++levels) {
    for (const std::string& json : level) {
      if (!ReadJson(json, reader)) return false;
    }
    level = reader.TakeStructures();
    if (level.empty()) return true;
  }
  return false;
}

}  // namespace

Result<void> JudgeProgram(const Input& input, const ZipMember& member, Checkpoint& checkpoint) {
  TellOfMember(checkpoint.context, member, "export.program", Severity::kNote,
               "the program, of which nothing but what torch evaluates and imports is looked at");
  const uint64_t most = std::min(kMaxProgramBytes, checkpoint.context.limits.string_bytes);
  ProgramReader reader;
  bool read = false;
  if (member.size <= most) {
    AIRLOCK_ASSIGN(std::string json, ReadText(input, member, member.size));
    read = ReadLevels(std::move(json), reader);
  }
  const Worst& worst = reader.worst();
  if (worst.judged != Evaluated::kPlain) {
    const bool reaching = worst.judged == Evaluated::kReaching;
    TellOfMember(checkpoint.context, member, kFinding, reaching ? Severity::kDanger : Severity::kWarning, worst.said);
  } else if (!read) {
    TellOfMember(checkpoint.context, member, kFinding, Severity::kWarning,
                 "no JSON, or too long: what torch.export evaluates and imports of it is not known");
  }
  return {};
}

}  // namespace airlock::formats
