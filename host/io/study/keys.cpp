#include "magnu/io/study/keys.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "magnu/experiment/solar_flux.hpp"
#include "magnu/experiment/targets.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/scan/processes.hpp"

namespace magnu {
namespace {

/// What holds of each process by default: its name, a colon, and the text.
template <class Text>
std::string by_process(Text&& text) {
  std::vector<std::string> parts;
  for (const auto& name : process_names())
    parts.push_back(name + ": " + text(process_facts(name).defaults));
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string one_of(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, " | "));
}

std::string default_components(const ProcessDefaults& defaults) {
  if (defaults.components.empty()) return "all";
  std::string list(defaults.components);
  for (std::size_t space; (space = list.find(' ')) != std::string::npos;)
    list.replace(space, 1, ", ");
  return "[" + list + "]";
}

}  // namespace

const std::vector<Key>& study_keys() {
  static const std::vector<Key> keys{
      {"name", "text", "", "the file's stem",
       "the study's name, and its folder under results/; in an entry of curves, the curve's"},
      {"channel", one_of(process_names()), "", "electron",
       "neutrino-electron or coherent neutrino-nucleus scattering"},
      {"target", one_of(target_names()), "", "xenon", "detector medium, natural isotopes"},
      {"components", fmt::format("list of {}", fmt::join(solar_components(), ", ")), "",
       by_process(default_components), "solar neutrino components that count"},
      {"solar_model", one_of(solar_models()), "", "b16gs98",
       "total fluxes, and where in the Sun the neutrinos are made"},
      {"b8_spectrum", one_of(b8_spectra()), "", "winter2006", "shape of the 8B spectrum"},
      {"oscillation", "map", "", "see its keys",
       "oscillation parameters; giving the map replaces it whole"},
      {"oscillation.sin2_theta12", "number", "", "0.32", "sin^2 theta_12"},
      {"oscillation.sin2_theta13", "number", "", "0.0216", "sin^2 theta_13"},
      {"oscillation.dm2_21", "number", "eV^2", "7.55e-05", "mass splitting m_2^2 - m_1^2"},
      {"sin2_theta_w", "number", "", "0.23122",
       "weak mixing angle (0.2386 is its low-energy value)"},
      {"electrons", "free | stepping", "", "free",
       "free electrons, or only those bound by less than the recoil energy"},
      {"exposure", "quantity", "tonne year", "1 tonne year", "target mass times live time"},
      {"threshold", "quantity", "keV", "0.3 keV", "lower end of the first bin"},
      {"upper", "quantity", "keV", by_process([](const auto& d) { return energy_text(d.upper); }),
       "upper end of the last bin"},
      {"bins", "whole number", "", by_process([](const auto& d) { return std::to_string(d.bins); }),
       "bins of equal width from threshold to upper"},
      {"resolution", "map", "", "none",
       "Gaussian energy resolution, sigma = a sqrt(E) + b E with E in keV; bins are then of "
       "reconstructed energy; giving the map replaces it whole"},
      {"resolution.a", "number", "sqrt(keV)", "0", "stochastic term"},
      {"resolution.b", "number", "", "0", "constant term"},
      {"resolution.lowest_energy", "quantity", "keV", "0.01 keV",
       "no recoil of a true energy below it is seen"},
      {"background", "list of entries", "", "[]",
       "entries add up: xenon1t, xenonnt, darwin, xe136_2nbb, {fraction: F}, {flat: RATE}, {table: "
       "FILE}; each may have an uncertainty beside it"},
      {"background.name", "text", "", "none", "a named one, as {name: xenonnt, uncertainty: 5 %}"},
      {"background.uncertainty", "per cent | none | free", "", "a named one's own, else none",
       "of an entry's size, in a Poisson likelihood"},
      {"background.fraction", "number", "", "none",
       "background as a fraction of the signal in each bin"},
      {"background.flat", "number", "1/(tonne year keV)", "none", "constant background rate"},
      {"background.table", "file", "", "none",
       "file of energies and rates; linear between rows, zero outside; the path is relative to the "
       "study's file"},
      {"background.energy", "{column: C, unit: U}", "", "none",
       "of a table whose header does not say it: the column of energies, by name or place from 1"},
      {"background.rate", "{column: C, unit: U}", "", "none", "likewise the column of rates"},
      {"fraction_in", "variance | error", "", "variance",
       "where a background fraction f goes: sigma^2 = x + f x, or sigma = (1 + f) sqrt(x)"},
      {"statistic", "counts | density | poisson", "", "counts",
       "events in each bin with Gaussian errors, the rate at each bin's centre (a reading of the "
       "paper), or a Poisson likelihood with uncertainties"},
      {"uncertainties", "map", "", "see its keys",
       "what a Poisson likelihood does not know exactly; giving the map replaces it whole"},
      {"uncertainties.flux", "solar_model | none | map of components to per cents", "",
       "solar_model", "of the solar neutrino fluxes"},
      {"uncertainties.sin2_theta12", "number", "", "none", "standard deviation of sin^2 theta_12"},
      {"uncertainties.sin2_theta13", "number", "", "none", "standard deviation of sin^2 theta_13"},
      {"uncertainties.dm2_21", "number", "eV^2", "none",
       "standard deviation of the mass splitting"},
      {"uncertainties.sin2_theta_w", "number", "", "none",
       "standard deviation of the weak mixing angle"},
      {"uncertainties.exposure", "per cent", "", "none", "of everything a detector counts"},
      {"uncertainties.efficiency", "per cent", "", "none", "of the solar neutrinos it counts"},
      {"interval", "map", "", "see its keys", "how a Poisson likelihood's limits are made"},
      {"interval.test", "two-sided | upper | cls | feldman-cousins", "", "two-sided",
       "the profile likelihood ratio, the same where only excesses count, CLs of it, or the first "
       "with critical values from toys"},
      {"interval.method", "asymptotic | toys", "", "asymptotic",
       "where the test statistic's distribution is from; toys where the test has no other"},
      {"interval.toys", "whole number", "", "10000", "toys at each tested moment"},
      {"interval.seed", "whole number", "", "1", "of the toys' random numbers"},
      {"interval.power_constraint", "number | none", "", "none",
       "limits below what data without signal reach with this probability are reported there: 0.16 "
       "for -1 standard deviation"},
      {"interval.unbounded", "true | false", "", "false",
       "whether mu_eff^2 may be fitted below zero; a moment is then written with the sign of its "
       "square"},
      {"counts", "list of whole numbers, or {table: FILE}", "", "what is expected without signal",
       "observed events in each bin, for a Poisson likelihood; a table has columns low_keV, "
       "high_keV, counts"},
      {"sigma_scale", "number", "", "1", "factor on every bin's error"},
      {"confidence_level", "number", "", "0.9", "of the limits, one degree of freedom"},
      {"mu_eff", "map", "", "see its keys",
       "scanned magnetic moments, evenly spaced in the logarithm; giving the map replaces it "
       "whole"},
      {"mu_eff.from", "number", "mu_B", "1e-13", "smallest"},
      {"mu_eff.to", "number", "mu_B", "1e-09", "largest"},
      {"mu_eff.points", "whole number", "", "4001", "how many, both ends included"},
      {"accuracy", "number", "", "1e-09",
       "relative error allowed to the integrals over neutrino energy"},
      {"axes", "map of paths to lists or ranges", "", "none",
       "settings to sweep: every curve is computed at each combination of their values; a range is "
       "{from, to, points, spacing: linear or log}"},
      {"reach", "map", "", "none",
       "the inverse question: instead of limits, the least exposure, or the largest background or "
       "threshold, between two ends with which a detector's limit is mu_eff"},
      {"reach.mu_eff", "quantity", "mu_B", "none", "the limit to reach"},
      {"reach.by", "exposure | background.flat | background.fraction | threshold", "", "none",
       "the setting that is asked for; not an axis"},
      {"reach.from", "as the setting's", "", "none", "the least value in question"},
      {"reach.to", "as the setting's", "", "none", "the largest value in question"},
      {"joint", "list of maps", "", "none", "curves that are fitted together, beside themselves"},
      {"joint.name", "text", "", "none", "as a curve's"},
      {"joint.of", "list of names", "", "none", "of two curves or more, all Poisson likelihoods"},
      {"joint.interval", "map", "", "the study's", "as a curve's"},
      {"joint.confidence_level", "number", "", "the study's", "as a curve's"},
      {"curves", "list of maps", "", "one curve, named as the study",
       "one detector each: a name and any of the keys above, which replace the study's"},
  };
  return keys;
}

std::vector<std::string> key_names(const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& key : study_keys()) {
    const auto dot = key.name.find('.');
    if (prefix.empty() ? dot == std::string::npos
                       : key.name.substr(0, dot) == prefix && dot != std::string::npos)
      names.push_back(prefix.empty() ? key.name : key.name.substr(dot + 1));
  }
  return names;
}

}  // namespace magnu
