#include "airlock/words.h"

#include <string_view>

namespace airlock {
namespace {

std::string Plain(std::string_view name, std::string_view prefix) {
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  return std::string(name);
}

std::string Lower(std::string_view name, std::string_view prefix, char separator) {
  std::string word = Plain(name, prefix);
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = separator;
  }
  return word;
}

}  // namespace

std::string Word(v1::Verdict verdict) { return Lower(v1::Verdict_Name(verdict), "VERDICT_", '_'); }
std::string Word(v1::Posture posture) { return Lower(v1::Posture_Name(posture), "POSTURE_", '-'); }
std::string Word(v1::Format format) { return Lower(v1::Format_Name(format), "FORMAT_", '_'); }
std::string Word(v1::SymbolClass class_) { return Lower(v1::SymbolClass_Name(class_), "SYMBOL_CLASS_", '_'); }
std::string Word(v1::Severity severity) { return Lower(v1::Severity_Name(severity), "SEVERITY_", '_'); }
std::string Word(v1::DType dtype) { return Lower(v1::DType_Name(dtype), "DTYPE_", '_'); }
std::string Word(v1::Outcome outcome) { return Plain(v1::Outcome_Name(outcome), "OUTCOME_"); }
std::string Word(v1::Reason reason) { return Plain(v1::Reason_Name(reason), "REASON_"); }

v1::Reason ReasonOf(const std::string& word) {
  v1::Reason reason = v1::REASON_UNSPECIFIED;
  return v1::Reason_Parse("REASON_" + word, &reason) ? reason : v1::REASON_UNSPECIFIED;
}

}  // namespace airlock
