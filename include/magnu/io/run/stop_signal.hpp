#pragma once

namespace magnu {

/// Thrown where a signal ends what cannot be gone on with later: nothing of it is kept.
struct StoppedBy {
  int signal = 0;
};

/// From now on SIGTERM, SIGINT and SIGUSR1 ask for a stop at the next good place; a second SIGINT
/// ends the program at once with 130.
void catch_stop_signals();

/// The signal that asked for a stop; 0 for none.
int stop_signal();

/// A good place: throws StoppedBy where a signal asked for a stop.
void stop_if_asked();

}  // namespace magnu
