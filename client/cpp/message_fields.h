// The fields of a protobuf message whose fields are all bytes, strings, messages or packed numbers, as they come off
// the wire: for messages that are too large to be parsed and then copied.
#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstdint>

namespace airlock {

// Calls take(number, bytes) for each field, up to the stream's limit, where the field's `bytes` come next in the
// stream; `take` says whether it took them all. False where it says no, or the stream holds something else.
template <typename Take>
bool ForEachField(google::protobuf::io::CodedInputStream& message, const Take& take) {
  using google::protobuf::internal::WireFormatLite;
  while (const uint32_t tag = message.ReadTag()) {
    uint32_t bytes = 0;
    const bool has_length = WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (!has_length || !message.ReadVarint32(&bytes)) return false;
    if (!take(WireFormatLite::GetTagFieldNumber(tag), bytes)) return false;
  }
  return message.ConsumedEntireMessage();
}

}  // namespace airlock
