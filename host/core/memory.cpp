#include "magnu/core/memory.hpp"

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

namespace magnu {

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 128 << 20);
#endif
}

}  // namespace magnu
