#include "client/cli/sarif.h"

#include <cstdio>
#include <string_view>

#include "airlock/error.h"
#include "airlock/words.h"
#include "sandbox/base/version.h"

namespace airlock::cli {
namespace {

constexpr char kSchema[] = "https://json.schemastore.org/sarif-2.1.0.json";

// Rules that are no reasons, by how they begin.
struct RuleRow {
  std::string_view begins;
  const char* text;
};
constexpr RuleRow kRules[] = {
    {kUndeterminedRule, "a file in which something was not looked at, though another reader may have a use for it"},
    {kUnknownTypeRule, "an object of a class that Airlock does not know; it stays inert"},
    {"pickle.", "found in a pickle stream"},
    {"python.", "found in an object of one of Python's own classes"},
    {"torch.", "found in an object of torch"},
    {"numpy.", "found in an object of numpy"},
    {"recovery.", "found when the state of a pickled module or optimizer was recovered"},
    {"torchscript.", "found in a TorchScript archive"},
    {"package.", "found in a torch.package archive"},
    {"export.", "found in a torch.export archive"},
    {"zip.", "found in the structure of a zip archive"},
    {"tar.", "found in the structure of a tar archive"},
    {"archive.", "found beside the data of an archive"},
    {"set.", "found in a set of files"},
    {"", "found in the file"},
};

std::string TextOf(const std::string& rule) {
  const v1::Reason reason = ReasonOf(rule);
  if (reason != v1::REASON_UNSPECIFIED) return FactsOf(reason).sentence();
  for (const RuleRow& row : kRules) {
    if (rule.starts_with(row.begins)) return row.text;
  }
  return rule;
}

void WriteText(JsonWriter& json, const char* key, const std::string& text) {
  json.Key(key);
  json.BeginObject();
  json.Field("text", text);
  json.EndObject();
}

// A path as a relative or absolute URI reference.
std::string UriOf(std::string_view path) {
  constexpr std::string_view kPlain = "-._~/";
  std::string uri;
  for (const char c : path) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (word || kPlain.find(c) != std::string_view::npos) {
      uri += c;
      continue;
    }
    char escape[4];
    snprintf(escape, sizeof escape, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    uri += escape;
  }
  return uri;
}

void WritePlace(JsonWriter& json, const std::string& file, uint64_t offset) {
  json.BeginObject();
  json.Key("physicalLocation");
  json.BeginObject();
  json.Key("artifactLocation");
  json.BeginObject();
  json.Field("uri", UriOf(file));
  json.EndObject();
  json.Key("region");
  json.BeginObject();
  json.Field("byteOffset", offset);
  json.EndObject();
  json.EndObject();
  json.EndObject();
}

void WriteTool(JsonWriter& json, const SarifRules& rules) {
  json.Key("tool");
  json.BeginObject();
  json.Key("driver");
  json.BeginObject();
  json.Field("name", "airlock");
  json.Field("version", kVersion);
  json.Key("rules");
  json.BeginArray();
  for (const std::string& rule : rules) {
    json.BeginObject();
    json.Field("id", rule);
    WriteText(json, "shortDescription", TextOf(rule));
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  json.EndObject();
}

}  // namespace

void BeginSarif(JsonWriter& json) {
  json.BeginObject();
  json.Field("$schema", kSchema);
  json.Field("version", "2.1.0");
  json.Key("runs");
  json.BeginArray();
  json.BeginObject();
  json.Key("results");
  json.BeginArray();
}

void WriteSarifResult(JsonWriter& json, const std::string& file, const SarifResult& result) {
  json.BeginObject();
  json.Field("ruleId", result.rule);
  json.Field("level", result.level);
  WriteText(json, "message", result.message);
  json.Key("locations");
  json.BeginArray();
  WritePlace(json, file, result.offset);
  json.EndArray();
  json.EndObject();
}

void EndSarif(JsonWriter& json, const SarifRules& rules) {
  json.EndArray();
  WriteTool(json, rules);
  json.EndObject();
  json.EndArray();
  json.EndObject();
}

}  // namespace airlock::cli
