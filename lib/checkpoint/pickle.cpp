#include "checkpoint/pickle.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "base/half.h"
#include "clip/error.h"

namespace clip {
namespace {

using Kind = PickleValue::Kind;

// A value takes a hundred bytes and can be written as one: without a limit a hostile file of
// megabytes would take gigabytes. The state dict of the largest CLIP with its optimizer has 70,000
// values, and pushes not many more.
constexpr std::size_t kMaxValues = 200'000;
constexpr std::size_t kMaxPushes = 2'000'000;

// The stack machine of the pickle format, cut down to what builds plain data.
class Parser {
 public:
  Parser(std::string_view bytes, std::deque<PickleValue>* values)
      : bytes_(bytes), values_(*values) {}

  const PickleValue* parse() {
    for (;;) {
      const auto opcode = static_cast<unsigned char>(take(1)[0]);
      if (opcode == '.') return pop();
      step(opcode);
    }
  }

 private:
  void step(unsigned char opcode) {
    switch (opcode) {
      case 0x80:  // PROTO
        take(1);
        break;
      case 0x95:  // FRAME
        take(8);
        break;
      case 'N':
        push(Kind::kNone);
        break;
      case 0x88:  // NEWTRUE
        push(Kind::kBool).integer = 1;
        break;
      case 0x89:  // NEWFALSE
        push(Kind::kBool);
        break;
      case 'K':
        push(Kind::kInt).integer = number<std::uint8_t>();
        break;
      case 'M':
        push(Kind::kInt).integer = number<std::uint16_t>();
        break;
      case 'J':
        push(Kind::kInt).integer = number<std::int32_t>();
        break;
      case 0x8a:  // LONG1
        push_long(number<std::uint8_t>());
        break;
      case 0x8b:  // LONG4
        push_long(number<std::uint32_t>());
        break;
      case 'C':  // SHORT_BINBYTES
        take(number<std::uint8_t>());
        push(Kind::kNone);
        break;
      case 'B':  // BINBYTES
        take(number<std::uint32_t>());
        push(Kind::kNone);
        break;
      case 0x8e:  // BINBYTES8
        take(number<std::uint64_t>());
        push(Kind::kNone);
        break;
      case 0x8d: {  // BINUNICODE8
        const auto text = take(number<std::uint64_t>());
        push(Kind::kString).text = text;
        break;
      }
      case 0x8f:  // EMPTY_SET
        push(Kind::kList);
        break;
      case 0x90:  // ADDITEMS
        extend(Kind::kList, above_mark());
        break;
      case 0x91:  // FROZENSET
        collect(Kind::kList, above_mark());
        break;
      case '0':  // POP
        pop();
        break;
      case '1':  // POP_MARK
        above_mark();
        break;
      case '2':  // DUP
        push_again(peek());
        break;
      case 0x93: {  // STACK_GLOBAL
        const auto names = top(2);
        if (!names[0]->is(Kind::kString) || !names[1]->is(Kind::kString)) {
          fail("names a class by what is no string");
        }
        push(Kind::kGlobal).text = names[0]->text + "." + names[1]->text;
        break;
      }
      case 0x92: {  // NEWOBJ_EX: class, arguments, keyword arguments
        auto parts = top(3);
        parts.pop_back();
        collect(Kind::kObject, std::move(parts));
        break;
      }
      case 'G':
        push(Kind::kFloat).real = big_endian_double();
        break;
      case 'X':
        push_string(number<std::uint32_t>());
        break;
      case 'T':
        push_string(number<std::int32_t>());
        break;
      case 'U':
      case 0x8c:  // SHORT_BINUNICODE
        push_string(number<std::uint8_t>());
        break;
      case ')':
        push(Kind::kTuple);
        break;
      case ']':
        push(Kind::kList);
        break;
      case '}':
        push(Kind::kDict);
        break;
      case '(':
        marks_.push_back(stack_.size());
        break;
      case 't':
        collect(Kind::kTuple, above_mark());
        break;
      case 'l':
        collect(Kind::kList, above_mark());
        break;
      case 'd':
        collect(Kind::kDict, above_mark());
        break;
      case 0x85:  // TUPLE1
        collect(Kind::kTuple, top(1));
        break;
      case 0x86:  // TUPLE2
        collect(Kind::kTuple, top(2));
        break;
      case 0x87:  // TUPLE3
        collect(Kind::kTuple, top(3));
        break;
      case 'a':
        extend(Kind::kList, top(1));
        break;
      case 'e':
        extend(Kind::kList, above_mark());
        break;
      case 's':
        extend(Kind::kDict, top(2));
        break;
      case 'u':
        extend(Kind::kDict, above_mark());
        break;
      case 'c': {
        const std::string module = line();
        push(Kind::kGlobal).text = module + "." + line();
        break;
      }
      case 'Q':
        collect(Kind::kPersistent, top(1));
        break;
      case 0x81:  // NEWOBJ
      case 'R':
        collect(Kind::kObject, top(2));
        break;
      case 'b': {
        const auto state = top(1);
        PickleValue* object = writable_top(Kind::kObject);
        if (object->items.size() != 2) fail("sets an object's state twice");
        object->items.push_back(state[0]);
        break;
      }
      case 'q':
        remember(number<std::uint8_t>());
        break;
      case 'r':
        remember(number<std::uint32_t>());
        break;
      case 0x94:  // MEMOIZE
        remember(memo_.size());
        break;
      case 'h':
        recall(number<std::uint8_t>());
        break;
      case 'j':
        recall(number<std::uint32_t>());
        break;
      default:
        fail(fmt::format("has opcode 0x{:02x}, which PyTorch never writes", opcode));
    }
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kCorrupt, fmt::format("the pickle {} (at byte {})", what, at_));
  }

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_) fail("ends in the middle");
    const auto part = bytes_.substr(at_, count);
    at_ += count;
    return part;
  }

  template <typename T>
  T number() {
    return load_unaligned<T>(take(sizeof(T)).data());
  }

  // Integers that do not fit are of no use here, but may stand beside what is.
  void push_long(std::size_t size) {
    if (size > 8) {
      take(size);
      push(Kind::kNone);
    } else {
      push(Kind::kInt).integer = long_integer(size);
    }
  }

  std::int64_t long_integer(std::size_t size) {
    const auto digits = take(size);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(digits[i])) << (8 * i);
    }
    const bool negative = size > 0 && (static_cast<unsigned char>(digits[size - 1]) & 0x80) != 0;
    if (negative && size < 8) value |= ~std::uint64_t{0} << (8 * size);
    return static_cast<std::int64_t>(value);
  }

  double big_endian_double() {
    std::uint64_t bits = 0;
    for (const char digit : take(8)) bits = bits << 8 | static_cast<unsigned char>(digit);
    double value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }

  std::string line() {
    const auto end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) fail("ends in the middle");
    const std::string text(take(end - at_));
    take(1);
    return text;
  }

  PickleValue& push(Kind kind) {
    if (values_.size() >= kMaxValues) {
      throw Error(ErrorCode::kLimit, fmt::format("the pickle has more than {} values", kMaxValues));
    }
    PickleValue& value = values_.emplace_back();
    value.kind = kind;
    push_again(&value);
    return value;
  }

  void push_again(PickleValue* value) {
    if (++pushes_ > kMaxPushes) {
      throw Error(ErrorCode::kLimit,
                  fmt::format("the pickle refers to its values more than {} times", kMaxPushes));
    }
    stack_.push_back(value);
  }

  void remember(std::uint64_t index) {
    memo_[index] = peek();
    if (memo_.size() > kMaxValues) {
      throw Error(ErrorCode::kLimit,
                  fmt::format("the pickle remembers more than {} values", kMaxValues));
    }
  }

  void push_string(std::int64_t size) {
    if (size < 0) fail("holds a string of negative length");
    const auto text = take(static_cast<std::uint64_t>(size));
    push(Kind::kString).text = text;
  }

  // Values of the current mark's level only: an opcode may not reach below its mark.
  std::size_t available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  PickleValue* peek() const {
    if (available() == 0) fail("takes from an empty stack");
    return stack_.back();
  }

  PickleValue* pop() {
    PickleValue* value = peek();
    stack_.pop_back();
    return value;
  }

  std::vector<const PickleValue*> top(std::size_t count) {
    if (available() < count) fail("takes from an empty stack");
    std::vector<const PickleValue*> taken(stack_.end() - count, stack_.end());
    stack_.resize(stack_.size() - count);
    return taken;
  }

  std::vector<const PickleValue*> above_mark() {
    if (marks_.empty()) fail("has no mark where one is needed");
    auto taken = top(available());
    marks_.pop_back();
    return taken;
  }

  void collect(Kind kind, std::vector<const PickleValue*> items) {
    if (kind == Kind::kDict && items.size() % 2 != 0) fail("has a key without a value");
    push(kind).items = std::move(items);
  }

  PickleValue* writable_top(Kind kind) {
    PickleValue* value = peek();
    if (value->kind != kind) fail("adds to a value of the wrong kind");
    return value;
  }

  // OrderedDicts, which are objects, are filled with the same opcodes as dicts.
  void extend(Kind kind, const std::vector<const PickleValue*>& items) {
    if (kind == Kind::kDict && items.size() % 2 != 0) fail("has a key without a value");
    PickleValue* object = peek();
    if (object->is(Kind::kObject) && kind == Kind::kList) return;  // a list's subclass: of no use
    auto& target = object->is(Kind::kObject) ? object->entries : writable_top(kind)->items;
    target.insert(target.end(), items.begin(), items.end());
  }

  void recall(std::uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail("recalls a value it never stored");
    push_again(found->second);
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::deque<PickleValue>& values_;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;
  std::size_t pushes_ = 0;
  std::unordered_map<std::uint64_t, PickleValue*> memo_;
};

}  // namespace

const PickleValue* PickleValue::find(std::string_view key) const {
  if (kind != Kind::kDict) return nullptr;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i]->is(Kind::kString) && items[i]->text == key) return items[i + 1];
  }
  return nullptr;
}

const PickleValue* PickleValue::state() const {
  return kind == Kind::kObject && items.size() == 3 ? items[2] : nullptr;
}

bool PickleValue::made_by(std::string_view full_name) const {
  return kind == Kind::kObject && items[0]->is(Kind::kGlobal) && items[0]->text == full_name;
}

Pickle::Pickle(std::string_view bytes) {
  root_ = Parser(bytes, &values_).parse();
}

}  // namespace clip
