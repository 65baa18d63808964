// airlock version
#include "sandbox/base/version.h"

#include <cstdio>

#include "client/cli/json_writer.h"
#include "client/cli/options.h"

namespace airlock::cli {

int RunVersion(const Options& options) {
  if (options.format == Format::kTable) {
    printf("airlock %s\n", kVersion);
    return 0;
  }
  JsonWriter json(stdout);
  json.BeginObject();
  json.Field("version", kVersion);
  json.Field("api", "airlock.v1");
  json.Field("schema_version", uint64_t{1});
  json.EndObject();
  json.Newline();
  return 0;
}

}  // namespace airlock::cli
