#pragma once

namespace magnu {

/// For a program's start: memory that is freed stays with the process. Work arrays of some MiB come
/// and go; from the system each time, their pages would cost a third of a direct sum, and hold up
/// other threads.
void keep_freed_memory();

}  // namespace magnu
