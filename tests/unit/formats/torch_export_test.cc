// torch.export's archives: what the configs may say, where the bytes are, and what is told and not looked at.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sandbox/formats/payload_config.h"
#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

using fixtures::FloatStorage;
using fixtures::PickleAssembler;
using fixtures::WriteZip;
using fixtures::ZipPart;

constexpr const char* kFloat = "7";

struct Entry {
  std::string name = "w";
  std::string path = "weight_0";
  std::string dtype = kFloat;
  std::string sizes = R"([{"as_int": 4}])";
  std::string strides = R"([{"as_int": 1}])";
  std::string offset = "0";
  std::string grad = "false";
  std::string parameter = "false";
  std::string pickle = "false";
  std::string layout = "7";
  std::string device = R"({"type": "cpu", "index": null})";
};

std::string Quoted(const std::string& text) { return '"' + text + '"'; }

std::string Json(const Entry& entry) {
  return Quoted(entry.name) + R"(: {"path_name": )" + Quoted(entry.path) + R"(, "is_param": )" + entry.parameter +
         R"(, "use_pickle": )" + entry.pickle + R"(, "tensor_meta": {"dtype": )" + entry.dtype + R"(, "sizes": )" +
         entry.sizes + R"(, "requires_grad": )" + entry.grad + R"(, "device": )" + entry.device + R"(, "strides": )" +
         entry.strides + R"(, "storage_offset": {"as_int": )" + entry.offset + R"(}, "layout": )" + entry.layout + "}}";
}

std::string Config(const std::vector<std::string>& entries) {
  std::string json = R"({"config": {)";
  for (const std::string& entry : entries) json += (json.back() == '{' ? "" : ", ") + entry;
  return json + "}}";
}

ZipPart Part(const std::string& name, std::string data, bool deflate = false) {
  return {.name = "m/" + name, .data = std::move(data), .deflate = deflate};
}

std::string Saved(const std::string& key) {
  const std::vector<fixtures::StorageSpec> storages = {FloatStorage("0", 2)};
  const std::vector<fixtures::TensorSpec> tensors = {{.name = key, .storage = 0, .shape = {2}, .stride = {1}}};
  return WriteZip(fixtures::TorchZipShape(fixtures::PickleStateDict(tensors, storages, false), storages));
}

struct Archive {
  std::string weights = Config({Json({})});
  std::string constants = Config({});
  std::vector<ZipPart> parts = {Part("data/weights/weight_0", FloatStorage("0", 4).bytes)};
  std::string format = "pt2";
  std::string version = "0";
  std::string byte_order = "little";
  std::string model = "model";
  std::string program = "{}";
};

std::string Write(const Archive& archive) {
  std::vector<ZipPart> parts = archive.parts;
  parts.push_back(Part("data/weights/" + archive.model + "_weights_config.json", archive.weights));
  parts.push_back(Part("data/constants/" + archive.model + "_constants_config.json", archive.constants));
  parts.push_back(Part("models/" + archive.model + ".json", archive.program));
  parts.push_back(Part("archive_format", archive.format));
  parts.push_back(Part("archive_version", archive.version));
  parts.push_back(Part(".data/version", "6\n"));
  parts.push_back(Part("byteorder", archive.byte_order));
  return WriteZip({.parts = parts});
}

Decoded DecodeArchive(const Archive& archive) { return DecodeBytes(Write(archive)); }
Decoded DecodeEntry(const Entry& entry) { return DecodeArchive({.weights = Config({Json(entry)})}); }

