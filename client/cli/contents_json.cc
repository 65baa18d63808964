#include "client/cli/contents_json.h"

#include <limits>
#include <span>

#include "airlock/words.h"
#include "client/cli/listing.h"
#include "client/cli/metadata.h"
#include "client/cli/report_json.h"

namespace airlock::cli {
namespace {

void WriteNumbers(JsonWriter& json, const char* key, std::span<const uint64_t> numbers) {
  json.Key(key);
  json.BeginArray();
  for (uint64_t number : numbers) json.Uint(number);
  json.EndArray();
}

void WriteFlag(JsonWriter& json, const char* key, bool value) {
  json.Key(key);
  json.Bool(value);
}

void WriteFiles(JsonWriter& json, const v1::Report& report) {
  json.Key("files");
  json.BeginArray();
  for (const v1::File& file : report.files()) {
    json.BeginObject();
    json.Field("name", file.name());
    json.Field("size", file.size());
    json.EndObject();
  }
  json.EndArray();
}

void WriteReport(JsonWriter& json, const v1::Report& report) {
  if (!report.sha256().empty()) json.Field("sha256", report.sha256());
  json.Field("size", report.size());
  if (!report.files().empty()) WriteFiles(json, report);
  WriteFormat(json, report.format());
}

void WriteQuantization(JsonWriter& json, const v1::Quantization& quantization) {
  json.Key("quantization");
  json.BeginObject();
  if (quantization.has_per_channel()) {
    json.Field("axis", uint64_t{quantization.per_channel().axis()});
  } else {
    json.Key("scale");
    json.Double(quantization.per_tensor().scale());
    json.Key("zero_point");
    json.Int(quantization.per_tensor().zero_point());
  }
  json.EndObject();
}

void WriteTensor(JsonWriter& json, const NamedTensor& entry, const Contents& contents, const std::string* digest) {
  const TensorInfo& info = contents.tensor(entry.tensor);
  json.BeginObject();
  json.Field("name", entry.name);
  json.Field("dtype", Word(info.dtype));
  WriteNumbers(json, "shape", info.shape);
  WriteNumbers(json, "strides", info.strides);
  json.Field("storage", uint64_t{info.storage});
  json.Field("offset", info.offset);
  json.Field("nbytes", info.Bytes());
  WriteFlag(json, "requires_grad", info.requires_grad());
  if (const v1::Quantization* quantization = contents.quantization(entry.tensor))
    WriteQuantization(json, *quantization);
  if (digest != nullptr) json.Field("sha256", *digest);
  json.EndObject();
}

void WriteIntegers(JsonWriter& json, const char* key, const Graph& graph, NodeId integers) {
  json.Key(key);
  json.BeginArray();
  for (const NodeId integer : graph.Items(integers)) json.Int(graph.Int(integer));
  json.EndArray();
}

void WriteMeta(JsonWriter& json, const NamedMeta& entry, const Graph& graph) {
  const MetaTensor meta = graph.MetaAt(entry.node);
  json.BeginObject();
  json.Field("name", entry.name);
  json.Field("dtype", meta.dtype);
  WriteIntegers(json, "shape", graph, meta.shape);
  WriteIntegers(json, "strides", graph, meta.strides);
  WriteFlag(json, "requires_grad", (meta.flags & v1::TENSOR_FLAG_REQUIRES_GRAD) != 0);
  WriteFlag(json, "meta", true);
  json.EndObject();
}

void WriteTensors(JsonWriter& json, const Contents& contents, const std::vector<std::string>& digests,
                  const std::vector<Listed>& listed) {
  json.Key("tensors");
  json.BeginArray();
  for (const Listed& row : listed) {
    if (row.meta != nullptr) {
      WriteMeta(json, *row.meta, contents.graph());
    } else {
      WriteTensor(json, *row.tensor, contents, digests.empty() ? nullptr : &digests[row.tensor->tensor]);
    }
  }
  json.EndArray();
}

void WriteVerified(JsonWriter& json, const Verified& verified) {
  json.Key("verified");
  json.BeginObject();
  json.Field("compared", verified.compared);
  json.Field("without_crc32", verified.without);
  json.EndObject();
}

void WriteSymbols(JsonWriter& json, const std::vector<v1::Symbol>& symbols) {
  json.Key("symbols");
  json.BeginArray();
  for (const v1::Symbol& symbol : symbols) {
    json.BeginObject();
    json.Field("name", symbol.module().empty() ? symbol.name() : symbol.module() + "." + symbol.name());
    json.Field("class", Word(symbol.class_()));
    json.Field("uses", symbol.uses());
    WriteFlag(json, "would_call", symbol.would_call());
    json.Field("first_offset", symbol.first_offset());
    json.Field("level", uint64_t{symbol.level()});
    json.EndObject();
  }
  json.EndArray();
}

void WriteNested(JsonWriter& json, const v1::Report& report) {
  json.Key("nested");
  json.BeginArray();
  for (const v1::Nested& nested : report.nested()) {
    json.BeginObject();
    json.Field("where", nested.where());
    json.Field("format", Word(nested.format()));
    json.Field("level", uint64_t{nested.level()});
    json.EndObject();
  }
  json.EndArray();
}

void WriteTiming(JsonWriter& json, const v1::Timing& timing) {
  json.Key("timing");
  json.BeginObject();
  json.Field("queue_us", timing.queue_us());
  json.Field("decode_us", timing.decode_us());
  json.Field("validate_us", timing.validate_us());
  json.EndObject();
}

}  // namespace

void WriteContents(JsonWriter& json, const std::string& file, const Contents& contents,
                   const std::vector<std::string>& digests, const Options& options) {
  const v1::Report& report = contents.report();
  const std::vector<Listed> listed = ListTensors(contents, options.select);
  MetadataLimits limits;
  if (options.all) limits.nodes = std::numeric_limits<uint64_t>::max();
  json.BeginObject();
  json.Field("schema_version", kSchemaVersion);
  json.Field("file", file);
  WriteReport(json, report);
  json.Field("verdict", Word(report.verdict()));
  WritePosture(json, report.posture());
  if (options.verify) WriteVerified(json, VerifiedOf(contents, listed));
  WriteTensors(json, contents, digests, listed);
  WriteSymbols(json, contents.symbols());
  WriteFindings(json, contents.findings());
  WriteNested(json, report);
  json.Key("metadata");
  WriteMetadata(json, contents, limits);
  WriteTiming(json, report.timing());
  json.EndObject();
}

void WriteFailure(JsonWriter& json, const std::string& file, const ClientError& error) {
  static const Contents kNothing;
  const Contents& seen = error.seen == nullptr ? kNothing : *error.seen;
  const v1::Report& report = seen.report();
  json.BeginObject();
  json.Field("schema_version", kSchemaVersion);
  json.Field("file", file);
  if (error.seen != nullptr) WriteReport(json, report);
  json.Field("verdict", Word(error.verdict()));
  WritePosture(json, report.posture());
  json.Field("reason", error.reason_name());
  json.Field("message", error.message);
  if (report.failure().has_offset()) json.Field("offset", report.failure().offset());
  if (report.failure().has_limit()) {
    const v1::LimitHit& limit = report.failure().limit();
    json.Key("limit");
    json.BeginObject();
    json.Field("name", limit.name());
    json.Field("limit", limit.limit());
    json.Field("seen", limit.seen());
    json.EndObject();
  }
  if (!report.failure().layer().empty()) json.Field("layer", report.failure().layer());
  json.Key("tensors");
  json.BeginArray();
  json.EndArray();
  WriteSymbols(json, seen.symbols());
  WriteFindings(json, seen.findings());
  WriteNested(json, report);
  json.Key("metadata");
  json.Null();
  WriteTiming(json, report.timing());
  json.EndObject();
}

}  // namespace airlock::cli
