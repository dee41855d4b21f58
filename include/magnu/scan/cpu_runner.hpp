#pragma once

#include <memory>
#include <string>
#include <vector>

#include "magnu/scan/runner.hpp"

namespace magnu {

/// x86-64 instruction sets the hot loops are compiled for: `default` is the baseline (SSE2), v3
/// adds AVX2 and FMA, v4 AVX-512.
enum class InstructionSet { baseline, v3, v4 };

/// The widest set this processor has.
InstructionSet best_instruction_set();
/// "default", "v3", "v4"
std::string to_string(InstructionSet isa);
bool supported(InstructionSet isa);

/// Processors this process may use.
int available_processors();
/// The processor's name, from the system.
std::string processor_name();

std::unique_ptr<Runner> make_cpu_runner(int threads, InstructionSet isa);

}  // namespace magnu
