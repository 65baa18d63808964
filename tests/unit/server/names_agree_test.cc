// Names are made twice: by the daemon for the root, and by the client for any place that its caller picks. Both say the
// same.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "airlock/value.h"
#include "server/validate/key_text.h"
#include "server/validate/names.h"
#include "tests/unit/client/plan_maker.h"

namespace airlock {
namespace {

using testing::PlanMaker;

std::string DaemonsKey(const PlanMaker& maker) {
  const auto nodes = server::NodeTable::Cut(maker.plan.graph());
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
  const auto nodes = server::NodeTable::Cut(maker.plan.graph());
  ASSERT_TRUE(nodes.ok());
  const auto daemons = server::NameTensors(maker.plan, *nodes, {.name_bytes = 1 << 20});
  ASSERT_TRUE(daemons.ok());
  const auto contents = maker.Make();
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  const auto clients = TensorsUnder((*contents)->graph(), 0);
  ASSERT_TRUE(clients.ok());
  ASSERT_EQ(clients->size(), 4U);
  ASSERT_EQ(daemons->name_size(), 4);
  for (size_t i = 0; i < clients->size(); ++i) {
    EXPECT_EQ((*clients)[i].name, daemons->name(static_cast<int>(i)));
    EXPECT_EQ((*clients)[i].tensor, daemons->tensor(static_cast<int>(i)));
  }
}

}  // namespace
}  // namespace airlock