TEST(TorchExport, WeightsAreSpansUnderTheirNames) {
  const Entry half{
      .name = "layer.half", .sizes = R"([{"as_int": 2}])", .offset = "2", .grad = "true", .parameter = "true"};
  const Decoded decoded = DecodeArchive({.weights = Config({Json({.name = "layer.weight"}), Json(half)}),
                                         .constants = Config({Json({.name = "c", .path = "tensor_0"})}),
                                         .parts = {Part("data/weights/weight_0", FloatStorage("0", 4).bytes),
                                                   Part("data/constants/tensor_0", FloatStorage("0", 4).bytes)}});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.format, Format::kTorchExport);
  const std::vector<ListedTensor> listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[0].name, "state_dict.layer.weight");
  EXPECT_EQ(listed[1].name, "state_dict.layer.half");
  EXPECT_EQ(listed[2].name, "constants.c");
  EXPECT_TRUE(listed[1].requires_grad);
  EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("0", 4).bytes);
  EXPECT_EQ(TensorBytes(decoded, 1), FloatStorage("0", 4).bytes.substr(8));
  // One member is one storage.
  const tensors::Tables& tables = decoded.checkpoint.tables;
  EXPECT_EQ(tables.tensor(0).storage, tables.tensor(1).storage);
  EXPECT_EQ(tables.tensor(1).flags, tensors::kRequiresGrad | tensors::kParameter);
  EXPECT_EQ(tables.storages()[0].place, tensors::Place::kInput);
  EXPECT_TRUE(decoded.HasFinding("export.program"));
  EXPECT_FALSE(decoded.HasFinding("zip.unused-member"));
}

// Of what a program says to torch.export.load; a note where that is nothing.
pickle::Severity SeverityOfProgram(const std::string& program) {
  const Decoded decoded = DecodeArchive({.program = program});
  EXPECT_TRUE(decoded.ok()) << decoded.message();
  for (const pickle::Finding& finding : decoded.checkpoint.context.findings) {
    if (finding.id == "export.expression") return finding.severity;
  }
  return pickle::Severity::kNote;
}

// torch.export.load gives sizes to sympify, which is eval, and compiles guards.
TEST(TorchExport, TextsThatAreEvaluated) {
  using pickle::Severity;
  EXPECT_EQ(SeverityOfProgram(R"x({"a": [{"as_expr": {"expr_str": "Symbol('s0')"}}], "guards_code": ["s0 > 1"]})x"),
            Severity::kNote);
  EXPECT_EQ(SeverityOfProgram(R"x({"metadata": {"stack_trace": "__import__('os')"}})x"), Severity::kNote);
  EXPECT_EQ(SeverityOfProgram(R"x({"a": [{"as_expr": {"expr_str": "\u005f_import__('os')"}}]})x"), Severity::kDanger);
  EXPECT_EQ(SeverityOfProgram(R"x({"guards_code": ["s0 > 1", "exec('x')"]})x"), Severity::kDanger);
  EXPECT_EQ(SeverityOfProgram(R"x({"expr_str": "preview('x')"})x"), Severity::kWarning);
  EXPECT_EQ(SeverityOfProgram(R"x({"expr_str": "eval('x')", )x"), Severity::kDanger);
  EXPECT_EQ(SeverityOfProgram("{"), Severity::kWarning);
  EXPECT_EQ(SeverityOfProgram(std::string("{}\0", 3)), Severity::kWarning);
}

