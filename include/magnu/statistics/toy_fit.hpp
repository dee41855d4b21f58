#pragma once

#include <cmath>
#include <type_traits>

#include "magnu/statistics/likelihood.hpp"
#include "magnu/statistics/philox.hpp"
#include "magnu/statistics/toy_tables.hpp"

namespace magnu {

/// Where fits of toys begin: the minimum for the data that are expected.
struct FitStart {
  double s = 0;
  View<const double> theta;      ///< [parameters], above the truth's
  View<const double> inverse;    ///< of the second derivatives: [n][n], n counts s where it is free
  View<const double> templates;  ///< [parameters][bins] at s, where it is fixed
  View<const double> expected;   ///< [bins] of the truth's theta at s, or at 0 where it is free
};

/// Toys of one truth, as the body that draws and fits them sees it.
struct ToyTask {
  LikelihoodView likelihood;
  View<const std::uint32_t> sloped;  ///< parameters whose templates change with s
  View<const double> slopes;         ///< their templates [sloped][bins]
  View<const double> growth;         ///< [bins] of what the truth's theta expects, with s
  View<const double> truth;          ///< [parameters]
  View<const double> sigma;          ///< [parameters]; 0 of a free one, which is not measured
  PoissonView counts;
  NormalView normal;
  std::uint64_t seed = 0;
  std::uint32_t point = 0;  ///< of the stream
  bool single = false;      ///< steps in float will do
  FitStart free, zero;
  View<const FitStart> tested;
  std::uint64_t first = 0;  ///< toy

  // What is found: NaN where the fit is left to one that takes any data.
  std::size_t stride = 0;  ///< of `t`: toys at most
  View<double> s_hat;      ///< [toys]
  View<double> t;          ///< [tested][toys], 2 (nll(s) - nll(s_hat))
};

/// Numbers in a vector register, wherever they lie in memory.
template <class Real, int width>
struct PackOf {
#ifndef __CUDACC__
  typedef Real type
      __attribute__((vector_size(width * sizeof(Real)), aligned(sizeof(Real)), may_alias));
#endif
};
template <class Real>
struct PackOf<Real, 1> {
  using type = Real;
};

/// Draws toys and fits them, `lanes` at a time: by steps with the second derivatives of the
/// expected data, made better by what the steps before have shown (J. Nocedal, Math. Comp. 35
/// (1980) 773). Toys whose steps do not shrink, or that meet a bin without expectation on the way,
/// are marked. A lane does the same whatever its neighbours do.
///
/// Steps are made in `Real`, from the truth and not from 0, so that float has digits to spare; what
/// is expected where they end, and t, in double. `width`: lanes of Real in a vector register.
/// `stride`: numbers from a row of the scratch to the next, more than the lanes where neighbours
/// share the memory, as threads of a device do.
template <class Real, int lanes, int width, int stride = lanes>
class ToyFit {
  static constexpr std::size_t wide = lanes, apart = stride;
  static constexpr bool narrow = sizeof(Real) < sizeof(double);
  static constexpr int wider = width > 1 && narrow ? width / 2 : width;  ///< lanes of double
  static constexpr int most_steps = 14, memory = 6;
  template <class T>
  using Pack = typename PackOf<T, sizeof(T) == sizeof(Real) ? width : wider>::type;
  template <class T>
  static constexpr int packs = lanes / (sizeof(T) == sizeof(Real) ? width : wider);
  /// Twice what the nll may lie above its minimum before the last step, which leaves a hundredth of
  /// it, as a rule.
  static constexpr Real enough = static_cast<Real>(1e-6);
  /// Rows of scratch for each bin, and each parameter.
  static constexpr std::size_t bin_doubles = 3, parameter_doubles = narrow ? 2 : 1, bin_rows = 4;
  static constexpr std::size_t parameter_rows = 2 * memory + 7;

 public:
  /// Numbers in it.
  MAGNU_HD static constexpr std::size_t scratch(std::size_t parameters, std::size_t bins) {
    const std::size_t n = parameters + 1;
    const std::size_t shared = narrow ? 3 * n * bins + 2 * n * n : 0;
    const std::size_t real = apart * (bin_rows * bins + parameter_rows * n) + shared;
    return apart * (bin_doubles * bins + parameter_doubles * n) +
           (real * sizeof(Real) + 7) / sizeof(double);
  }

