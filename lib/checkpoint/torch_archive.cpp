#include "checkpoint/torch_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/sha256.h"
#include "base/strings.h"
#include "checkpoint/pickle.h"
#include "checkpoint/zip_archive.h"
#include "clip/error.h"

namespace clip {
namespace {

using Kind = PickleValue::Kind;

struct StorageType {
  const char* name;
  TensorType type;
};

constexpr StorageType kStorages[] = {
    {"torch.FloatStorage", TensorType::kFloat32},     {"torch.HalfStorage", TensorType::kFloat16},
    {"torch.BFloat16Storage", TensorType::kBFloat16}, {"torch.DoubleStorage", TensorType::kFloat64},
    {"torch.LongStorage", TensorType::kInt64},        {"torch.IntStorage", TensorType::kInt32},
    {"torch.ShortStorage", TensorType::kInt16},       {"torch.CharStorage", TensorType::kInt8},
    {"torch.ByteStorage", TensorType::kUInt8},        {"torch.BoolStorage", TensorType::kBool},
};

// Under which a state dict lies beside an optimizer's and the like, in the order of preference.
constexpr const char* kStateDicts[] = {"state_dict", "model_state_dict", "model"};
// What wrappers put before every name.
constexpr std::string_view kWrappers[] = {"module.", "_orig_mod."};

// Deeper module trees than this are cycles or attacks: CLIP's are six levels deep.
constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxTensors = 100000;
// Modules may refer to one another; a hostile tree of a few could be walked for ever.
constexpr std::size_t kMaxModules = 100000;

constexpr std::string_view kExtra = "extra/";  // documents lie under it

[[noreturn]] void malformed(const std::string& name, const char* what) {
  throw Error(ErrorCode::kCorrupt, fmt::format("tensor {} {}", name, what));
}

std::int64_t checked_integer(const PickleValue* value, const std::string& name) {
  if (!value->is(Kind::kInt) || value->integer < 0) malformed(name, "has a malformed size");
  return value->integer;
}

Shape checked_shape(const PickleValue* value, const std::string& name) {
  if (!value->is(Kind::kTuple) || value->items.size() > 16) malformed(name, "has no proper shape");
  Shape shape;
  for (const auto* item : value->items) shape.push_back(checked_integer(item, name));
  return shape;
}

TensorType storage_type(const std::string& storage, const std::string& tensor) {
  for (const StorageType& known : kStorages) {
    if (storage == known.name) return known.type;
  }
  throw Error(ErrorCode::kUnsupported,
              fmt::format("tensor {} has elements of type {}, which CLIP exports never use", tensor,
                          storage));
}

// A dict's entries as key, value, key, value, ...; null for what is no dict. Python's OrderedDict
// is an object that entries are added to.
const std::vector<const PickleValue*>* entries_of(const PickleValue& value) {
  if (value.is(Kind::kDict)) return &value.items;
  return value.made_by("collections.OrderedDict") ? &value.entries : nullptr;
}

const PickleValue* find_entry(const PickleValue& dict, std::string_view key) {
  const auto* entries = entries_of(dict);
  if (entries == nullptr) return nullptr;
  for (std::size_t i = 0; i + 1 < entries->size(); i += 2) {
    if ((*entries)[i]->is(Kind::kString) && (*entries)[i]->text == key) return (*entries)[i + 1];
  }
  return nullptr;
}

// The call that makes a tensor, out of the parameter that may be wrapped around it; null for what
// is no tensor.
const PickleValue* tensor_call(const PickleValue& value) {
  if (value.made_by("torch._utils._rebuild_tensor_v2")) return &value;
  const bool parameter = value.made_by("torch._utils._rebuild_parameter") ||
                         value.made_by("torch._utils._rebuild_parameter_with_state");
  if (!parameter || value.items.size() < 2 || value.items[1]->items.empty()) return nullptr;
  const PickleValue& wrapped = *value.items[1]->items[0];
  return wrapped.made_by("torch._utils._rebuild_tensor_v2") ? &wrapped : nullptr;
}

bool holds_tensors(const PickleValue& value) {
  const auto* entries = entries_of(value);
  if (entries == nullptr) return false;
  for (std::size_t i = 0; i + 1 < entries->size(); i += 2) {
    if ((*entries)[i]->is(Kind::kString) && tensor_call(*(*entries)[i + 1]) != nullptr) return true;
  }
  return false;
}

// The dict of tensors in what torch.save was given. Throws Error where there is none.
const PickleValue& state_dict_in(const PickleValue& root) {
  if (holds_tensors(root)) return root;
  for (const char* key : kStateDicts) {
    const PickleValue* inner = find_entry(root, key);
    if (inner != nullptr && holds_tensors(*inner)) return *inner;
  }
  if (entries_of(root) != nullptr) {
    throw Error(ErrorCode::kUnsupported,
                "it was saved with torch.save and holds no state dict: neither tensors by their "
                "names, nor these under state_dict, model_state_dict or model");
  }
  throw Error(ErrorCode::kUnsupported,
              "it was saved with torch.save and holds a Python object, which only its own code can "
              "read; save its state dict: torch.save(model.state_dict(), ...)");
}

// Whether torch.jit.save wrote it: compiled classes have names of their own.
bool is_module(const PickleValue& root) {
  return root.is(Kind::kObject) && root.items[0]->is(Kind::kGlobal) &&
         starts_with(root.items[0]->text, "__torch__");
}

class TorchArchive : public Checkpoint {
 public:
  explicit TorchArchive(std::shared_ptr<const MappedFile> file)
      : Checkpoint(file->path(), {file}), file_(std::move(file)), archive_(*file_) {
    try {
      const Pickle pickle(archive_.checked_record("data.pkl"));
      has_code_ = is_module(pickle.root());
      if (has_code_) {
        walk(pickle.root(), "", 0);
      } else {
        take_state_dict(state_dict_in(pickle.root()));
      }
    } catch (const Error& error) {
      throw error.within(fmt::format("cannot read the weights of {}", path()));
    }
    for (const auto& [name, record] : archive_.records()) {
      if (has_code_ && starts_with(name, kExtra) && record.stored) {
        documents_.emplace(name.substr(kExtra.size()), record.bytes);
      }
    }
    // Every record's header has been read, and the system maps the pages around each of them:
    // several megabytes, of which an encoder of one tower would give back the half that it reads.
    release_pages(file_->data(), file_->size());
  }

