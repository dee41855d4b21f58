#pragma once

#include <cmath>

#include "magnu/statistics/likelihood.hpp"

namespace magnu {

/// The minimum of a negative log-likelihood at one s.
struct ConditionalMinimum {
  double nll = 0;    ///< above that of a model which is the data: half a deviance
  double slope = 0;  ///< d nll/ds, theta following
  int steps = 0;
  bool converged = false;

  /// Data lie where nothing is expected, whatever theta is.
  MAGNU_HD bool impossible() const { return converged && std::isinf(nll); }
};

/// Minimises over theta at fixed s. Newton's method on the parameters that no bound holds; a step
/// ends at the first bound in its way where going on along the bound climbs, never where a bin with
/// counts expects nothing, and is cut back where it climbs. Bins without counts may be driven to no
/// expectation by parameters that can be negative; such a fit is done again with these bins'
/// lambda_i >= 0 as a barrier of falling height.
class ConditionalFit {
 public:
  /// Numbers that a fit needs to work in.
  MAGNU_HD static constexpr std::size_t scratch(std::size_t parameters, std::size_t bins) {
    return (parameters + 6) * bins + parameters * (parameters + 6);
  }

  MAGNU_HD ConditionalFit(const LikelihoodView& likelihood, View<double> scratch)
      : model_(likelihood), parameters_(likelihood.parameters), bins_(likelihood.bins) {
    double* place = scratch.data;
    const auto take = [&](std::size_t n) {
      double* taken = place;
      place += n;
      return taken;
    };
    templates_ = take(parameters_ * bins_);
    fixed_ = take(bins_);
    lambda_ = take(bins_);
    move_ = take(bins_);
    curvature_ = take(bins_);
    counts_ = take(bins_);
    dual_ = take(bins_);
    hessian_ = take(parameters_ * parameters_);
    gradient_ = take(parameters_);
    step_ = take(parameters_);
    held_ = take(parameters_);
    pivot_ = take(parameters_);
    bound_dual_ = take(parameters_);
    tangent_ = take(parameters_);
  }

  /// `theta` [parameters]: where to start, and the minimum.
  ConditionalMinimum operator()(const DataView& data, double s, View<double> theta);

  /// d theta/ds [parameters] at the minimum found last, where it is known: else 0.
  View<const double> tangent() const { return {tangent_, parameters_}; }

 private:
  static constexpr int most_steps = 200;

  MAGNU_HD ConditionalMinimum fit(const DataView& data, double s, View<double> theta) {
    set_templates(s);
    for (std::size_t p = 0; p < parameters_; ++p) tangent_[p] = 0;
    ConditionalMinimum minimum;
    for (std::size_t i = 0; i < bins_; ++i) counts_[i] = data.counts[i];
    if (!start(theta)) {
      minimum.nll = static_cast<double>(INFINITY);
      minimum.slope = -static_cast<double>(INFINITY);
      minimum.converged = true;
      return minimum;
    }
    const bool by_newton = descend(data, theta, minimum.steps);
    minimum.converged = by_newton || descend_inside(data, theta, minimum.steps);
    finish(data, theta, minimum);
    if (by_newton && minimum.converged) find_tangent();
    return minimum;
  }

  /// From d lambda_i/ds in move_, with the second derivatives of the last step.
  MAGNU_HD void find_tangent() {
    for (std::size_t i = 0; i < bins_; ++i) {
      const bool empty = !(counts_[i] > 0);
      const double ratio = empty ? 0 : counts_[i] / lambda_[i];
      curvature_[i] = empty ? 0 : ratio / lambda_[i] * move_[i];
      dual_[i] = 1 - ratio;
    }
    for (std::size_t p = 0; p < parameters_; ++p) {
      const double *row = templates_ + p * bins_, *slope = &model_.slope[p * bins_];
      double sum = 0;
      MAGNU_SIMD_SUM(sum)
      for (std::size_t i = 0; i < bins_; ++i) sum += row[i] * curvature_[i] + slope[i] * dual_[i];
      gradient_[p] = sum;
    }
    substitute();
    for (std::size_t p = 0; p < parameters_; ++p) tangent_[p] = step_[p];
  }

  MAGNU_HD void set_templates(double s) {
    for (std::size_t p = 0; p <= parameters_; ++p) {
      double* row = p == parameters_ ? fixed_ : templates_ + p * bins_;
      const double *base = &model_.base[p * bins_], *slope = &model_.slope[p * bins_];
      MAGNU_SIMD
      for (std::size_t i = 0; i < bins_; ++i) row[i] = base[i] + s * slope[i];
    }
  }

