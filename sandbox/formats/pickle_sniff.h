// Whether a file is a pickle, by its first opcodes. Protocols 0 and 1 have no magic, and text files start with the
// same letters: so the opcodes are walked, with the depth of the stack they would need, and nothing is built.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace airlock::formats {

// `head` are the first bytes of a file of `size` bytes (more than any file has, where it is not known). True for what a
// loader would run the start of, even if it breaks later: what calls something before it breaks is a pickle.
bool LooksLikePickle(std::span<const uint8_t> head, uint64_t size);

// What a pickle may name: letters, digits, dots and underscores in the main.
bool IsPickleName(std::string_view text);
// Opcodes that put a class or function on the stack by its name, and those that ask for a call.
bool IsNamingOpcode(char code);
bool IsCallingOpcode(char code);

}  // namespace airlock::formats
