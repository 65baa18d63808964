#include "client/cli/report_json.h"

#include "airlock/words.h"

namespace airlock::cli {

void WriteFormat(JsonWriter& json, v1::Format format) {
  json.Key("format");
  format == v1::FORMAT_UNSPECIFIED ? json.Null() : json.String(Word(format));
}

void WritePosture(JsonWriter& json, v1::Posture posture) {
  json.Key("posture");
  posture == v1::POSTURE_UNSPECIFIED ? json.Null() : json.String(Word(posture));
}

void WriteFindings(JsonWriter& json, const std::vector<v1::Finding>& findings) {
  json.Key("findings");
  json.BeginArray();
  for (const v1::Finding& finding : findings) {
    json.BeginObject();
    json.Field("id", finding.id());
    json.Field("severity", Word(finding.severity()));
    json.Field("message", finding.message());
    json.Field("where", finding.where());
    json.Field("offset", finding.offset());
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace airlock::cli
