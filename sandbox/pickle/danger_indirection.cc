// What reaches or calls whatever it is told to: by itself it does nothing, and with it everything can be done. getattr
// is not here: nested classes and enumerations are written with it, so it is followed instead (suspicion.h). And what a
// dotted name or a getattr chain may walk through.
#include "sandbox/pickle/symbol_table.h"

namespace airlock::pickle {
namespace {

using F = Family;

constexpr SymbolRow kRows[] = {
    Danger(F::kIndirection, "builtins", "setattr delattr globals locals vars"),
    Danger(F::kIndirection, "operator _operator", "attrgetter methodcaller call"),
    Danger(F::kIndirection, "types",
           "CodeType FunctionType LambdaType ModuleType CellType coroutine BuiltinFunctionType BuiltinMethodType "
           "FrameType TracebackType GeneratorType new_class DynamicClassAttribute"),
    Danger(F::kIndirection, "new", "code function module classobj instancemethod"),
    Danger(
        F::kIndirection, "inspect",
        "getattr_static getmodule getsource getsourcefile getsourcelines getfile findsource currentframe stack trace "
        "getouterframes getinnerframes get_annotations linecache _main unwrap getmembers getmembers_static "
        "_signature_fromstr"),
    Danger(F::kIndirection, "string", "Formatter Formatter.*"),
    Danger(F::kIndirection, "_string", "formatter_field_name_split formatter_parser"),
    Danger(F::kIndirection, "gc"),
    Danger(F::kIndirection, "weakref", "finalize"),
    Danger(F::kIndirection, "contextlib",
           "ExitStack AsyncExitStack redirect_stdout redirect_stderr redirect_stdin chdir"),
    Danger(F::kIndirection, "copy", "_reconstruct"),
};

constexpr ModuleAlias kAliases[] = {
    {"np", "numpy"}, {"pd", "pandas"},          {"sp", "scipy"},   {"th", "torch"},       {"tf", "tensorflow"},
    {"osp", "os"},   {"mp", "multiprocessing"}, {"pkl", "pickle"}, {"cpickle", "pickle"}, {"cPickle", "pickle"},
};

constexpr std::string_view kWalked =
    "os sys subprocess posix nt builtins importlib imp pkgutil shutil socket ctypes pickle marshal runpy pty "
    "tempfile threading io multiprocessing pathlib urllib requests http code platform inspect types gc functools "
    "operator copyreg asyncio signal atexit webbrowser linecache codecs zipfile tarfile gzip cloudpickle dill joblib "
    "yaml";

constexpr std::string_view kVendored =
    "cloudpickle cloudpickle_fast dill subprocess ctypes importlib runpy pickle pkg_resources requests urllib3";

constexpr std::string_view kFunctions =
    "Popen check_output check_call getoutput getstatusoutput fork_exec execv execve execvp execvpe spawnv spawnve "
    "spawnvp run_path execfile exec_ CDLL load_op_library rmtree urlopen urlretrieve import_module import_string "
    "import_item import_object import_attr import_from_string resolve_name symbol_by_name instantiate_class "
    "_load_from_bytes";

constexpr MethodRow kMethods[] = {
    {F::kFiles,
     "from_file tofile dump _write_file _set_from_file _new_with_file _share_filename_cpu_ _new_using_filename_cpu "
     "_new_shared_filename_cpu _share_fd_cpu_ _new_shared_fd_cpu _new_shared_cuda open write_text write_bytes "
     "symlink_to "
     "hardlink_to to_pickle to_csv to_hdf to_parquet to_feather to_excel to_sql to_stata to_orc save_pretrained "
     "export_chrome_trace export_stacks"},
    {F::kExecution,
     "runcode runcommand run_code runctx runcall runeval execWrapper exec_command exec_module exec_string eval_string "
     "communicate system popen Popen load_library LoadLibrary load_op_library"},
    {F::kImport, "load_module find_module find_spec import_module _convert _convert_"},
    {F::kLoader,
     "from_pretrained load_from_checkpoint load_state_dict_from_url load_url read_pickle unpickle load_build "
     "load_bytes "
     "save_to_buffer "
     "_save_for_lite_interpreter"},
    {F::kIndirection, "mro get_field evaluate_forward_ref"},
};

}  // namespace

SymbolTable IndirectionRows() { return TableOf<kRows>(); }
std::span<const ModuleAlias> ModuleAliases() { return kAliases; }
std::string_view WalkedModules() { return kWalked; }
std::string_view VendoredModules() { return kVendored; }
std::string_view FunctionsAnywhere() { return kFunctions; }
std::span<const MethodRow> Methods() { return kMethods; }

}  // namespace airlock::pickle