  MAGNU_HD ToyFit(const ToyTask& task, double* scratch)
      : task_(task),
        model_(task.likelihood),
        parameters_(task.likelihood.parameters),
        bins_(task.likelihood.bins),
        scratch_(scratch) {
    share(model_.base, of_base());
    share(task.free.expected, of_expected());
    share(task.slopes, of_slopes());
    share(task.growth, of_growth());
    share(task.free.inverse, of_inverse());
  }

  /// Toys lanes * group and on, of those of the task.
  MAGNU_HD void operator()(std::size_t group, std::size_t toys) {
    draw(task_.first + group * wide);
    const std::size_t tests = task_.tested.size;
    const bool at_zero = tests > 0 && task_.tested[0].s == 0;
    fit_free(at_zero);
    for (std::size_t k = 0; k < tests; ++k) {
      const FitStart& start = task_.tested[k];
      double t[wide];
      if (k == 0 && at_zero) {
        for (int l = 0; l < lanes; ++l) t[l] = first_t_[l];
      } else {
        predict(start, free_x_() + apart, s_hat_);
        bool ok[wide];
        fit_fixed(start, ok);
        above_free(t);
        for (int l = 0; l < lanes; ++l) t[l] = ok[l] ? t[l] : not_known();
      }
      for (int l = 0; l < lanes; ++l) {
        const std::size_t toy = group * wide + static_cast<std::size_t>(l);
        if (toy < toys) task_.t[k * task_.stride + toy] = good_[l] ? t[l] : not_known();
      }
    }
    for (int l = 0; l < lanes; ++l) {
      const std::size_t toy = group * wide + static_cast<std::size_t>(l);
      if (toy < toys) task_.s_hat[toy] = good_[l] ? s_hat_[l] : not_known();
    }
  }

  /// The data of a group, for a fit that takes any.
  MAGNU_HD void draw(std::uint64_t first_toy) {
    ToyStream<lanes> stream(task_.seed, task_.point, first_toy);
    for (std::size_t i = 0; i < bins_; ++i) {
      Real* row = counts_() + i * apart;
      if (i >= task_.counts.bins.size) {
        for (int l = 0; l < lanes; ++l) row[l] = 0;
        continue;
      }
      const std::uint32_t* words = stream.next();
      for (int l = 0; l < lanes; ++l)
        row[l] = static_cast<Real>(
            task_.counts.draw(i, words[l], [&stream, l] { return stream.behind(l); }));
    }
    for (std::size_t p = 0; p < parameters_; ++p) {
      const std::uint32_t* words = stream.next();
      Real* row = measured_() + p * apart;
      for (int l = 0; l < lanes; ++l) {
        const double pull = task_.normal.draw(words[l], [&stream, l] { return stream.behind(l); });
        row[l] = static_cast<Real>(task_.sigma[p] * pull);
      }
    }
  }
  MAGNU_HD double count(std::size_t bin, int lane) const { return counts_()[bin * apart + lane]; }
  MAGNU_HD double measured(std::size_t p, int lane) const {
    return task_.truth[p] + measured_()[p * apart + lane];
  }

 private:
  // Where things are in the scratch: a thread of a device has no registers to keep 16 pointers in.
  MAGNU_HD double* doubles_of_bins(std::size_t k) const { return scratch_ + k * bins_ * apart; }
  MAGNU_HD double* free_lambda_() const { return doubles_of_bins(0); }
  MAGNU_HD double* last_lambda_() const { return doubles_of_bins(1); }
  MAGNU_HD double* last_slope_() const { return doubles_of_bins(2); }
  MAGNU_HD double* gathered_() const { return doubles_of_bins(bin_doubles); }
  MAGNU_HD double* last_theta_() const { return gathered_() + (parameters_ + 1) * apart; }
  MAGNU_HD Real* reals() const {
    return reinterpret_cast<Real*>(gathered_() + parameter_doubles * (parameters_ + 1) * apart);
  }
  MAGNU_HD Real* of_bins(std::size_t k) const { return reals() + k * bins_ * apart; }
  MAGNU_HD Real* of_parameters(std::size_t k) const {
    return reals() + (bin_rows * bins_ + k * (parameters_ + 1)) * apart;
  }
  MAGNU_HD Real* counts_() const { return of_bins(0); }
  MAGNU_HD Real* lambda_() const { return of_bins(1); }
  MAGNU_HD Real* slope_() const { return of_bins(2); }
  MAGNU_HD Real* work_() const { return of_bins(3); }
  MAGNU_HD Real* measured_() const { return of_parameters(0); }
  MAGNU_HD Real* x_() const { return of_parameters(1); }
  MAGNU_HD Real* free_x_() const { return of_parameters(2); }
  MAGNU_HD Real* gradient_() const { return of_parameters(3); }
  MAGNU_HD Real* step_() const { return of_parameters(4); }
  MAGNU_HD Real* more_() const { return of_parameters(5); }
  MAGNU_HD Real* held_() const { return of_parameters(6); }
  MAGNU_HD Real* steps_() const { return of_parameters(7); }
  MAGNU_HD Real* turns_() const { return of_parameters(7 + memory); }

