// JsonWriter: writes JSON as it goes, compact, in the order of the calls. Strings may hold anything: what JSON must
// escape is escaped, lone surrogates become \udNNN as Python's json module has them, bytes that are no UTF-8 become
// U+FFFD, and the controls and bidirectional characters that a terminal would obey are escaped too.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::cli {

class JsonWriter {
 public:
  // To `file`, which must outlive this; null collects in text().
  explicit JsonWriter(FILE* file = nullptr) : file_(file) {}
  ~JsonWriter() { Flush(); }
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  void BeginObject() { Begin('{'); }
  void EndObject() { End('}'); }
  void BeginArray() { Begin('['); }
  void EndArray() { End(']'); }
  void Key(std::string_view key);

  void Null() { Raw("null"); }
  void Bool(bool value) { Raw(value ? "true" : "false"); }
  void Int(int64_t value) { Raw(std::to_string(value)); }
  void Uint(uint64_t value) { Raw(std::to_string(value)); }
  // null for what JSON has no number for.
  void Double(double value);
  void String(std::string_view value);

  void Field(std::string_view key, std::string_view value) { Key(key), String(value); }
  void Field(std::string_view key, uint64_t value) { Key(key), Uint(value); }

  // Ends a document.
  void Newline();
  void Flush();
  const std::string& text() const { return out_; }

 private:
  void Begin(char bracket);
  void End(char bracket);
  void Raw(std::string_view text);
  void Separate();
  void Quote(std::string_view text);

  FILE* file_;
  std::string out_;
  // For each open bracket: whether something stands in it.
  std::vector<bool> used_;
  bool after_key_ = false;
};

}  // namespace airlock::cli