  const char* format() const override { return has_code_ ? "TorchScript" : "PyTorch state dict"; }
  bool has_code() const override { return has_code_; }

  std::string content_digest(bool with_code) const override {
    if (!archive_.has_checksums()) return sample_digest();
    Sha256 hash;
    const auto add = [&](const std::string& line) { hash.add(line.data(), line.size()); };
    for (const auto& [name, tensor] : tensors_) {
      const ZipArchive::Record& storage = *storages_.at(name);
      const auto offset = reinterpret_cast<const char*>(tensor.data) - storage.bytes.data();
      add(fmt::format("{}\n{} {} {} {} {:08x} {}\n", name, name_of(tensor.type),
                      to_string(tensor.shape), to_string(tensor.strides), offset, storage.crc,
                      storage.size));
    }
    if (with_code) {
      for (const auto& [name, record] : archive_.records()) {
        add(fmt::format("{}\n{:08x} {}\n", name, record.crc, record.size));
      }
    }
    return hash.finish();
  }

  Verified verify() const override {
    Verified verified;
    if (!archive_.has_checksums()) return verified;
    for (const auto& [name, record] : archive_.records()) {
      verified.parts.push_back(name);
      if (!ZipArchive::is_whole(record)) verified.damaged.push_back(name);
      release_pages(reinterpret_cast<const std::byte*>(record.bytes.data()), record.bytes.size());
    }
    return verified;
  }

