#pragma once

#include <cstddef>

#include "magnu/scan/cpu_runner.hpp"
#include "magnu/statistics/toy_fit.hpp"

namespace magnu {

/// Draws and fits toys on threads, compiled for each instruction set; the same for any number of
/// threads.
void fit_toys_on_cpu(const ToyTask& task, std::size_t toys, int threads, InstructionSet isa);

}  // namespace magnu
