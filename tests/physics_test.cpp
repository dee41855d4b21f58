#include <gtest/gtest.h>

#include <cmath>

#include "magnu/core/quadrature.hpp"
#include "magnu/experiment/background.hpp"
#include "magnu/experiment/targets.hpp"
#include "magnu/physics/beta_decay.hpp"
#include "magnu/physics/coherent_scattering.hpp"
#include "magnu/physics/double_beta.hpp"
#include "magnu/physics/electron_scattering.hpp"

namespace magnu {
namespace {

using constants::keV;

TEST(Kinematics, MinimumEnergyInvertsMaximumRecoil) {
  for (const double mass : {constants::electron_mass, 122e3})
    for (const double energy : {0.01, 0.4, 16.0})
      EXPECT_NEAR(minimum_neutrino_energy(maximum_recoil(energy, mass), mass) / energy, 1, 1e-12);
}

template <class Process>
class CrossSection : public testing::Test {};
using Processes2 = testing::Types<ElectronScattering, CoherentScattering>;
TYPED_TEST_SUITE(CrossSection, Processes2);

template <class Process>
std::vector<Process> all_species(double recoil, const Target& target) {
  std::vector<Process> list;
  for (std::size_t s = 0; s < Process::species(target); ++s)
    list.push_back(Process::at(recoil, target, s, {}));
  return list;
}

TYPED_TEST(CrossSection, TextbookFormEqualsQuadraticForm) {
  const auto xenon = load_target("xenon");
  for (const double recoil : {0.3 * keV, 2 * keV, 50 * keV})
    for (const auto& p : all_species<TypeParam>(recoil, xenon))
      for (const double factor : {1.0001, 1.7, 30.0}) {
        const double e = p.minimum_energy() * factor;
        for (const auto flavour : {Flavour::electron, Flavour::other}) {
          const auto form = p.standard_model_form(flavour);
          const double scale =
              std::abs(form.c0) + std::abs(form.c1 / e) + std::abs(form.c2 / e / e);
          EXPECT_NEAR(p.standard_model(e, flavour), form(e), 1e-14 * scale);
        }
        EXPECT_NEAR(p.magnetic(e) / p.magnetic_form()(e), 1, 1e-13);
      }
}

TYPED_TEST(CrossSection, IsPositiveAboveTheKinematicLimit) {
  const auto xenon = load_target("xenon");
  for (const auto& p : all_species<TypeParam>(1 * keV, xenon))
    for (double e = p.minimum_energy() * 1.001; e < 20; e *= 1.5) {
      EXPECT_GT(p.standard_model(e, Flavour::electron), 0);
      EXPECT_GT(p.standard_model(e, Flavour::other), 0);
      EXPECT_GT(p.magnetic(e), 0);
    }
}

// The total cross section of nu_e e scattering at 1 MeV, free electron at rest, from the closed
// form of the integral of eq. (2.2) over Er.
TEST(ElectronScattering, IntegratesToTheClosedForm) {
  const auto xenon = load_target("xenon");
  const double e = 1, top = maximum_recoil(e, constants::electron_mass);
  const double sum = integrate(
      [&](double recoil) {
        return ElectronScattering::at(recoil, xenon, 0, {}).standard_model(e, Flavour::electron);
      },
      0, top, 8);
  const double left = 0.23122 + 0.5, right = 0.23122;  // (gV +- gA)/2
  const double cut = 1 - std::pow(1 - top / e, 3);
  const double per_electron = 2 * std::pow(constants::fermi_coupling * constants::hbar_c, 2) *
                              constants::electron_mass / constants::pi *
                              (left * left * top + right * right * e * cut / 3 -
                               left * right * constants::electron_mass * top * top / (2 * e * e));
  const double electrons = 54 * xenon.atoms_per_tonne() * constants::per_year_keV;
  EXPECT_NEAR(sum / (per_electron * electrons), 1, 1e-12);
}

TEST(CoherentScattering, FormFactorIsOneAtRestAndSmoothAcrossTheSeries) {
  EXPECT_DOUBLE_EQ(helm_form_factor(0, 131), 1);
  const double rn_per_MeV = 5.2 * constants::femtometre / constants::hbar_c;  // about xenon's
  const double q = 0.02 / rn_per_MeV;
  for (const double near : {0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2})
    EXPECT_NEAR(
        (1 - helm_form_factor(q * near, 131)) / (near * near) / (1 - helm_form_factor(q, 131)), 1,
        1e-4);
}

// The formula of its description, term by term and with digits to spare near q = 0.
TEST(CoherentScattering, FormFactorIsHelms) {
  for (const int a : {12, 40, 131})
    for (const double x : {1e-3, 0.012, 0.0199, 0.0201, 0.3, 2.0, 4.0, 5.5}) {
      const double s = 0.9, c = 1.23 * std::pow(a, 1.0 / 3) - 0.6;
      const double rn = std::sqrt(c * c + 7 * std::pow(constants::pi * 0.52, 2) / 3 - 5 * s * s);
      const long double y = x;  // q rn
      const double bessel = static_cast<double>(3 * (std::sin(y) / y - std::cos(y)) / (y * y));
      const double damping = std::exp(-0.5 * std::pow(s * x / rn, 2));
      const double q = x / rn * constants::hbar_c / constants::femtometre;  // MeV
      EXPECT_NEAR(helm_form_factor(q, a), bessel * damping, 2e-13) << a << " " << x;
    }
}

TEST(Target, AbundancesAreNormalisedAndXenonIsAsTabulated) {
  for (const auto& name : target_names()) {
    double sum = 0;
    for (const auto& isotope : load_target(name).isotopes) sum += isotope.abundance;
    EXPECT_NEAR(sum, 1, 1e-15) << name;
  }
  const auto xenon = load_target("xenon");
  EXPECT_EQ(xenon.isotopes.size(), 9u);
  EXPECT_NEAR(xenon.mean_atomic_mass(), 131.293, 2e-3);  // CIAAW standard atomic weight
  EXPECT_EQ(xenon.electrons_per_atom(), 54);
}

TEST(Target, ElectronsStepStrictlyAboveTheirBindingEnergy) {
  const auto xenon = load_target("xenon");
  EXPECT_EQ(xenon.free_electrons(12.0e-6), 0);
  EXPECT_EQ(xenon.free_electrons(12.1e-6), 4);
  EXPECT_EQ(xenon.free_electrons(1 * keV), 40);  // all but 3p1/2, 3s, L and K shells
  EXPECT_EQ(xenon.free_electrons(34.759 * keV), 52);
  EXPECT_EQ(xenon.free_electrons(34.7591 * keV), 54);
}

// ../spec: computed beta+ spectra at half the end point and mean energies.
struct BetaReference {
  BetaDecay decay;
  double half, mean;
};
class BetaSpectrum : public testing::TestWithParam<BetaReference> {};

TEST_P(BetaSpectrum, MatchesTheReferenceValues) {
  const auto& [reference, half, mean] = GetParam();
  const auto& decay = reference;
  const auto spectrum = [&](double e) { return beta_spectrum(decay, e); };
  double norm = 0, first = 0;
  for (int i = 0; i < 400; ++i) {  // graded towards the end point
    const auto edge = [&](int k) { return decay.end_energy * (1 - std::pow(1 - k / 400.0, 3)); };
    norm += integrate(spectrum, edge(i), edge(i + 1), 10);
    first += integrate([&](double e) { return e * spectrum(e); }, edge(i), edge(i + 1), 10);
  }
  EXPECT_NEAR(spectrum(decay.end_energy / 2) / norm / half, 1, 6e-5);  // as printed: 4 to 6 digits
  EXPECT_NEAR(first / norm / mean, 1, 1e-5);
  EXPECT_EQ(spectrum(decay.end_energy), 0);
}

INSTANTIATE_TEST_SUITE_P(Components, BetaSpectrum,
                         testing::Values(BetaReference{{0.42341, 1, 2}, 3.14504, 0.26681},
                                         BetaReference{{1.199, 6, 13}, 1.26360, 0.70676},
                                         BetaReference{{1.732, 7, 15}, 0.90950, 0.99653},
                                         BetaReference{{1.740, 8, 17}, 0.90769, 0.99960},
                                         BetaReference{{18.784, 2, 4}, 0.09726, 9.6304}));

TEST(FermiFunction, NonRelativisticLimitIsTheGamowFactor) {
  // For alpha Z small and slow positrons F -> 2 pi y/(1 - exp(-2 pi y)).
  const double momentum = 0.01;
  const double y = -constants::fine_structure * std::sqrt(1 + momentum * momentum) / momentum;
  const double gamow = 2 * constants::pi * y / (1 - std::exp(-2 * constants::pi * y));
  EXPECT_NEAR(fermi_function(-1, 2, momentum) / gamow, 1, 2e-3);
}

TEST(CoulombExponent, IsInvertedByItsDistance) {
  for (const auto& decay : {BetaDecay{0.42341, 1, 2}, BetaDecay{1.740, 8, 17}})
    for (const double distance : {1e-9, 1e-4, 0.01, 0.2})
      EXPECT_NEAR(coulomb_distance(decay, coulomb_exponent(decay, distance)) / distance, 1, 1e-9);
}

// Against the same formula with scipy.special.loggamma.
TEST(FermiFunction, ReferenceValues) {
  EXPECT_NEAR(fermi_function(-6, 13, 0.05) / 0.022786337065500182, 1, 1e-13);
  EXPECT_NEAR(fermi_function(-7, 15, 0.5) / 0.6963827740204482, 1, 1e-13);
  EXPECT_NEAR(fermi_function(-8, 17, 2.0) / 0.8245566593533606, 1, 1e-13);
  EXPECT_NEAR(fermi_function(54, 131, 1.0) / 8.514217070489359, 1, 1e-13);
}

TEST(DoubleBeta, RatesAndTotal) {
  const auto xenon = load_target("xenon");
  EXPECT_NEAR(xe136_double_beta_rate(xenon, 1 * keV), 0.121, 0.0005);
  EXPECT_NEAR(xe136_double_beta_rate(xenon, 10 * keV), 1.23, 0.005);
  EXPECT_NEAR(xe136_double_beta_rate(xenon, 100 * keV), 14.2, 0.05);
  const double total = background_events({named_background("xe136_2nbb")}, xenon, 0, 2.45783);
  const double atoms = xenon.isotopes.back().abundance * xenon.atoms_per_tonne();
  EXPECT_NEAR(total / (atoms * std::log(2.0) / 2.165e21), 1, 1e-12);
  EXPECT_EQ(xe136_double_beta_rate(load_target("argon"), 10 * keV), 0);
}

TEST(DoubleBeta, ABinAcrossItsEndHoldsWhatLiesBelow) {
  const auto xenon = load_target("xenon");
  const std::vector<Background> list{named_background("xe136_2nbb")};
  EXPECT_NEAR(background_events(list, xenon, 2, 5) / background_events(list, xenon, 2, 2.45783), 1,
              1e-13);
  EXPECT_EQ(background_events(list, xenon, 3, 5), 0);
}

TEST(Backgrounds, NamedOnesAddUpToTheirReferences) {
  const auto xenon = load_target("xenon");
  const auto rate = [&](const char* name, double energy) {
    return background_rate({named_background(name)}, xenon, energy * keV);
  };
  const double nbb = xe136_double_beta_rate(xenon, 10 * keV);
  EXPECT_NEAR(rate("xenon1t", 10), 71 + nbb, 1e-12);
  EXPECT_NEAR(rate("xenonnt", 10), 8.2 + nbb, 1e-12);
  EXPECT_NEAR(rate("darwin", 10), 0.603 + nbb, 1e-12);
}

/// Flat 4 per keV, then down to 1 at 8 keV: areas of a rectangle, a trapezium and parts of them.
TEST(Backgrounds, ATableIsLinearBetweenItsRowsAndNothingOutside) {
  auto table = std::make_shared<BackgroundTable>();
  for (const double energy : {1.0, 2.0, 8.0}) table->energy.push_back(energy * keV);
  table->rate = {4, 4, 1};
  table->energy.shrink_to_fit();  // nothing behind the last row
  const std::vector<Background> list{{Background::Kind::table, 1, "", {}, table}};
  const auto xenon = load_target("xenon");
  const auto rate = [&](double energy) { return background_rate(list, xenon, energy * keV); };
  EXPECT_EQ(rate(0.99), 0);
  EXPECT_DOUBLE_EQ(rate(1), 4);
  EXPECT_DOUBLE_EQ(rate(2), 4);
  EXPECT_NEAR(rate(6), 2, 1e-13);
  EXPECT_NEAR(rate(8), 1, 1e-13);
  EXPECT_EQ(rate(8.01), 0);
  const auto events = [&](double from, double to) {
    return background_events(list, xenon, from * keV, to * keV);
  };
  EXPECT_NEAR(events(0, 20), 4 + 15, 1e-12);
  EXPECT_NEAR(events(1.5, 4), 2 + 7, 1e-12);
  EXPECT_NEAR(events(4, 6), 5, 1e-12);
  EXPECT_EQ(events(0.2, 1), 0);
  EXPECT_EQ(events(8, 9), 0);
}

}  // namespace
}  // namespace magnu
