// Symbols: the names that a pickle refers to, what class each falls in, and why.
//
// Nothing is ever imported or called. A symbol is known (its construction is carried out as data), dangerous (the table
// says why), or unknown (kept as inert records). Python 2 names are mapped as pickle maps them before the look-up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/keyed_hash.h"

namespace airlock::pickle {

// Numbers of airlock.v1.SymbolClass.
enum class SymbolClass : uint8_t { kKnown = 1, kUnknown = 2, kDangerous = 3 };

// Who carries out the construction of a known symbol. Python's own are rows of python_types.cc.
enum class Builder : uint8_t {
  kNone,
  kExternal,  // the Constructor that Decode was given
  kAlias,     // typing.Dict[str, int]
  kAttributes,
  kAttributesByCall,
  kByteArray,
  kByName,  // no construction: the machine follows the name that the arguments spell
  kBytes,
  kCodecsEncode,
  kComplex,
  kCounter,
  kDate,
  kDateTime,
  kDecimal,
  kDefaultDict,
  kDeque,
  kDict,
  kDictSubclass,
  kEnum,
  kException,
  kFlagUnion,
  kFraction,
  kFrozenSet,
  kGetattr,  // no construction: the machine follows it as a dotted name
  kList,
  kListSubclass,
  kLoadPickle,  // dangerous, but where the stream that it is given decodes: pickle.loads
  kLoadTorch,   // likewise: torch.storage._load_from_bytes
  kName,        // a class or constant that is only named
  kNewObject,   // copyreg.__newobj__
  kNumberArray,
  kNumberArrayFromBytes,
  kObject,
  kOrderedDict,
  kPartial,
  kPath,
  kPattern,
  kPlainRecord,  // arguments and state as they are
  kRandom,
  kRange,
  kReconstructor,  // copyreg._reconstructor
  kSet,
  kSlice,
  kSlots,
  kTime,
  kTimeDelta,
  kTimeZone,
  kTuple,
  kTypeOf,
  kUnion,
  kUuid,
};

// What the table says of a name.
struct Classification {
  SymbolClass symbol_class = SymbolClass::kUnknown;
  Builder builder = Builder::kNone;
  std::string_view danger;      // static text
  bool runs_on_import = false;  // naming it is enough
};

// The class of a Python 3 name, which may be dotted ("Outer.Inner"). Every way to split the dotted path into module and
// name is looked at: pickle would walk it.
Classification Classify(std::string_view module, std::string_view name);

struct PythonName {
  std::string_view module;
  std::string_view name;
};

// The Python 3 name of what Python 2 called so, as Lib/_compat_pickle.py has it. Other names come back as they are.
PythonName MapPython2Name(PythonName name);

struct SymbolUse {
  std::string module;  // UTF-8; lone surrogates and bad bytes are replaced by backslash escapes
  std::string name;
  SymbolClass symbol_class = SymbolClass::kUnknown;
  // Static text: why it is dangerous. Empty otherwise.
  std::string_view danger;
  Builder builder = Builder::kNone;
  bool runs_on_import = false;
  uint64_t uses = 0;
  bool would_call = false;
  // A loader whose streams were decoded.
  bool decoded = false;
  uint64_t first_offset = 0;
  uint32_t level = 0;
};

// Something that a person should know. Same fields as airlock.v1.Finding.
enum class Severity : uint8_t { kNote = 1, kWarning = 2, kDanger = 3 };
struct Finding {
  std::string id;
  Severity severity = Severity::kNote;
  std::string message;
  std::string where;
  uint64_t offset = 0;
};

// The distinct symbols of one load, in order of first use.
class Symbols {
 public:
  // Longest module or name that is taken: ten times what people write, and short enough for one frame to the broker.
  static constexpr size_t kMaxName = 480;

  // Index of (module, name) after name mapping, which is done for every protocol; counts one use.
  // Fails as kPickleMalformed for a name that no Python has: empty, or longer than kMaxName.
  Result<uint32_t> Use(std::string_view module, std::string_view name, uint64_t offset, uint32_t level);
  // Moves the places of all symbols from index `first` on: they were counted from `by` (an archive's member).
  void Move(size_t first, uint64_t by) {
    for (size_t i = first; i < uses_.size(); ++i) uses_[i].first_offset += by;
  }
  // Counts one more use of a name that Use was given before.
  void UseAgain(uint32_t symbol) { ++uses_[symbol].uses; }
  // While one is set, names of this module and of those below it are known, and made by the Constructor: the classes of
  // an archive that brings its own. Empty: none.
  void SetKnownModule(std::string_view module) { known_module_ = module; }
  const std::string& known_module() const { return known_module_; }
  // The pickle asks to call it.
  void MarkCalled(uint32_t symbol) { uses_[symbol].would_call = true; }
  // The pickle asks a loader for a stream, and the stream was decoded.
  void MarkDecoded(uint32_t symbol) { uses_[symbol].decoded = true; }
  // At the end of a load: a loader that did nothing but what was carried out is known.
  void Settle();

  const std::vector<SymbolUse>& all() const { return uses_; }
  const SymbolUse& operator[](uint32_t symbol) const { return uses_[symbol]; }
  // "module.name" after name mapping: for look-ups by builders and for messages.
  std::string FullName(uint32_t symbol) const;

 private:
  bool IsOfKnownModule(std::string_view module) const;

  std::vector<SymbolUse> uses_;
  std::string known_module_;
  std::string key_;  // scratch
  std::unordered_map<std::string, uint32_t, KeyedHash> index_;
};

}  // namespace airlock::pickle
