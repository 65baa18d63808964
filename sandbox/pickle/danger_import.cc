// What imports or installs modules, or finds things by their written name.
#include "sandbox/pickle/symbol_table.h"

namespace airlock::pickle {
namespace {

using F = Family;

constexpr SymbolRow kRows[] = {
    Danger(F::kImport, "importlib _frozen_importlib _frozen_importlib_external importlib_metadata importlib_resources"),
    Danger(F::kImport, "pkgutil imp _imp zipimport modulefinder ihooks imputil pyclbr site zipapp"),
    Danger(F::kImport, "sys"),
    Harmless("sys", "intern float_info int_info hash_info flags version_info"),
    Danger(F::kImport, "warnings", "_getcategory _setoption _processoptions"),

    // Installers
    Danger(F::kImport,
           "pip _pip ensurepip venv virtualenv distutils setuptools _distutils_hack pkg_resources wheel conda"),
    Danger(F::kImport, "easy_install poetry pipenv"),
    Harmless("distutils.version setuptools._distutils.version", "LooseVersion StrictVersion Version"),
    Harmless("pkg_resources._vendor.packaging.version pkg_resources.extern.packaging.version", "Version"),

    // Old names of new modules
    Danger(F::kImport, "six", "moves add_move remove_move exec_"),
    Danger(F::kImport, "six.moves future.standard_library"),
    Danger(F::kExecution, "future.utils past.builtins past.utils", "exec_ execfile reload"),

    // Things by name
    Danger(F::kImport,
           "zope.dottedname werkzeug.utils django.utils.module_loading celery.utils.imports kombu.utils.imports"),
    Danger(F::kImport,
           "traitlets.utils.importstring stevedore pluggy apscheduler.util lightning_utilities.core.imports"),
    Danger(F::kImport, "hydra.utils hydra._internal.utils hydra._internal.instantiate"),
    Danger(F::kImport, "lightning.pytorch.cli pytorch_lightning.cli pytorch_lightning.utilities.cli",
           "instantiate_class"),
    Danger(F::kImport, "detectron2.config", "instantiate LazyConfig LazyCall"),
    Danger(F::kImport, "detectron2.config.instantiate detectron2.config.lazy detectron2.utils.registry"),
    Danger(F::kImport, "detectron2.utils.env"),
    Danger(F::kImport, "fairseq.utils", "import_user_module"),
    Danger(F::kImport, "mmengine.utils mmcv.utils mmcv", "import_modules_from_strings"),
    Danger(F::kImport, "numpy numpy.lib numpy.core.function_base numpy._core.function_base", "add_newdoc"),
    Danger(F::kImport, "optparse", "Values.* OptionParser.*"),
    Danger(F::kImport, "torch.package torch._deploy torch.nn.utils._deprecation_utils torch.onnx.symbolic_caffe2"),
    Danger(F::kImport, "torch._utils", "_import_dotted_name"),
};

}  // namespace

SymbolTable ImportRows() { return TableOf<kRows>(); }

}  // namespace airlock::pickle
