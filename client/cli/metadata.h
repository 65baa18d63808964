// The metadata tree: the part of a value graph that is not tensors, as JSON for people and scripts. Bounded in depth,
// in size and in the length of every string; a part that is left out says so. What JSON has no type for is an object
// whose one key starts with `$`:
//
//   null, true, 1, 1.5, "text", [list], {dict with string keys}
//   {"$tuple": [..]} {"$set": [..]} {"$frozenset": [..]} {"$size": [..]} {"$dict": [[key, value], ..]}
//   {"$float": "nan"} {"$complex": [re, im]} {"$int": "0x.."} {"$bytes": 12, "hex": ".."} {"$bytearray": ..}
//   {"$dtype": "float32"} {"$layout": ..} {"$device": ..} {"$symbol": "module.name"}
//   {"$tensor": 3} {"$storage": 3}            numbers as in `tensors` and their `storage`
//   {"$record": "module.name", "new": true, "args": .., "kwargs": .., "state": .., "items": .., "pairs": ..,
//    "state_dict()": ..}
//   {"$path": "a/b"} {"$decimal": "1.5"} {"$datetime": "2020-01-31T12:00:00"} {"$counter": {..}} {"$deque": [..]} ..
//                                             records of Python's own classes (record_form.cc)
//   {"$ndarray": {"dtype": "float64", "shape": [2, 3], "tensor": 3}} {"$numpy_dtype": "<f8"}; numpy's numbers are
//   numbers
//   {"$sparse_tensor": {"layout": "coo", "size": [4, 4], "indices": 3, "values": 4}}      numbers as of {"$tensor": ..}
//   {"$nested_tensor": {"values": 3, "sizes": 4, "strides": 5, "offsets": 6}}
//   {"$meta_tensor": {"dtype": "float32", "shape": [2]}}
//   {"$attributed": {"$tensor": 3}, "attributes": ..}      a tensor with attributes of its own
//   {"$stream": .., "bytes": 120}                          what a byte string holds that is a pickle or checkpoint
//   itself
//   {"$ordered_dict": {..} or [[..]], "$attributes": {..}}   only where there are attributes; else as a dict
//   {"$ref": "optimizer.state"}               shown already, at this path from the root; cycles too
//   {"$truncated": "depth"} or "size"         left out; a cut string ends in an ellipsis
//
// Tensors of all kinds that are values of a dict are left out; "$tensors" counts them.
#pragma once

#include <cstdint>

#include "airlock/checkpoint.h"
#include "client/cli/json_writer.h"

namespace airlock::cli {

struct MetadataLimits {
  uint32_t depth = 64;
  uint64_t nodes = 20'000;
  uint32_t string_bytes = 4'096;
};

// Writes one value; null for contents without a graph.
void WriteMetadata(JsonWriter& json, const Contents& contents, const MetadataLimits& limits = {});

}  // namespace airlock::cli
