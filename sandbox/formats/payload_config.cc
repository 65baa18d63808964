#include "sandbox/formats/payload_config.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "sandbox/base/keyed_hash.h"

namespace airlock::formats {
namespace {

using Json = nlohmann::json;

// Where in the config the reader is: an object or a list. There are so few that depth is bounded by the grammar.
enum class Place : uint8_t { kStart, kTop, kConfig, kPayload, kTensor, kSizes, kStrides, kNumber, kOffset, kDevice };

enum class Token : uint8_t { kText, kBool, kCount, kNull, kObject, kList };

enum class Field : uint8_t {
  kConfig,
  kPath,
  kIsParameter,
  kUsePickle,
  kTensor,
  kNoTensor,
  kDType,
  kLayout,
  kGrad,
  kSizes,
  kStrides,
  kOffset,
  kDevice,
  kNumber,
  kDeviceType,
  kDeviceIndex,
  kNoIndex,
};

// What may stand under which key of which object, and the place that it opens.
struct FieldRow {
  Place place;
  std::string_view key;
  Token token;
  Field field;
  Place opens = Place::kStart;
};
constexpr FieldRow kFields[] = {
    {Place::kTop, "config", Token::kObject, Field::kConfig, Place::kConfig},
    {Place::kPayload, "path_name", Token::kText, Field::kPath},
    {Place::kPayload, "is_param", Token::kBool, Field::kIsParameter},
    {Place::kPayload, "use_pickle", Token::kBool, Field::kUsePickle},
    {Place::kPayload, "tensor_meta", Token::kObject, Field::kTensor, Place::kTensor},
    {Place::kPayload, "tensor_meta", Token::kNull, Field::kNoTensor},
    {Place::kTensor, "dtype", Token::kCount, Field::kDType},
    {Place::kTensor, "layout", Token::kCount, Field::kLayout},
    {Place::kTensor, "requires_grad", Token::kBool, Field::kGrad},
    {Place::kTensor, "sizes", Token::kList, Field::kSizes, Place::kSizes},
    {Place::kTensor, "strides", Token::kList, Field::kStrides, Place::kStrides},
    {Place::kTensor, "storage_offset", Token::kObject, Field::kOffset, Place::kOffset},
    {Place::kTensor, "device", Token::kObject, Field::kDevice, Place::kDevice},
    {Place::kNumber, "as_int", Token::kCount, Field::kNumber},
    {Place::kOffset, "as_int", Token::kCount, Field::kNumber},
    {Place::kDevice, "type", Token::kText, Field::kDeviceType},
    {Place::kDevice, "index", Token::kCount, Field::kDeviceIndex},
    {Place::kDevice, "index", Token::kNull, Field::kNoIndex},
};

constexpr uint32_t Bit(Field field) { return uint32_t{1} << static_cast<uint32_t>(field); }

// Fields that an object must have.
struct RequiredRow {
  Place place;
  uint32_t all;
};
constexpr RequiredRow kRequired[] = {
    {Place::kTop, Bit(Field::kConfig)},
    {Place::kPayload, Bit(Field::kPath) | Bit(Field::kIsParameter) | Bit(Field::kUsePickle)},
    {Place::kTensor, Bit(Field::kDType) | Bit(Field::kLayout) | Bit(Field::kGrad) | Bit(Field::kSizes) |
                         Bit(Field::kStrides) | Bit(Field::kOffset) | Bit(Field::kDevice)},
    {Place::kNumber, Bit(Field::kNumber)},
    {Place::kOffset, Bit(Field::kNumber)},
    {Place::kDevice, Bit(Field::kDeviceType)},
};

// What the JSON reader calls for each token; false stops it, with the error set.
class ConfigReader final : public nlohmann::json_sax<Json> {
 public:
  ConfigReader(const Limits& limits, std::string_view name) : limits_(limits), name_(name) {}

