#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "magnu/scan/runner.hpp"
#include "magnu/scan/study.hpp"

namespace magnu {

/// `fast`: coefficients times running integrals. `direct`: every cell of the dense grid.
enum class Evaluation { fast, direct };

/// A curve's bins with its exposure: events, or events per keV for the density statistic.
struct BinnedSignal {
  std::vector<double> signal;            ///< [bins], at mu_eff = 0: the toy experiment
  std::vector<double> background;        ///< [bins]
  std::vector<double> sigma;             ///< [bins]
  std::vector<double> inverse_variance;  ///< [bins]; 0 where nothing is expected
};

struct CurveResult {
  Curve curve;
  BinnedSignal bins;
  std::vector<double> magnetic;    ///< [bins], extra signal at 1 mu_B with the exposure
  std::vector<double> mu_eff;      ///< the scanned grid [mu_B]
  std::vector<double> delta_chi2;  ///< over the grid
  double limit = 0;                ///< mu_B; infinite where no value is excluded

  bool limit_outside_grid() const {
    return !(limit >= curve.mu_eff.from && limit <= curve.mu_eff.to);
  }
};

/// How often each kind of work was done: a curve costs only what it changes.
struct Counters {
  std::size_t convolutions = 0, coefficient_evaluations = 0, direct_evaluations = 0,
              combinations = 0;
};

/// Signal, background and errors in each bin from a toy signal per tonne and year. Statistics of
/// arXiv:2008.05080 section 3 in the readings that Statistic and FractionIn name.
BinnedSignal bin_signal(const Curve& curve, const Target& target,
                        const std::vector<double>& standard_model);

/// The mu_eff at which `delta_chi2` reaches `goal`: root-found in the logarithms, where a quartic
/// is a line. Infinite where the curve stays at zero.
double solve_limit(const std::function<double(double)>& delta_chi2, double goal, double guess);

/// Binned templates per tonne and year; magnetic at 1 mu_B.
struct BinnedTemplates {
  std::vector<double> standard_model, magnetic;  ///< [bins]
};
BinnedTemplates bin_spectra(const RecoilProblem& problem, const Spectra& spectra);

/// Runs curves on a runner and keeps what several of them share.
class Engine {
 public:
  Engine(const Runner& runner, Evaluation evaluation, ProgressCallback progress = {});
  ~Engine();

  CurveResult run(const Curve& curve);

  /// Fast spectra at single recoil energies [MeV].
  Spectra spectra(const Curve& curve, const std::vector<double>& energies);

  /// Fast and direct evaluation of a curve's recoil points, for verification.
  const RecoilProblem& problem(const Curve& curve);
  const Spectra& point_spectra(const Curve& curve);
  const SolarFlux& flux(const Curve& curve);

  const Counters& counters() const { return counters_; }

 private:
  struct Shape;
  struct Points;
  struct DirectGridSums;

  Shape& shape(const Curve& curve);
  Points& points(const Curve& curve);
  const DirectSums& direct_grid(Points& points, const Curve& curve);

  const Runner& runner_;
  Evaluation evaluation_;
  ProgressCallback progress_;
  Counters counters_;
  std::list<Shape> shapes_;
  std::list<Points> points_;
};

/// Work of the direct evaluation of a study: cells of all grids that differ.
double direct_work(const Study& study);

}  // namespace magnu