  /// Numbers that all lanes share, as Real: a copy behind the rows, or what the task has.
  MAGNU_HD const Real* shared(const View<const double>& from, std::size_t at) const {
    if constexpr (narrow) {
      return of_parameters(parameter_rows) + at;
    } else {
      return from.data;
    }
  }
  MAGNU_HD void share(const View<const double>& from, std::size_t at) const {
    if constexpr (narrow) {
      Real* to = of_parameters(parameter_rows) + at;
      for (std::size_t i = 0; i < from.size; ++i) to[i] = static_cast<Real>(from[i]);
    }
  }
  // Where the copies are: three times templates and a row, then two of second derivatives.
  MAGNU_HD std::size_t of_templates(std::size_t k) const { return k * (parameters_ + 1) * bins_; }
  MAGNU_HD std::size_t of_base() const { return of_templates(0); }
  MAGNU_HD std::size_t of_expected() const { return of_templates(1) - bins_; }
  MAGNU_HD std::size_t of_slopes() const { return of_templates(1); }
  MAGNU_HD std::size_t of_growth() const { return of_templates(2) - bins_; }
  MAGNU_HD std::size_t of_fixed() const { return of_templates(2); }
  MAGNU_HD std::size_t of_fixed_expected() const { return of_templates(3) - bins_; }
  MAGNU_HD std::size_t of_inverse() const { return of_templates(3); }
  MAGNU_HD std::size_t of_fixed_inverse() const {
    return of_templates(3) + (parameters_ + 1) * (parameters_ + 1);
  }

  template <class T>
  MAGNU_HD static Pack<T>& pack(T* rows, int k) {
    return *reinterpret_cast<Pack<T>*>(rows + k * (lanes / packs<T>));
  }
  template <class T>
  MAGNU_HD static const Pack<T>& pack(const T* rows, int k) {
    return *reinterpret_cast<const Pack<T>*>(rows + k * (lanes / packs<T>));
  }
  MAGNU_HD static double not_known() { return static_cast<double>(NAN); }

  /// out = add + matrix in, some rows of it at once: their sums stay in registers. `add`: numbers
  /// that all lanes share, if any.
  template <int rows, class T>
  MAGNU_HD static void multiply_block(const T* __restrict matrix, std::size_t row,
                                      std::size_t column, std::size_t columns,
                                      const T* __restrict in, const T* __restrict add,
                                      T* __restrict out) {
    Pack<T> sum[rows][packs<T>], x[packs<T>];
    MAGNU_UNROLL
    for (int r = 0; r < rows; ++r) {
      const Pack<T> first = Pack<T>{} + (add ? add[r] : 0);
      MAGNU_UNROLL
      for (int k = 0; k < packs<T>; ++k) sum[r][k] = first;
    }
    for (std::size_t c = 0; c < columns; ++c, in += apart, matrix += column) {
      MAGNU_UNROLL
      for (int k = 0; k < packs<T>; ++k) x[k] = pack(in, k);
      MAGNU_UNROLL
      for (int r = 0; r < rows; ++r) {
        const T factor = matrix[static_cast<std::size_t>(r) * row];
        MAGNU_UNROLL
        for (int k = 0; k < packs<T>; ++k) sum[r][k] += factor * x[k];
      }
    }
    MAGNU_UNROLL
    for (int r = 0; r < rows; ++r) {
      MAGNU_UNROLL
      for (int k = 0; k < packs<T>; ++k)
        pack(out + static_cast<std::size_t>(r) * apart, k) = sum[r][k];
    }
  }
  template <class T>
  MAGNU_HD static void multiply(const T* matrix, std::size_t row, std::size_t column,
                                std::size_t rows, std::size_t columns, const T* in, const T* add,
                                T* out) {
    constexpr int each = packs<T>, block = each > 2 ? 2 : 4;  // eight sums
    std::size_t r = 0;
    const auto next = [&](auto some) {
      constexpr int n = decltype(some)::value;
      multiply_block<n, T>(matrix + r * row, row, column, columns, in, add ? add + r : nullptr,
                           out + r * apart);
      r += n;
    };
    while (rows - r >= block) next(std::integral_constant<int, block>{});
    while (r < rows) next(std::integral_constant<int, 1>{});
  }

