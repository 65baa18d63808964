#include "sandbox/formats/safetensors_header.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "sandbox/base/keyed_hash.h"
#include "sandbox/tensors/dtypes.h"

namespace airlock::formats {
namespace {

using Json = nlohmann::json;

// Where in the header the reader is. There are so few places that depth is bounded by the grammar.
enum class Place : uint8_t { kStart, kTop, kMetadata, kEntry, kShape, kOffsets, kDone };

// What the JSON reader calls for each token; false stops it, with the error set.
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  HeaderReader(uint64_t max_tensors, uint64_t max_dims) : max_tensors_(max_tensors), max_dims_(max_dims) {}

  bool null() override { return Bad("a null"); }
  bool boolean(bool) override { return Bad("a boolean"); }
  bool number_integer(number_integer_t) override { return Bad("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return Bad("a number that is no count"); }
  bool binary(binary_t&) override { return Bad("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::kShape) {
      if (entry_.shape.size() >= max_dims_)
        return Fail(airlock::FailLimit("dims", max_dims_, entry_.shape.size() + 1).error);
      entry_.shape.push_back(value);
      return true;
    }
    if (place_ == Place::kOffsets && offsets_ < 2) {
      (offsets_++ == 0 ? entry_.begin : entry_.end) = value;
      return true;
    }
    return Bad("a number where none belongs");
  }

  bool string(string_t& value) override {
    if (HasNul(value)) return Bad("a NUL");
    if (place_ == Place::kMetadata) {
      header_.metadata.emplace_back(std::move(key_), std::move(value));
      return true;
    }
    if (place_ != Place::kEntry || key_ != "dtype") return Bad("a text where none belongs");
    const tensors::DTypeRow* row = tensors::FindDTypeBySafetensors(value);
    if (row == nullptr) {
      return Fail({Reason::kUnsupportedFeature, "tensors of element type '" + value + "' are not read", {}, {}});
    }
    entry_.dtype = row->dtype;
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::kStart) return Go(Place::kTop);
    if (place_ != Place::kTop) return Bad("an object where none belongs");
    if (key_ == "__metadata__") {
      header_.has_metadata = true;
      keys_.clear();
      return Go(Place::kMetadata);
    }
    if (header_.entries.size() >= max_tensors_) {
      return Fail(airlock::FailLimit("tensors", max_tensors_, header_.entries.size() + 1).error);
    }
    entry_ = SafetensorsEntry{.name = std::move(key_), .dtype = {}, .shape = {}, .begin = 0, .end = 0};
    seen_ = offsets_ = 0;
    return Go(Place::kEntry);
  }

  bool key(string_t& value) override {
    if (HasNul(value)) return Bad("a NUL");
    key_ = std::move(value);
    if (place_ == Place::kEntry) return MarkField();
    auto& known = place_ == Place::kTop ? names_ : keys_;
    if (!known.insert(key_).second) return Bad("a name twice");
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kTop) return Go(Place::kDone);
    if (place_ == Place::kMetadata) return Go(Place::kTop);
    if (seen_ != kAllFields) return Bad("a tensor without dtype, shape or data_offsets");
    header_.entries.push_back(std::move(entry_));
    return Go(Place::kTop);
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::kEntry && key_ == "shape") return Go(Place::kShape);
    if (place_ == Place::kEntry && key_ == "data_offsets") return Go(Place::kOffsets);
    return Bad("a list where none belongs");
  }

  bool end_array() override {
    if (place_ == Place::kOffsets && offsets_ != 2) return Bad("data_offsets that are not two");
    return Go(Place::kEntry);
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return Bad("text that is no JSON or no UTF-8");
  }

  SafetensorsHeader&& TakeHeader() { return std::move(header_); }
  const std::optional<Error>& error() const { return error_; }

 private:
  static constexpr uint32_t kAllFields = 7;

  // Written as an escape: where other readers cut.
  static bool HasNul(const string_t& text) { return text.find('\0') != string_t::npos; }
  bool Go(Place place) {
    place_ = place;
    return true;
  }
  bool Fail(Error error) {
    if (!error_) error_ = std::move(error);
    return false;
  }
  bool Bad(const char* what) {
    return Fail({Reason::kSafetensorsMalformed, std::string("the safetensors header has ") + what, {}, {}});
  }
  bool MarkField() {
    const uint32_t bit = key_ == "dtype" ? 1 : key_ == "shape" ? 2 : key_ == "data_offsets" ? 4 : 0;
    if (bit == 0 || (seen_ & bit) != 0) return Bad("a tensor with an unknown field or one twice");
    seen_ |= bit;
    return true;
  }

  uint64_t max_tensors_;
  uint64_t max_dims_;
  Place place_ = Place::kStart;
  std::string key_;
  SafetensorsEntry entry_;
  uint32_t seen_ = 0;     // fields of entry_
  uint32_t offsets_ = 0;  // numbers in data_offsets so far
  std::unordered_set<std::string, KeyedHash> names_;
  std::unordered_set<std::string, KeyedHash> keys_;
  SafetensorsHeader header_;
  std::optional<Error> error_;
};

}  // namespace

Result<SafetensorsHeader> ParseSafetensorsHeader(std::string_view json, uint64_t max_tensors, uint64_t max_dims) {
  // The JSON reader takes a NUL for the end.
  if (!json.starts_with('{') || json.find('\0') != std::string_view::npos) {
    return Fail(Reason::kSafetensorsMalformed, "the safetensors header is no JSON object");
  }
  HeaderReader reader(max_tensors, max_dims);
  if (!Json::sax_parse(json.begin(), json.end(), &reader)) {
    if (reader.error()) return Unexpected<Error>{*reader.error()};
    return Fail(Reason::kSafetensorsMalformed, "the safetensors header is no JSON object");
  }
  return reader.TakeHeader();
}

}  // namespace airlock::formats
