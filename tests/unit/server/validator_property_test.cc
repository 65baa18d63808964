// The validator as a specification: plans at random are accepted, and each with one thing changed is refused by the
// very rule that names the change. A rule without a change here fails.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <set>
#include <string>

#include "sandbox/base/version.h"
#include "server/validate/rules.h"
#include "server/validate/validator.h"
#include "tests/unit/server/plan_model.h"
#include "tests/unit/server/valid_plan.h"

namespace airlock::server {
namespace {

constexpr uint32_t kPlans = 200;

// What one mutation works on: the model, and the columns that are made of it afterwards.
struct Subject {
  PlanModel model;
  std::mt19937 random;
  std::function<void(v1::PlanChunk&)> columns = [](v1::PlanChunk&) {};
  // Where the files of a set end; empty: the input is one file.
  std::vector<uint64_t> file_ends = {};

  ModelNode& Node(v1::NodeKind kind) { return model.nodes[static_cast<size_t>(model.Find(kind, random))]; }
  size_t Below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random); }
  ModelTensor& Tensor() { return model.tensors[Below(model.tensors.size())]; }
  // One with a dimension, that is not packed.
  ModelTensor& Shaped() {
    while (true) {
      ModelTensor& tensor = Tensor();
      if (!tensor.shape.empty() && tensor.dtype != v1::DTYPE_QUINT4X2) return tensor;
    }
  }
  ModelStorage& Storage() { return model.storages[Below(model.storages.size())]; }
  // One of the input that a border can go through.
  const ModelStorage& Divisible() {
    while (true) {
      const ModelStorage& storage = Storage();
      if (storage.place == v1::PLACE_INPUT && storage.nbytes > 1) return storage;
    }
  }
  uint32_t Nobody() const { return static_cast<uint32_t>(model.nodes.size()); }
  uint32_t AnInt() { return static_cast<uint32_t>(model.Find(v1::NODE_KIND_INT, random)); }
  v1::Quantization& PerChannel() {
    while (true) {
      v1::Quantization& row = model.quantization[Below(model.quantization.size())];
      if (row.has_per_channel()) return row;
    }
  }
};

struct Mutation {
  const char* rule;
  void (*apply)(Subject& s);
};

template <v1::NodeKind kKind, size_t kRef>
void PointAtInt(Subject& s) {
  const uint32_t integer = s.AnInt();
  s.Node(kKind).refs[kRef] = integer;
}

