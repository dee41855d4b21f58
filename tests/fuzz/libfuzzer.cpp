#include <spdlog/spdlog.h>

#include <cstddef>
#include <cstdint>

#include "targets.hpp"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  spdlog::set_level(spdlog::level::off);
  return 0;
}

/// One program a target: MAGNU_FUZZ_TARGET is its function.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  magnu::fuzz::MAGNU_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