  MAGNU_HD void expect(View<double> theta) {
    for (std::size_t i = 0; i < bins_; ++i) lambda_[i] = fixed_[i];
    for (std::size_t p = 0; p < parameters_; ++p) {
      const double size = theta[p], *row = templates_ + p * bins_;
      MAGNU_SIMD
      for (std::size_t i = 0; i < bins_; ++i) lambda_[i] += size * row[i];
    }
  }

  /// Moves theta to where every bin with counts expects some, and none less than nothing; false
  /// where there is no such place.
  MAGNU_HD bool start(View<double> theta) {
    for (int tries = 0; tries < 60; ++tries) {
      for (std::size_t p = 0; p < parameters_; ++p)
        theta[p] = tries == 59 ? model_.inside[p] : std::fmax(theta[p], model_.least[p]);
      expect(theta);
      bool sound = true;
      for (std::size_t i = 0; i < bins_; ++i)
        sound = sound && (counts_[i] > 0 ? lambda_[i] > 1e-9 * counts_[i] : lambda_[i] >= 0);
      if (sound) return true;
      if (tries == 59) break;
      for (std::size_t p = 0; p < parameters_; ++p) theta[p] += 0.3 * (model_.inside[p] - theta[p]);
    }
    for (std::size_t i = 0; i < bins_; ++i)
      if (counts_[i] > 0 ? !(lambda_[i] > 0) : lambda_[i] < 0) return false;
    return true;
  }

  /// The same problem from inside its bounds, by the primal-dual method: bins without counts get
  /// -h ln lambda_i, bounds -h ln theta_p, and h falls to nothing; y_i stands for h/lambda_i (or
  /// n_i/lambda_i), which it need only be in the end. Leaves y_i lambda_i in counts_.
  MAGNU_HD bool descend_inside(const DataView& data, View<double> theta, int& steps) {
    for (std::size_t p = 0; p < parameters_; ++p) {
      theta[p] = model_.inside[p];
      held_[p] = idle(p);
    }
    expect(theta);
    double largest = 1;
    for (std::size_t i = 0; i < bins_; ++i) {
      dual_[i] = lambda_[i] > 0 ? 1 : 0;
      largest = std::fmax(largest, lambda_[i]);
    }
    for (std::size_t p = 0; p < parameters_; ++p)
      bound_dual_[p] = bounded(p) ? largest / (theta[p] - model_.least[p]) : 0;
    const double lowest = std::fmax(1e-12, 1e-14 * largest);  // more than lambda is rounded by
    bool converged = false;
    for (int n = 0; n < most_steps && !converged; ++n, ++steps) {
      const double height = std::fmax(0.1 * gap(data, theta), lowest);
      // Gradient and curvature with the heights put in.
      for (std::size_t i = 0; i < bins_; ++i) {
        const bool inert = dual_[i] == 0;  // nothing is ever expected there
        const double h = data.counts[i] > 0 ? data.counts[i] : height;
        move_[i] = inert ? 1 : 1 - h / lambda_[i];
        curvature_[i] = inert ? 0 : dual_[i] / lambda_[i];
      }
      form_gradient(data, theta);
      for (std::size_t p = 0; p < parameters_; ++p)
        if (bounded(p) && !held_[p]) gradient_[p] -= height / (theta[p] - model_.least[p]);
      form_hessian();
      for (std::size_t p = 0; p < parameters_; ++p)
        if (bounded(p) && !held_[p])
          hessian_[p * parameters_ + p] += bound_dual_[p] / (theta[p] - model_.least[p]);
      factorise();
      substitute();
      move_expectation();
      double decrement = 0;
      for (std::size_t p = 0; p < parameters_; ++p) decrement -= gradient_[p] * step_[p];
      converged = height == lowest && decrement < 1e-10;
      double reach = 1, dual_reach = 1;
      for (std::size_t i = 0; i < bins_; ++i) {
        if (dual_[i] == 0) continue;
        const double h = data.counts[i] > 0 ? data.counts[i] : height;
        counts_[i] = (h - dual_[i] * (lambda_[i] + move_[i])) / lambda_[i];  // y's step
        if (move_[i] < 0) reach = std::fmin(reach, 0.995 * lambda_[i] / -move_[i]);
        if (counts_[i] < 0) dual_reach = std::fmin(dual_reach, 0.995 * dual_[i] / -counts_[i]);
      }
      for (std::size_t p = 0; p < parameters_; ++p) {
        if (!bounded(p) || held_[p]) continue;
        const double room = theta[p] - model_.least[p];
        const double dual_step = (height - bound_dual_[p] * (room + step_[p])) / room;
        if (step_[p] < 0) reach = std::fmin(reach, 0.995 * room / -step_[p]);
        if (dual_step < 0) dual_reach = std::fmin(dual_reach, 0.995 * bound_dual_[p] / -dual_step);
      }
      for (std::size_t p = 0; p < parameters_; ++p) {
        if (bounded(p) && !held_[p]) {
          const double room = theta[p] - model_.least[p];
          bound_dual_[p] += dual_reach * (height - bound_dual_[p] * (room + step_[p])) / room;
        }
        theta[p] += reach * step_[p];
      }
      for (std::size_t i = 0; i < bins_; ++i)
        if (dual_[i] != 0) dual_[i] += dual_reach * counts_[i];
      expect(theta);
    }
    for (std::size_t i = 0; i < bins_; ++i) counts_[i] = dual_[i] * lambda_[i];
    return converged;
  }