const Mutation kMutations[] = {
    {"piece.entries", [](Subject& s) { s.columns = [](auto& plan) { plan.mutable_entries()->set_names("forged"); }; }},
    {"graph.nodes", [](Subject& s) { s.model.limits.nodes = s.model.nodes.size() - 1; }},
    {"piece.tensors", [](Subject& s) { s.model.limits.tensors = s.model.tensors.size() - 1; }},
    {"piece.storages",
     [](Subject& s) {
       // Tensors bound storages too: more storages than either.
       while (s.model.storages.size() <= s.model.tensors.size()) s.model.storages.push_back({});
       s.model.limits.tensors = s.model.limits.members = s.model.storages.size() - 1;
     }},
    {"piece.symbols", [](Subject& s) { s.model.limits.symbols = s.model.symbols.size() - 1; }},
    {"piece.findings", [](Subject& s) { s.model.limits.findings = s.model.findings.size() - 1; }},
    {"piece.devices", [](Subject& s) { s.model.devices.resize(1025, "cpu"); }},
    {"graph.root", [](Subject& s) { s.model.nodes.clear(); }},
    {"graph.kind", [](Subject& s) { s.Node(v1::NODE_KIND_NONE).kind = static_cast<v1::NodeKind>(33 + s.Below(200)); }},
    {"graph.short", [](Subject& s) { s.model.nodes[0].count = static_cast<uint32_t>(1'000'000 + s.Below(1000)); }},
    {"graph.short",
     [](Subject& s) { s.columns = [](auto& plan) { plan.mutable_graph()->mutable_refs()->RemoveLast(); }; }},
    {"graph.short",
     [](Subject& s) { s.columns = [](auto& plan) { plan.mutable_graph()->mutable_blob()->pop_back(); }; }},
    {"graph.leftover", [](Subject& s) { s.columns = [](auto& plan) { plan.mutable_graph()->add_refs(0); }; }},
    {"graph.leftover", [](Subject& s) { s.columns = [](auto& plan) { plan.mutable_graph()->add_floats(1); }; }},
    {"graph.leftover", [](Subject& s) { s.columns = [](auto& plan) { plan.mutable_graph()->add_links(0); }; }},
    {"graph.ref", [](Subject& s) { s.model.nodes[0].refs[s.Below(s.model.nodes[0].refs.size())] = s.Nobody(); }},
    {"graph.tensor",
     [](Subject& s) { s.Node(v1::NODE_KIND_TENSOR).links[0] = static_cast<uint32_t>(s.model.tensors.size()); }},
    {"graph.tensor",
     [](Subject& s) { s.Node(v1::NODE_KIND_ARRAY).links[0] = static_cast<uint32_t>(s.model.tensors.size()); }},
    {"graph.storage",
     [](Subject& s) { s.Node(v1::NODE_KIND_STORAGE).links[0] = static_cast<uint32_t>(s.model.storages.size()); }},
    {"graph.storage", [](Subject& s) { s.Node(v1::NODE_KIND_STORAGE).links[1] = v1::DType_MAX + 1; }},
    {"graph.symbol",
     [](Subject& s) { s.Node(v1::NODE_KIND_SYMBOL).links[0] = static_cast<uint32_t>(s.model.symbols.size()); }},
    {"graph.size",
     [](Subject& s) {
       const auto none = static_cast<uint32_t>(s.model.Find(v1::NODE_KIND_NONE, s.random));
       s.Node(v1::NODE_KIND_SIZE).refs[0] = none;
     }},
    {"graph.attributes", PointAtInt<v1::NODE_KIND_ORDERED_DICT, 0>},
    {"graph.record-mask", [](Subject& s) { *s.Node(v1::NODE_KIND_RECORD).count |= 1U << (8 + s.Below(24)); }},
    {"graph.record-part", PointAtInt<v1::NODE_KIND_RECORD, 1>},
    {"graph.sparse", [](Subject& s) { *s.Node(v1::NODE_KIND_SPARSE_TENSOR).count = 1U << 20; }},
    {"graph.sparse", PointAtInt<v1::NODE_KIND_SPARSE_TENSOR, 0>},
    {"graph.sparse", PointAtInt<v1::NODE_KIND_SPARSE_TENSOR, 1>},
    {"graph.sparse", PointAtInt<v1::NODE_KIND_SPARSE_TENSOR, 2>},
    {"graph.sparse", PointAtInt<v1::NODE_KIND_SPARSE_TENSOR, 3>},
    {"graph.meta", PointAtInt<v1::NODE_KIND_META_TENSOR, 0>},
    {"graph.meta", PointAtInt<v1::NODE_KIND_META_TENSOR, 1>},
    {"graph.meta", PointAtInt<v1::NODE_KIND_META_TENSOR, 2>},
    {"graph.nested", PointAtInt<v1::NODE_KIND_NESTED_TENSOR, 0>},
    {"graph.nested", PointAtInt<v1::NODE_KIND_NESTED_TENSOR, 3>},
    {"graph.stream", PointAtInt<v1::NODE_KIND_STREAM, 0>},
    {"graph.stream",
     [](Subject& s) {
       const int stream = s.model.Find(v1::NODE_KIND_STREAM, s.random);
       s.model.nodes[static_cast<size_t>(stream)].refs[1] = static_cast<uint32_t>(stream);
     }},
    {"graph.attributed", PointAtInt<v1::NODE_KIND_ATTRIBUTED, 0>},
    {"graph.scalar", PointAtInt<v1::NODE_KIND_SCALAR, 0>},
    {"graph.scalar",
     [](Subject& s) {
       ModelNode& scalar = s.Node(v1::NODE_KIND_SCALAR);
       scalar.refs[1] = scalar.refs[0];
     }},
    {"graph.numpy-dtype", [](Subject& s) { s.Node(v1::NODE_KIND_NUMPY_DTYPE).text = "<i8 "; }},
    {"graph.string", [](Subject& s) { s.Node(v1::NODE_KIND_STRING).text = "\xff"; }},
    {"graph.name", [](Subject& s) { s.Node(v1::NODE_KIND_DTYPE).text = "float 32"; }},
    {"graph.name", [](Subject& s) { s.Node(v1::NODE_KIND_LAYOUT).text.clear(); }},
    {"graph.name", [](Subject& s) { s.Node(v1::NODE_KIND_DEVICE).text = std::string(65, 'a'); }},
    {"graph.integer", [](Subject& s) { s.model.limits.integer_bytes = 0; }},
    {"graph.string-bytes", [](Subject& s) { s.model.limits.string_bytes = 1; }},
    {"tensor.columns",
     [](Subject& s) { s.columns = [](auto& plan) { plan.mutable_tensors()->mutable_flags()->RemoveLast(); }; }},
    {"tensor.columns",
     [](Subject& s) { s.columns = [](auto& plan) { plan.mutable_tensors()->mutable_stride()->RemoveLast(); }; }},
    {"tensor.dtype", [](Subject& s) { s.Shaped().dtype = static_cast<v1::DType>(60 + s.Below(1000)); }},
    {"tensor.flags", [](Subject& s) { s.Tensor().flags = 1U << (4 + s.Below(28)); }},
    {"tensor.storage", [](Subject& s) { s.Tensor().storage = static_cast<uint32_t>(s.model.storages.size()); }},
    {"tensor.rank",
     [](Subject& s) {
       ModelTensor& tensor = s.Tensor();
       tensor.shape.assign(s.model.limits.dims + 1, 1);
       tensor.stride.assign(s.model.limits.dims + 1, 1);
     }},
    {"tensor.numel", [](Subject& s) { s.Shaped().shape[0] = (uint64_t{1} << 63) + s.Below(1000); }},
    {"tensor.numel", [](Subject& s) { s.Shaped().stride[0] = ~uint64_t{0} - s.Below(1000); }},
    {"tensor.numel", [](Subject& s) { s.Shaped().offset = ~uint64_t{0} - s.Below(1000); }},
    {"tensor.packed",
     [](Subject& s) {
       for (ModelTensor& tensor : s.model.tensors) {
         if (tensor.dtype == v1::DTYPE_QUINT4X2) tensor.stride[0] = 2 + s.Below(5);
       }
     }},
    {"tensor.span", [](Subject& s) { s.Shaped().shape[0] += 1 + s.Below(1000); }},
    {"tensor.span", [](Subject& s) { s.Shaped().offset += 1 + s.Below(1000); }},
    {"quantization.tensor",
     [](Subject& s) { s.PerChannel().set_tensor(static_cast<uint32_t>(s.model.tensors.size())); }},
    {"quantization.tensor", [](Subject& s) { s.model.quantization.pop_back(); }},
    {"quantization.tensor", [](Subject& s) { s.model.quantization.push_back(s.model.quantization[0]); }},
    {"quantization.scheme", [](Subject& s) { s.PerChannel().clear_per_channel(); }},
    {"quantization.channel", [](Subject& s) { s.PerChannel().mutable_per_channel()->set_axis(2 + s.Below(9)); }},
    {"quantization.channel", [](Subject& s) { s.PerChannel().mutable_per_channel()->set_scales(1U << 20); }},
    {"storage.columns", [](Subject& s) { s.columns = [](auto& plan) { plan.mutable_storages()->add_offset(0); }; }},
    {"storage.place", [](Subject& s) { s.Storage().place = static_cast<v1::Place>(s.Below(2) == 0 ? 0 : 3); }},
    {"storage.span", [](Subject& s) { s.Storage().offset = (uint64_t{1} << 40) + s.Below(1000); }},
    {"storage.span", [](Subject& s) { s.Storage().nbytes = ~uint64_t{0} - s.Below(1000); }},
    {"storage.overlap",
     [](Subject& s) {
       const ModelStorage copy = s.Storage();
       s.model.storages.push_back(copy);
     }},
    {"storage.border",
     [](Subject& s) {
       s.file_ends = {s.Divisible().offset + 1, s.model.input_size};
     }},
    {"storage.device", [](Subject& s) { s.Storage().device = 2 + static_cast<uint32_t>(s.Below(1000)); }},
    {"storage.checksum", [](Subject& s) { s.Storage().crc32 = s.Below(2) == 0 ? 1 : ~uint64_t{0} - s.Below(1000); }},
    {"device.name", [](Subject& s) { s.model.devices[s.Below(2)] += '\n'; }},
    {"symbol.text", [](Subject& s) { s.model.symbols[0].set_module(std::string(1025 + s.Below(100), 'a')); }},
    {"symbol.class", [](Subject& s) { s.model.symbols[0].set_class_(static_cast<v1::SymbolClass>(9 + s.Below(99))); }},
    {"finding.id", [](Subject& s) { s.model.findings[0].set_id("Zip.wrong"); }},
    {"finding.severity",
     [](Subject& s) { s.model.findings[0].set_severity(static_cast<v1::Severity>(9 + s.Below(9))); }},
    {"finding.text", [](Subject& s) { s.model.findings[0].set_where(std::string(5000, 'a')); }},
    {"done.reason", [](Subject& s) { s.model.done.set_reason(static_cast<uint32_t>(100 + s.Below(1000))); }},
    {"done.format", [](Subject& s) { s.model.done.set_format(static_cast<v1::Format>(70 + s.Below(1000))); }},
    {"done.limit", [](Subject& s) { s.model.done.set_limit_name("nodes"); }},
    {"done.graph-bytes", [](Subject& s) { s.model.done.add_graph_bytes(s.Below(7)); }},
    {"done.graph-bytes",
     [](Subject& s) {
       for (size_t i = 0; i < kGraphColumns; ++i) s.model.done.add_graph_bytes(0);
       s.model.done.set_graph_bytes(static_cast<int>(1 + s.Below(5)), s.Below(1000) * 8 + 1 + s.Below(3));
     }},
    {"done.graph-bytes",
     [](Subject& s) {
       for (size_t i = 0; i < kGraphColumns; ++i) s.model.done.add_graph_bytes(0);
       s.model.done.set_graph_bytes(static_cast<int>(s.Below(7)), kMaxGraphRoom + 8);
     }},
    {"done.held-back", [](Subject& s) { s.model.done.set_held_back(true); }},
    {"done.nested", [](Subject& s) { s.model.done.add_nested()->set_level(5000); }},
};

