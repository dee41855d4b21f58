#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace magnu {

/// Values that are made when they are first asked for and kept while they fit; for several threads.
template <class Value>
class Cache {
 public:
  explicit Cache(std::size_t bytes) : free_(bytes) {}

  template <class Make>
  std::shared_ptr<const Value> get(std::size_t index, const Make& make) {
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = values_.find(index); found != values_.end()) return found->second;
    }
    auto value = std::make_shared<const Value>(make());
    const std::lock_guard lock(mutex_);
    if (value->bytes() <= free_ && values_.emplace(index, value).second) free_ -= value->bytes();
    return value;
  }

 private:
  std::mutex mutex_;
  std::size_t free_;
  std::unordered_map<std::size_t, std::shared_ptr<const Value>> values_;
};

}  // namespace magnu
