// What runs code or commands, and what stops or changes the process itself. Whole modules wherever that is what the
// module is for: its harmless names are of no use to a checkpoint, but for the exceptions.
#include "sandbox/pickle/symbol_table.h"

namespace airlock::pickle {
namespace {

using F = Family;

constexpr SymbolRow kRows[] = {
    // Source text and code objects
    Danger(
        F::kExecution, "builtins",
        "eval exec execfile compile __import__ __build_class__ apply breakpoint reload input raw_input help exit quit "
        "license copyright credits"),
    Danger(F::kExecution,
           "runpy code codeop py_compile compileall dis symtable _symtable this __phello__ rlcompleter cmd"),
    Danger(F::kExecution, "jinja2 mako chameleon Cheetah genshi.template tornado.template"),
    Danger(F::kExecution,
           "cython Cython pyximport numexpr asteval RestrictedPython js2py execjs py_mini_racer rpy2 julia"),
    Danger(F::kExecution, "IPython ipykernel nbconvert nbclient fire"),
    Danger(F::kExecution, "_testcapi _testinternalcapi _testmultiphase _xxtestfuzz"),

    // Commands and other processes
    Danger(F::kExecution, "os posix nt posixpath ntpath genericpath macpath os2emxpath"),
    Harmless("os", "PathLike"),
    Danger(F::kExecution, "subprocess _posixsubprocess _winapi _subprocess popen2 commands pipes pty _bootsubprocess"),
    Danger(F::kExecution, "multiprocessing _multiprocessing _posixshmem concurrent"),
    Danger(F::kExecution, "platform _osx_support _aix_support sysconfig _sysconfig uuid mailcap cgitb webbrowser"),
    Harmless("uuid", "SafeUUID.*"),
    Danger(F::kExecution, "sh plumbum pexpect ptyprocess invoke fabric psutil git pwn pwnlib ansible salt docker"),
    Danger(F::kExecution, "py.process py._process py.path py._path envoy delegator paramiko"),
    Danger(F::kExecution, "win32api win32com win32process win32pipe pythoncom comtypes win32file"),
    Danger(F::kExecution, "AppKit Foundation objc ScriptingBridge appscript gi"),
    Danger(F::kExecution, "jpype jnius py4j"),
    Danger(F::kExecution, "mpi4py celery luigi airflow"),
    // Clusters: their checkpoints hold plain records of these packages, so not everything.
    Danger(F::kExecution, "ray", "init remote get put wait kill cancel method"),
    Danger(F::kExecution,
           "ray.cloudpickle ray._private ray._raylet ray.actor ray.remote_function ray.util ray.job_submission"),

    // Debuggers, profilers and test runners, which run what they are given
    Danger(F::kExecution,
           "bdb pdb timeit profile cProfile _lsprof pstats hotshot trace doctest unittest test nose pytest"),
    Danger(F::kExecution, "_pytest idlelib lib2to3 _pyrepl pyrepl pydoc pydoc_data turtle turtledemo tkinter _tkinter"),
    Danger(F::kExecution, "line_profiler memory_profiler pyinstrument debugpy pydevd ipdb pudb"),

    // Machine code
    Danger(F::kExecution, "ctypes _ctypes cffi _cffi_backend cppyy pycuda pyopencl"),
    Danger(F::kExecution, "cupy", "RawKernel RawModule ElementwiseKernel ReductionKernel fuse load save"),
    Danger(F::kExecution, "cupy._core.raw cupy.cuda.compiler"),

    // Threads, tasks and interpreters: what they are given runs later
    Danger(F::kExecution, "threading _thread _threading_local dummy_threading _dummy_thread asyncio _asyncio sched"),
    Danger(F::kExecution, "gevent eventlet greenlet trio anyio curio"),
    Danger(F::kExecution,
           "_interpreters _xxsubinterpreters _xxinterpchannels _interpchannels _interpqueues interpreters"),

    // The process: handlers that run later, its end, its limits
    Danger(F::kProcess, "signal _signal atexit faulthandler tracemalloc _tracemalloc resource"),
    Harmless("signal", "Signals Handlers Signals.* Handlers.*"),
    Danger(F::kProcess, "time", "sleep clock_settime clock_settime_ns"),

    // Programs that run as soon as something names them
    Danger(F::kOnImport,
           "antigravity idlelib.idle idlelib.__main__ unittest.__main__ lib2to3.__main__ tkinter.__main__"),
    Danger(F::kOnImport, "test.__main__ test.autotest test.regrtest sitecustomize usercustomize"),
};

}  // namespace

SymbolTable ExecutionRows() { return TableOf<kRows>(); }

}  // namespace airlock::pickle