OrVerdict<Conclusion> Judge(const Subject& subject) {
  const PlanModel& model = subject.model;
  Validator validator(model.limits, PlaceSizes{model.input_size, model.output_size, subject.file_ends});
  v1::PlanChunk plan = model.Plan();
  subject.columns(plan);
  AIRLOCK_TRY(validator.Add(PlanFrame(plan)));
  return FinishWith(validator, plan.graph(), model.done);
}

std::string LayerOf(const OrVerdict<Conclusion>& judged) {
  return judged.ok() ? "accepted" : judged.error().failure().layer();
}

TEST(ValidatorProperty, RandomPlansAreAccepted) {
  for (uint32_t seed = 0; seed < kPlans; ++seed) {
    std::mt19937 random(seed);
    const Subject subject{RandomModel(random), random};
    const auto judged = Judge(subject);
    ASSERT_TRUE(judged.ok()) << "seed " << seed << ": " << judged.error().failure().ShortDebugString();
    EXPECT_TRUE(judged->verdict.ok());
    EXPECT_EQ(judged->totals.nodes(), subject.model.nodes.size());
    EXPECT_EQ(judged->totals.tensors(), subject.model.tensors.size());
  }
}

TEST(ValidatorProperty, EveryMutationIsCaughtByTheRuleThatNamesIt) {
  for (uint32_t seed = 0; seed < kPlans; ++seed) {
    std::mt19937 random(seed);
    const PlanModel model = RandomModel(random);
    for (size_t i = 0; i < std::size(kMutations); ++i) {
      Subject subject{model, random};
      kMutations[i].apply(subject);
      ASSERT_EQ(LayerOf(Judge(subject)), std::string("validator: ") + kMutations[i].rule)
          << "seed " << seed << ", mutation " << i;
    }
  }
}

