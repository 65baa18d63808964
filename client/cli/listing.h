// The tensors of a file as they are listed: with data and without, in the order of their names' walk; all, or those
// that were chosen by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/checkpoint.h"

namespace airlock::cli {

// One of the two.
struct Listed {
  const NamedTensor* tensor = nullptr;
  const NamedMeta* meta = nullptr;
};

// Whether `select` is empty or one of its patterns matches (LoadOptions.select in loader.proto).
bool Chosen(const std::vector<std::string>& select, std::string_view name);

// The error of a selection to which nothing belongs: most likely a typing mistake.
ClientError NothingChosen();

// Points into `contents`.
std::vector<Listed> ListTensors(const Contents& contents, const std::vector<std::string>& select);

// The storages behind what is listed.
struct Holding {
  size_t storages = 0;
  uint64_t bytes = 0;
};
Holding StoragesOf(const Contents& contents, const std::vector<Listed>& listed);

// What --verify came to: of the tensors that are listed, those whose bytes were held against a CRC-32 of the file, if
// they have any, and those of whose bytes the file has none.
struct Verified {
  uint64_t compared = 0;
  uint64_t without = 0;
};
Verified VerifiedOf(const Contents& contents, const std::vector<Listed>& listed);

}  // namespace airlock::cli