 private:
  // torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks), the
  // storage being the persistent id ("storage", type, key, device, element count).
  void add_tensor(const PickleValue& call, const std::string& name) {
    if (tensors_.size() >= kMaxTensors) {
      throw Error(ErrorCode::kLimit, fmt::format("it has more than {} tensors", kMaxTensors));
    }
    const auto& arguments = call.items[1]->items;
    if (arguments.size() < 4 || !arguments[0]->is(Kind::kPersistent)) {
      malformed(name, "is not stored as PyTorch stores tensors");
    }
    const auto& id = arguments[0]->items[0]->items;
    if (id.size() < 5 || !id[1]->is(Kind::kGlobal) || !id[2]->is(Kind::kString)) {
      malformed(name, "has no proper storage");
    }
    Tensor tensor;
    tensor.type = storage_type(id[1]->text, name);
    const std::int64_t offset = checked_integer(arguments[1], name);
    tensor.shape = checked_shape(arguments[2], name);
    tensor.strides = checked_shape(arguments[3], name);
    if (tensor.strides.size() != tensor.shape.size()) malformed(name, "has no proper strides");

    const std::string record = "data/" + id[2]->text;
    const std::string_view storage = archive_.record(record);
    const std::size_t size = size_of(tensor.type);
    const std::int64_t used = extent(tensor.shape, tensor.strides);
    const auto held = static_cast<std::int64_t>(storage.size() / size);
    if (used < 0 || offset > held || used > held - offset) {
      throw Error(
          ErrorCode::kCorrupt,
          fmt::format("tensor {} of shape {} needs {} elements of {}, but its storage has {}", name,
                      to_string(tensor.shape), used < 0 ? "too many" : std::to_string(used),
                      name_of(tensor.type), held - std::min(offset, held)));
    }
    tensor.data = reinterpret_cast<const std::byte*>(storage.data()) +
                  offset * static_cast<std::int64_t>(size);
    if (tensors_.emplace(name, std::move(tensor)).second) {
      storages_.emplace(name, &archive_.records().find(record)->second);
    }
  }

  void take_state_dict(const PickleValue& dict) {
    const auto& entries = *entries_of(dict);
    std::vector<std::pair<std::string_view, const PickleValue*>> found;
    for (std::size_t i = 0; i + 1 < entries.size(); i += 2) {
      const PickleValue* call = tensor_call(*entries[i + 1]);
      if (!entries[i]->is(Kind::kString) || call == nullptr) continue;
      found.emplace_back(entries[i]->text, call);
    }
    for (bool stripped = true; stripped;) {
      stripped = false;
      for (const std::string_view prefix : kWrappers) {
        const bool all = std::all_of(found.begin(), found.end(), [&](const auto& entry) {
          return starts_with(entry.first, prefix);
        });
        if (!all) continue;
        for (auto& entry : found) entry.first.remove_prefix(prefix.size());
        stripped = true;
      }
    }
    for (const auto& [name, call] : found) add_tensor(*call, std::string(name));
  }

  void walk(const PickleValue& module, const std::string& prefix, int depth) {
    if (depth > kMaxDepth) throw Error(ErrorCode::kLimit, "modules are nested too deeply");
    if (++modules_ > kMaxModules) {
      throw Error(ErrorCode::kLimit, fmt::format("it has more than {} modules", kMaxModules));
    }
    const PickleValue* state = module.state();
    if (state == nullptr || !state->is(Kind::kDict)) return;
    for (std::size_t i = 0; i + 1 < state->items.size(); i += 2) {
      const PickleValue& value = *state->items[i + 1];
      if (!state->items[i]->is(Kind::kString) || !value.is(Kind::kObject)) continue;
      const std::string name = prefix + state->items[i]->text;
      if (value.made_by("torch._utils._rebuild_tensor_v2")) {
        add_tensor(value, name);
      } else {
        walk(value, name + ".", depth + 1);
      }
    }
  }

  const std::shared_ptr<const MappedFile> file_;
  const ZipArchive archive_;
  bool has_code_ = false;
  std::size_t modules_ = 0;                                    // walked
  std::map<std::string, const ZipArchive::Record*> storages_;  // by the tensor's name
};

}  // namespace

bool is_torch_archive(std::string_view bytes) {
  return ZipArchive::matches(bytes);
}

std::unique_ptr<Checkpoint> open_torch_archive(std::shared_ptr<const MappedFile> file) {
  return std::make_unique<TorchArchive>(std::move(file));
}

}  // namespace clip