// Structures of arguments: torch imports the module of a defaultdict's factory and that of an enumeration.
TEST(TorchExport, NamesThatAreImported) {
  using pickle::Severity;
  const auto structure = [](const nlohmann::json& type, const std::string& key = "in_spec") {
    return nlohmann::json{{key, nlohmann::json::array({1, type}).dump()}}.dump();
  };
  const auto factory = [&](const std::string& module, const std::string& name) {
    return structure({{"type", "collections.defaultdict"},
                      {"context", {{"default_factory_module", module}, {"default_factory_name", name}}}});
  };
  // The context is a text in the text.
  const auto enumeration = [&](const std::string& fqn, const std::string& key = "out_spec") {
    const nlohmann::json member = {{"__enum__", true}, {"fqn", fqn}, {"name", "X"}};
    return structure({{"type", "builtins.dict"}, {"context", nlohmann::json::array({member}).dump()}}, key);
  };
  EXPECT_EQ(SeverityOfProgram(factory("builtins", "list")), Severity::kNote);
  EXPECT_EQ(SeverityOfProgram(factory("collections", "OrderedDict")), Severity::kNote);
  EXPECT_EQ(SeverityOfProgram(factory("builtins", "breakpoint")), Severity::kWarning);
  EXPECT_EQ(SeverityOfProgram(factory("antigravity", "list")), Severity::kWarning);
  EXPECT_EQ(SeverityOfProgram(enumeration("torch.nested:X")), Severity::kNote);
  EXPECT_EQ(SeverityOfProgram(enumeration("antigravity:X")), Severity::kWarning);
  EXPECT_EQ(SeverityOfProgram(enumeration("antigravity:X", "stack_trace")), Severity::kNote);
  EXPECT_EQ(SeverityOfProgram(R"({"module_call_graph": [{"fqn": "layer1.conv"}]})"), Severity::kNote);
  // What Python's reader takes and ours does not.
  EXPECT_EQ(SeverityOfProgram(R"({"in_spec": "[1, {\"x\": NaN}]"})"), Severity::kWarning);
  std::string deep = "[]";
  for (int level = 0; level < 12; ++level) deep = nlohmann::json::array({deep}).dump();
  EXPECT_EQ(SeverityOfProgram(nlohmann::json{{"in_spec", deep}}.dump()), Severity::kWarning);
}

TEST(TorchExport, ADeflatedWeightIsInflated) {
  const Decoded decoded = DecodeArchive({.parts = {Part("data/weights/weight_0", FloatStorage("0", 4).bytes, true)}});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.tables.storages()[0].place, tensors::Place::kOutput);
  EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("0", 4).bytes);
}

TEST(TorchExport, WhatWasPickledIsACheckpointOfItsOwn) {
  const std::string object =
      R"("o": {"path_name": "opaque_obj_0", "is_param": false, "use_pickle": true, "tensor_meta": null})";
  const Decoded decoded =
      DecodeArchive({.weights = Config({Json({.name = "a", .pickle = "true"}), Json({.name = "b", .pickle = "true"})}),
                     .constants = Config({object}),
                     .parts = {Part("data/weights/weight_0", Saved("inner")),
                               Part("data/constants/opaque_obj_0", PickleAssembler().Proto(2).Int(7).Stop()),
                               Part("data/sample_inputs/model.pt", Saved("x"))}});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const std::vector<ListedTensor> listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 2U);  // two names of one container, which is listed once
  EXPECT_EQ(listed[0].name, "state_dict.a.inner");
  EXPECT_EQ(listed[1].name, "example_inputs.x");
  EXPECT_EQ(decoded.checkpoint.tables.storages()[0].place, tensors::Place::kInput);
}

TEST(TorchExport, APickleInItIsJudgedLikeAnyOther) {
  const std::string evil = PickleAssembler().Proto(2).Global("os", "system").Text("id").Op("\x85R").Stop();
  const std::string object =
      R"("o": {"path_name": "opaque_obj_0", "is_param": false, "use_pickle": true, "tensor_meta": null})";
  const Decoded decoded = DecodeArchive(
      {.weights = Config({}), .constants = Config({object}), .parts = {Part("data/constants/opaque_obj_0", evil)}});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.HasFinding("pickle.dangerous-symbol"));
}

// Torch goes by the path alone.
TEST(TorchExport, AnObjectThatIsCalledATensorIsAPickleAllTheSame) {
  const std::string evil = PickleAssembler().Proto(2).Global("os", "system").Text("id").Op("\x85R").Stop();
  for (const char* path : {"opaque_obj_0", "custom_obj_0"}) {
    const std::string sizes = R"([{"as_int": )" + std::to_string(evil.size()) + "}]";
    const Entry bytes{.name = "o", .path = path, .dtype = "1", .sizes = sizes};
    const Decoded decoded = DecodeArchive({.weights = Config({}),
                                           .constants = Config({Json(bytes)}),
                                           .parts = {Part(std::string("data/constants/") + path, evil)}});
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_TRUE(decoded.HasFinding("pickle.dangerous-symbol")) << path;
    EXPECT_TRUE(ListTensors(decoded).empty()) << path;
  }
}

TEST(TorchExport, AMemberWithoutBytesIsATensorWithoutData) {
  const Decoded decoded = DecodeArchive({.parts = {Part("data/weights/weight_0", "")}});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_TRUE(decoded.HasFinding("export.no-data"));
  EXPECT_TRUE(ListTensors(decoded).empty());
}