TEST(ValidatorProperty, EveryRuleHasAMutation) {
  // Of the first frame, which is no plan, and of a graph in a plan: validator_test. Of a second worker:
  // repeat_validator_test. Of the file: graph_file_test.
  std::set<std::string_view> mutated = {"ready.version", "ready.layers", "piece.graph",
                                        "repeat.plan",   "graph.holes",  "graph.surplus"};
  for (const Mutation& mutation : kMutations) mutated.insert(mutation.rule);
  for (const RuleRow& row : Rules()) EXPECT_TRUE(mutated.contains(row.id)) << row.id;
}

// The plan in pieces, cut anywhere, is the plan.
TEST(ValidatorProperty, PiecesMakeTheSamePlan) {
  for (uint32_t seed = 0; seed < kPlans; ++seed) {
    std::mt19937 random(seed);
    const PlanModel model = RandomModel(random);
    const v1::PlanChunk whole = model.Plan();
    v1::PlanChunk first = whole;
    v1::PlanChunk second;
    const auto cut = [&](auto& from, auto& to) {
      const int at = std::uniform_int_distribution<int>(0, from.size())(random);
      to.Add(from.begin() + at, from.end());
      from.Truncate(at);
    };
    cut(*first.mutable_tensors()->mutable_storage(), *second.mutable_tensors()->mutable_storage());
    cut(*first.mutable_tensors()->mutable_rank(), *second.mutable_tensors()->mutable_rank());
    cut(*first.mutable_tensors()->mutable_shape(), *second.mutable_tensors()->mutable_shape());
    cut(*first.mutable_storages()->mutable_offset(), *second.mutable_storages()->mutable_offset());
    Validator validator(model.limits, PlaceSizes{model.input_size, model.output_size, {}});
    for (v1::PlanChunk* piece : {&first, &second}) {
      ASSERT_TRUE(validator.Add(PlanFrame(*piece)).ok()) << seed;
    }
    const auto concluded = FinishWith(validator, whole.graph(), model.done);
    ASSERT_TRUE(concluded.ok()) << seed;
    EXPECT_EQ(concluded->plan->tensors().SerializeAsString(), whole.tensors().SerializeAsString());
  }
}

}  // namespace
}  // namespace airlock::server
