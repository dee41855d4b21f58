#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "curves.hpp"
#include "magnu/experiment/targets.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/engine.hpp"
#include "magnu/scan/verification.hpp"

namespace magnu {
namespace {

using test::paper_curve;

/// Where a component ends, the running integrals have little left to hold: there they must keep
/// their relative accuracy for as long as anything is counted.
struct End {
  const char* component;
  const char* b8_spectrum;
};
void PrintTo(const End& end, std::ostream* stream) {
  *stream << end.component << "_" << end.b8_spectrum;
}

class SpectrumEnd : public testing::TestWithParam<End> {
 protected:
  /// The largest deviation of `fast` from `direct` over the last thousandth of what the component
  /// gives to a species of a target, measured as `verify` does.
  double largest_deviation(const std::string& channel, const std::string& target_name) {
    auto curve = paper_curve(channel);
    curve.target = target_name;
    curve.flux.components = {GetParam().component};
    curve.flux.b8_spectrum = GetParam().b8_spectrum;
    const auto target = load_target(target_name);
    const auto runner = make_cpu_runner(1, best_instruction_set());
    Engine engine(*runner, Evaluation::fast);
    const double end = flux_ends(GetParam().component, GetParam().b8_spectrum).back();
    double largest = 0;
    const bool electrons = channel == "electron";
    for (std::size_t s = 0; s < (electrons ? 1 : target.isotopes.size()); ++s) {
      const double mass = electrons ? constants::electron_mass : target.isotopes[s].nuclear_mass();
      const double last = maximum_recoil(end, mass);
      std::vector<double> energies{1e-3 * last};  // what the component's largest rates are like
      for (int k = 0; k <= 160; ++k) energies.push_back(last * (1 - std::pow(10, -3 - k / 20.0)));
      largest = std::max(largest, deviation(engine, *runner, curve, target, energies));
    }
    return largest;
  }

