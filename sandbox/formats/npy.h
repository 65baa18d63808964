// numpy's own files: one array (.npy), or a zip archive of them (.npz).
#pragma once

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/window_source.h"
#include "sandbox/formats/zip_directory.h"
#include "sandbox/pickle/source.h"

namespace airlock::formats {

// The root is the array.
Result<void> DecodeNpy(const Input& input, Output& output, Checkpoint& checkpoint);

// The array of a stream that ends with it. `in_place` as StreamArrays has it.
Result<pickle::NodeId> DecodeNpyStream(const Input& input, Output& output, Checkpoint& checkpoint,
                                       pickle::Source& source, WindowSource* in_place);

// Whether every member is a .npy file by its name.
bool IsNpz(const ZipDirectory& directory);

// The root is a dict of the arrays by name, without `.npy`, in the archive's order.
Result<void> DecodeNpz(const Input& input, Output& output, Checkpoint& checkpoint, const ZipDirectory& directory);

}  // namespace airlock::formats