  MAGNU_HD bool bounded(std::size_t p) const { return !std::isinf(model_.least[p]); }

  /// Whether nothing depends on a parameter.
  MAGNU_HD bool idle(std::size_t p) const {
    bool idle = model_.weight[p] == 0;
    for (std::size_t i = 0; i < bins_; ++i) idle = idle && templates_[p * bins_ + i] == 0;
    return idle;
  }

  /// The mean of y times what it belongs to, over bins without counts and bounds.
  MAGNU_HD double gap(const DataView& data, View<double> theta) const {
    double sum = 0, n = 0;
    for (std::size_t i = 0; i < bins_; ++i) {
      if (data.counts[i] > 0 || dual_[i] == 0) continue;
      sum += dual_[i] * lambda_[i];
      n += 1;
    }
    for (std::size_t p = 0; p < parameters_; ++p) {
      if (!bounded(p) || held_[p]) continue;
      sum += bound_dual_[p] * (theta[p] - model_.least[p]);
      n += 1;
    }
    return n > 0 ? sum / n : 0;
  }

  /// Newton's steps from theta, whose expectation is known. False where a bin without counts is in
  /// the way, or no step leads down.
  MAGNU_HD bool descend(const DataView& data, View<double> theta, int& steps) {
    for (int n = 0; n < most_steps; ++n, ++steps) {
      differentiate(data, theta);
      solve(theta);
      double decrement = 0;
      for (std::size_t p = 0; p < parameters_; ++p) decrement -= gradient_[p] * step_[p];
      if (!(decrement > 1e-26)) return !std::isnan(decrement);
      const bool last = decrement < 1e-13;
      double reach = bound_step(theta);
      move_expectation();
      double derivative = 0;
      for (std::size_t p = 0; p < parameters_; ++p) derivative += gradient_[p] * step_[p];
      for (std::size_t i = 0; i < bins_; ++i) {
        if (!(lambda_[i] + reach * move_[i] < 0.005 * lambda_[i]) || !(move_[i] < 0)) continue;
        if (counts_[i] > 0) {
          reach = std::fmin(reach, 0.995 * lambda_[i] / -move_[i]);
        } else if (lambda_[i] + reach * move_[i] < -1e-12) {
          return false;
        }
      }
      if (!last) reach = cut_back(data, theta, reach, derivative);
      for (std::size_t p = 0; p < parameters_; ++p) {
        const double room = theta[p] - model_.least[p], moved = reach * step_[p];
        theta[p] = bounded(p) && room + moved <= 1e-14 * room ? model_.least[p] : theta[p] + moved;
      }
      expect(theta);
      if (last) return true;
      if (!(reach > 0)) return false;
    }
    return false;
  }

  /// Gradient, and which parameters their bound holds.
  MAGNU_HD void differentiate(const DataView& data, View<double> theta) {
    for (std::size_t i = 0; i < bins_; ++i) {
      const bool empty = !(counts_[i] > 0);
      const double ratio = empty ? 0 : counts_[i] / lambda_[i];
      move_[i] = 1 - ratio;
      curvature_[i] = empty ? 0 : ratio / lambda_[i];
    }
    form_gradient(data, theta);
    for (std::size_t p = 0; p < parameters_; ++p)
      held_[p] = theta[p] <= model_.least[p] && gradient_[p] >= 0;
  }

