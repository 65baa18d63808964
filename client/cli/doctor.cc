// airlock doctor: each wall, with what was seen and what to do, then a real worker and a set of forbidden acts.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "airlock/words.h"
#include "client/cli/address.h"
#include "client/cli/escape.h"
#include "client/cli/file_report.h"
#include "client/cli/interrupt.h"
#include "client/cli/output.h"
#include "sandbox/walls/layers.h"

namespace airlock::cli {
namespace {

constexpr int kBelowMinimum = 78;

struct LayerState {
  std::string name;
  std::string state;  // ok, missing, unknown
  std::string evidence;
  std::string remedy;
};

struct Health {
  v1::GetCapabilitiesResponse capabilities;
  v1::SelfTestResponse test;
  std::vector<LayerState> layers;
  v1::Posture minimum = v1::POSTURE_NESTED;

  bool enough() const { return capabilities.posture() >= minimum; }
  int exit_code() const { return enough() && test.passed() ? 0 : kBelowMinimum; }
};

// The layers that this build knows, as the daemon has them, then those that only the daemon knows.
std::vector<LayerState> LayersOf(const v1::GetCapabilitiesResponse& capabilities) {
  std::vector<LayerState> states;
  for (const v1::Layer& layer : capabilities.layers()) {
    states.push_back({layer.name(), layer.in_force() ? "ok" : "missing", layer.evidence(), layer.remedy()});
  }
  for (const walls::LayerRow& row : walls::Layers()) {
    const bool reported =
        std::any_of(states.begin(), states.end(), [&](const LayerState& s) { return s.name == row.name; });
    if (!reported)
      states.push_back({std::string(row.name), "unknown", "the daemon does not say", std::string(row.remedy)});
  }
  return states;
}

void PrintJson(const Health& health) {
  JsonWriter json(stdout);
  json.BeginObject();
  json.Field("schema_version", uint64_t{1});
  json.Key("ok");
  json.Bool(health.exit_code() == 0);
  json.Field("version", health.capabilities.version());
  json.Field("posture", Word(health.capabilities.posture()));
  json.Field("minimum_posture", Word(health.minimum));
  json.Key("layers");
  json.BeginArray();
  for (const LayerState& layer : health.layers) {
    json.BeginObject();
    json.Field("name", layer.name);
    json.Field("state", layer.state);
    json.Field("evidence", layer.evidence);
    if (layer.state != "ok") json.Field("remedy", layer.remedy);
    json.EndObject();
  }
  json.EndArray();
  json.Key("probes");
  json.BeginArray();
  for (const v1::Probe& probe : health.test.probes()) {
    json.BeginObject();
    json.Field("act", probe.act());
    json.Key("stopped");
    json.Bool(probe.stopped());
    json.Field("evidence", probe.evidence());
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  json.Newline();
}

void PrintRow(const Paint& paint, bool good, const std::string& word, const std::string& name,
              const std::string& evidence) {
  char padded[16];
  snprintf(padded, sizeof padded, "%-8s", word.c_str());
  printf("  %s %-28s %s\n", (good ? paint.Good(padded) : paint.Bad(padded)).c_str(), Escape(name).c_str(),
         Escape(evidence).c_str());
}

// What several layers in a row need, as all namespaces do, is said once, below the last of them.
void PrintLayers(const std::vector<LayerState>& layers, const Paint& paint) {
  size_t alike = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerState& layer = layers[i];
    PrintRow(paint, layer.state == "ok", layer.state, layer.name, layer.evidence);
    alike = layer.state == "ok" ? 0 : alike + 1;
    const bool more = i + 1 < layers.size() && layers[i + 1].state != "ok" && layers[i + 1].remedy == layer.remedy;
    if (alike == 0 || more) continue;
    const std::string whose = alike == 1 ? "remedy" : "remedy for these " + std::to_string(alike);
    if (!layer.remedy.empty()) printf("           %s: %s\n", whose.c_str(), Escape(layer.remedy).c_str());
    alike = 0;
  }
}

void PrintConclusion(const Health& health, const Paint& paint) {
  if (!health.enough()) printf("%s: the walls are below the minimum\n", paint.Bad("failed").c_str());
  if (!health.test.passed()) printf("%s: a check of a real worker did not pass\n", paint.Bad("failed").c_str());
  if (health.exit_code() != 0) return;
  std::string missing;
  for (const LayerState& layer : health.layers) {
    if (layer.state != "ok") missing += (missing.empty() ? "" : ", ") + Escape(layer.name);
  }
  if (missing.empty()) {
    printf("%s\n", paint.Good("all is well").c_str());
  } else {
    printf("%s: the minimum (%s) is met and every act was stopped; missing beyond it: %s\n", paint.Good("well").c_str(),
           Word(health.minimum).c_str(), missing.c_str());
  }
}

void PrintTable(const Health& health, const Paint& paint) {
  printf("walls: %s (at least %s wanted)\n", Word(health.capabilities.posture()).c_str(), Word(health.minimum).c_str());
  PrintLayers(health.layers, paint);
  printf("forbidden acts, each tried by a fresh worker:\n");
  for (const v1::Probe& probe : health.test.probes()) {
    PrintRow(paint, probe.stopped(), probe.stopped() ? "stopped" : "NOT", probe.act(), probe.evidence());
  }
  PrintConclusion(health, paint);
}

ClientResult<Health> Examine(const Options& options) {
  // A daemon that starts behind any walls at all can say which are missing.
  PrivateOptions private_options;
  private_options.minimum_posture = v1::POSTURE_FILTER_ONLY;
  Session session(options, private_options);
  AIRLOCK_ASSIGN(const Client* client, session.Get());
  const CancelOnSignal cancel(*client);
  Health health;
  if (PostureOf(options.minimum_posture) != v1::POSTURE_UNSPECIFIED)
    health.minimum = PostureOf(options.minimum_posture);
  AIRLOCK_ASSIGN(health.capabilities, client->Capabilities());
  AIRLOCK_ASSIGN(health.test, client->SelfTest());
  health.layers = LayersOf(health.capabilities);
  return health;
}

}  // namespace

int RunDoctor(const Options& options) {
  const ClientResult<Health> health = Examine(options);
  if (!health.ok()) {
    PrintFailure(options, "", health.error());
    return health.error().exit_code;
  }
  if (options.format == Format::kTable) {
    PrintTable(*health, Paint(options.color));
  } else {
    PrintJson(*health);
  }
  return health->exit_code();
}

}  // namespace airlock::cli
