#include "magnu/io/run/stop_signal.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace magnu {
namespace {

std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free);

void note(int signal) {
  if (signal == SIGINT && received == SIGINT) _exit(130);
  received = signal;
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action = {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaction(signal, &action, nullptr);
}

int stop_signal() {
  return received;
}

void stop_if_asked() {
  if (received != 0) throw StoppedBy{received};
}

}  // namespace magnu
