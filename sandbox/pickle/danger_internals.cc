// Helpers inside libraries that evaluate, compile or run what they are given, though the library is there for something
// else.
#include "sandbox/pickle/symbol_table.h"

namespace airlock::pickle {
namespace {

using F = Family;

constexpr SymbolRow kRows[] = {
    // Python's own: annotations, expressions and templates that are evaluated
    Danger(F::kInternals, "typing typing_extensions", "get_type_hints _eval_type ForwardRef.* evaluate_forward_ref"),
    Danger(F::kInternals, "annotationlib gettext"),
    Danger(F::kInternals, "ast", "parse compile"),
    Danger(F::kInternals, "dataclasses", "_create_fn make_dataclass _process_class _FuncBuilder"),

    Danger(F::kInternals,
           "numpy.testing numpy.f2py numpy.distutils numpy.ctypeslib numpy.core.setup numpy.core.setup_common "
           "numpy.lib.utils numpy._pytesttester"),
    Danger(F::kInternals,
           "numpy.lib._utils_impl numpy._utils._inspect numpy.core._internal._ctypes numpy.lib.introspect"),
    Danger(F::kInternals, "numpy", "safe_eval source info lookfor deprecate show_config test"),
    Danger(F::kInternals,
           "scipy._lib._ccallback scipy.weave scipy._lib.decorator scipy._lib._testutils scipy._build_utils"),
    Danger(F::kInternals, "decorator", "FunctionMaker FunctionMaker.* decorator decorate"),
    Danger(F::kInternals, "pandas", "eval DataFrame.eval DataFrame.query test show_versions"),
    Danger(F::kInternals, "pandas.core.computation pandas.util._print_versions pandas.util._tester pandas._testing"),
    Danger(F::kInternals, "pandas.core.frame", "DataFrame.eval DataFrame.query DataFrame.to_*"),
    Danger(F::kInternals, "patsy.eval patsy.build"),
    Danger(F::kInternals, "patsy", "dmatrix dmatrices EvalEnvironment EvalEnvironment.*"),
    Danger(F::kInternals, "sympy", "sympify lambdify parsing parse_expr preview"),
    Danger(F::kInternals, "sympy.parsing sympy.utilities sympy.core.sympify sympy.printing.preview sympy.external"),
    Danger(F::kInternals, "sklearn.utils._testing sklearn.utils._show_versions sklearn.datasets"),
    Danger(F::kInternals, "matplotlib.testing matplotlib.texmanager matplotlib.animation matplotlib.sphinxext"),

    Danger(F::kInternals, "torch", "compile hub jit ops classes _utils_internal _lazy _inductor _dynamo"),
    Danger(F::kInternals,
           "torch.utils.collect_env torch.utils.bottleneck torch.utils.cpp_extension torch.utils.benchmark"),
    Danger(F::kInternals, "torch.utils._config_module torch.utils._cpp_extension_versioner torch.utils.hipify"),
    Danger(F::kInternals,
           "torch.utils.show_pickle torch.utils.model_dump torch.utils._crash_handler torch.utils.cpp_backtrace"),
    Danger(F::kInternals, "torch.utils.throughput_benchmark torch.utils._triton torch.utils._sympy.interp"),
    Danger(F::kInternals, "torch._dynamo torch._inductor torch._functorch torch._export torch._higher_order_ops"),
    // Left in pickles by compiled models.
    Harmless("torch._dynamo.eval_frame", "OptimizedModule"),
    Danger(F::kInternals, "torch._appdirs torch._sources torch._lazy torch._utils_internal torch._strobelight"),
    Danger(F::kInternals, "torch.fx.experimental torch.fx._symbolic_trace torch.fx.operator_schemas"),
    Danger(F::kInternals, "torch.fx.graph_module",
           "reduce_graph_module reduce_package_graph_module reduce_deploy_graph_module _deserialize_graph_module "
           "_exec_with_source _forward_from_src _method_from_src _EvalCacheLoader _print_readable"),
    Danger(F::kInternals,
           "torch.jit.unsupported_tensor_ops torch.jit.annotations torch.jit.frontend torch.jit.supported_ops"),
    Danger(F::kInternals, "torch.jit._dataclass_impls torch.jit._monkeytype_config"),
    Danger(F::kInternals,
           "torch.testing torch.multiprocessing torch.backends._nnapi torch.backends._coreml torch.backends.xeon"),
    Danger(F::kInternals,
           "torch.distributed.launch torch.distributed.run torch.distributed.elastic torch.distributed.launcher"),
    Danger(F::kInternals, "torch.distributed.nn.jit torch.distributed.argparse_util torch.distributed._tools"),
    Danger(F::kInternals, "torch.onnx",
           "export* _export* _run_symbolic_function register_custom_op_symbolic load dynamo_export verification utils"),
    Danger(F::kInternals, "torch.onnx.utils torch.onnx.verification torch.onnx._internal torch.onnx._experimental"),
    Danger(F::kInternals, "torch.profiler torch.profiler.profiler torch.autograd.profiler",
           "ExecutionGraphObserver ExecutionTraceObserver tensorboard_trace_handler load_nvprof profile"),
    Danger(F::kInternals, "torch.cuda.profiler torch.contrib._tensorboard_vis"),
    Danger(F::kInternals, "torch.cuda._memory_viz torch.cuda._sanitizer torch.cuda.jiterator torch.cuda._gpu_trace"),
    Danger(F::kInternals, "torch.library", "Library impl define custom_op register_*"),
    Danger(F::kInternals, "torchvision.datasets.utils torchvision._internally_replaced_utils torchtext.utils"),
};

}  // namespace

SymbolTable InternalsRows() { return TableOf<kRows>(); }

}  // namespace airlock::pickle
