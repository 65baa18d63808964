// The rules of safetensors, each broken once.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

std::string File(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  char raw[8];
  std::memcpy(raw, &length, sizeof(raw));
  std::string data;
  for (size_t i = 0; i < data_bytes; ++i) data += static_cast<char>('a' + i % 26);
  return std::string(raw, sizeof(raw)) + header + data;
}

const char kGood[] =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"U8","shape":[2,3],"data_offsets":[4,10]},)"
    R"("b":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"c":{"dtype":"I64","shape":[0,2],"data_offsets":[10,10]}}  )";

TEST(Safetensors, TensorsAndMetadataComeOut) {
  const Decoded decoded = DecodeBytes(File(kGood, 10));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const std::vector<ListedTensor> listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[0].name, "a");
  EXPECT_EQ(listed[0].dtype, "uint8");
  EXPECT_EQ(listed[0].stride, (std::vector<uint64_t>{3, 1}));
  EXPECT_EQ(listed[1].shape.size(), 0U);
  EXPECT_EQ(TensorBytes(decoded, 0), "efghij");
  EXPECT_EQ(TensorBytes(decoded, 1), "abcd");
  const pickle::Graph& graph = decoded.checkpoint.context.graph;
  EXPECT_EQ(graph.text(graph.children(decoded.checkpoint.root)[0]), "__metadata__");
}

TEST(Safetensors, NoTensorsAtAll) { EXPECT_TRUE(DecodeBytes(File("{}", 0)).ok()); }

struct Rule {
  const char* name;
  Reason reason;
  std::string header;
  size_t data_bytes;
};

std::string One(const std::string& fields) { return "{\"a\":{" + fields + "}}"; }

class SafetensorsRule : public testing::TestWithParam<Rule> {};

TEST_P(SafetensorsRule, EndsAsItShould) {
  const Decoded decoded = DecodeBytes(File(GetParam().header, GetParam().data_bytes));
  EXPECT_EQ(decoded.reason(), GetParam().reason) << decoded.message();
}

constexpr Reason kBad = Reason::kSafetensorsMalformed;
const Rule kRules[] = {
    {"Hole", kBad, One(R"("dtype":"U8","shape":[4],"data_offsets":[1,5])"), 5},
    {"Overlap", kBad,
     R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6},
    {"SameBytesTwice", kBad,
     R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4},
    {"LengthIsNotTheShape", kBad, One(R"("dtype":"F32","shape":[4],"data_offsets":[0,4])"), 4},
    {"EndBeforeBegin", kBad, One(R"("dtype":"U8","shape":[4],"data_offsets":[4,0])"), 4},
    {"ProductOverflows", kBad, One(R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0])"), 0},
    {"ProductOverflowsBesideZero", kBad, One(R"("dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0])"),
     0},
    {"BytesOverflow", kBad, One(R"("dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0])"), 0},
    {"DataTooShort", Reason::kTruncated, One(R"("dtype":"U8","shape":[4],"data_offsets":[0,4])"), 3},
    {"DataTooLong", Reason::kTrailingBytes, One(R"("dtype":"U8","shape":[4],"data_offsets":[0,4])"), 5},
    {"NameTwice", kBad,
     R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", 0},
    {"NameTwiceByEscape", kBad,
     R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
     0},
    {"FieldTwice", kBad, One(R"("dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0])"), 0},
    {"UnknownField", kBad, One(R"("dtype":"U8","shape":[0],"data_offsets":[0,0],"x":[1])"), 0},
    {"MissingField", kBad, One(R"("dtype":"U8","shape":[0])"), 0},
    {"ThreeOffsets", kBad, One(R"("dtype":"U8","shape":[0],"data_offsets":[0,0,0])"), 0},
    {"OneOffset", kBad, One(R"("dtype":"U8","shape":[0],"data_offsets":[0])"), 0},
    {"NegativeSize", kBad, One(R"("dtype":"U8","shape":[-1],"data_offsets":[0,0])"), 0},
    {"FractionalSize", kBad, One(R"("dtype":"U8","shape":[1.0],"data_offsets":[0,1])"), 1},
    {"NestedShape", kBad, One(R"("dtype":"U8","shape":[[1]],"data_offsets":[0,1])"), 1},
    {"MetadataIsNoText", kBad, R"({"__metadata__":{"a":1}})", 0},
    {"MetadataNameTwice", kBad, R"({"__metadata__":{"a":"1","a":"2"}})", 0},
    {"MetadataTwice", kBad, R"({"__metadata__":{},"__metadata__":{}})", 0},
    {"NestedMetadata", kBad, R"({"__metadata__":{"a":{}}})", 0},
    {"TensorIsAList", kBad, R"({"a":[]})", 0},
    {"NotUtf8", kBad, "{\"\xFF\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0},
    {"EscapedNulInAName", kBad, R"({"a\u0000b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1},
    {"EscapedNulInMetadata", kBad, R"({"__metadata__":{"a":"b\u0000"}})", 0},
    {"NulEndsIt", kBad, std::string("{}\0{", 4), 0},
    {"TwoValues", kBad, "{} {}", 0},
    {"NotClosed", kBad, R"({"a":{)", 0},
    {"DeepNesting", kBad, R"({"a":)" + std::string(100000, '['), 0},
    {"OtherType", Reason::kUnsupportedFeature, One(R"("dtype":"F4","shape":[2],"data_offsets":[0,1])"), 1},
    {"TooManyDims", Reason::kLimitExceeded,
     One(R"("dtype":"U8","shape":[)" +
         [] {
           std::string ones = "1";
           for (int i = 0; i < 64; ++i) ones += ",1";
           return ones;
         }() +
         R"(],"data_offsets":[0,1])"),
     1},
};

INSTANTIATE_TEST_SUITE_P(All, SafetensorsRule, testing::ValuesIn(kRules),
                         [](const auto& row) { return row.param.name; });

TEST(Safetensors, HeaderPastTheEnd) {
  std::string file = File(kGood, 10);
  file[1] = '\x10';
  EXPECT_EQ(DecodeBytes(file).reason(), Reason::kTruncated);
}

TEST(Safetensors, HeaderLongerThanTheFormatPermits) {
  std::string file = File(kGood, 10);
  file[3] = '\x10';
  EXPECT_EQ(DecodeBytes(file).reason(), kBad);
}

TEST(Safetensors, TensorLimit) {
  Limits limits;
  limits.tensors = 2;
  EXPECT_EQ(DecodeBytes(File(kGood, 10), limits).reason(), Reason::kLimitExceeded);
}

}  // namespace
}  // namespace airlock::formats
