#include "client/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli/output.h"
#include "sandbox/base/version.h"

namespace airlock::cli {
namespace {

constexpr int kUsage = 64;
constexpr double kMostSeconds = 1e6;

constexpr char kExamples[] =
    "Opens model checkpoints that nobody should trust.\n\n"
    "  airlock inspect model.pt                      what is inside; nothing of it runs\n"
    "  airlock scan models/                          may these be loaded? for people and for gates\n"
    "  airlock convert model.pt model.safetensors    its weights, in a format that cannot run anything\n"
    "  airlock load --digests --format json model.pt\n"
    "  airlock doctor                                do the walls stand on this machine?\n\n"
    "Exit codes: 0 clean, 1 unsafe or refused, 2 could not decide, 64 usage, 66 no such input,\n"
    "69 daemon unreachable or overloaded, 70 internal, 78 walls below the minimum.\n";

struct Subcommand {
  const char* name;
  const char* summary;
  const char* examples;
  int (*run)(const Options&);
};

constexpr Subcommand kSubcommands[] = {
    {"inspect", "what is inside: format, tensors, symbols, findings; metadata with --format json; moves no weights",
     "  airlock inspect model.pt\n  airlock inspect --format jsonl *.pt | jq .verdict\n"
     "  airlock inspect llama/model.safetensors.index.json      (its folder is opened with it)\n\n"
     "Metadata (all that is no tensor: epochs, arguments, settings) is in the JSON alone, as `metadata`: --format "
     "json,\n"
     "and --all for the whole of it.\n",
     RunInspect},
    {"scan", "a verdict for each checkpoint, in directories too; clean means that every byte was accounted for",
     "  airlock scan model.pt\n  airlock scan --format sarif models/ > airlock.sarif\n"
     "  airlock scan --allow-unknown --format jsonl . | jq 'select(.status == \"unsafe\")'\n\n"
     "Exit codes: 0 clean; 1 unsafe or refused; 2 could not decide, unknown types too unless --allow-unknown.\n",
     RunScan},
    {"load", "load the whole file; --digests proves every tensor; dangerous files only with --inert",
     "  airlock load model.pt\n  airlock load --digests --format json model.pt\n", RunLoad},
    {"convert", "write the weights as safetensors; with --split the training state beside them",
     "  airlock convert model.pt model.safetensors\n  airlock convert --key nets.0.ema gan.pt gan.safetensors\n"
     "  airlock convert --split last.pth.tar last/        weights, optimizer, and the rest as JSON\n\n"
     "--key auto takes the root if it is a flat mapping of tensors, a pickled or TorchScript module, or of a format\n"
     "that is a table of tensors (safetensors, GGUF, .npz); else the first of state_dict_ema, model_ema, state_dict,\n"
     "model, module, model_state_dict that holds tensors. --key '' takes all tensors there are.\n",
     RunConvert},
    {"policy", "the system calls that a worker may make, with the reason of each", "  airlock policy --format json\n",
     RunPolicy},
    {"doctor", "each wall: ok, missing or unknown; then a real worker and a set of attacks",
     "  airlock doctor\n  airlock --address unix:/run/airlock/airlockd.sock doctor --json\n", RunDoctor},
    {"metrics", "what a running daemon stands behind and has done, as Prometheus reads it",
     "  airlock --address unix:/run/airlock/airlockd.sock metrics\n", RunMetrics},
    {"version", "the version of this program", "  airlock version --json\n", RunVersion},
};

// Help of a subcommand: the examples, kept as its footer, stand first, and last what all subcommands take.
class SubcommandHelp : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    return app->get_footer() + "\n" + CLI::Formatter::make_description(app);
  }
  std::string make_footer(const CLI::App* app) const override {
    const CLI::App* all = app->get_parent();
    const auto common = [&](const CLI::Option* option) {
      return option != all->get_help_ptr() && option != all->get_version_ptr();
    };
    // Without the empty line that it begins with: one is there already.
    return make_group("Options of all commands", false, all->get_options(common)).substr(1);
  }
};

// Says of what is no number that it is none; a range alone would say that it lies outside.
std::string WrongSeconds(const std::string& text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool number = error == std::errc() && end == text.data() + text.size();
  if (number && seconds >= 0 && seconds <= kMostSeconds) return {};
  return "'" + text + "' is no number of seconds from 0 to 1000000";
}

