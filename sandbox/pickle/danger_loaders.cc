// What opens another stream or file and builds objects from it, without the rules of this one: loaders of pickles and
// of whatever else can name what is to be called.
#include "sandbox/pickle/symbol_table.h"

namespace airlock::pickle {
namespace {

using F = Family;

constexpr SymbolRow kRows[] = {
    // Called on a stream that is in the file too: decoded by the same rules, and dangerous only where it does not
    // decode.
    {SymbolClass::kDangerous, Builder::kLoadPickle, F::kLoader, "pickle _pickle cloudpickle dill dill._dill", "loads"},
    {SymbolClass::kDangerous, Builder::kLoadTorch, F::kLoader, "torch.storage", "_load_from_bytes"},
    Danger(F::kLoader, "pickle _pickle cPickle _compat_pickle pickletools pickle5 marshal shelve"),
    Danger(F::kLoader, "cloudpickle jsonpickle klepto compress_pickle pathos multiprocess zodbpickle quickle"),
    Danger(F::kLoader, "dill"),
    Danger(F::kLoader, "copyreg",
           "pickle constructor add_extension remove_extension clear_extension_cache dispatch_table _extension_registry "
           "_inverted_registry _extension_cache"),
    Danger(F::kLoader, "yaml ruamel.yaml ruamel_yaml",
           "load load_all unsafe_load full_load unsafe_load_all full_load_all Loader UnsafeLoader FullLoader YAML"),
    Danger(F::kLoader, "yaml.constructor yaml.loader ruamel.yaml.constructor"),
    Danger(F::kLoader, "joblib", "load dump Parallel"),
    Danger(F::kLoader, "joblib.numpy_pickle", "load load_temporary_memmap dump _unpickle NumpyUnpickler NumpyPickler"),
    Danger(F::kLoader, "joblib.numpy_pickle_compat", "load_compatibility"),
    Danger(F::kLoader, "joblib.externals joblib.memory joblib.parallel joblib._store_backends joblib.pool loky"),
    Harmless("joblib.memory", "Memory"),
    Danger(F::kLoader, "sklearn.externals.joblib skops.io sklearn.utils.parallel"),

    // torch
    Danger(F::kLoader, "torch", "load save"),
    Danger(F::kLoader, "torch.serialization",
           "load save _load _legacy_load _save _legacy_save _open_file _open_file_like _open_zipfile_reader "
           "_open_zipfile_writer _open_zipfile_reader.* add_safe_globals safe_globals register_package "
           "_package_registry load_with_mmap validate_cuda_device find_package_module mkdtemp"),
    Danger(F::kLoader, "torch.storage", "_share_memory_lock"),
    Danger(F::kLoader, "torch._weights_only_unpickler"),
    Danger(F::kLoader, "torch.jit",
           "load save jit_module_from_flatbuffer save_jit_module_to_flatbuffer script trace trace_module freeze "
           "CompilationUnit ScriptFunction"),
    Danger(F::kLoader, "torch.jit._serialization torch.jit._trace torch.jit._recursive torch.jit.generate_bytecode"),
    Danger(F::kLoader, "torch.jit.mobile torch.utils.jit torch.utils.mobile_optimizer torch.utils.bundled_inputs"),
    Danger(F::kLoader, "torch.jit._script",
           "script create_script_module create_script_list _recursive_compile_class call_prepare_scriptable_func"),
    Harmless("torch.jit._script", "RecursiveScriptModule ScriptModule"),
    Danger(F::kLoader,
           "torch.hub torch.utils.model_zoo torch.utils.data.datapipes torch.utils._zip torch.utils._freeze"),
    Danger(F::kLoader, "torch.export torch._export", "load save"),
    Danger(F::kLoader, "torch._export.serde torch.export.pt2_archive torch._inductor.package"),
    Danger(F::kLoader, "torch.distributed.checkpoint",
           "load save async_save load_state_dict save_state_dict FileSystemReader FileSystemWriter"),
    Danger(F::kLoader, "torch.distributed.checkpoint.state_dict_loader torch.distributed.checkpoint.state_dict_saver"),
    Danger(F::kLoader, "torch.distributed.checkpoint.filesystem torch.distributed.checkpoint.format_utils"),
    Danger(F::kLoader, "torch.distributed.checkpoint.hf_storage torch.distributed.checkpoint._fsspec_filesystem"),
    Danger(F::kLoader, "torch.distributed.distributed_c10d torch.distributed",
           "_object_to_tensor _tensor_to_object all_gather_object gather_object send_object_list recv_object_list "
           "broadcast_object_list scatter_object_list init_process_group _new_process_group_helper FileStore TCPStore "
           "HashStore PrefixStore"),
    Danger(F::kLoader, "torch.distributed._shard", "load_with_process_group"),
    Danger(F::kLoader, "torch.distributed._shard.checkpoint.filesystem torch.utils.data.communication"),
    Danger(F::kLoader, "torch.distributed.optim.zero_redundancy_optimizer", "_broadcast_object"),
    Danger(
        F::kLoader, "torch._C",
        "PyTorchFileReader PyTorchFileWriter PyTorchStreamReader import_ir_module* _import_ir_module* _load_* load_* "
        "_save_* _backport_* _get_model_* _get_mobile_* _get_file_format ScriptModuleSerializer LiteScriptModule "
        "_jit_* _parse_source_def parse_ir parse_schema parse_type_comment _create_function_* CompilationUnit "
        "ScriptFunction ScriptModule DeserializationStorageContext SerializationStorageContext read_vitals "
        "_set_print_stack_traces_on_fatal_signal _jit_to_backend _aoti_* _export_* _import_*"),
    Danger(F::kLoader, "torch._C_flatbuffer torch._C._distributed_rpc torch._C._distributed_autograd torch._C._aoti"),
    Danger(F::kLoader, "torch._C._distributed_c10d",
           "FileStore TCPStore HashStore PrefixStore Store _test_python_store"),
    Danger(F::kLoader, "torch.classes torch._classes torch.ops torch._ops"),
    Danger(F::kLoader, "torch.ao.quantization._learnable_fake_quantize"),
    Danger(F::kLoader, "torchaudio torchvision.io torchaudio.io",
           "load save info read_* write_* StreamReader StreamWriter"),

    // numpy, pandas and their like
    Danger(F::kLoader, "numpy", "load save savez savez_compressed"),
    Danger(F::kLoader,
           "numpy.lib.npyio numpy.lib._npyio_impl numpy.lib.format numpy.lib._format_impl numpy.compat.py3k"),
    Danger(F::kLoader, "numpy.core._methods numpy._core._methods", "_dump _dumps"),
    Danger(F::kLoader, "numpy.ma numpy.ma.core numpy.core numpy.core.numeric numpy.core.multiarray",
           "load loads dump dumps"),
    Danger(F::kLoader, "pandas", "read_pickle to_pickle HDFStore read_hdf"),
    Danger(F::kLoader, "pandas.io.pickle pandas.io.pytables pandas.compat.pickle_compat"),
    Danger(F::kLoader, "scipy.io scipy.sparse.load_npz scipy.sparse._matrix_io"),
    Danger(F::kLoader, "scipy.sparse", "load_npz save_npz"),
    Danger(F::kLoader, "statsmodels.iolib.smpickle statsmodels.api", "load_pickle save_pickle load"),
    Danger(F::kLoader, "pyarrow.serialization pyarrow.hdfs pyarrow.fs pyarrow.plasma pyarrow.flight pyarrow.dataset"),
    Danger(F::kLoader, "pyarrow", "deserialize serialize memory_map OSFile input_stream output_stream"),
    Danger(F::kLoader, "numba.core.serialize numba.serialize numba.core.codegen numba.pycc"),
    Danger(F::kLoader, "xgboost.core lightgbm.basic", "_load_lib"),

    // Frameworks
    Danger(F::kLoader, "transformers", "pipeline Tool load_tool CodeAgent ReactCodeAgent Agent HfAgent"),
    Danger(F::kLoader,
           "transformers.dynamic_module_utils transformers.tools transformers.agents transformers.commands"),
    Danger(F::kLoader, "transformers.pipelines", "pipeline check_task get_task clean_custom_task"),
    Danger(F::kLoader, "transformers.pipelines.base transformers.modeling_utils",
           "infer_framework_load_model load_model load_state_dict load_sharded_checkpoint get_framework"),
    Danger(F::kLoader, "accelerate", "notebook_launcher debug_launcher load_checkpoint_in_model"),
    Danger(F::kLoader, "accelerate.commands accelerate.launchers"),
    Danger(F::kLoader, "datasets evaluate", "load load_dataset load_metric load_from_disk"),
    Danger(F::kLoader, "datasets.load evaluate.loading diffusers.utils.dynamic_modules_utils"),
    Danger(F::kLoader, "mlflow.projects mlflow.pyfunc mlflow.utils mlflow.pytorch mlflow.sklearn mlflow.store"),
    Danger(F::kLoader, "keras", "models saving"),
    Danger(F::kLoader, "keras.models tensorflow.keras.models keras.src.models keras.engine.saving",
           "load_model model_from_json model_from_config model_from_yaml clone_model"),
    Danger(F::kLoader, "keras.saving keras.src.saving tensorflow.keras.saving tensorflow.python.keras.saving"),
    Danger(F::kLoader,
           "keras.utils keras.src.utils tensorflow.keras.utils keras.src.utils.python_utils "
           "keras.utils.generic_utils tensorflow.python.keras.utils.generic_utils",
           "func_load get_file deserialize_keras_object load_img custom_object_scope"),
    Danger(F::kLoader,
           "keras.layers keras.layers.core keras.layers.core.lambda_layer keras.src.layers.core.lambda_layer "
           "tensorflow.keras.layers tensorflow.python.keras.layers.core",
           "Lambda TFSMLayer TorchModuleWrapper deserialize"),
    Danger(F::kLoader, "tensorflow",
           "load_op_library load_library py_function numpy_function raw_ops saved_model io.* train.load_checkpoint"),
    Danger(F::kLoader, "tensorflow.saved_model tensorflow.raw_ops tensorflow.python.saved_model tensorflow.io.gfile"),
    Danger(F::kLoader,
           "tensorflow.python.framework.load_library tensorflow.python.lib.io tensorflow.python.platform.gfile"),
    Danger(F::kLoader, "onnxruntime onnx",
           "InferenceSession load load_model save save_model SessionOptions external_data_helper"),
    Danger(F::kLoader, "ultralytics.hub ultralytics.utils.downloads ultralytics.utils.checks ultralytics.utils.files"),
    Danger(F::kLoader, "ultralytics.nn.tasks ultralytics.utils.patches ultralytics.utils",
           "attempt_load* torch_safe_load torch_load parse_model yaml_model_load yaml_load guess_* load_checkpoint"),
    Danger(F::kLoader, "fastai.learner fastai.basic_train", "load_learner load_model"),
    Danger(F::kLoader, "fairseq.checkpoint_utils fairseq.file_utils fairseq.hub_utils"),
    Danger(F::kLoader, "mmengine.config mmengine.config.config mmcv mmcv.utils.config", "Config Config.*"),
    Danger(F::kLoader, "mmengine.fileio mmcv.fileio fvcore.common.config fvcore.common.file_io iopath yacs.config"),
    Harmless("fvcore.common.config", "CfgNode"),
    Danger(F::kLoader, "gensim.utils", "unpickle pickle SaveLoad.*"),
    Danger(F::kLoader, "nltk.data nltk.app nltk.downloader nltk.corpus spacy.util spacy.cli thinc.util"),
    Danger(F::kLoader, "omegaconf omegaconf.omegaconf", "OmegaConf.load OmegaConf.save OmegaConf.register_*"),
    Danger(F::kLoader, "langchain.load langchain_core.load langchain_experimental langchain.utilities langchain.tools"),
    Danger(F::kLoader, "langchain_community.utilities langchain_community.tools langchain.prompts.loading"),
};

}  // namespace

SymbolTable LoaderRows() { return TableOf<kRows>(); }

}  // namespace airlock::pickle
