// Sniff: what a file is, by its content. Names and suffixes say nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "sandbox/base/error.h"
#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/input.h"

namespace airlock::formats {

// The format, or a refusal that names in one sentence what the file is instead. kTorchZip stands for every zip archive,
// and kJoblib for every compressed file: their readers know more.
Result<Format> Sniff(const Input& input);

// Whether these first bytes of a file are those of a torch legacy stream: a pickle, of any protocol, of torch's magic
// number, as torch writes it.
bool IsLegacyMagic(std::span<const uint8_t> head);

}  // namespace airlock::formats
