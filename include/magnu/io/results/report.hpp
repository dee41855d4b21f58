#pragma once

#include <string>
#include <vector>

#include "magnu/scan/engine.hpp"
#include "magnu/scan/verification.hpp"

namespace magnu {

/// The table of limits as a user reads it.
std::string limits_table(const std::vector<CurveResult>& results);

/// A grid's values (limits, or what was asked for) if they are few; nothing for no values.
/// `failures`: some of those that are not numbers are fits that failed.
std::string grid_table(const Grid& grid, const std::vector<double>& values, bool failures);
inline constexpr std::size_t most_printed = 24;

std::string verification_table(const VerificationReport& report);

/// Differential rates at recoil energies [keV] as CSV (`magnu spectrum`).
std::string spectrum_csv(const Study& study, Engine& engine, const std::vector<double>& energies);

/// The study as understood and what it would cost (`magnu check`).
std::string cost_report(const Study& study, bool surface = false);

/// Everything a configuration may name (`magnu list`).
std::string names_report();

/// Version, build, processor and devices (`magnu info`).
std::string info_report();

}  // namespace magnu
