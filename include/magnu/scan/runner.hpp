#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "magnu/core/array.hpp"
#include "magnu/experiment/solar_flux.hpp"
#include "magnu/scan/combine_problem.hpp"
#include "magnu/scan/convolution_bodies.hpp"
#include "magnu/scan/recoil_grid.hpp"
#include "magnu/statistics/toy_fit.hpp"

namespace magnu {

/// Spectra in recoil rows, by component.
struct Spectra {
  std::size_t components = 0;
  Array<SpectrumPoint> values;  ///< [rows][components]

  /// Sum over the components in a row.
  SpectrumPoint total(std::size_t row) const;
};

/// What the direct evaluation gives for a list of mu_eff values, per tonne and year.
struct DirectSums {
  std::vector<double> extra;     ///< [mu][bins]: events (or rate per keV) above those at mu = 0
  std::vector<double> spectrum;  ///< [rows][mu]: R(mu) per keV; empty unless asked for
};

/// Binned signals as a linear map of Pee at the survival nodes of a flux: outputs are the bins of
/// all detectors that share the flux.
struct SurvivalResponse {
  std::vector<double> base;      ///< [outputs], where Pee is zero
  std::vector<double> per_node;  ///< [nodes][outputs]

  std::size_t outputs() const { return base.size(); }
};

/// What the caller has to do, by one thread while others compute. What it throws, the computation
/// throws in the end.
using Meanwhile = std::function<void()>;

/// Told now and then how many units of work were done since the last call.
using ProgressCallback = std::function<void(double)>;

/// A place where evaluations run. All results are in the host's memory.
class Runner {
 public:
  /// A flux made ready on this runner: it has running integrals there.
  struct Convolution {
    explicit Convolution(SolarFlux of) : flux(std::move(of)) {}
    virtual ~Convolution() = default;
    const SolarFlux flux;
  };

  virtual ~Runner() = default;

  virtual std::string name() const = 0;    ///< "cpu", "cuda"
  virtual std::string device() const = 0;  ///< what it runs on, in words
  virtual std::string instruction_set() const = 0;
  virtual int threads() const = 0;  ///< of the processor, for what is done beside the device too
  /// Detectors of a grid that are best combined at a time.
  virtual std::size_t chunk() const = 0;
  /// How many threads may call this runner at once.
  virtual int concurrent_calls() const = 0;

  /// Pee of parameter sets at the flux's survival nodes, [sets][nodes].
  virtual std::vector<double> survival(const SolarFlux& flux,
                                       std::span<const Oscillation> parameters) const = 0;

  /// Once per shape point: the flux with Pee given at its survival nodes. What it gives for nu_e is
  /// linear in these values.
  virtual std::unique_ptr<Convolution> convolve(SolarFlux flux,
                                                std::span<const double> survival) const = 0;

  /// The same with the flux's own oscillation.
  std::unique_ptr<Convolution> convolve(SolarFlux flux) const {
    const auto values = survival(flux, {&flux.settings.oscillation, 1});
    return convolve(std::move(flux), values);
  }

  /// Signals of parameter sets, [sets][outputs]: Pee at the flux's survival nodes, and its
  /// response.
  virtual Array<double> signals(const SolarFlux& flux, const SurvivalResponse& response,
                                std::span<const Oscillation> parameters) const = 0;

  /// Fast evaluation: once per coefficient point.
  virtual Spectra spectra(const Convolution& convolution, const RecoilRows& rows) const = 0;

  /// Direct evaluation for every mu_eff [mu_B].
  virtual DirectSums direct(const SolarFlux& flux, const RecoilProblem& problem,
                            std::span<const double> mu_eff, bool keep_spectrum,
                            const ProgressCallback& progress) const = 0;

  /// Delta chi^2 [mu] from the binned magnetic template [bins] (per tonne and year, at 1 mu_B) and
  /// the inverse variances [bins].
  virtual std::vector<double> chi_squared(std::span<const double> magnetic,
                                          std::span<const double> inverse_variance, double exposure,
                                          std::span<const double> mu_eff) const = 0;

  /// Delta chi^2 [mu] from direct extra signals [mu][bins].
  virtual std::vector<double> chi_squared(const DirectSums& sums,
                                          std::span<const double> inverse_variance,
                                          double exposure) const = 0;

  /// Limits [count] of detectors first, first + 1, ..., or what they need to reach one: row by row,
  /// the last axis fastest.
  virtual Array<double> combine(const CombineProblem& problem, std::size_t first, std::size_t count,
                                const Meanwhile& meanwhile) const = 0;
  Array<double> combine(const CombineProblem& problem, std::size_t first, std::size_t count) const {
    return combine(problem, first, count, {});
  }

  /// Fits toys of a task.
  virtual void fit_toys(const ToyTask& task, std::size_t toys) const = 0;
};

/// Cells of the direct evaluation's dense grid: recoil rows times neutrino energies times mu_eff.
double direct_cells(const SolarFlux& flux, const RecoilProblem& problem, std::size_t mu_points);

}  // namespace magnu