TEST(TorchExport, SeveralProgramsStandUnderTheirNames) {
  Archive archive{.model = "a"};
  archive.parts.push_back(Part("data/weights/b_weights_config.json", Config({Json({.name = "v"})})));
  archive.parts.push_back(Part("data/constants/b_constants_config.json", Config({})));
  archive.parts.push_back(Part("models/b.json", "{}"));
  const Decoded decoded = DecodeArchive(archive);
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const std::vector<ListedTensor> listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].name, "b.state_dict.v");
  EXPECT_EQ(listed[1].name, "a.state_dict.w");
}

TEST(TorchExport, WhatACompilerMadeIsNeverClean) {
  Archive archive;
  archive.parts.push_back(Part("data/aotinductor/model/model.wrapper.so",
                               "\x7f"
                               "ELF"));
  archive.parts.push_back(Part("extra/note.txt", "by the author"));
  archive.parts.push_back(Part("data/other", "?"));
  const Decoded decoded = DecodeArchive(archive);
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  for (const char* id : {"export.compiled", "archive.library", "export.extra-file", "zip.unused-member"}) {
    EXPECT_TRUE(decoded.HasFinding(id)) << id;
  }
}

TEST(TorchExport, TheFirstVersionOfTheFormatHasACheckpointForEach) {
  const std::vector<ZipPart> parts = {Part("data/weights/m.pt", Saved("w")), Part("data/constants/m.pt", Saved("c")),
                                      Part("models/m.json", "{}"), Part("archive_format", "pt2"),
                                      Part(".data/version", "6\n")};
  const Decoded decoded = DecodeBytes(WriteZip({.parts = parts}));
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  ASSERT_EQ(ListTensors(decoded).size(), 2U);
  EXPECT_EQ(ListTensors(decoded)[1].name, "constants.c");
  Archive both;
  both.parts.push_back(Part("data/weights/model.pt", Saved("w")));
  EXPECT_EQ(DecodeArchive(both).reason(), Reason::kZipAmbiguous);
}

// --- before torch 2.8 ---

ZipPart Plain(const char* name, std::string data, bool deflate = false) {
  return {.name = name, .data = std::move(data), .deflate = deflate, .torch_style = false};
}

TEST(OldTorchExport, EachPartIsACheckpoint) {
  for (const bool deflate : {false, true}) {
    const Decoded decoded = DecodeBytes(WriteZip(
        {.parts = {Plain("serialized_exported_program.json", "{}", deflate),
                   Plain("serialized_state_dict.pt", Saved("w"), deflate),
                   Plain("serialized_constants.pt", Saved("c"), deflate), Plain("serialized_example_inputs.pt", ""),
                   Plain("version", "8.5"), Plain("extra_files/x", "x")}}));
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_EQ(decoded.checkpoint.format, Format::kTorchExport);
    const std::vector<ListedTensor> listed = ListTensors(decoded);
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[0].name, "state_dict.w");
    EXPECT_EQ(listed[1].name, "constants.c");
    EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("0", 2).bytes);
    EXPECT_TRUE(decoded.HasFinding("export.extra-file"));
  }
}

TEST(OldTorchExport, TwoStateDictsAreNotChosenFrom) {
  EXPECT_EQ(DecodeBytes(WriteZip({.parts = {Plain("serialized_exported_program.json", "{}"),
                                            Plain("serialized_state_dict.pt", Saved("w")),
                                            Plain("serialized_state_dict.json", Saved("v"))}}))
                .reason(),
            Reason::kZipAmbiguous);
}

// --- what lies ---

