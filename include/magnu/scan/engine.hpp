#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "magnu/scan/detector_likelihood.hpp"
#include "magnu/scan/runner.hpp"
#include "magnu/scan/study.hpp"
#include "magnu/scan/templates.hpp"

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
  BinnedSignal bins;               ///< of detectors that are fitted together one after another
  std::vector<double> magnetic;    ///< [bins], extra signal at 1 mu_B with the exposure
  std::vector<double> mu_eff;      ///< the scanned grid [mu_B]
  std::vector<double> delta_chi2;  ///< over the grid
  double limit = 0;  ///< mu_B; infinite where no value is excluded, NaN of a likelihood
  std::optional<DetectorResult> likelihood;  ///< of a Poisson likelihood
  double lost_below_zero = 0;  ///< events of the toy that a resolution takes below zero

  bool limit_outside_grid() const {
    return !(limit >= curve.mu_eff.from && limit <= curve.mu_eff.to);
  }
};

/// How often each kind of work was done: a curve costs only what it changes.
struct Counters {
  std::size_t convolutions = 0, coefficient_evaluations = 0, rebinnings = 0, direct_evaluations = 0,
              combinations = 0;
  std::size_t failed_fits = 0;  ///< of data
  std::size_t failed_toys = 0;

  Counters& operator+=(const Counters& other) {
    convolutions += other.convolutions;
    coefficient_evaluations += other.coefficient_evaluations;
    rebinnings += other.rebinnings;
    direct_evaluations += other.direct_evaluations;
    combinations += other.combinations;
    failed_fits += other.failed_fits;
    failed_toys += other.failed_toys;
    return *this;
  }
};

/// Signal, background and errors in each bin from a toy signal per tonne and year. Statistics of
/// arXiv:2008.05080 section 3 in the readings that Statistic and FractionIn name.
BinnedSignal bin_signal(const Curve& curve, const Target& target,
                        const std::vector<double>& standard_model);

/// The mu_eff at which `delta_chi2` reaches `goal`: root-found in the logarithms, where a quartic
/// is a line. Infinite where the curve stays at zero.
double solve_limit(const std::function<double(double)>& delta_chi2, double goal, double guess);

/// Runs curves on a runner and keeps what several of them share. `progress` is told of cells of the
/// direct evaluation, or which part of a curve's toys is done, and of none between steps; what it
/// throws ends the work.
class Engine {
 public:
  Engine(const Runner& runner, Evaluation evaluation, ProgressCallback progress = {});
  ~Engine();

  CurveResult run(const Curve& curve);

  /// Fast spectra at single recoil energies [MeV]: [energies][components].
  Spectra spectra(const Curve& curve, const std::vector<double>& energies);
  /// The same in given rows.
  Spectra spectra(const Curve& curve, const RecoilRows& rows);

  /// What the direct evaluation of a curve sums; until other curves are asked for.
  const RecoilProblem& problem(const Curve& curve);
  const SolarFlux& flux(const Curve& curve);
  /// Of a curve that is a Poisson likelihood, for each of its detectors.
  std::vector<DetectorParts> parts(const Curve& curve);
  Likelihood likelihood(const Curve& curve) { return make_likelihood(curve, parts(curve)); }

  /// Detectors of these names need no recoil energies [MeV] beyond these: their spectra are then
  /// made on the same ones whatever is asked for first, and come out the same to the bit.
  void expect(const std::string& detector, double lower, double upper) {
    expected_[detector] = {lower, upper};
  }

  const Counters& counters() const { return counters_; }

 private:
  /// Between two steps: the caller may want to stop, and throws.
  void look_around() const;

  struct Shape;
  struct Recoils;
  struct Detector;

  Shape& shape(const Curve& curve);
  const Runner::Convolution& convolution(Shape& shape);
  Recoils& recoils(const Curve& curve);
  Detector& detector(const Curve& curve);
  void add_detector(CurveResult& result, const Curve& curve);
  const Templates& templates(Detector& detector, const Curve& curve);
  const DirectSums& direct_grid(Detector& detector, const Curve& curve);

  const Runner& runner_;
  Evaluation evaluation_;
  ProgressCallback progress_;
  Counters counters_;
  std::list<Shape> shapes_;
  std::list<Recoils> recoils_;
  std::list<Detector> detectors_;
  std::map<std::string, std::pair<double, double>> expected_;
};

/// Work of the direct evaluation of a study: cells of all grids that differ.
double direct_work(const Study& study);

}  // namespace magnu
