// Reads the subset of Python's pickle that torch.jit.save and torch.save write, as a tree of plain
// values.
// Classes and functions that the pickle names are recorded, never looked up and never called, so a
// hostile file can at worst be refused. Opcodes: Lib/pickletools.py of CPython.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace clip {

struct PickleValue {
  enum class Kind {
    kNone,        // also an integer of more than 64 bits, and bytes
    kBool,        // integer: 0 or 1
    kInt,         // integer
    kFloat,       // real
    kString,      // text
    kTuple,       // items
    kList,        // items
    kDict,        // items: key, value, key, value, ...
    kGlobal,      // text: "module.name"
    kObject,      // items: class or function, arguments, and the state if one was set
    kPersistent,  // items: the identifier; torch stores tensors' storages so
  };
  Kind kind = Kind::kNone;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<const PickleValue*> items;
  // Of an object that was filled like a dict, such as an OrderedDict: key, value, key, value, ...
  std::vector<const PickleValue*> entries;

  bool is(Kind wanted) const { return kind == wanted; }
  // A dict's value under a string key, or null.
  const PickleValue* find(std::string_view key) const;
  // An object's state (what __setstate__ would be given), or null.
  const PickleValue* state() const;
  // True for an object made by the class or function with this full name.
  bool made_by(std::string_view full_name) const;
};

class Pickle {
 public:
  // Parses at once; `bytes` need not outlive the object. Throws Error when they are not such a
  // pickle. Values may refer to each other in cycles: who walks them must bound the depth.
  explicit Pickle(std::string_view bytes);

  const PickleValue& root() const { return *root_; }

 private:
  std::deque<PickleValue> values_;  // owns every value; addresses are stable
  const PickleValue* root_ = nullptr;
};

}  // namespace clip