void AddGlobalOptions(CLI::App& app, Options& options) {
  app.add_option("--address", options.address,
                 "unix:/path or dns:///host:port; else $AIRLOCK_ADDRESS; else a private daemon for this call");
  app.add_option("--tls-ca", options.tls_ca, "CA certificate of the daemon, PEM; else $AIRLOCK_TLS_CA");
  app.add_option("--tls-cert", options.tls_cert, "certificate of this caller, PEM; else $AIRLOCK_TLS_CERT");
  app.add_option("--tls-key", options.tls_key, "key of this caller, PEM; else $AIRLOCK_TLS_KEY");
  app.add_flag("--server-path", options.server_path,
               "FILE is a path of the addressed daemon's machine: send it, not the bytes");
  app.add_option("--minimum-posture", options.minimum_posture,
                 "the least walls that are enough, whichever daemon it is; else what the daemon has for enough")
      ->check(CLI::IsMember({"full", "nested", "filter-only"}))
      ->envname("AIRLOCK_MINIMUM_POSTURE");
  app.add_option("--timeout", options.timeout, "seconds for each file; 0: the daemon's limits")
      ->check(CLI::Validator(WrongSeconds, ""))
      ->type_name("SECONDS");
  auto formats = [&options](const std::string& word) {
    options.format = word == "json"    ? Format::kJson
                     : word == "jsonl" ? Format::kJsonl
                     : word == "sarif" ? Format::kSarif
                                       : Format::kTable;
  };
  app.add_option_function<std::string>("--format", formats, "how to print (default: table); sarif: of scan")
      ->check(CLI::IsMember({"table", "json", "jsonl", "sarif"}));
  auto colors = [&options](const std::string& word) {
    options.color = word == "always" ? Color::kAlways : word == "never" ? Color::kNever : Color::kAuto;
  };
  app.add_option_function<std::string>("--color", colors, "whether to colour (default: auto, which respects NO_COLOR)")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

void AddOptions(CLI::App& sub, const std::string& name, Options& options) {
  if (name == "inspect" || name == "load") {
    sub.add_option("FILE", options.files,
                   "checkpoints, and folders that are one; FILE!MEMBER opens a member of a zip archive or of a folder")
        ->required();
    sub.add_flag("--all", options.all, "every tensor, symbol and finding; with --format json the whole metadata");
  }
  if (name == "scan") {
    sub.add_option("PATH", options.files, "checkpoints, and directories that hold some")->required();
    sub.add_flag("--allow-unknown", options.allow_unknown, "let files pass that hold types which are not known");
    sub.add_flag("--all", options.all, "every symbol and finding");
  }
  if (name == "load")
    sub.add_flag("--digests", options.digests, "sha256 of each tensor's elements, row-major, little-endian");
  if (name == "load" || name == "convert") {
    sub.add_flag("--copy", options.copy,
                 "read the file instead of mapping it: for files that others may cut short meanwhile");
    sub.add_flag("--verify", options.verify,
                 "hold the data against the checksums (CRC-32) that the file has of them, where it has any");
    sub.add_flag("--inert", options.inert, "take a dangerous file too: what it would call stays an inert record");
  }
  if (name == "inspect" || name == "load" || name == "convert") {
    sub.add_option("--select", options.select,
                   "only tensors of such names (* any run, ? one character); may be repeated")
        ->allow_extra_args(false);
  }
  if (name == "convert") {
    sub.add_option("SRC", options.source, "checkpoint, or a folder that is one")->required();
    sub.add_option("DST", options.destination,
                   "safetensors file to write, replaced if it is there; with --split the folder")
        ->required();
    sub.add_option("--key", options.key,
                   "auto, or the path of the weights: state_dict, nets.0.ema; '' for all tensors, from the root on");
    sub.add_flag("--split", options.split,
                 "DST is a folder: weights, averaged weights, all other tensors, and all else as JSON")
        ->excludes(sub.get_option("--select"));
    sub.add_flag("--strip", options.strip, "take module. and _orig_mod. off the names of the weights");
    sub.add_flag("--force", options.force, "let DST be SRC itself; with --split: replace files that are there");
  }
  if (name == "doctor" || name == "version" || name == "policy") {
    sub.add_flag_callback(
        "--json", [&options] { options.format = Format::kJson; }, "as --format json");
  }
}

// What is wrong, where no subcommand was recognised: CLI11 says only that there is none.
std::string WithoutSubcommand(const CLI::App& app) {
  std::string names;
  for (const Subcommand& row : kSubcommands) names += (names.empty() ? "" : ", ") + std::string(row.name);
  const std::vector<std::string> others = app.remaining();
  if (others.empty()) return "a command is missing: " + names;
  if (others.front().starts_with('-')) return "there is no option " + others.front();
  return "'" + others.front() + "' is no command; there are " + names;
}

int Complain(const CLI::App& app, const std::string& sentence) {
  std::string help = "airlock";
  for (const CLI::App* sub : app.get_subcommands()) help += " " + sub->get_name();
  PrintNote("", sentence);
  fprintf(stderr, "  hint: `%s --help` lists what there is\n", help.c_str());
  return kUsage;
}

// Of what CLI11 did not take for a command line: a call for help, or an error.
int Reply(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {
    std::ostringstream text;
    app.exit(error, text, text);
    fputs(text.str().c_str(), stdout);
    return 0;
  }
  const bool none = error.get_name() == "RequiredError" && app.get_subcommands().empty();
  return Complain(app, none ? WithoutSubcommand(app) : error.what());
}

}  // namespace

Parsed ParseCommandLine(int argc, const char* const* argv) {
  CommandLine command;
  CLI::App app(kExamples, "airlock");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string("airlock ") + kVersion);
  AddGlobalOptions(app, command.options);
  for (const Subcommand& row : kSubcommands) {
    CLI::App* sub = app.add_subcommand(row.name, row.summary);
    sub->footer(row.examples);
    sub->formatter(std::make_shared<SubcommandHelp>());
    AddOptions(*sub, row.name, command.options);
    sub->callback([&command, run = row.run] { command.run = run; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, Reply(app, error)};
  }
  if (command.options.format == Format::kSarif && command.run != RunScan) {
    return {std::nullopt, Complain(app, "--format sarif: of scan alone")};
  }
  return {std::move(command), 0};
}

}  // namespace airlock::cli
