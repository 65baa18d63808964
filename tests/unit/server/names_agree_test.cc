// Names are made twice: by the daemon for the root, and by the client for any place that its caller picks. Both say the
// same.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "airlock/value.h"
#include "server/validate/key_text.h"
#include "server/validate/names.h"
#include "tests/unit/client/plan_maker.h"
#include "tests/unit/server/entry_names.h"
#include "tests/unit/server/written_graph.h"

namespace airlock {
namespace {

using testing::PlanMaker;

std::string DaemonsKey(const PlanMaker& maker) {
  const auto nodes = server::NodeTable::Cut(server::ViewOf(maker.plan.graph()));
  EXPECT_TRUE(nodes.ok());
  std::string text;
  server::AppendKeyText(maker.plan, *nodes, 0, text);
  return text;
}

std::string ClientsKey(const PlanMaker& maker) {
  const auto contents = maker.Make();
  EXPECT_TRUE(contents.ok());
  return KeyText((*contents)->graph(), 0);
}

TEST(NamesAgree, OnKeys) {
  const std::function<void(PlanMaker&)> keys[] = {
      [](PlanMaker& m) { m.String("layer.0"); },
      [](PlanMaker& m) { m.String(""); },
      [](PlanMaker& m) { m.String("n\xc3\xa4me \xf0\x9f\x98\x80"); },
      [](PlanMaker& m) { m.Int(0); },
      [](PlanMaker& m) { m.Int(-7); },
      [](PlanMaker& m) { m.Int(std::numeric_limits<int64_t>::min()); },
      [](PlanMaker& m) { m.Leaf(v1::NODE_KIND_NONE); },
      [](PlanMaker& m) { m.Leaf(v1::NODE_KIND_TRUE); },
      [](PlanMaker& m) { m.Leaf(v1::NODE_KIND_FALSE); },
      [](PlanMaker& m) { m.Text(v1::NODE_KIND_DTYPE, "float32"); },
      [](PlanMaker& m) { m.Text(v1::NODE_KIND_LAYOUT, "strided"); },
      [](PlanMaker& m) { m.Text(v1::NODE_KIND_DEVICE, "cuda:0"); },
      [](PlanMaker& m) { m.Text(v1::NODE_KIND_NUMPY_DTYPE, "<f8"); },
      [](PlanMaker& m) {
        m.Refs(v1::NODE_KIND_SCALAR, {1, 2});
        m.Text(v1::NODE_KIND_NUMPY_DTYPE, "<f8");
        m.Float(0.5);
      },
  };
  for (const auto& make : keys) {
    PlanMaker maker;
    make(maker);
    EXPECT_EQ(ClientsKey(maker), DaemonsKey(maker));
  }
}

TEST(NamesAgree, OnFloats) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double value : {0.0,
                             -0.0,
                             1.0,
                             -1.5,
                             0.1,
                             1e5,
                             123456.0,
                             1e15,
                             9999999999999998.0,
                             1e16,
                             1.5e16,
                             1e22,
                             1e300,
                             5e-324,
                             0.0001,
                             0.00012345678901234567,
                             0.000099999999999999,
                             1e-5,
                             kInfinity,
                             -kInfinity,
                             kInfinity - kInfinity}) {
    PlanMaker maker;
    maker.Float(value);
    EXPECT_EQ(ClientsKey(maker), DaemonsKey(maker)) << value;
  }
}

// {"": {"a": t, 1.0: [t, (t,)]}, "b": the inner dict again, "c": OrderedDict(None: t), "d": the root}
TEST(NamesAgree, OnWalks) {
  PlanMaker maker;
  maker.Dict({1, 2, 9, 2, 10, 11, 14, 0});
  maker.String("");
  maker.Dict({3, 4, 5, 6});
  maker.String("a");
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.Float(1.0);
  maker.Items(v1::NODE_KIND_LIST, {7, 8});
  maker.Link(v1::NODE_KIND_TENSOR, 1);
  maker.Items(v1::NODE_KIND_TUPLE, {7});
  maker.String("b");
  maker.String("c");
  maker.OrderedDict(12, {13, 4});
  maker.Leaf(v1::NODE_KIND_NONE);
  maker.Leaf(v1::NODE_KIND_NONE);
  maker.String("d");
  const uint32_t storage = maker.Storage(16);
  maker.Tensor(storage, v1::DTYPE_FLOAT32, {4}, {1});
  maker.Tensor(storage, v1::DTYPE_FLOAT32, {2}, {1}, 2);
  const auto nodes = server::NodeTable::Cut(server::ViewOf(maker.plan.graph()));
  ASSERT_TRUE(nodes.ok());
  const auto daemons = server::EntriesOf(maker.plan, *nodes, {.name_bytes = 1 << 20});
  ASSERT_TRUE(daemons.ok());
  const auto contents = maker.Make();
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  const auto clients = TensorsUnder((*contents)->graph(), 0);
  ASSERT_TRUE(clients.ok());
  ASSERT_EQ(clients->tensors.size(), 4U);
  const std::vector<std::string> names = server::NamesIn(*daemons);
  ASSERT_EQ(names.size(), 4U);
  for (size_t i = 0; i < clients->tensors.size(); ++i) {
    EXPECT_EQ(clients->tensors[i].name, names[i]);
    EXPECT_EQ(clients->tensors[i].tensor, daemons->tensor(static_cast<int>(i)));
  }
}

// Names and tensors, "name=tensor", and tensors without data, "name~node@place".
std::vector<std::string> Shown(const v1::Entries& entries) {
  std::vector<std::string> shown;
  int at = 0;
  for (const std::string& name : server::NamesIn(entries)) {
    shown.push_back(name + "=" + std::to_string(entries.tensor(at++)));
  }
  at = 0;
  for (const std::string& name : server::MetaNamesIn(entries)) {
    shown.push_back(name + "~" + std::to_string(entries.meta_node(at)) + "@" + std::to_string(entries.meta_at(at)));
    ++at;
  }
  return shown;
}