  bool null() override { return Take(Token::kNull, {}); }
  bool boolean(bool value) override { return Take(Token::kBool, {.flag = value}); }
  bool number_unsigned(number_unsigned_t value) override { return Take(Token::kCount, {.count = value}); }
  bool number_integer(number_integer_t) override { return Bad("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return Bad("a number that is no count"); }
  bool binary(binary_t&) override { return Bad("binary data"); }
  bool string(string_t& value) override {
    if (HasNul(value)) return Bad("a NUL");
    return Take(Token::kText, {.text = value});
  }

  bool key(string_t& value) override {
    if (HasNul(value)) return Bad("a NUL");
    key_ = std::move(value);
    if (places_.back() == Place::kConfig && !names_.insert(key_).second) return Bad("a name twice");
    return true;
  }

  bool start_object(std::size_t) override {
    switch (place()) {
      case Place::kStart:
        return Open(Place::kTop);
      case Place::kConfig:
        if (payloads_.size() >= limits_.tensors) {
          return Fail(airlock::FailLimit("tensors", limits_.tensors, payloads_.size() + 1).error);
        }
        payloads_.push_back({.name = std::move(key_), .path = {}, .tensor = {}});
        return Open(Place::kPayload);
      case Place::kSizes:
      case Place::kStrides:
        return Open(Place::kNumber);
      default:
        return Take(Token::kObject, {});
    }
  }
  bool start_array(std::size_t) override { return Take(Token::kList, {}); }
  bool end_array() override { return Close(); }
  bool end_object() override {
    const auto* const row = std::ranges::find(kRequired, place(), &RequiredRow::place);
    if (row != std::end(kRequired) && (seen_.back() & row->all) != row->all) return Bad("an object without a field");
    return Close();
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return Bad("text that is no JSON or no UTF-8");
  }

  std::vector<Payload>&& TakePayloads() { return std::move(payloads_); }
  const std::optional<Error>& error() const { return error_; }

 private:
  struct Value {
    bool flag = false;
    uint64_t count = 0;
    std::string_view text = {};
  };

  // Written as an escape: where other readers cut.
  static bool HasNul(const string_t& text) { return text.find('\0') != string_t::npos; }
  Place place() const { return places_.back(); }
  PayloadTensor& tensor() { return *payloads_.back().tensor; }

  bool Open(Place place) {
    places_.push_back(place);
    seen_.push_back(0);
    return true;
  }
  bool Close() {
    places_.pop_back();
    seen_.pop_back();
    return true;
  }
  bool Fail(Error error) {
    if (!error_) error_ = std::move(error);
    return false;
  }
  bool Bad(const char* what) { return Fail({Reason::kZipMalformed, std::string(name_) + " has " + what, {}, {}}); }

  bool Take(Token token, const Value& value) {
    const auto* const row = std::ranges::find_if(kFields, [&](const FieldRow& field) {
      return field.place == place() && field.token == token && field.key == key_;
    });
    if (row == std::end(kFields)) {
      if (key_ == "as_expr") return Fail({Reason::kUnsupportedFeature, "a tensor whose size is an expression", {}, {}});
      return Bad("a field that is not known, or of another type");
    }
    // Two rows of one key are one field.
    const bool again = std::ranges::any_of(kFields, [&](const FieldRow& field) {
      return field.place == place() && field.key == key_ && (seen_.back() & Bit(field.field)) != 0;
    });
    if (again) return Bad("a field twice");
    seen_.back() |= Bit(row->field);
    if (!Store(row->field, value)) return false;
    return row->opens == Place::kStart || Open(row->opens);
  }

  bool Store(Field field, const Value& value) {
    switch (field) {
      case Field::kPath:
        payloads_.back().path = value.text;
        return true;
      case Field::kIsParameter:
        payloads_.back().is_parameter = value.flag;
        return true;
      case Field::kUsePickle:
        payloads_.back().use_pickle = value.flag;
        return true;
      case Field::kTensor:
        payloads_.back().tensor.emplace();
        return true;
      case Field::kDType:
        tensor().dtype = value.count;
        return true;
      case Field::kLayout:
        tensor().layout = value.count;
        return true;
      case Field::kGrad:
        tensor().requires_grad = value.flag;
        return true;
      case Field::kNumber:
        return StoreNumber(value.count);
      case Field::kDeviceType:
        tensor().device.insert(0, value.text);
        return true;
      case Field::kDeviceIndex:
        tensor().device.append(":").append(std::to_string(value.count));
        return true;
      default:
        return true;
    }
  }

  bool StoreNumber(uint64_t value) {
    if (place() == Place::kOffset) {
      tensor().offset = value;
      return true;
    }
    std::vector<uint64_t>& dims = places_[places_.size() - 2] == Place::kSizes ? tensor().sizes : tensor().strides;
    if (dims.size() >= limits_.dims) return Fail(airlock::FailLimit("dims", limits_.dims, dims.size() + 1).error);
    dims.push_back(value);
    return true;
  }

  const Limits& limits_;
  std::string_view name_;
  std::vector<Place> places_ = {Place::kStart};
  std::vector<uint32_t> seen_ = {0};  // fields of each place
  std::string key_;
  std::unordered_set<std::string, KeyedHash> names_;
  std::vector<Payload> payloads_;
  std::optional<Error> error_;
};

}  // namespace

Result<std::vector<Payload>> ParsePayloadConfig(std::string_view json, const Limits& limits, std::string_view name) {
  ConfigReader reader(limits, name);
  // The JSON reader takes a NUL for the end.
  const bool object = json.starts_with('{') && json.find('\0') == std::string_view::npos;
  if (object && Json::sax_parse(json.begin(), json.end(), &reader)) return reader.TakePayloads();
  if (reader.error()) return Unexpected<Error>{*reader.error()};
  return Fail(Reason::kZipMalformed, std::string(name) + " is no JSON object");
}

}  // namespace airlock::formats
