#pragma once

#include <optional>
#include <string_view>

namespace magnu {

/// What an energy of recoil is: as it is, or seen as an electron's or a nucleus's (keVee, keVnr).
enum class RecoilScale { any, electron, nuclear };

/// A product of units: a factor to MeV, tonne, year and mu_B, and their exponents.
struct Unit {
  double factor = 1;
  int energy = 0, mass = 0, time = 0, moment = 0;
  RecoilScale scale = RecoilScale::any;

  /// Whether the exponents are these.
  bool is(int of_energy, int of_mass, int of_time, int of_moment) const {
    return energy == of_energy && mass == of_mass && time == of_time && moment == of_moment;
  }
};

/// Reads a unit as papers write it: "keVee", "t yr", "t*yr", "tonne-years", "kg·d",
/// "1/(tonne year keV)", "events/t/yr/keV", "t^-1 yr^-1 keV^-1", "dru". What follows a '/' is
/// divided by, up to a '*', the end or the bracket. Nothing for a word that is no unit, nor where
/// it is not plain where a number belongs: "1/(kg yr keV) 10^-3".
std::optional<Unit> read_unit(std::string_view text);

}  // namespace magnu