  /// The sum over rows of a product, added to `sum`.
  template <class T>
  MAGNU_HD static void add_product(const T* __restrict a, const T* __restrict b, std::size_t rows,
                                   T* __restrict sum) {
    Pack<T> here[packs<T>];
    MAGNU_UNROLL
    for (int k = 0; k < packs<T>; ++k) here[k] = pack(sum, k);
    for (std::size_t r = 0; r < rows; ++r, a += apart, b += apart) {
      MAGNU_UNROLL
      for (int k = 0; k < packs<T>; ++k) here[k] += pack(a, k) * pack(b, k);
    }
    MAGNU_UNROLL
    for (int k = 0; k < packs<T>; ++k) pack(sum, k) = here[k];
  }
  /// out += factor rows.
  template <class T>
  MAGNU_HD static void add_scaled(const T* __restrict factor, const T* __restrict a,
                                  std::size_t rows, T* __restrict out) {
    for (std::size_t r = 0; r < rows; ++r, a += apart, out += apart) {
      MAGNU_UNROLL
      for (int k = 0; k < packs<T>; ++k) pack(out, k) += pack(factor, k) * pack(a, k);
    }
  }

  /// theta where it follows s from one value to that of a start, by the free fit's second
  /// derivatives: from `theta` at `from`, or the start's own where that is unknown.
  MAGNU_HD void predict(const FitStart& start, const Real* theta, const double* from) {
    const std::size_t n = parameters_ + 1;
    Real moved[wide];
    for (int l = 0; l < lanes; ++l)
      moved[l] = static_cast<Real>((start.s - from[l]) / task_.free.inverse[0]);
    for (std::size_t p = 0; p < parameters_; ++p) {
      const Real along = static_cast<Real>(task_.free.inverse[(p + 1) * n]),
                 own = static_cast<Real>(start.theta[p]);
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = p * apart + static_cast<std::size_t>(l);
        const Real next = theta[at] + moved[l] * along;
        x_()[apart + at] = next == next ? next : own;
      }
    }
  }
  MAGNU_HD void begin(const FitStart& start) {
    for (std::size_t p = 0; p < parameters_; ++p)
      for (int l = 0; l < lanes; ++l)
        x_()[(p + 1) * apart + static_cast<std::size_t>(l)] = static_cast<Real>(start.theta[p]);
  }

