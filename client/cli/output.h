// What every subcommand prints with: JSON documents on stdout, one-sentence errors on stderr, colour where it is
// wanted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "client/cli/json_writer.h"
#include "client/cli/options.h"

namespace airlock::cli {

// Frames JSON documents: one object for one file, an array for several, a line each for jsonl.
class Documents {
 public:
  Documents(Format format, size_t count);
  // The end of the array.
  ~Documents();
  Documents(const Documents&) = delete;
  Documents& operator=(const Documents&) = delete;

  // The writer, ready for one value. Call Done after it.
  JsonWriter& Next();
  void Done();

 private:
  const bool array_;
  JsonWriter json_;
};

// Colour for text on stdout, by --color, NO_COLOR and whether stdout is a terminal.
class Paint {
 public:
  explicit Paint(Color color);
  // `text` in the colour of a good, doubtful or bad thing; as it is where there are no colours.
  std::string Good(std::string_view text) const { return Wrap("32", text); }
  std::string Doubtful(std::string_view text) const { return Wrap("33", text); }
  std::string Bad(std::string_view text) const { return Wrap("31;1", text); }
  std::string Dim(std::string_view text) const { return Wrap("2", text); }

 private:
  std::string Wrap(const char* code, std::string_view text) const;
  bool enabled_;
};

// "airlock: FILE: MESSAGE (REASON)" on stderr, escaped; without FILE where that is empty.
void PrintError(std::string_view file, std::string_view message, std::string_view reason);
void PrintNote(std::string_view file, std::string_view message);

// 12.3 MiB
std::string HumanBytes(uint64_t bytes);
// 1 tensor, 2 tensors
std::string Counted(uint64_t count, const char* what);

}  // namespace airlock::cli
