#pragma once

namespace magnu {

/// From now on SIGTERM, SIGINT and SIGUSR1 ask for a stop at the next good place; a second SIGINT
/// ends the program at once with 130.
void catch_stop_signals();

/// The signal that asked for a stop; 0 for none.
int stop_signal();

}  // namespace magnu
