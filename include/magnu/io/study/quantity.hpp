#pragma once

#include <string>

#include "magnu/io/study/setting.hpp"
#include "magnu/physics/units.hpp"

namespace magnu {

/// What a text with units may measure, and in which unit it is then returned.
enum class Dimension { energy /* MeV */, exposure /* tonne year */, moment /* mu_B */, number };

/// Reads "0.3 keV", "40 tonne year", "40 t*yr", "200 tonne x 10 year". InputError for a missing or
/// wrong unit, for keVee or keVnr on the other kind of recoils, and for what is not a finite
/// number.
double read_quantity(const Setting& setting, Dimension dimension,
                     RecoilScale scale = RecoilScale::any);

/// The same, with the scale of its energy: keV, keVee or keVnr.
struct ScaledQuantity {
  double value = 0;
  RecoilScale scale = RecoilScale::any;
};
ScaledQuantity read_scaled_quantity(const Setting& setting, Dimension dimension);

/// A finite number without unit.
double read_number(const Setting& setting);

/// A word; `remedy` is what an InputError for anything else advises.
const std::string& read_text(const Setting& setting, const std::string& remedy);

/// A whole number.
long long read_integer(const Setting& setting);

/// Text that `read_quantity` turns into this very double.
std::string energy_text(double mev);
std::string exposure_text(double tonne_year);

/// "1 detector", "2 detectors".
std::string counted(std::size_t count, const std::string& what);

/// In keV, without the last digits' noise of a conversion or of the edges of bins.
double energy_in_keV(double mev);

}  // namespace magnu