 private:
  static double deviation(Engine& engine, const Runner& runner, const Curve& curve,
                          const Target& target, const std::vector<double>& energies) {
    RecoilProblem problem{make_recoil_rows(curve, target, energies), {}};
    for (std::size_t row = 0; row < problem.rows.size(); ++row) {
      problem.binning.add(row, {1});
      problem.binning.end_bin();
    }
    double largest = 0;
    for (const double mu : {0.0, 1e-9}) {
      const auto direct = runner.direct(engine.flux(curve), problem, {&mu, 1}, true, {}).spectrum;
      const auto fast = engine.spectra(curve, problem.rows);
      std::vector<double> scale;
      for (std::size_t row = 0; row < problem.rows.size(); ++row)
        scale.push_back(fast.total(row).standard_scale + mu * mu * fast.total(row).magnetic_scale);
      const double floor = rate_floor * *std::max_element(scale.begin(), scale.end());
      for (std::size_t row = 0; row < problem.rows.size(); ++row) {
        const auto total = fast.total(row);
        largest = std::max(largest,
                           std::abs(total.standard_model + mu * mu * total.magnetic - direct[row]) /
                               std::max(scale[row], floor));
      }
    }
    return largest;
  }
};

TEST_P(SpectrumEnd, KeepsItsRelativeAccuracy) {
  const double electron = largest_deviation("electron", "xenon");
  RecordProperty("electron", std::to_string(1e15 * electron) + "e-15");
  EXPECT_LT(electron, 1e-12);
  for (const auto& target : target_names()) {
    const double nuclear = largest_deviation("nuclear", target);
    RecordProperty("nuclear_" + target, std::to_string(1e15 * nuclear) + "e-15");
    EXPECT_LT(nuclear, 1e-12) << target;
  }
}

INSTANTIATE_TEST_SUITE_P(Components, SpectrumEnd,
                         testing::Values(End{"pp", "winter2006"}, End{"pep", "winter2006"},
                                         End{"hep", "winter2006"}, End{"be7", "winter2006"},
                                         End{"b8", "winter2006"}, End{"b8", "bahcall1996"},
                                         End{"n13", "winter2006"}, End{"o15", "winter2006"},
                                         End{"f17", "winter2006"}),
                         testing::PrintToStringParamName());

// Bins that hold nothing but the end of a spectrum: limits agree there too, and so do rates far
// below the largest of the spectrum, which are the largest of the study.
TEST(SpectrumEnd, StudiesOfNothingButAnEndVerify) {
  struct Case {
    const char *channel, *component;
    double threshold, upper;
  };
  const auto runner = make_cpu_runner(1, best_instruction_set());
  for (const auto& c : {Case{"electron", "n13", 988.0, 988.6}, Case{"electron", "n13", 900, 1100},
                        Case{"electron", "pp", 264, 264.2}, Case{"electron", "f17", 1517.0, 1520},
                        Case{"nuclear", "hep", 5.79, 6.0}, Case{"nuclear", "b8", 3.8, 3.9},
                        Case{"nuclear", "b8", 3.89, 4.1}, Case{"electron", "b8", 14990, 15060}}) {
    auto curve = paper_curve(c.channel, Statistic::counts);
    curve.flux.b8_spectrum = "winter2006";
    curve.flux.components = {c.component};
    curve.threshold = c.threshold * constants::keV;
    curve.upper = c.upper * constants::keV;
    curve.bins = 7;
    curve.exposure = 1e6;
    curve.name = c.component;
    curve.mu_eff = {1e-12, 1e-6, 5};
    const auto report = verify(Study{.name = "end", .curves = {curve}}, {runner.get()}, {});
    for (const auto& d : report.deviations)
      EXPECT_TRUE(d.passed()) << c.component << " from " << c.threshold << ": " << d.what << " "
                              << d.value << " " << d.where;
  }
}

// Bins nine sigma beyond the spectrum hold 1e-21 of it, of which no digit is right: there the floor
// decides, in the rates, in chi^2 and in the limit, which goes as its fourth root.
TEST(BeyondTheSpectrum, TheFloorDecides) {
  const auto runner = make_cpu_runner(1, best_instruction_set());
  auto curve = paper_curve("nuclear", Statistic::density);
  curve.target = "argon";
  curve.flux.components = {"f17"};
  curve.flux.solar_model = "b16agss09";
  curve.flux.oscillation = {0.7430950492624847, 0.94981967687518, 0.008640635477356483};
  curve.couplings.sin2_theta_w = 0.9047916105482446;
  curve.threshold = 0.778237813468461 * constants::keV;
  curve.upper = 0.9654375593626134 * constants::keV;
  curve.bins = 5;
  curve.exposure = 1996;
  curve.mu_eff = {1.7e-13, 1.9e-7, 2};
  for (const double b : {0.42319685862721357, 0.5319915146450839}) {
    curve.resolution.b = b;
    const auto report = verify(Study{.name = "beyond", .curves = {curve}}, {runner.get()}, {});
    for (const auto& d : report.deviations)
      EXPECT_TRUE(d.passed()) << b << ": " << d.what << " " << d.value << " " << d.where;
  }
}

// Little mixing makes Pee steep at its resonance, and with it the recoil spectrum, which the fast
// evaluation interpolates between its rows and the direct one does not.
TEST(SteepResonance, LimitsAgree) {
  const auto runner = make_cpu_runner(1, best_instruction_set());
  for (const double sin2_theta12 : {1e-4, 2e-3, 0.998})
    for (const auto statistic : {Statistic::density, Statistic::counts}) {
      auto curve = paper_curve("electron", statistic);
      curve.flux.components = {"hep"};
      curve.flux.oscillation = {sin2_theta12, 0.2, 4.5e-6};
      curve.threshold = 900 * constants::keV;
      curve.upper = 6000 * constants::keV;
      curve.bins = 50;
      curve.exposure = 1e5;
      curve.mu_eff = {1e-12, 1e-6, 5};
      const auto report = verify(Study{.name = "steep", .curves = {curve}}, {runner.get()}, {});
      for (const auto& d : report.deviations) EXPECT_LT(d.value, 1e-12) << sin2_theta12 << d.what;
    }
}

}  // namespace
}  // namespace magnu