  /// From d nll/d lambda_i in move_.
  MAGNU_HD void form_gradient(const DataView& data, View<double> theta) {
    for (std::size_t p = 0; p < parameters_; ++p) {
      const double* row = templates_ + p * bins_;
      double sum = 0;
      MAGNU_SIMD_SUM(sum)
      for (std::size_t i = 0; i < bins_; ++i) sum += row[i] * move_[i];
      gradient_[p] = sum + model_.weight[p] * (theta[p] - data.measured[p]);
    }
  }

  /// Newton's step for the parameters that are not held.
  MAGNU_HD void solve(View<double> theta) {
    form_hessian();
    factorise();
    substitute();
    // Without curvature, as of a free background where nothing was counted: down to its bound.
    for (std::size_t p = 0; p < parameters_; ++p)
      if (!held_[p] && pivot_[p] == 0 && gradient_[p] > 0 && bounded(p))
        step_[p] = model_.least[p] - theta[p];
  }

  /// From d2 nll/d lambda_i^2 in curvature_.
  MAGNU_HD void form_hessian() {
    for (std::size_t p = 0; p < parameters_; ++p) {
      if (held_[p]) continue;
      const double* row = templates_ + p * bins_;
      for (std::size_t i = 0; i < bins_; ++i) move_[i] = row[i] * curvature_[i];
      // Four at once: what is in registers is used again.
      std::size_t q = 0;
      for (double* out = hessian_ + p * parameters_; q + 4 <= p + 1; q += 4) {
        const double *a = templates_ + q * bins_, *b = a + bins_, *c = b + bins_, *d = c + bins_;
        double of_a = 0, of_b = 0, of_c = 0, of_d = 0;
        MAGNU_SIMD_SUM4(of_a, of_b, of_c, of_d)
        for (std::size_t i = 0; i < bins_; ++i) {
          of_a += a[i] * move_[i];
          of_b += b[i] * move_[i];
          of_c += c[i] * move_[i];
          of_d += d[i] * move_[i];
        }
        out[q] = of_a;
        out[q + 1] = of_b;
        out[q + 2] = of_c;
        out[q + 3] = of_d;
      }
      for (; q <= p; ++q) {
        const double* other = templates_ + q * bins_;
        double sum = 0;
        MAGNU_SIMD_SUM(sum)
        for (std::size_t i = 0; i < bins_; ++i) sum += other[i] * move_[i];
        hessian_[p * parameters_ + q] = sum;
      }
      hessian_[p * parameters_ + p] += model_.weight[p];
    }
  }

  /// step_ from gradient_ and Cholesky's triangle; 0 of what is held.
  MAGNU_HD void substitute() {
    for (std::size_t p = 0; p < parameters_; ++p) {
      const double* row = hessian_ + p * parameters_;
      double sum = held_[p] ? 0 : -gradient_[p];
      for (std::size_t q = 0; q < p; ++q) sum -= row[q] * step_[q];
      step_[p] = sum * pivot_[p];
    }
    // From below: a row at once.
    for (std::size_t p = parameters_; p-- > 0;) {
      const double* row = hessian_ + p * parameters_;
      const double step = step_[p] *= pivot_[p];
      for (std::size_t q = 0; q < p; ++q) step_[q] -= row[q] * step;
    }
  }

  /// Cholesky's triangle in place, its inverse diagonal in pivot_; what is held is a direction of
  /// its own. Directions without curvature get some, so that a step along one goes as far as the
  /// next bound; 0 of a parameter that has none.
  MAGNU_HD void factorise() {
    for (std::size_t p = 0; p < parameters_; ++p) {
      double* row = hessian_ + p * parameters_;
      if (held_[p]) {
        for (std::size_t q = 0; q < p; ++q) row[q] = 0;
        pivot_[p] = 1;
        continue;
      }
      double rest = row[p];
      for (std::size_t q = 0; q < p; ++q) {
        const double* other = hessian_ + q * parameters_;
        double sum = held_[q] ? 0 : row[q];
        for (std::size_t k = 0; k < q; ++k) sum -= row[k] * other[k];
        row[q] = sum * pivot_[q];
        rest -= row[q] * row[q];
      }
      rest = std::fmax(rest, 1e-10 * row[p]);
      pivot_[p] = rest > 0 ? 1 / std::sqrt(rest) : 0;
    }
  }