struct BadEntry {
  const char* name;
  Entry entry;
  Reason reason;
};
class BadEntries : public testing::TestWithParam<BadEntry> {};
TEST_P(BadEntries, AreRefused) {
  const Decoded decoded = DecodeEntry(GetParam().entry);
  EXPECT_EQ(decoded.reason(), GetParam().reason) << decoded.message();
}
const char* const kHuge = R"([{"as_int": 9223372036854775807}])";
INSTANTIATE_TEST_SUITE_P(
    All, BadEntries,
    testing::Values(
        BadEntry{"NoMember", {.path = "weight_1"}, Reason::kZipMalformed},
        BadEntry{"PathUpwards", {.path = "../weights/weight_0"}, Reason::kZipMalformed},
        BadEntry{"PathOutside", {.path = "/etc/passwd"}, Reason::kZipMalformed},
        BadEntry{"PathInCapitals", {.path = "Weight_0"}, Reason::kZipMalformed},
        BadEntry{"NoPath", {.path = ""}, Reason::kZipMalformed},
        BadEntry{"UnknownType", {.dtype = "14"}, Reason::kUnsupportedFeature},
        BadEntry{"TypeNone", {.dtype = "0"}, Reason::kUnsupportedFeature},
        BadEntry{"TypeTooLarge", {.dtype = "18446744073709551615"}, Reason::kUnsupportedFeature},
        BadEntry{"OtherLayout", {.layout = "1"}, Reason::kUnsupportedFeature},
        BadEntry{"LongerThanItsMember", {.sizes = R"([{"as_int": 5}])"}, Reason::kTensorOutOfBounds},
        BadEntry{"OffsetPastTheEnd", {.offset = "1"}, Reason::kTensorOutOfBounds},
        BadEntry{"StridePastTheEnd", {.strides = R"([{"as_int": 2}])"}, Reason::kTensorOutOfBounds},
        BadEntry{"HugeSize", {.sizes = kHuge}, Reason::kTensorOutOfBounds},
        BadEntry{"HugeStride", {.strides = kHuge}, Reason::kTensorOutOfBounds},
        BadEntry{"HugeOffset", {.offset = "18446744073709551615"}, Reason::kTensorOutOfBounds},
        BadEntry{"HalfAnElement",
                 {.dtype = "11", .sizes = "[]", .strides = "[]", .offset = "1"},
                 Reason::kTensorOutOfBounds},
        BadEntry{"FewerStrides", {.strides = "[]"}, Reason::kZipMalformed},
        BadEntry{"NegativeSize", {.sizes = R"([{"as_int": -1}])"}, Reason::kZipMalformed},
        BadEntry{"SizeIsAFraction", {.sizes = R"([{"as_int": 4.0}])"}, Reason::kZipMalformed},
        BadEntry{"SizeIsAnExpression", {.sizes = R"([{"as_expr": {"expr_str": "s0"}}])"}, Reason::kUnsupportedFeature},
        BadEntry{"SizeIsNoObject", {.sizes = "[4]"}, Reason::kZipMalformed},
        BadEntry{"SizeTwice", {.sizes = R"([{"as_int": 4, "as_int": 1}])"}, Reason::kZipMalformed},
        BadEntry{"DeviceIsNoName", {.device = R"({"type": "cp\nu"})"}, Reason::kZipMalformed},
        BadEntry{"GradIsANumber", {.grad = "1"}, Reason::kZipMalformed},
        BadEntry{"NulInAName", {.name = "a\\u0000b"}, Reason::kZipMalformed},
        BadEntry{"ATypeThatIsPickled", {.pickle = "true"}, Reason::kNotACheckpoint}),
    [](const auto& row) { return row.param.name; });

TEST(TorchExport, AMemberOfTwoTypes) {
  EXPECT_EQ(DecodeArchive({.weights = Config({Json({}), Json({.name = "v", .dtype = "4"})})}).reason(),
            Reason::kPickleMalformed);
}

TEST(TorchExport, OfAnotherKind) {
  EXPECT_EQ(DecodeArchive({.format = "pt3"}).reason(), Reason::kUnsupportedFormat);
  EXPECT_EQ(DecodeArchive({.format = "pt2\n"}).reason(), Reason::kUnsupportedFormat);
  EXPECT_EQ(DecodeArchive({.version = "1"}).reason(), Reason::kUnsupportedFeature);
  EXPECT_EQ(DecodeArchive({.version = "00"}).reason(), Reason::kUnsupportedFeature);
  EXPECT_EQ(DecodeArchive({.byte_order = "big"}).reason(), Reason::kUnsupportedFeature);
}

