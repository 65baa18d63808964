// A second worker's plan beside the first one's: the same, in whatever pieces, or a violation.
#include "server/validate/repeat_validator.h"

#include <google/protobuf/reflection.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/server/valid_plan.h"

namespace airlock::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Every column of a plan that a worker fills has something in it.
v1::PlanChunk FullPlan() {
  v1::PlanChunk plan = ValidPlan();
  plan.mutable_graph()->add_floats(std::numeric_limits<double>::quiet_NaN());
  return plan;
}

Conclusion FirstOf(const v1::PlanChunk& plan) {
  Conclusion first;
  first.format = v1::FORMAT_TORCH_ZIP;
  first.plan = std::make_shared<v1::PlanChunk>(plan);
  first.plan->clear_graph();
  first.graph = *WrittenGraph(plan.graph()).Seal(LengthsOf(plan.graph()));
  first.plan->mutable_entries()->set_names("w");
  return first;
}

void Append(const v1::GraphColumns& piece, v1::GraphColumns& graph) {
  const std::string kinds = graph.kinds() + piece.kinds();
  const std::string blob = graph.blob() + piece.blob();
  graph.MergeFrom(piece);
  graph.set_kinds(kinds);
  graph.set_blob(blob);
}

std::string LayerOf(const std::vector<v1::PlanChunk>& pieces, const worker::v1::Done& done = ValidDone(),
                    const Conclusion& first = FirstOf(FullPlan())) {
  RepeatValidator validator(Limits(), first);
  v1::GraphColumns graph;
  for (const v1::PlanChunk& piece : pieces) {
    if (auto added = validator.Add(PlanFrame(piece)); !added.ok()) return added.error().failure().layer();
    Append(piece.graph(), graph);
  }
  const auto finished = FinishWith(validator, graph, done);
  return finished.ok() ? "" : finished.error().failure().layer();
}

// The columns of a plan, those of its parts included: each is changed in its turn.
void ForEachColumn(Message& message, const std::function<void(Message&, const FieldDescriptor&)>& visit) {
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.name() == "entries" || field.name() == "findings") continue;
    if (!field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      ForEachColumn(*message.GetReflection()->MutableMessage(&message, &field), visit);
    } else {
      visit(message, field);
    }
  }
}

size_t SizeOf(const Message& message, const FieldDescriptor& field) {
  const auto* reflection = message.GetReflection();
  return field.is_repeated() ? static_cast<size_t>(reflection->FieldSize(message, &field))
                             : reflection->GetString(message, &field).size();
}

void DropLast(Message& message, const FieldDescriptor& field) {
  const auto* reflection = message.GetReflection();
  if (field.is_repeated()) return reflection->RemoveLast(&message, &field);
  std::string text = reflection->GetString(message, &field);
  text.pop_back();
  reflection->SetString(&message, &field, text);
}

// `which` counts columns; a plan with that one changed, or nothing behind the last.
std::optional<v1::PlanChunk> With(int which, const std::function<void(Message&, const FieldDescriptor&)>& change) {
  v1::PlanChunk plan = FullPlan();
  bool changed = false;
  ForEachColumn(plan, [&](Message& message, const FieldDescriptor& field) {
    if (which-- != 0) return;
    EXPECT_GT(SizeOf(message, field), 0U) << field.full_name();
    change(message, field);
    changed = true;
  });
  return changed ? std::optional(plan) : std::nullopt;
}

TEST(RepeatValidator, TheSamePlanIsTheSame) { EXPECT_EQ(LayerOf({FullPlan()}), ""); }

TEST(RepeatValidator, NoColumnMayBeShorter) {
  int columns = 0;
  while (const auto plan = With(columns, DropLast)) {
    EXPECT_EQ(LayerOf({*plan}), "validator: repeat.plan") << columns;
    ++columns;
  }
  EXPECT_EQ(columns, 22);
}

TEST(RepeatValidator, NoColumnMayBeLonger) {
  int columns = 0;
  while (const auto last = With(columns, [](Message&, const FieldDescriptor&) {})) {
    v1::PlanChunk more;
    int which = columns++;
    ForEachColumn(more, [&](Message& message, const FieldDescriptor& field) {
      if (which-- != 0) return;
      const auto* reflection = message.GetReflection();
      if (!field.is_repeated()) return reflection->SetString(&message, &field, std::string(1, '\0'));
      switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_MESSAGE:
          reflection->AddMessage(&message, &field);
          break;
        case FieldDescriptor::CPPTYPE_STRING:
          reflection->AddString(&message, &field, "");
          break;
        case FieldDescriptor::CPPTYPE_DOUBLE:
          reflection->AddDouble(&message, &field, 0);
          break;
        case FieldDescriptor::CPPTYPE_INT64:
          reflection->AddInt64(&message, &field, 0);
          break;
        case FieldDescriptor::CPPTYPE_UINT32:
          reflection->AddUInt32(&message, &field, 0);
          break;
        case FieldDescriptor::CPPTYPE_UINT64:
          reflection->AddUInt64(&message, &field, 0);
          break;
        default:
          reflection->AddEnumValue(&message, &field, 0);
      }
    });
    EXPECT_EQ(LayerOf({*last, more}), "validator: repeat.plan") << columns;
  }
}