  /// 1 - n/lambda into work_(), and which lanes expect something wherever they counted.
  MAGNU_HD void residuals(Real* __restrict sound) {
    const Real* __restrict counts = counts_(), * __restrict lambda = lambda_();
    Real* __restrict residual = work_();
    for (std::size_t i = 0; i < bins_ * apart; i += apart) {
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = i + static_cast<std::size_t>(l);
        const Real n = counts[at], expected = lambda[at];
        const Real ratio = n / expected;
        residual[at] = n > 0 ? 1 - ratio : 1;
        // Nothing may be expected where nothing was counted, but never less.
        const Real least = n > 0 ? static_cast<Real>(1e-30) : 0;
        sound[l] = expected >= least ? sound[l] : 0;
      }
    }
  }

  MAGNU_HD void add_constraints(Real* __restrict gradient) {
    const Real* __restrict theta = x_() + apart, * __restrict measured = measured_();
    for (std::size_t p = 0; p < parameters_; ++p) {
      const Real weight = static_cast<Real>(model_.weight[p]);
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = p * apart + static_cast<std::size_t>(l);
        gradient[at] += weight * (theta[at] - measured[at]);
      }
    }
  }

  /// The least nll within the bounds: parameters that end beyond theirs are held there, and where
  /// they would go back from it the fit is not `ok`. `gradient(sound)` makes gradient_() at x_().
  /// n: parameters from `offset` on, of which 0 is s.
  template <class Gradient>
  MAGNU_HD void descend(const Real* inverse, std::size_t offset, std::size_t n,
                        const Gradient& gradient, const bool* active, bool* ok) {
    bool going[wide], looked_at[wide], ended[wide];
    for (int l = 0; l < lanes; ++l) going[l] = active[l];
    for (int held = 0; held < 2; ++held) {
      for (int l = 0; l < lanes; ++l) looked_at[l] = going[l];
      go_down(inverse, offset, n, gradient, held > 0, going, ended);
      for (int l = 0; l < lanes; ++l) {
        if (held == 0)
          ok[l] = ended[l];
        else if (looked_at[l])
          ok[l] = ended[l] && stays_[l];
      }
      if (held > 0 || !hold(ok, going)) return;
    }
  }

  /// Puts parameters that are beyond their bound there; which lanes have some, if any.
  MAGNU_HD bool hold(const bool* ok, bool* which) {
    bool any = false;
    for (int l = 0; l < lanes; ++l) {
      which[l] = false;
      held_()[l] = 0;
    }
    for (std::size_t p = 0; p < parameters_; ++p) {
      const Real least = static_cast<Real>(model_.least[p] - task_.truth[p]);
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = (p + 1) * apart + static_cast<std::size_t>(l);
        const bool beyond = ok[l] && x_()[at] < least;
        held_()[at] = beyond ? 1 : 0;
        if (beyond) x_()[at] = least;
        which[l] = which[l] || beyond;
        any = any || beyond;
      }
    }
    return any;
  }

  /// What is held of a gradient is taken out, and noted where it points away from the bound.
  MAGNU_HD void hold_gradient() {
    for (int l = 0; l < lanes; ++l) stays_[l] = true;
    for (std::size_t p = 0; p <= parameters_; ++p)
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = p * apart + static_cast<std::size_t>(l);
        if (!(held_()[at] > 0)) continue;
        stays_[l] = stays_[l] && gradient_()[at] >= 0;
        gradient_()[at] = 0;
      }
  }
  MAGNU_HD void hold_step(std::size_t offset, std::size_t n) {
    for (std::size_t p = 0; p < n; ++p)
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = p * apart + static_cast<std::size_t>(l);
        if (held_()[offset * apart + at] > 0) step_()[at] = 0;
      }
  }

  /// Steps until they are small, the last of them taken. `bounded`: with held parameters.
  template <class Gradient>
  MAGNU_HD void go_down(const Real* inverse, std::size_t offset, std::size_t n,
                        const Gradient& gradient, bool bounded, bool* active, bool* ok) {
    Real sound[wide], rho[memory][wide];
    Real* x = x_() + offset * apart;
    Real* g = gradient_() + offset * apart;
    for (int l = 0; l < lanes; ++l) ok[l] = false;
    for (int step = 0; step < most_steps; ++step) {
      for (int l = 0; l < lanes; ++l) sound[l] = 1;
      gradient(sound);
      if (bounded) hold_gradient();
      const int kept = step < memory ? step : memory;
      Real* turn = turns_() + static_cast<std::size_t>(step % memory) * n * apart;
      if (step > 0) {
        // What the last step changed of the gradient.
        const std::size_t slot = static_cast<std::size_t>((step - 1) % memory) * n * apart;
        Real product[wide] = {};
        difference(g, turns_() + slot, n);
        add_product(turns_() + slot, steps_() + slot, n, product);
        for (int l = 0; l < lanes; ++l) {
          rho[(step - 1) % memory][l] = 1 / product[l];
          if (!(product[l] > 0)) sound[l] = 0;
        }
      }
      // Nocedal's two loops, the newest first.
      Real alpha[memory][wide];
      negative(g, n, more_());
      for (int k = step - 1; k >= step - kept; --k)
        project(k % memory, n, rho[k % memory], alpha[k % memory]);
      multiply<Real>(inverse, n, 1, n, n, more_(), nullptr, step_());
      if (bounded) hold_step(offset, n);
      for (int k = step - kept; k < step; ++k)
        restore(k % memory, n, rho[k % memory], alpha[k % memory]);
      Real decrement[wide] = {};
      add_product(g, step_(), n, decrement);
      bool any = false;
      Real moves[wide];
      for (int l = 0; l < lanes; ++l) {
        const bool here = active[l] && sound[l] > 0 && decrement[l] <= 0;
        const bool last = here && -decrement[l] < enough;
        ok[l] = ok[l] || last;
        moves[l] = here ? 1 : 0;
        active[l] = here && !last;
        any = any || active[l];
      }
      take_step(moves, n, x, steps_() + static_cast<std::size_t>(step % memory) * n * apart, g,
                turn);
      if (!any) return;
    }
  }

  /// from - what is there.
  MAGNU_HD static void difference(const Real* __restrict from, Real* __restrict there,
                                  std::size_t n) {
    for (std::size_t i = 0; i < n * apart; i += apart) {
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = i + static_cast<std::size_t>(l);
        there[at] = from[at] - there[at];
      }
    }
  }
  MAGNU_HD static void negative(const Real* __restrict g, std::size_t n, Real* __restrict out) {
    for (std::size_t i = 0; i < n * apart; i += apart) {
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = i + static_cast<std::size_t>(l);
        out[at] = -g[at];
      }
    }
  }
  /// Of the lanes that move; the step, and the gradient before it, are remembered.
  MAGNU_HD void take_step(const Real* __restrict moves, std::size_t n, Real* __restrict x,
                          Real* __restrict kept, const Real* __restrict gradient,
                          Real* __restrict before) {
    const Real* __restrict step = step_();
    for (std::size_t p = 0; p < n * apart; p += apart) {
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = p + static_cast<std::size_t>(l);
        kept[at] = step[at];
        before[at] = gradient[at];
        const Real moved = moves[l] > 0 ? step[at] : 0;
        x[at] += moved;
      }
    }
  }

  MAGNU_HD void project(int k, std::size_t n, const Real* rho, Real* alpha) {
    Real sum[wide] = {};
    add_product(steps_() + static_cast<std::size_t>(k) * n * apart, more_(), n, sum);
    Real back[wide];
    for (int l = 0; l < lanes; ++l) {
      alpha[l] = rho[l] * sum[l];
      back[l] = -alpha[l];
    }
    add_scaled(back, turns_() + static_cast<std::size_t>(k) * n * apart, n, more_());
  }

  MAGNU_HD void restore(int k, std::size_t n, const Real* rho, const Real* alpha) {
    Real sum[wide] = {}, beta[wide];
    add_product(turns_() + static_cast<std::size_t>(k) * n * apart, step_(), n, sum);
    for (int l = 0; l < lanes; ++l) beta[l] = alpha[l] - rho[l] * sum[l];
    add_scaled(beta, steps_() + static_cast<std::size_t>(k) * n * apart, n, step_());
  }

  /// The minimum at a fixed s, from x_(). Not `ok` where the steps found none.
  MAGNU_HD void fit_fixed(const FitStart& start, bool* ok) {
    bool active[wide];
    for (int l = 0; l < lanes; ++l) active[l] = true;
    share(start.templates, of_fixed());
    share(start.expected, of_fixed_expected());
    share(start.inverse, of_fixed_inverse());
    const Real* templates = shared(start.templates, of_fixed());
    const Real* expected = shared(start.expected, of_fixed_expected());
    descend(
        shared(start.inverse, of_fixed_inverse()), 1, parameters_,
        [&](Real* sound) {
          multiply<Real>(templates, 1, bins_, bins_, parameters_, x_() + apart, expected,
                         lambda_());
          residuals(sound);
          multiply<Real>(templates, bins_, 1, parameters_, bins_, work_(), nullptr,
                         gradient_() + apart);
          add_constraints(gradient_() + apart);
        },
        active, ok);
    const double* theta = theta_in_double();
    multiply<double>(start.templates.data, 1, bins_, bins_, parameters_, theta, start.expected.data,
                     last_lambda_());
    inside(ok);
  }

  /// Which lanes are within their bounds, and expect something wherever they counted.
  MAGNU_HD void inside(bool* ok) const {
    for (std::size_t p = 0; p < parameters_; ++p) {
      const Real least = static_cast<Real>(model_.least[p] - task_.truth[p]);
      for (int l = 0; l < lanes; ++l)
        ok[l] = ok[l] && x_()[(p + 1) * apart + static_cast<std::size_t>(l)] >= least;
    }
    double sound[wide];
    for (int l = 0; l < lanes; ++l) sound[l] = 1;
    for (std::size_t i = 0; i < bins_; ++i) {
      const Real* __restrict counts = counts_() + i * apart;
      const double* __restrict lambda = last_lambda_() + i * apart;
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const double least = counts[l] > 0 ? 1e-300 : 0;
        sound[l] = lambda[l] >= least ? sound[l] : 0;
      }
    }
    for (int l = 0; l < lanes; ++l) ok[l] = ok[l] && sound[l] > 0;
  }

  MAGNU_HD const double* theta_in_double() {
    if constexpr (narrow) {
      for (std::size_t p = 0; p < parameters_ * apart; p += apart) {
        MAGNU_SIMD
        for (int l = 0; l < lanes; ++l) {
          const std::size_t at = p + static_cast<std::size_t>(l);
          last_theta_()[at] = x_()[apart + at];
        }
      }
      return last_theta_();
    } else {
      return x_() + apart;
    }
  }

  /// d lambda_i/ds at `theta`. What is gathered is there until more_() is used again.
  template <class T>
  MAGNU_HD void slopes(const T* theta, const T* templates, const T* growth, T* gathered, T* out) {
    for (std::size_t k = 0; k < task_.sloped.size; ++k)
      for (int l = 0; l < lanes; ++l)
        gathered[k * apart + static_cast<std::size_t>(l)] =
            theta[task_.sloped[k] * apart + static_cast<std::size_t>(l)];
    multiply<T>(templates, 1, bins_, bins_, task_.sloped.size, gathered, growth, out);
  }
  MAGNU_HD void last_slopes(const double* theta) {
    slopes<double>(theta, task_.slopes.data, task_.growth.data, gathered_(), last_slope_());
  }

  /// d nll/ds of the lanes at the minimum that was found last, at a fixed s.
  MAGNU_HD void slope_in_s(double* __restrict sum) {
    last_slopes(theta_in_double());
    for (int l = 0; l < lanes; ++l) sum[l] = 0;
    for (std::size_t i = 0; i < bins_; ++i) {
      const Real* __restrict counts = counts_() + i * apart;
      const double* __restrict lambda = last_lambda_() + i * apart, * __restrict slope =
                                                                        last_slope_() + i * apart;
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const double n = counts[l], ratio = n / lambda[l];
        sum[l] += (n > 0 ? 1 - ratio : 1) * slope[l];
      }
    }
  }

  /// s_hat and its theta. Those that look for it below 0 are fitted there, and so are all first
  /// where the nll at 0 is asked for.
  MAGNU_HD void fit_free(bool zero_first) {
    bool ok[wide], active[wide];
    double slope[wide];
    for (int l = 0; l < lanes; ++l) {
      good_[l] = false;
      s_hat_[l] = 0;
      active[l] = true;
    }
    if (zero_first) {
      begin(task_.zero);
      fit_fixed(task_.zero, ok);
      slope_in_s(slope);
      bool any = false, all[wide];
      for (int l = 0; l < lanes; ++l) {
        good_[l] = ok[l] && slope[l] >= 0;
        active[l] = ok[l] && !(slope[l] >= 0);
        first_t_[l] = 0;
        any = any || active[l];
        all[l] = true;
      }
      keep(all);
      if (!any) return;
      // One of Newton's steps from the minimum without signal, where the gradient is in s alone.
      double back[wide];
      for (int l = 0; l < lanes; ++l) back[l] = task_.free.inverse[0] * slope[l];
      const FitStart moved{0, task_.free.theta, {}, {}, {}};
      predict(moved, free_x_() + apart, back);
      for (int l = 0; l < lanes; ++l)
        x_()[l] = static_cast<Real>(back[l] == back[l] ? -back[l] : task_.free.s);
    } else {
      begin(task_.free);
      for (int l = 0; l < lanes; ++l) x_()[l] = static_cast<Real>(task_.free.s);
    }
    bool wanted[wide];
    for (int l = 0; l < lanes; ++l) wanted[l] = active[l];
    descend_in_s(active, ok);
    bool found[wide], again = false;
    for (int l = 0; l < lanes; ++l) {
      found[l] = wanted[l] && ok[l] && x_()[l] > 0;
      if (found[l]) s_hat_[l] = x_()[l];
      good_[l] = good_[l] || found[l];
      again = again || !good_[l];
    }
    if (zero_first) {
      double t[wide];  // against what was kept, the minimum without signal
      above_free(t);
      for (int l = 0; l < lanes; ++l)
        if (found[l]) first_t_[l] = -t[l];
    }
    keep(found);
    if (!again || zero_first) return;
    double from[wide];
    for (int l = 0; l < lanes; ++l) from[l] = x_()[l];
    predict(task_.zero, x_() + apart, from);
    fit_fixed(task_.zero, ok);
    slope_in_s(slope);
    for (int l = 0; l < lanes; ++l) {
      found[l] = !good_[l] && ok[l] && slope[l] >= 0;
      good_[l] = good_[l] || found[l];
    }
    keep(found);
  }

  /// The minimum with s free, from x_().
  MAGNU_HD void descend_in_s(bool* active, bool* ok) {
    const Real* base = shared(model_.base, of_base());
    const Real* slope_templates = shared(task_.slopes, of_slopes());
    descend(
        shared(task_.free.inverse, of_inverse()), 0, parameters_ + 1,
        [&](Real* sound) {
          const Real* theta = x_() + apart;
          slopes<Real>(theta, slope_templates, shared(task_.growth, of_growth()), more_(),
                       slope_());
          multiply<Real>(base, 1, bins_, bins_, parameters_, theta,
                         shared(task_.free.expected, of_expected()), lambda_());
          add_scaled(x_(), slope_(), bins_, lambda_());
          residuals(sound);
          for (int l = 0; l < lanes; ++l) gradient_()[l] = 0;
          add_product(work_(), slope_(), bins_, gradient_());
          Real* gradient = gradient_() + apart;
          multiply<Real>(base, bins_, 1, parameters_, bins_, work_(), nullptr, gradient);
          multiply<Real>(slope_templates, bins_, 1, task_.sloped.size, bins_, work_(), nullptr,
                         more_());
          for (std::size_t k = 0; k < task_.sloped.size; ++k)
            add_scaled(x_(), more_() + k * apart, 1, gradient + task_.sloped[k] * apart);
          add_constraints(gradient);
        },
        active, ok);
    const double* theta = theta_in_double();
    last_slopes(theta);
    multiply<double>(model_.base.data, 1, bins_, bins_, parameters_, theta,
                     task_.free.expected.data, last_lambda_());
    double s[wide];
    for (int l = 0; l < lanes; ++l) s[l] = x_()[l];
    add_scaled<double>(s, last_slope_(), bins_, last_lambda_());
    inside(ok);
  }

  /// The free fit of some lanes is what was fitted last.
  MAGNU_HD void keep(const bool* which) {
    keep_rows(which, last_lambda_(), bins_, free_lambda_());
    keep_rows(which, x_() + apart, parameters_, free_x_() + apart);
  }

  template <class T>
  MAGNU_HD static void keep_rows(const bool* which, const T* __restrict rows, std::size_t n,
                                 T* __restrict kept) {
    for (std::size_t i = 0; i < n * apart; i += apart) {
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = i + static_cast<std::size_t>(l);
        kept[at] = which[l] ? rows[at] : kept[at];
      }
    }
  }

  /// 2 (nll - nll of the free fit).
  MAGNU_HD void above_free(double* __restrict t) const {
    for (int l = 0; l < lanes; ++l) t[l] = 0;
    for (std::size_t i = 0; i < bins_; ++i) {
      const Real* __restrict counts = counts_() + i * apart;
      const double* __restrict lambda = last_lambda_() + i * apart, * __restrict free_lambda =
                                                                        free_lambda_() + i * apart;
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const double n = counts[l], here = lambda[l], free = free_lambda[l];
        const double ratio = here / free;
        const double likely = n * logarithm(n > 0 ? ratio : 1.0);
        t[l] += 2 * (here - free - likely);
      }
    }
    for (std::size_t p = 0; p < parameters_; ++p) {
      const Real* __restrict x = x_() + (p + 1) * apart, * __restrict free_x =
                                                             free_x_() + (p + 1) * apart;
      const Real* __restrict measured = measured_() + p * apart;
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const double here = x[l], free = free_x[l], from = measured[l];
        t[l] += model_.weight[p] * (here - free) * (here + free - 2 * from);
      }
    }
  }

  /// ln x of a positive number, of arithmetic alone: 2 atanh of (m - 1)/(m + 1) and a power of two.
  MAGNU_HD static double logarithm(double x) {
    constexpr std::uint64_t mantissa = (std::uint64_t{1} << 52) - 1,
                            one = std::uint64_t{1023} << 52;
    const std::uint64_t bits = __builtin_bit_cast(std::uint64_t, x);
    double m = __builtin_bit_cast(double, (bits & mantissa) | one);
    double power =
        __builtin_bit_cast(double, (bits >> 52) | (std::uint64_t{0x433} << 52)) - (0x1p52 + 1023);
    const bool large = m > 1.4142135623730951;
    m = large ? 0.5 * m : m;
    power = large ? power + 1 : power;
    const double z = (m - 1) / (m + 1), y = z * z;
    double sum = 1.0 / 21;
    sum = sum * y + 1.0 / 19;
    sum = sum * y + 1.0 / 17;
    sum = sum * y + 1.0 / 15;
    sum = sum * y + 1.0 / 13;
    sum = sum * y + 1.0 / 11;
    sum = sum * y + 1.0 / 9;
    sum = sum * y + 1.0 / 7;
    sum = sum * y + 1.0 / 5;
    sum = sum * y + 1.0 / 3;
    return power * 0.69314718055994530942 + 2 * z * (1 + sum * y);
  }

  const ToyTask& task_;
  LikelihoodView model_;
  std::size_t parameters_, bins_;
  double* scratch_;
  double s_hat_[wide] = {}, first_t_[wide] = {};
  bool good_[wide] = {}, stays_[wide] = {};
};

}  // namespace magnu
