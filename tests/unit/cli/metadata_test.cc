#include "client/cli/metadata.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "client/cli/contents_json.h"
#include "client/cli/contents_table.h"
#include "tests/unit/client/plan_maker.h"

namespace airlock::cli {
namespace {

using airlock::testing::PlanMaker;

std::string Tree(const PlanMaker& maker, const MetadataLimits& limits = {}) {
  const auto contents = maker.Make();
  EXPECT_TRUE(contents.ok());
  if (!contents.ok()) return {};
  JsonWriter json;
  WriteMetadata(json, **contents, limits);
  return json.text();
}

TEST(Metadata, TypesThatJsonLacksAreNamed) {
  PlanMaker maker;
  maker.Items(v1::NODE_KIND_TUPLE, {1, 2, 3, 4, 5, 6, 7});
  maker.Float(std::numeric_limits<double>::quiet_NaN());
  maker.Text(v1::NODE_KIND_BYTES, "\x01\xff");
  maker.Text(v1::NODE_KIND_BIG_INT, std::string("\x00\x00\x00\x00\x00\x00\x00\x00\x80", 9));
  maker.Dict({8, 8});
  maker.Text(v1::NODE_KIND_DTYPE, "float32");
  maker.Items(v1::NODE_KIND_SET, {});
  maker.String("x");
  maker.Int(-3);
  EXPECT_EQ(Tree(maker), R"({"$tuple":[{"$float":"nan"},{"$bytes":2,"hex":"01ff"},{"$int":"-0x800000000000000000"},)"
                         R"({"$dict":[[-3,-3]]},{"$dtype":"float32"},{"$set":[]},"x"]})");
}

TEST(Metadata, OrderedDictsTensorsAndRecords) {
  PlanMaker maker;
  maker.OrderedDict(4, {1, 2, 3, 6});
  maker.String("w");
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.String("r");
  maker.Dict({5, 5});
  maker.String("v");
  maker.RecordOf(v1::RECORD_PART_STATE | v1::RECORD_PART_NEW, {7, 8});
  maker.Link(v1::NODE_KIND_SYMBOL, 0);
  maker.Leaf(v1::NODE_KIND_NONE);
  maker.Tensor(maker.Storage(4), v1::DTYPE_FLOAT32, {1}, {1});
  v1::Symbol& symbol = *maker.plan.add_symbols();
  symbol.set_module("m");
  symbol.set_name("C");
  EXPECT_EQ(
      Tree(maker),
      R"({"$ordered_dict":{"r":{"$record":"m.C","new":true,"state":null},"$tensors":1},"$attributes":{"v":"v"}})");
}

TEST(Metadata, TensorsOfEveryKind) {
  PlanMaker maker;
  maker.Items(v1::NODE_KIND_LIST, {1, 2, 3, 4, 5, 6, 7, 8, 9, 5});
  maker.Counted(v1::NODE_KIND_SPARSE_TENSOR, v1::SPARSE_BIT_COO, {10, 11, 10, 12});
  maker.Counted(v1::NODE_KIND_SPARSE_TENSOR, v1::SPARSE_BIT_CSC, {10, 10, 10, 12});
  maker.Counted(v1::NODE_KIND_META_TENSOR, 0, {13, 12, 14});
  maker.Refs(v1::NODE_KIND_NESTED_TENSOR, {10, 10, 10, 10});
  maker.Refs(v1::NODE_KIND_STREAM, {15, 16});
  maker.Refs(v1::NODE_KIND_ATTRIBUTED, {10, 11});
  maker.Link(v1::NODE_KIND_ARRAY, 0);
  maker.Refs(v1::NODE_KIND_SCALAR, {17, 18});
  maker.Text(v1::NODE_KIND_NUMPY_DTYPE, "<f8");  // 9
  maker.Link(v1::NODE_KIND_TENSOR, 0);           // 10
  maker.Leaf(v1::NODE_KIND_NONE);
  maker.Items(v1::NODE_KIND_SIZE, {18});  // 12
  maker.Text(v1::NODE_KIND_DTYPE, "float32");
  maker.Items(v1::NODE_KIND_TUPLE, {18});  // 14
  maker.Text(v1::NODE_KIND_BYTES, "abc");
  maker.Dict({19, 1, 20, 11});  // 16
  maker.Text(v1::NODE_KIND_NUMPY_DTYPE, "<i8");
  maker.Int(7);
  maker.String("t");  // 19
  maker.String("u");
  maker.Tensor(maker.Storage(8), v1::DTYPE_FLOAT32, {2, 1}, {1, 1});
  EXPECT_EQ(Tree(maker),
            R"([{"$sparse_tensor":{"layout":"coo","size":[7],"indices":0,"values":0}},)"
            R"({"$sparse_tensor":{"layout":"csc","size":[7],"ccol_indices":0,"row_indices":0,"values":0}},)"
            R"({"$meta_tensor":{"dtype":"float32","shape":[7]}},)"
            R"({"$nested_tensor":{"values":0,"sizes":0,"strides":0,"offsets":0}},)"
            R"({"$stream":{"u":null,"$tensors":1},"bytes":3},)"
            R"({"$attributed":{"$tensor":0},"attributes":null},)"
            R"({"$ndarray":{"dtype":"float32","shape":[2,1],"tensor":0}},7,{"$numpy_dtype":"<f8"},)"
            R"({"$ref":"4"}])");
}

TEST(Metadata, ModulesShowWhatWasRecovered) {
  PlanMaker maker;
  maker.RecordOf(v1::RECORD_PART_STATE | v1::RECORD_PART_RECOVERED, {1, 2, 3});
  maker.Link(v1::NODE_KIND_SYMBOL, 0);
  maker.Dict({});
  maker.Dict({4, 5});
  maker.String("w");
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.Tensor(maker.Storage(4), v1::DTYPE_FLOAT32, {1}, {1});
  v1::Symbol& symbol = *maker.plan.add_symbols();
  symbol.set_module("m");
  symbol.set_name("Net");
  EXPECT_EQ(Tree(maker), R"x({"$record":"m.Net","state":{},"state_dict()":{"$tensors":1}})x");
}

// Tensors without data stand among the others, where the walk met them.
TEST(Contents, ListTensorsWithoutData) {
  PlanMaker maker;
  maker.Items(v1::NODE_KIND_LIST, {1, 2, 1});
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.Counted(v1::NODE_KIND_META_TENSOR, v1::TENSOR_FLAG_REQUIRES_GRAD, {3, 4, 5});
  maker.Text(v1::NODE_KIND_DTYPE, "bfloat16");
  maker.Items(v1::NODE_KIND_SIZE, {6, 6});
  maker.Items(v1::NODE_KIND_TUPLE, {6, 7});
  maker.Int(2);
  maker.Int(1);
  maker.Tensor(maker.Storage(4), v1::DTYPE_FLOAT32, {1}, {1});
  maker.Entry("0", 0);
  maker.MetaEntry("1", 2);
  maker.Entry("2", 0);
  const auto contents = maker.Make();
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  JsonWriter json;
  WriteContents(json, "f", **contents, {}, Options());
  const auto tensors = nlohmann::json::parse(json.text())["tensors"];
  ASSERT_EQ(tensors.size(), 3U);
  EXPECT_EQ(tensors[0]["name"], "0");
  EXPECT_EQ(tensors[1], nlohmann::json::parse(R"({"name": "1", "dtype": "bfloat16", "shape": [2, 2],
      "strides": [2, 1], "requires_grad": true, "meta": true})"));
  EXPECT_EQ(tensors[2]["name"], "2");
  const std::string table = ContentsTable("f", **contents, {}, Options(), Paint(Color::kNever));
  EXPECT_NE(table.find("no data"), std::string::npos);
  EXPECT_NE(table.find("3 tensors"), std::string::npos);
  EXPECT_LT(table.find("no data"), table.rfind("float32"));
}

// A record of a known class, whose parts are the nodes from 2 on.
PlanMaker Known(const std::string& module, const std::string& name, uint32_t bits, const std::vector<uint32_t>& parts) {
  PlanMaker maker;
  std::vector<uint32_t> refs = {1};
  refs.insert(refs.end(), parts.begin(), parts.end());
  maker.RecordOf(bits, refs);
  maker.Link(v1::NODE_KIND_SYMBOL, 0);
  v1::Symbol& symbol = *maker.plan.add_symbols();
  symbol.set_module(module);
  symbol.set_name(name);
  symbol.set_class_(v1::SYMBOL_CLASS_KNOWN);
  return maker;
}

PlanMaker KnownCall(const std::string& module, const std::string& name, const std::vector<int64_t>& args) {
  PlanMaker maker = Known(module, name, v1::RECORD_PART_ARGS, {2});
  std::vector<uint32_t> refs;
  for (uint32_t i = 0; i < args.size(); ++i) refs.push_back(3 + i);
  maker.Items(v1::NODE_KIND_TUPLE, refs);
  for (const int64_t arg : args) maker.Int(arg);
  return maker;
}

TEST(Metadata, PythonsOwnRecordsAreShort) {
  EXPECT_EQ(Tree(KnownCall("datetime", "date", {2024, 2, 29})), R"({"$date":"2024-02-29"})");
  EXPECT_EQ(Tree(KnownCall("datetime", "datetime", {7, 1, 2, 3, 4, 5, 0})), R"({"$datetime":"0007-01-02T03:04:05"})");
  EXPECT_EQ(Tree(KnownCall("datetime", "datetime", {2024, 1, 2, 3, 4, 5, 60, 9})),
            R"({"$datetime":"2024-01-02T03:04:05.000060","tz":9})");
  EXPECT_EQ(Tree(KnownCall("datetime", "time", {23, 59, 1, 0})), R"({"$time":"23:59:01"})");
  EXPECT_EQ(Tree(KnownCall("builtins", "range", {0, 10, 2})), R"({"$range":{"$tuple":[0,10,2]}})");
  EXPECT_EQ(Tree(KnownCall("collections", "deque", {5})), R"({"$deque":[],"maxlen":5})");
  EXPECT_EQ(Tree(KnownCall("collections", "defaultdict", {})), R"({"$defaultdict":{}})");

  PlanMaker path = Known("pathlib", "PosixPath", v1::RECORD_PART_ARGS, {2});
  path.Items(v1::NODE_KIND_TUPLE, {3, 4, 5});
  for (const char* part : {"/", "a", "b.pt"}) path.String(part);
  EXPECT_EQ(Tree(path), R"({"$path":"/a/b.pt"})");

  PlanMaker number = Known("decimal", "Decimal", v1::RECORD_PART_ARGS, {2});
  number.Items(v1::NODE_KIND_TUPLE, {3});
  number.String("1.50");
  EXPECT_EQ(Tree(number), R"({"$decimal":"1.50"})");

  PlanMaker counter = Known("collections", "Counter", v1::RECORD_PART_ARGS | v1::RECORD_PART_PAIRS, {2, 3});
  counter.Items(v1::NODE_KIND_TUPLE, {});
  counter.Dict({4, 5});
  counter.String("a");
  counter.Int(3);
  EXPECT_EQ(Tree(counter), R"({"$counter":{"a":3}})");

  PlanMaker bag = Known("argparse", "Namespace", v1::RECORD_PART_STATE | v1::RECORD_PART_NEW, {2});
  bag.Dict({3, 4});
  bag.String("lr");
  bag.Float(0.5);
  EXPECT_EQ(Tree(bag), R"({"$namespace":{"lr":0.5}})");
}

// What is in no normal form is shown as it is.
TEST(Metadata, OddRecordsAreRecords) {
  EXPECT_EQ(Tree(KnownCall("datetime", "date", {2024, 2})),
            R"({"$record":"datetime.date","args":{"$tuple":[2024,2]}})");
  EXPECT_EQ(Tree(KnownCall("datetime", "date", {2024, -2, 1})),
            R"({"$record":"datetime.date","args":{"$tuple":[2024,-2,1]}})");
  EXPECT_EQ(Tree(KnownCall("collections", "deque", {5, 6})),
            R"({"$record":"collections.deque","args":{"$tuple":[5,6]}})");
  EXPECT_EQ(Tree(KnownCall("pathlib", "Path", {5})), R"({"$record":"pathlib.Path","args":{"$tuple":[5]}})");
  PlanMaker unknown = KnownCall("datetime", "date", {2024, 2, 29});
  unknown.plan.mutable_symbols(0)->set_class_(v1::SYMBOL_CLASS_UNKNOWN);
  EXPECT_EQ(Tree(unknown), R"({"$record":"datetime.date","args":{"$tuple":[2024,2,29]}})");
  PlanMaker more = Known("argparse", "Namespace", v1::RECORD_PART_STATE | v1::RECORD_PART_PAIRS, {2, 2});
  more.Dict({});
  EXPECT_EQ(Tree(more), R"({"$record":"argparse.Namespace","state":{},"pairs":{}})");
}

TEST(Metadata, CyclesAndSharedContainersAreReferences) {
  PlanMaker maker;
  maker.Dict({1, 2, 3, 2, 4, 0});
  maker.String("a");
  maker.Items(v1::NODE_KIND_LIST, {2, 5});
  maker.String("b");
  maker.String("self");
  maker.Int(1);
  EXPECT_EQ(Tree(maker), R"({"a":[{"$ref":"a"},1],"b":{"$ref":"a"},"self":{"$ref":""}})");
}

TEST(Metadata, DepthAndSizeAreBounded) {
  constexpr uint32_t kDepth = 100'000;
  PlanMaker deep;
  for (uint32_t i = 0; i < kDepth; ++i) deep.Items(v1::NODE_KIND_LIST, {i + 1});
  deep.Leaf(v1::NODE_KIND_NONE);
  EXPECT_EQ(Tree(deep, {.depth = 3}), R"([[[{"$truncated":"depth"}]]])");
  const std::string whole = Tree(deep, {.depth = kDepth + 1, .nodes = kDepth + 1});
  EXPECT_EQ(whole.size(), 2 * kDepth + 4);

  PlanMaker wide;
  wide.Items(v1::NODE_KIND_LIST, std::vector<uint32_t>(1'000, 1));
  wide.Int(7);
  EXPECT_EQ(Tree(wide, {.nodes = 3}), R"([7,7,{"$truncated":"size"}])");

  PlanMaker pairs;
  pairs.Dict({1, 1, 2, 2, 3, 3});
  for (int i = 0; i < 3; ++i) pairs.Int(i);
  for (uint64_t nodes = 0; nodes < 9; ++nodes) {
    EXPECT_TRUE(nlohmann::json::accept(Tree(pairs, {.nodes = nodes}))) << nodes;
  }
}

TEST(Metadata, LongTextIsCut) {
  PlanMaker maker;
  maker.String("\xc3\xa4\xc3\xa4\xc3\xa4");
  EXPECT_EQ(Tree(maker, {.string_bytes = 3}), "\"\xc3\xa4\xe2\x80\xa6\"");
}

}  // namespace
}  // namespace airlock::cli