std::vector<std::string> Shown(const TensorNames& names) {
  std::vector<std::string> shown;
  for (const NamedTensor& entry : names.tensors)
    shown.push_back(std::string(entry.name) + "=" + std::to_string(entry.tensor));
  for (const NamedMeta& entry : names.meta) {
    shown.push_back(std::string(entry.name) + "~" + std::to_string(entry.node) + "@" + std::to_string(entry.at));
  }
  return shown;
}

void ExpectAgreement(const PlanMaker& maker, size_t names) {
  const auto nodes = server::NodeTable::Cut(server::ViewOf(maker.plan.graph()));
  ASSERT_TRUE(nodes.ok());
  const auto contents = maker.Make();
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  for (const bool arrays : {false, true}) {
    const auto daemons = server::EntriesOf(maker.plan, *nodes, {.name_bytes = 1 << 20, .arrays = arrays});
    const auto clients = TensorsUnder((*contents)->graph(), 0, {.arrays = arrays});
    ASSERT_TRUE(daemons.ok());
    ASSERT_TRUE(clients.ok());
    EXPECT_EQ(Shown(*clients), Shown(*daemons));
    EXPECT_EQ(Shown(*clients).size(), names + (arrays ? 1 : 0));
  }
}

// A list of one of each.
TEST(NamesAgree, OnCompounds) {
  PlanMaker maker;
  maker.Items(v1::NODE_KIND_LIST, {1, 2, 3, 4, 5, 6, 7});
  maker.Counted(v1::NODE_KIND_SPARSE_TENSOR, v1::SPARSE_BIT_COO, {9, 8, 9, 10});
  maker.Counted(v1::NODE_KIND_SPARSE_TENSOR, v1::SPARSE_BIT_BSC, {9, 9, 9, 10});
  maker.Counted(v1::NODE_KIND_META_TENSOR, 0, {11, 10, 12});
  maker.Refs(v1::NODE_KIND_NESTED_TENSOR, {9, 9, 9, 9});
  maker.Refs(v1::NODE_KIND_STREAM, {13, 6});
  maker.Refs(v1::NODE_KIND_ATTRIBUTED, {3, 0});
  maker.Link(v1::NODE_KIND_ARRAY, 0);  // 7
  maker.Leaf(v1::NODE_KIND_NONE);
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.Items(v1::NODE_KIND_SIZE, {});  // 10
  maker.Text(v1::NODE_KIND_DTYPE, "float32");
  maker.Items(v1::NODE_KIND_TUPLE, {});
  maker.Text(v1::NODE_KIND_BYTES, "");
  maker.Tensor(maker.Storage(4), v1::DTYPE_FLOAT32, {1}, {1});
  ExpectAgreement(maker, 2 + 3 + 1 + 4 + 1 + 1);
}

// Records with all parts, with several states, with a pair of states, with what was recovered.
TEST(NamesAgree, OnRecords) {
  PlanMaker maker;
  maker.Items(v1::NODE_KIND_LIST, {1, 2, 3, 4});
  maker.RecordOf(v1::RECORD_PART_ARGS | v1::RECORD_PART_STATE | v1::RECORD_PART_ITEMS | v1::RECORD_PART_PAIRS,
                 {5, 6, 7, 8, 9});
  maker.RecordOf(v1::RECORD_PART_STATE | v1::RECORD_PART_STATES, {5, 10});
  maker.RecordOf(v1::RECORD_PART_STATE, {5, 11});
  maker.RecordOf(v1::RECORD_PART_STATE | v1::RECORD_PART_RECOVERED, {5, 12, 13});
  maker.Leaf(v1::NODE_KIND_NONE);             // 5
  maker.Items(v1::NODE_KIND_TUPLE, {14});     // args
  maker.Dict({15, 14});                       // 7: {"k": t}
  maker.Items(v1::NODE_KIND_LIST, {14, 14});  // 8: items
  maker.Dict({15, 14, 15, 14});               // 9: pairs
  maker.Items(v1::NODE_KIND_LIST, {16, 7, 17});
  maker.Items(v1::NODE_KIND_TUPLE, {5, 18});  // 11
  maker.Dict({15, 14});                       // 12
  maker.OrderedDict(5, {15, 14});             // 13
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.String("k");
  maker.Dict({15, 14});  // 16
  maker.Dict({15, 14});  // 17
  maker.Dict({15, 14});  // 18
  maker.Tensor(maker.Storage(4), v1::DTYPE_FLOAT32, {1}, {1});
  const auto contents = maker.Make();
  ASSERT_TRUE(contents.ok());
  const auto names = TensorsUnder((*contents)->graph(), 0);
  ASSERT_TRUE(names.ok());
  EXPECT_EQ(names->tensors.size(), 9U);
  EXPECT_EQ(names->tensors.back().name, "3.state_dict().k");
  const auto nodes = server::NodeTable::Cut(server::ViewOf(maker.plan.graph()));
  ASSERT_TRUE(nodes.ok());
  EXPECT_EQ(Shown(*names), Shown(*server::EntriesOf(maker.plan, *nodes, {.name_bytes = 1 << 20})));
}

TEST(NamesAgree, OnWhichFormatsListArrays) {
  const auto* formats = v1::Format_descriptor();
  for (int i = 0; i < formats->value_count(); ++i) {
    const auto format = static_cast<v1::Format>(formats->value(i)->number());
    EXPECT_EQ(ListsArrays(format), server::ListsArrays(format)) << formats->value(i)->name();
  }
}

}  // namespace
}  // namespace airlock
