// airlock metrics: a running daemon's own account, in Prometheus' text format, for a scraper or a textfile collector.
#include <cstdio>
#include <string>

#include "client/cli/address.h"
#include "client/cli/file_report.h"
#include "client/cli/interrupt.h"
#include "client/cli/json_writer.h"
#include "client/cli/output.h"

namespace airlock::cli {
namespace {

constexpr int kUsage = 64;

ClientResult<std::string> Ask(const Options& options) {
  Session session(options);
  AIRLOCK_ASSIGN(const Client* client, session.Get());
  const CancelOnSignal cancel(*client);
  return client->Metrics();
}

void PrintJson(const std::string& text) {
  JsonWriter json(stdout);
  json.BeginObject();
  json.Field("prometheus_text", text);
  json.EndObject();
  json.Newline();
}

}  // namespace

int RunMetrics(const Options& options) {
  if (AddressOf(options).empty()) {
    // One that this call started would have nothing to tell.
    PrintNote("", "metrics are those of a running daemon: name it by --address or $AIRLOCK_ADDRESS");
    return kUsage;
  }
  const ClientResult<std::string> text = Ask(options);
  if (!text.ok()) {
    PrintFailure(options, "", text.error());
    return text.error().exit_code;
  }
  if (options.format == Format::kTable) {
    (void)fputs(text->c_str(), stdout);
  } else {
    PrintJson(*text);
  }
  return 0;
}

}  // namespace airlock::cli