  /// Bends the step along the bounds that it would cross, or, where that climbs, says how much of
  /// it goes to the first of them.
  MAGNU_HD double bound_step(View<double> theta) {
    double along = 0, first = 1;
    bool crosses = false;
    for (std::size_t p = 0; p < parameters_; ++p) {
      const double room = model_.least[p] - theta[p];
      const bool beyond = step_[p] < room;
      if (beyond) {
        crosses = true;
        first = std::fmin(first, room / step_[p]);
      }
      along += gradient_[p] * (beyond ? room : step_[p]);
    }
    if (!crosses) return 1;
    if (!(along < 0)) return first;
    for (std::size_t p = 0; p < parameters_; ++p)
      step_[p] = std::fmax(step_[p], model_.least[p] - theta[p]);
    return 1;
  }

  MAGNU_HD void move_expectation() {
    for (std::size_t i = 0; i < bins_; ++i) move_[i] = 0;
    for (std::size_t p = 0; p < parameters_; ++p) {
      if (step_[p] == 0) continue;
      const double size = step_[p], *row = templates_ + p * bins_;
      MAGNU_SIMD
      for (std::size_t i = 0; i < bins_; ++i) move_[i] += size * row[i];
    }
  }

  /// The part of the step that is taken: all that is in reach, or less where it would climb.
  MAGNU_HD double cut_back(const DataView& data, View<double> theta, double reach,
                           double derivative) const {
    for (int tries = 0; tries < 60; ++tries) {
      double at_reach = 0;
      MAGNU_SIMD_SUM(at_reach)
      for (std::size_t i = 0; i < bins_; ++i) {
        const double ratio = counts_[i] / (lambda_[i] + reach * move_[i]);
        at_reach += counts_[i] > 0 ? move_[i] * (1 - ratio) : move_[i];
      }
      for (std::size_t p = 0; p < parameters_; ++p)
        at_reach += step_[p] * model_.weight[p] * (theta[p] + reach * step_[p] - data.measured[p]);
      if (at_reach <= -0.1 * derivative) return reach;
      if (change(data, theta, reach) <= 1e-4 * reach * derivative) return reach;
      reach *= std::fmin(0.5, std::fmax(0.1, derivative / (derivative - at_reach)));
    }
    return 0;
  }

  /// Of the negative log-likelihood along a part of the step.
  MAGNU_HD double change(const DataView& data, View<double> theta, double reach) const {
    double sum = 0;
    for (std::size_t i = 0; i < bins_; ++i) {
      sum += reach * move_[i];
      if (counts_[i] > 0) sum -= counts_[i] * std::log1p(reach * move_[i] / lambda_[i]);
    }
    for (std::size_t p = 0; p < parameters_; ++p)
      sum += model_.weight[p] * reach * step_[p] *
             (theta[p] - data.measured[p] + 0.5 * reach * step_[p]);
    return sum;
  }

  MAGNU_HD void finish(const DataView& data, View<double> theta, ConditionalMinimum& minimum) {
    double nll = 0, slope = 0;
    const double* fixed = &model_.slope[parameters_ * bins_];
    for (std::size_t i = 0; i < bins_; ++i) move_[i] = fixed[i];
    for (std::size_t p = 0; p < parameters_; ++p) {
      const double size = theta[p], *row = &model_.slope[p * bins_];
      MAGNU_SIMD
      for (std::size_t i = 0; i < bins_; ++i) move_[i] += size * row[i];
    }
    for (std::size_t i = 0; i < bins_; ++i) {
      const double n = data.counts[i];
      if (n > 0) {
        const double x = (lambda_[i] - n) / n;
        nll += n * (x - std::log1p(x));
      } else {
        nll += lambda_[i];
      }
      slope += move_[i] * (counts_[i] > 0 ? 1 - counts_[i] / lambda_[i] : 1);
    }
    for (std::size_t p = 0; p < parameters_; ++p) {
      const double pull = theta[p] - data.measured[p];
      nll += 0.5 * model_.weight[p] * pull * pull;
    }
    minimum.nll = nll;
    minimum.slope = slope;
    minimum.converged = minimum.converged && !std::isnan(nll) && !std::isinf(nll);
  }

  LikelihoodView model_;
  std::size_t parameters_, bins_;
  double *templates_, *fixed_, *lambda_, *move_, *curvature_, *counts_, *dual_;
  double *hessian_, *gradient_, *step_, *held_, *pivot_, *bound_dual_, *tangent_;
};

}  // namespace magnu
