// A least-recently-used cache, bounded in bytes: values by key, their keys counted too. Values are
// shared: a caller that has one keeps it when the cache drops it. For one thread.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

namespace clip {

template <typename Value>
class LruCache {
 public:
  explicit LruCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // Null when the key is not in the cache.
  std::shared_ptr<const Value> find(const std::string& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->value;
  }

  // `bytes`: the size of the value. One that is larger than the cache is not kept, nor is a second
  // one of the same key.
  void add(const std::string& key, std::shared_ptr<const Value> value, std::size_t bytes) {
    constexpr std::size_t kEntry = 200;  // bytes of the list, the table, and the value's owner
    bytes += 2 * key.size() + kEntry;
    if (bytes > max_bytes_ || places_.count(key) > 0) return;
    entries_.push_front({key, std::move(value), bytes});
    places_.emplace(key, entries_.begin());
    bytes_ += bytes;
    while (bytes_ > max_bytes_) {
      bytes_ -= entries_.back().bytes;
      places_.erase(entries_.back().key);
      entries_.pop_back();
    }
  }

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Value> value;
    std::size_t bytes;
  };

  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;  // the most recently used one first
  std::unordered_map<std::string, typename std::list<Entry>::iterator> places_;
};

}  // namespace clip
