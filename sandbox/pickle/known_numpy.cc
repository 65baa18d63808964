// What is understood of numpy and joblib, by the Constructor (tensors/numpy_constructor.h).
#include "sandbox/pickle/symbol_table.h"

namespace airlock::pickle {
namespace {

constexpr Builder kBuilder = Builder::kExternal;

constexpr SymbolRow kRows[] = {
    Known(kBuilder,
          "numpy.core.multiarray numpy._core.multiarray numpy.core._multiarray_umath numpy._core._multiarray_umath",
          "_reconstruct scalar"),
    Known(kBuilder, "numpy.core.numeric numpy._core.numeric", "_frombuffer"),
    // Classes: of arrays, of scalars, of dtypes. Pickles name them and call none.
    Known(kBuilder, "numpy", "ndarray dtype matrix recarray record chararray"),
    Known(kBuilder, "numpy.matrixlib.defmatrix", "matrix"),
    // Where numpy 2 has them.
    Known(kBuilder, "numpy.rec", "recarray record"),
    Known(kBuilder, "numpy.char", "chararray"),
    Known(kBuilder, "numpy.ma", "MaskedArray"),
    Known(kBuilder, "numpy",
          "generic number integer signedinteger unsignedinteger inexact floating complexfloating flexible character "
          "bool_ bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 intc intp uintc uintp byte ubyte short ushort "
          "longlong ulonglong float16 float32 float64 longdouble float128 half single double complex64 complex128 "
          "csingle cdouble clongdouble complex256 str_ bytes_ unicode_ string_ void object_ datetime64 timedelta64"),
    Known(kBuilder, "numpy.dtypes",
          "BoolDType Int8DType Int16DType Int32DType Int64DType UInt8DType UInt16DType UInt32DType UInt64DType "
          "ByteDType UByteDType ShortDType UShortDType IntDType UIntDType LongDType ULongDType LongLongDType "
          "ULongLongDType Float16DType Float32DType Float64DType LongDoubleDType Complex64DType Complex128DType "
          "CLongDoubleDType ObjectDType BytesDType StrDType VoidDType DateTime64DType TimeDelta64DType"),
    Known(kBuilder, "numpy.ma.core", "_mareconstruct MaskedArray"),
    // Random generators: their state is data.
    Known(kBuilder, "numpy.random._pickle", "__randomstate_ctor __generator_ctor __bit_generator_ctor"),
    Known(kBuilder, "numpy.random", "__RandomState_ctor"),
    Known(kBuilder, "numpy.random.mtrand", "RandomState"),
    Known(kBuilder, "numpy.random._generator", "Generator"),
    Known(kBuilder, "numpy.random.bit_generator", "SeedSequence __pyx_unpickle_SeedSequence"),
    Known(kBuilder, "numpy.random._mt19937", "MT19937"),
    Known(kBuilder, "numpy.random._pcg64", "PCG64 PCG64DXSM"),
    Known(kBuilder, "numpy.random._philox", "Philox"),
    Known(kBuilder, "numpy.random._sfc64", "SFC64"),
    // joblib's wrappers of arrays; scikit-learn had a copy.
    Known(kBuilder, "joblib.numpy_pickle sklearn.externals.joblib.numpy_pickle",
          "NumpyArrayWrapper NDArrayWrapper ZNDArrayWrapper"),
    Known(kBuilder, "joblib.numpy_pickle_compat sklearn.externals.joblib.numpy_pickle_compat",
          "NDArrayWrapper ZNDArrayWrapper"),
};

}  // namespace

SymbolTable NumpyRows() { return TableOf<kRows>(); }

}  // namespace airlock::pickle
