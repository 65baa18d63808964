// The fields of a protobuf message whose fields are all bytes, strings, messages or packed numbers, as they come off
// the wire: for messages that are too large to be parsed and then copied.
#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <cstddef>
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

// Calls take() with the stream's limit at the end of the next `bytes`. False where there are fewer, or it did not take
// them all.
template <typename Take>
bool TakeWithin(google::protobuf::io::CodedInputStream& in, uint32_t bytes, const Take& take) {
  // What is left is no negative number where there is a limit.
  if (bytes > static_cast<uint32_t>(std::max(in.BytesUntilLimit(), 0))) return false;
  const auto outer = in.PushLimit(static_cast<int>(bytes));
  if (!take() || in.BytesUntilLimit() != 0) return false;
  in.PopLimit(outer);
  return true;
}

// Appends numbers of a fixed width, or the bytes of a text. False where the bytes are no whole values, or fewer than
// was said: a length that is a lie takes no memory.
template <typename Column>
bool AppendValues(Column& column, google::protobuf::io::CodedInputStream& in, uint32_t bytes) {
  constexpr size_t kWidth = sizeof(typename Column::value_type);
  if (bytes % kWidth != 0 || bytes > static_cast<uint32_t>(std::max(in.BytesUntilLimit(), 0))) return false;
  const size_t before = column.size();
  column.resize(before + bytes / kWidth);
  return in.ReadRaw(column.data() + before, static_cast<int>(bytes));
}

// Appends enumerators.
template <typename Column>
bool AppendEnums(Column& column, google::protobuf::io::CodedInputStream& in, uint32_t bytes) {
  return TakeWithin(in, bytes, [&] {
    uint32_t value = 0;
    while (in.BytesUntilLimit() > 0) {
      if (!in.ReadVarint32(&value)) return false;
      column.push_back(static_cast<typename Column::value_type>(value));
    }
    return true;
  });
}

}  // namespace airlock
