#include "magnu/experiment/solar_flux.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "magnu/core/data.hpp"
#include "magnu/core/error.hpp"
#include "magnu/core/quadrature.hpp"
#include "magnu/physics/beta_decay.hpp"
#include "magnu/physics/kinematics.hpp"

namespace magnu {
namespace {

FluxSettings paper() {
  FluxSettings settings;
  settings.solar_model = "bs05op";
  settings.b8_spectrum = "bahcall1996";
  return settings;
}

int index_of(const SolarFlux& flux, const std::string& name) {
  for (std::size_t c = 0; c < flux.components.size(); ++c)
    if (flux.components[c] == name) return static_cast<int>(c);
  throw std::out_of_range(name);
}

double integral(const SolarFlux& flux, int component) {
  const auto view = flux.view();
  double sum = 0;
  for (std::size_t p = 0; p < flux.panels.size(); ++p)
    if (flux.panels[p].component == component)
      sum += integrate([&](double e) { return view.differential(static_cast<int>(p), e); },
                       flux.panels[p].lower, flux.panels[p].upper, 16);
  for (const auto& line : flux.lines)
    if (line.component == component) sum += line.flux;
  return sum;
}

TEST(SolarFlux, ComponentsIntegrateToTheirTotals) {
  for (const auto& model : solar_models())
    for (const auto& b8 : b8_spectra()) {
      FluxSettings settings;
      settings.solar_model = model;
      settings.b8_spectrum = b8;
      const auto flux = make_solar_flux(settings);
      ASSERT_EQ(flux.components.size(), 8u);
      for (int c = 0; c < 8; ++c)
        EXPECT_NEAR(integral(flux, c) / flux.total[c], 1, 1e-10) << model << flux.components[c];
    }
}

TEST(SolarFlux, PanelsFollowTheBetaSpectrumToTheAccuracyAsked) {
  const auto flux = make_solar_flux(paper());
  const auto view = flux.view();
  const int pp = index_of(flux, "pp");
  const BetaDecay decay{0.42341, 1, 2};
  const double scale = view.differential(flux.first_panel[pp] + 5, flux.panels[5].lower) /
                       beta_spectrum(decay, flux.panels[5].lower);
  for (int p = flux.first_panel[pp]; p < flux.first_panel[pp + 1] - 1; ++p)
    for (const double t : {0.03, 0.41, 0.97}) {
      const double e = flux.panels[p].lower + t * (flux.panels[p].upper - flux.panels[p].lower);
      if (e > (1 - 1e-5) * decay.end_energy) continue;  // end - e loses its digits there
      EXPECT_NEAR(view.differential(p, e) / (scale * beta_spectrum(decay, e)), 1, 1e-9) << e;
    }
}

TEST(SolarFlux, ATableEndsWhereItHoldsNothingButZeros) {
  EXPECT_EQ(flux_ends("b8", "winter2006"), std::vector{15.3});
  EXPECT_EQ(flux_ends("b8", "bahcall1996"), std::vector{16.4});
}

TEST(SolarFlux, B8IsLinearBetweenTheNodesOfItsTable) {
  const auto flux = make_solar_flux(paper());
  const auto table = data_table("b8_spectrum_bahcall1996.csv");
  const auto energy = table.numbers("neutrino_energy_MeV"),
             value = table.numbers("probability_per_MeV");
  const int b8 = index_of(flux, "b8");
  for (int p = flux.first_panel[b8]; p < flux.first_panel[b8 + 1]; ++p) {
    const double e = 0.5 * (flux.panels[p].lower + flux.panels[p].upper);
    std::size_t i = 1;
    while (energy[i] < e) ++i;
    const double t = (e - energy[i - 1]) / (energy[i] - energy[i - 1]);
    const double expected = flux.total[b8] * (value[i - 1] + t * (value[i] - value[i - 1]));
    EXPECT_NEAR(flux.view().differential(p, e) / expected, 1,
                1e-6);  // the table's norm: 0.99999995
  }
}

TEST(SolarFlux, ShellsAreThoseOfTheTableAndFewerThanEightMore) {
  const auto flux = make_solar_flux(paper());
  const auto table = data_table("production_bs05op.csv");
  const std::size_t shells = flux.shell_density.size();
  EXPECT_GE(shells, table.rows());
  EXPECT_LT(shells, table.rows() + 8);
  EXPECT_EQ(shells % 8, 0u);
  ASSERT_EQ(flux.shell_fraction.size(), shells * flux.components.size());
  for (std::size_t c = 0; c < flux.components.size(); ++c) {
    double sum = 0;
    for (std::size_t s = 0; s < shells; ++s) sum += flux.shell_fraction[c * shells + s];
    EXPECT_NEAR(sum, 1, 1e-14) << flux.components[c];
  }
}

TEST(SolarFlux, SurvivalMatchesTheReferenceValues) {
  const auto flux = make_solar_flux(paper());
  const auto view = flux.view();
  EXPECT_NEAR(view.survival(index_of(flux, "pp"), 0.2), 0.5374, 5e-4);
  EXPECT_NEAR(view.survival(index_of(flux, "be7"), 0.8613), 0.5189, 5e-4);
  EXPECT_NEAR(view.survival(index_of(flux, "b8"), 5), 0.3951, 5e-4);
  EXPECT_NEAR(view.survival(index_of(flux, "b8"), 10), 0.3362, 5e-4);
}

/// Largest relative deviation of Pee interpolated between the survival nodes from its average over
/// the Sun, at random energies inside the panels of the flux.
double interpolation_error(const SolarFlux& flux, const Oscillation& parameters) {
  const auto view = flux.view();
  const SurvivalProbability probability(parameters);
  static const auto transform = chebyshev_transform(survival_terms);
  std::mt19937 random(12345);
  double largest = 0;
  for (const auto& panel : flux.panels) {
    const std::size_t first = panel.survival * survival_terms;
    std::vector<double> coefficients(survival_terms);
    for (int j = 0; j < survival_terms; ++j) {
      const auto& node = flux.survival_nodes[first + j];
      EXPECT_EQ(node.component, panel.component);
      const double value = view.survival(probability, node.component, node.energy);
      for (int m = 0; m < survival_terms; ++m)
        coefficients[m] += transform[m * survival_terms + j] * value;
    }
    const auto& wide = flux.survival_panels[panel.survival];
    for (int i = 0; i < 5; ++i) {
      const double e = std::uniform_real_distribution<>(panel.lower, panel.upper)(random);
      const double x = (e - wide.centre) * wide.scale;
      EXPECT_LE(std::abs(x), 1 + 1e-12) << e;
      const double here = chebyshev_sum(coefficients.data(), survival_terms, 1, x);
      largest =
          std::max(largest, std::abs(here / view.survival(probability, panel.component, e) - 1));
    }
  }
  return largest;
}

TEST(SurvivalNodes, CarryPeeForAnyOscillation) {
  for (const double sin2_theta12 : {0.05, 0.2, 0.32, 0.5, 0.6})
    for (const double dm2_21 : {1e-5, 7.55e-5, 3e-4}) {
      auto settings = paper();
      settings.oscillation = {sin2_theta12, 0.0216, dm2_21};
      EXPECT_LT(interpolation_error(make_solar_flux(settings), settings.oscillation), 1e-12)
          << sin2_theta12 << " " << dm2_21;
    }
}

TEST(SurvivalNodes, ServeAllParametersCovered) {
  const std::vector<Oscillation> covered{
      {0.05, 0.0216, 3e-4}, {0.6, 0.0216, 1e-5}, {0.3, 0.05, 5e-5}};
  auto settings = paper();
  const auto flux = make_solar_flux(settings, covered);
  for (const auto& parameters : covered) EXPECT_LT(interpolation_error(flux, parameters), 1e-12);
  EXPECT_LT(interpolation_error(flux, settings.oscillation), 1e-12);

  // Another of them as the flux's own has the same nodes, and none after the last flux is
  // forgotten.
  settings.oscillation = covered[2];
  const auto same = make_solar_flux(settings, covered);
  EXPECT_EQ(same.settings, settings);
  const auto alone = make_solar_flux(settings);
  EXPECT_LT(alone.survival_nodes.size(), flux.survival_nodes.size());
  EXPECT_EQ(make_solar_flux(settings, covered).survival_nodes.size(), same.survival_nodes.size());
}

TEST(SurvivalNodes, EndWithTheLinesAndAreFewForTheSun) {
  const auto flux = make_solar_flux({});
  ASSERT_EQ(flux.survival_nodes.size(),
            flux.survival_panels.size() * survival_terms + flux.lines.size());
  EXPECT_LT(flux.survival_nodes.size(), 310u);
  for (std::size_t l = 0; l < flux.lines.size(); ++l)
    EXPECT_EQ(flux.survival_nodes[flux.survival_panels.size() * survival_terms + l].energy,
              flux.lines[l].energy);
}

TEST(SurvivalNodes, NoMixingEnds) {
  auto settings = paper();
  settings.accuracy = 1e-3;
  settings.oscillation.sin2_theta12 = 0;
  EXPECT_GT(make_solar_flux(settings).survival_nodes.size(), 0u);
}

TEST(SurvivalProbability, VacuumAndDenseMatterLimits) {
  const Oscillation o;
  const SurvivalProbability p(o);
  const double s12 = o.sin2_theta12, s13 = o.sin2_theta13, c13 = 1 - s13;
  const double vacuum = c13 * c13 * (1 - 2 * s12 * (1 - s12)) + s13 * s13;
  EXPECT_NEAR(p.from_cosine(p.matter_cosine(0, 1)), vacuum, 1e-14);
  EXPECT_NEAR(p.from_cosine(p.matter_cosine(1e9, 10)), c13 * c13 * s12 + s13 * s13, 1e-9);
}

TEST(SolarFlux, KinematicLimitsOfTableOne) {
  const auto limit_of = [](double energy) {
    return maximum_recoil(energy, constants::electron_mass) / constants::keV;
  };
  const auto limit = [&](const char* component, int line) {
    return limit_of(flux_ends(component, "bahcall1996").at(line));
  };
  EXPECT_NEAR(limit("pp", 0) / 264, 1, 5e-3);
  EXPECT_NEAR(limit("be7", 0) / 231, 1, 5e-3);
  EXPECT_NEAR(limit("be7", 1) / 664, 1, 5e-3);
  EXPECT_NEAR(limit("pep", 0) / 1225, 1, 5e-3);  // corrected; the paper's 1180 is a 1.40 MeV line
  EXPECT_NEAR(limit("hep", 0) / 18.5e3, 1, 5e-3);
  EXPECT_NEAR(limit_of(16.56) / 16.3e3, 1, 5e-3);  // 8B: last row of the table, zero from 16.4
  EXPECT_NEAR(limit("n13", 0) / 988, 1, 5e-3);
  EXPECT_NEAR(limit("o15", 0) / 1509, 1, 5e-3);
  EXPECT_NEAR(limit("f17", 0) / 1517, 1, 5e-3);
}

TEST(SolarFlux, UnknownNamesAreRefusedWithTheKnownOnes) {
  auto settings = paper();
  settings.solar_model = "bs06";
  try {
    make_solar_flux(settings);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(error.location.key, "solar_model");
    EXPECT_NE(std::string(error.what()).find("bs05agsop"), std::string::npos);
  }
}

}  // namespace
}  // namespace magnu
