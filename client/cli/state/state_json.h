// StateJson: JSON as Python's json.dumps(value, indent=1) has it, to the byte: for people to read, and for two states
// to be compared line by line. Only ASCII; lone surrogates as \udNNN.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/error.h"
#include "client/cli/state/integer.h"
#include "client/cli/weights/new_file.h"

namespace airlock::cli {

// Collects text; Drain puts it into a file.
class StateJson {
 public:
  void BeginObject() { Begin('{'); }
  void EndObject() { End('}'); }
  void BeginArray() { Begin('['); }
  void EndArray() { End(']'); }
  void Key(std::string_view key);

  void Null() { Raw("null"); }
  void Bool(bool value) { Raw(value ? "true" : "false"); }
  void Uint(uint64_t value) { Raw(std::to_string(value)); }
  // As it is, however large.
  void Number(int64_t value) { Raw(std::to_string(value)); }
  // Itself, or what stands for a number that JSON does not keep.
  void Int(const Integer& value);
  void Int(int64_t value);
  void Float(double value);
  void String(std::string_view value);
  // {kind: text}
  void Wrapped(std::string_view kind, std::string_view text);

  void Field(std::string_view key, std::string_view value) { Key(key), String(value); }

  // Writes what there is, where it is worth it, behind what was written before.
  ClientResult<void> Drain(NewFile& file);
  // Writes the rest, which ends in a line feed.
  ClientResult<void> Finish(NewFile& file);

 private:
  void Begin(char bracket);
  void End(char bracket);
  void Raw(std::string_view text);
  void Separate();
  void NewLine();
  void Quote(std::string_view text);

  std::string out_;
  uint64_t written_ = 0;
  // For each open bracket: whether something stands in it.
  std::vector<bool> used_;
  bool after_key_ = false;
};

}  // namespace airlock::cli
