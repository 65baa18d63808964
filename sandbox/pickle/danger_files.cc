// What reads or writes files, devices or the host's accounts.
#include "sandbox/pickle/symbol_table.h"

namespace airlock::pickle {
namespace {

using F = Family;

constexpr SymbolRow kRows[] = {
    Danger(F::kFiles, "builtins", "open file"),
    Danger(F::kFiles, "io _io _pyio"),
    Harmless("io _io _pyio", "BytesIO StringIO UnsupportedOperation"),
    Danger(F::kFiles, "codecs", "open EncodedFile"),
    Danger(F::kFiles, "tokenize argparse", "open FileType ArgumentParser.*"),
    Danger(F::kFiles, "_sitebuiltins", "_Printer _Helper"),
    Danger(F::kFiles, "base64", "main"),
    Danger(F::kFiles, "pathlib pathlib._local pathlib._abc"),
    Danger(F::kFiles, "shutil tempfile glob fileinput filecmp linecache difflib mmap mimetypes tabnanny"),
    Harmless("difflib", "SequenceMatcher Match"),
    Danger(F::kFiles,
           "fcntl termios tty curses _curses _curses_panel readline winreg _winreg msvcrt winsound msilib _msi"),
    Danger(F::kFiles,
           "ossaudiodev linuxaudiodev getpass syslog pwd grp spwd nis uu binhex imghdr sndhdr aifc wave sunau"),
    Danger(F::kFiles, "shlex quopri plistlib configparser",
           "shlex shlex.* main readPlist writePlist ConfigParser.* RawConfigParser.* SafeConfigParser.*"),
    Danger(F::kFiles, "zipfile tarfile gzip bz2 lzma zipfile36 py7zr rarfile patoolib"),
    Harmless("zipfile", "ZipInfo"),
    Harmless("tarfile", "TarInfo"),
    Danger(F::kFiles, "dbm _dbm _gdbm gdbm dumbdbm anydbm whichdb sqlite3 _sqlite3 pysqlite2 mailbox netrc"),
    Danger(F::kFiles, "xml.sax xml.dom xml.etree.ElementInclude lxml.etree defusedxml"),
    Danger(F::kFiles, "xml.etree.ElementTree xml.etree.cElementTree", "parse iterparse ElementTree.* dump _get_writer"),
    Danger(F::kFiles, "logging", "FileHandler basicConfig config handlers _handlers shutdown"),
    Danger(F::kFiles, "logging.config logging.handlers"),

    Danger(F::kFiles, "torch", "from_file _preload_cuda_deps _load_global_deps"),
    Danger(F::kFiles, "torch.cuda.memory torch.profiler._pattern_matcher", "_save_* _dump_snapshot report_*"),
    Danger(F::kFiles, "torch.utils.tensorboard torch.utils.file_baton tensorboard tensorboardX"),
    Danger(F::kFiles, "numpy", "fromfile tofile memmap loadtxt savetxt genfromtxt fromregex DataSource ndarray.dump"),
    Danger(F::kFiles, "numpy.ma.mrecords", "openfile fromtextfile"),
    Danger(F::kFiles, "numpy.core.memmap numpy._core.memmap numpy.lib._datasource numpy.lib._iotools"),
    Danger(F::kFiles,
           "numpy.core.records numpy._core.records numpy.rec numpy.core.multiarray numpy._core.multiarray "
           "numpy.core._multiarray_umath numpy._core._multiarray_umath",
           "fromfile"),
    Danger(F::kFiles, "pandas",
           "read_csv read_table read_fwf read_json read_html read_xml read_excel read_parquet read_feather read_orc "
           "read_sas read_spss read_stata read_sql read_sql_query read_sql_table read_gbq read_clipboard ExcelFile "
           "ExcelWriter"),
    Danger(F::kFiles, "pandas.io"),
    Danger(F::kFiles, "polars", "read_* scan_*"),
    Danger(F::kFiles, "dask.dataframe dask.array dask.bag", "read_* from_npy_stack from_zarr to_*"),
    Danger(F::kFiles, "fsspec smart_open h5py tables zarr netCDF4 imageio soundfile librosa.load"),
    Danger(F::kFiles, "PIL.Image PIL.ImageFile PIL.ImageShow PIL.ImageGrab", "open show grab eval register"),
    Danger(F::kFiles, "cv2", "imread imwrite VideoCapture VideoWriter FileStorage dnn utils imreadmulti samples"),
    Danger(F::kFiles, "safetensors.torch safetensors.numpy safetensors", "load_* save_* safe_open"),
};

}  // namespace

SymbolTable FileRows() { return TableOf<kRows>(); }

}  // namespace airlock::pickle