TEST(TorchExport, AProgramWithoutItsWeights) {
  Archive archive;
  archive.parts.push_back(Part("models/other.json", "{}"));
  EXPECT_EQ(DecodeArchive(archive).reason(), Reason::kZipMalformed);
}

TEST(TorchExport, ArchivesInArchivesEndSomewhere) {
  std::string inner = Write({});
  for (int level = 0; level < 200; ++level) {
    inner = WriteZip(
        {.parts = {Plain("serialized_exported_program.json", "{}"), Plain("serialized_state_dict.pt", inner)}});
  }
  const Decoded decoded = DecodeBytes(inner);
  EXPECT_EQ(decoded.reason(), Reason::kUnsupportedFeature);
  EXPECT_NE(decoded.message().find("checkpoints in checkpoints"), std::string::npos) << decoded.message();
}

// --- the config ---

Result<std::vector<Payload>> Parse(const std::string& json, const Limits& limits = {}) {
  return ParsePayloadConfig(json, limits, "config");
}

TEST(PayloadConfig, ReadsEachField) {
  const auto read = Parse(Config({Json({.offset = "3", .device = R"({"type": "cuda", "index": 1})"})}));
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->size(), 1U);
  const Payload& payload = read->front();
  EXPECT_EQ(payload.name, "w");
  EXPECT_EQ(payload.path, "weight_0");
  ASSERT_TRUE(payload.tensor);
  EXPECT_EQ(payload.tensor->sizes, (std::vector<uint64_t>{4}));
  EXPECT_EQ(payload.tensor->offset, 3U);
  EXPECT_EQ(payload.tensor->device, "cuda:1");
}

TEST(PayloadConfig, WhatTwoReadersCouldReadInTwoWays) {
  const std::string entry = Json({});
  const std::string deep(100'000, '[');
  for (
      const std::string& json :
      {std::string(), std::string("[]"), std::string("null"), std::string("{}"), std::string(R"({"config": null})"),
       std::string(R"({"config": []})"), std::string(R"({"config": {}, "more": 1})"), Config({entry, entry}),
       Config({entry}) + "x", Config({entry}) + '\0', Config({R"("w": {})"}), Config({R"("w": 1)"}),
       std::string(
           R"({"config": {"w": {"path_name": "a", "is_param": false, "use_pickle": false, "compression": "zstd"}}})"),
       std::string(R"({"config": {"w": {"path_name": "a", "path_name": "b", "is_param": false, "use_pickle": true}}})"),
       std::string(
           R"({"config": {"w": {"path_name": "a", "is_param": false, "use_pickle": true, "tensor_meta": null, "tensor_meta": null}}})"),
       R"({"config": )" + deep, deep, std::string("{\"config\": {\"\xff\": 1}}")}) {
    EXPECT_FALSE(Parse(json).ok()) << json.substr(0, 200);
  }
}

TEST(PayloadConfig, Limits) {
  airlock::Limits limits;
  limits.tensors = 1;
  EXPECT_TRUE(Parse(Config({Json({})}), limits).ok());
  EXPECT_EQ(Parse(Config({Json({}), Json({.name = "v"})}), limits).error().reason, Reason::kLimitExceeded);
  limits = {};
  limits.dims = 1;
  EXPECT_TRUE(Parse(Config({Json({})}), limits).ok());
  const std::string two = R"([{"as_int": 2}, {"as_int": 2}])";
  EXPECT_EQ(Parse(Config({Json({.sizes = two})}), limits).error().reason, Reason::kLimitExceeded);
}

TEST(TorchExport, LimitsOfTheLoad) {
  Limits limits;
  limits.string_bytes = 20;
  EXPECT_EQ(DecodeBytes(Write({}), limits).reason(), Reason::kLimitExceeded);
  limits = {};
  limits.nodes = 5;
  EXPECT_EQ(DecodeBytes(Write({}), limits).reason(), Reason::kLimitExceeded);
}

}  // namespace
}  // namespace airlock::formats
