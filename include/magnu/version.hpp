#pragma once

#include <string>

namespace magnu {

std::string version();
/// The commit built from, "-dirty" if the tree had changes; "unknown" outside a checkout.
std::string commit();
/// Compiler and build type, and the CUDA toolkit if the CUDA backend is built in.
std::string build_description();

}  // namespace magnu
