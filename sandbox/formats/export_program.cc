#include "sandbox/formats/export_program.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

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
constexpr const char* kFinding = "export.expression";

// A size, and the guards of a program. A key stands for all that follows it, down to the next: lists have none.
constexpr std::string_view kEvaluated[] = {"expr_str", "guards_code"};

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
    evaluated_ = std::ranges::find(kEvaluated, std::string_view(value)) != std::end(kEvaluated);
    return true;
  }
  bool string(string_t& value) override {
    const Evaluated judged = evaluated_ ? JudgeEvaluated(value) : Evaluated::kPlain;
    if (judged <= worst_) return true;
    worst_ = judged;
    text_ = value.substr(0, kMostShown);
    return true;
  }

  Evaluated worst() const { return worst_; }
  const std::string& text() const { return text_; }

 private:
  bool evaluated_ = false;
  Evaluated worst_ = Evaluated::kPlain;
  std::string text_;
};

}  // namespace

Result<void> JudgeProgram(const Input& input, const ZipMember& member, Checkpoint& checkpoint) {
  TellOfMember(checkpoint.context, member, "export.program", Severity::kNote,
               "the program, of which nothing but the expressions is looked at");
  const uint64_t most = std::min(kMaxProgramBytes, checkpoint.context.limits.string_bytes);
  ProgramReader reader;
  bool read = false;
  if (member.size <= most) {
    AIRLOCK_ASSIGN(const std::string json, ReadText(input, member, member.size));
    // The JSON reader takes a NUL for the end.
    read = json.find('\0') == std::string::npos && Json::sax_parse(json.begin(), json.end(), &reader);
  }
  if (reader.worst() != Evaluated::kPlain) {
    const bool reaching = reader.worst() == Evaluated::kReaching;
    TellOfMember(checkpoint.context, member, kFinding, reaching ? Severity::kDanger : Severity::kWarning,
                 "torch.export evaluates this, which is more than an expression of numbers: " + reader.text());
  } else if (!read) {
    TellOfMember(checkpoint.context, member, kFinding, Severity::kWarning,
                 "no JSON, or too long: what torch.export evaluates in it is not known");
  }
  return {};
}

}  // namespace airlock::formats