TEST(RepeatValidator, NothingMayStandInAnotherPlace) {
  v1::PlanChunk plan = FullPlan();
  plan.mutable_storages()->set_offset(0, 104);
  EXPECT_EQ(LayerOf({plan}), "validator: repeat.plan");
  plan = FullPlan();
  plan.mutable_symbols(0)->set_class_(v1::SYMBOL_CLASS_KNOWN);
  EXPECT_EQ(LayerOf({plan}), "validator: repeat.plan");
  plan = FullPlan();
  plan.mutable_graph()->mutable_blob()->front() ^= 1;
  EXPECT_EQ(LayerOf({plan}), "validator: repeat.plan");
}

TEST(RepeatValidator, PiecesMayBeCutAnywhere) {
  const v1::PlanChunk whole = FullPlan();
  v1::PlanChunk first = whole;
  v1::PlanChunk second;
  auto& shape = *first.mutable_tensors()->mutable_shape();
  second.mutable_tensors()->mutable_shape()->Add(shape.begin() + 3, shape.end());
  shape.Truncate(3);
  second.mutable_symbols()->Swap(first.mutable_symbols());
  EXPECT_EQ(LayerOf({first, second}), "");
  EXPECT_EQ(LayerOf({second, first}), "validator: repeat.plan");
}

TEST(RepeatValidator, TheLastFrameMustBeTheSameToo) {
  worker::v1::Done done = ValidDone();
  done.set_format(v1::FORMAT_TORCH_LEGACY);
  EXPECT_EQ(LayerOf({FullPlan()}, done), "validator: repeat.plan");
  done = ValidDone();
  done.add_nested()->set_level(1);
  EXPECT_EQ(LayerOf({FullPlan()}, done), "validator: repeat.plan");
  done = ValidDone();
  done.set_held_back(true);
  EXPECT_EQ(LayerOf({FullPlan()}, done), "validator: done.held-back");
  done = ValidDone();
  done.set_reason(150);
  EXPECT_EQ(LayerOf({FullPlan()}, done), "validator: done.reason");
}

TEST(RepeatValidator, TheGraphComesInNoPiece) {
  const Conclusion first = FirstOf(FullPlan());
  RepeatValidator validator(Limits(), first);
  EXPECT_EQ(validator.Add(Tainted(FullPlan())).error().failure().layer(), "validator: piece.graph");
}

TEST(RepeatValidator, NamesAreTheBrokersToMake) {
  v1::PlanChunk plan = FullPlan();
  plan.mutable_entries()->set_names("w");
  EXPECT_EQ(LayerOf({plan}), "validator: piece.entries");
}

TEST(RepeatValidator, FindingsAreItsOwnAndFewAndChecked) {
  Limits limits;
  limits.findings = 2;
  const Conclusion first = FirstOf(FullPlan());
  RepeatValidator validator(limits, first);
  ASSERT_TRUE(validator.Add(PlanFrame(FullPlan())).ok());
  v1::PlanChunk more;
  more.add_findings()->set_id("zip.wrong-crc");
  more.mutable_findings(0)->set_severity(v1::SEVERITY_DANGER);
  ASSERT_TRUE(validator.Add(PlanFrame(more)).ok());
  EXPECT_EQ(validator.Add(PlanFrame(more)).error().failure().layer(), "validator: piece.findings");

  RepeatValidator another(Limits(), first);
  more.mutable_findings(0)->set_id("Not An Id");
  EXPECT_EQ(another.Add(PlanFrame(more)).error().failure().layer(), "validator: finding.id");
}

// It breaks off where it fails: what it has said must be right, and need not be all.
TEST(RepeatValidator, OneThatFailsSaysWhy) {
  worker::v1::Done done;
  done.set_reason(v1::REASON_COMPRESSION_BROKEN);
  v1::PlanChunk piece;
  *piece.mutable_symbols() = FullPlan().symbols();
  const Conclusion first = FirstOf(FullPlan());
  RepeatValidator validator(Limits(), first);
  ASSERT_TRUE(validator.Add(PlanFrame(piece)).ok());
  const auto finished = FinishWith(validator, {}, done);
  ASSERT_TRUE(finished.ok());
  EXPECT_EQ(finished->verdict.reason(), v1::REASON_COMPRESSION_BROKEN);
}

}  // namespace
}  // namespace airlock::server
