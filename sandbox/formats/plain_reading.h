// What pickle.load makes of a stream of joblib's. It knows of no arrays between the opcodes: their elements, and the
// pickles of arrays of objects, are opcodes to it, which go on with the stack and the memo that it has. So harmless
// texts of one reading can be names in the other. Two readers, two files: the stream is decoded once more, as it is
// read there.
#pragma once

#include "sandbox/formats/checkpoint.h"
#include "sandbox/pickle/source.h"

namespace airlock::formats {

// `source` begins where the stream did; `first_array` is where the first array stands in it. Reports what the other
// reader would call from there on. Does nothing where it is reported already.
void JudgePlainReading(pickle::Source& source, uint64_t first_array, Checkpoint& checkpoint);

}  // namespace airlock::formats
