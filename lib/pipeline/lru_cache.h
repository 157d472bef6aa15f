// A store of values by key that forgets those that were asked for longest ago when they, with their
// keys, take more bytes than it may hold. Values are shared: who has one keeps it.
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
  explicit LruCache(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // Null when it is not there, or not any more.
  std::shared_ptr<const Value> find(const std::string& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->value;
  }

  // `bytes`: what the value takes. One that takes more than all may is not kept.
  void add(const std::string& key, std::shared_ptr<const Value> value, std::size_t bytes) {
    constexpr std::size_t kEntry = 200;  // bytes of the list, the table, and what holds the value
    bytes += 2 * key.size() + kEntry;
    if (bytes > most_bytes_ || places_.count(key) > 0) return;
    entries_.push_front({key, std::move(value), bytes});
    places_.emplace(key, entries_.begin());
    bytes_ += bytes;
    while (bytes_ > most_bytes_) {
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

  const std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;  // the one that was asked for last is first
  std::unordered_map<std::string, typename std::list<Entry>::iterator> places_;
};

}  // namespace clip
