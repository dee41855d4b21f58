#pragma once

#include <future>
#include <utility>

namespace magnu {

/// Runs tasks in the order they come, each on a thread of its own while the caller goes on to the
/// next: one is never begun before the last is done. What a task throws, the next call throws.
class Behind {
 public:
  /// What a task needs must outlive it, so it is best moved in.
  template <class Task>
  void run(Task task) {
    wait();
    last_ = std::async(std::launch::async, std::move(task));
  }

  void wait() {
    if (last_.valid()) last_.get();
  }

 private:
  std::future<void> last_;  // its destructor waits
};

}  // namespace magnu
