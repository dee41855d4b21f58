#pragma once

#include <cmath>

#include "magnu/statistics/likelihood.hpp"
#include "magnu/statistics/philox.hpp"
#include "magnu/statistics/toy_tables.hpp"

namespace magnu {

/// Where fits of toys begin: the minimum for the data that are expected.
struct FitStart {
  double s = 0;
  View<const double> theta;      ///< [parameters]
  View<const double> inverse;    ///< of the second derivatives: [n][n], n counts s where it is free
  View<const double> templates;  ///< [parameters + 1][bins] at s, where it is fixed
};

/// Toys of one truth, as the body that draws and fits them sees it.
struct ToyTask {
  LikelihoodView likelihood;
  View<const std::uint32_t> sloped;  ///< parameters whose templates change with s
  View<const double> slopes;         ///< their templates [sloped][bins]
  View<const double> truth;          ///< [parameters]
  View<const double> sigma;          ///< [parameters]; 0 of a free one, which is not measured
  PoissonView counts;
  NormalView normal;
  std::uint64_t seed = 0;
  std::uint32_t point = 0;  ///< of the stream
  FitStart free, zero;
  View<const FitStart> tested;
  std::uint64_t first = 0;  ///< toy

  // What is found: NaN where the fit is left to one that takes any data.
  std::size_t stride = 0;  ///< of `t`: toys at most
  View<double> s_hat;      ///< [toys]
  View<double> t;          ///< [tested][toys], 2 (nll(s) - nll(s_hat))
};

/// Numbers in a vector register, wherever they lie in memory.
template <int width>
struct PackOf;
template <>
struct PackOf<1> {
  using type = double;
};
#ifndef __CUDACC__
template <>
struct PackOf<2> {
  typedef double type __attribute__((vector_size(16), aligned(8), may_alias));
};
template <>
struct PackOf<4> {
  typedef double type __attribute__((vector_size(32), aligned(8), may_alias));
};
template <>
struct PackOf<8> {
  typedef double type __attribute__((vector_size(64), aligned(8), may_alias));
};
#endif

/// Draws toys and fits them, `lanes` at a time: by steps with the second derivatives of the
/// expected data, made better by what the steps before have shown (J. Nocedal, Math. Comp. 35
/// (1980) 773). Toys whose steps do not shrink, or that meet a bound or a bin without expectation,
/// are marked. A lane does the same whatever its neighbours do. `width`: lanes of a vector
/// register. `stride`: numbers from a row of the scratch to the next, more than the lanes where
/// neighbours share the memory, as threads of a device do.
template <int lanes, int width, int stride = lanes>
class ToyFit {
  static constexpr std::size_t wide = lanes, apart = stride;
  static constexpr int packs = lanes / width;
  using Pack = typename PackOf<width>::type;
  static constexpr int most_steps = 14, memory = 6;
  /// Half of it is what the nll may lie above its minimum; that is then taken off.
  static constexpr double enough = 2e-7;

 public:
  MAGNU_HD static constexpr std::size_t scratch(std::size_t parameters, std::size_t bins) {
    return apart * (6 * bins + (2 * memory + 8) * (parameters + 1));
  }

  MAGNU_HD ToyFit(const ToyTask& task, double* scratch)
      : task_(task),
        model_(task.likelihood),
        parameters_(task.likelihood.parameters),
        bins_(task.likelihood.bins),
        scratch_(scratch) {
    for (std::size_t i = 0; i <= parameters_; ++i)
      for (int l = 0; l < lanes; ++l) zero_()[i * apart + static_cast<std::size_t>(l)] = 0;
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
    std::uint64_t numbers[wide];
    for (std::size_t i = 0; i < bins_; ++i) {
      double* row = counts_() + i * apart;
      if (i < task_.counts.bins.size) stream.next(numbers);
      for (int l = 0; l < lanes; ++l)
        row[l] = i < task_.counts.bins.size ? task_.counts.draw(i, numbers[l]) : 0;
    }
    for (std::size_t p = 0; p < parameters_; ++p) {
      stream.next(numbers);
      double* row = measured_() + p * apart;
      for (int l = 0; l < lanes; ++l)
        row[l] = task_.truth[p] + task_.sigma[p] * task_.normal.draw(numbers[l]);
    }
  }
  MAGNU_HD double count(std::size_t bin, int lane) const { return counts_()[bin * apart + lane]; }
  MAGNU_HD double measured(std::size_t p, int lane) const { return measured_()[p * apart + lane]; }

 private:
  // Where things are in the scratch: a thread of a device has no registers to keep 16 pointers in.
  MAGNU_HD double* of_bins(std::size_t k) const { return scratch_ + k * bins_ * apart; }
  MAGNU_HD double* of_parameters(std::size_t k) const {
    return scratch_ + (6 * bins_ + k * (parameters_ + 1)) * apart;
  }
  MAGNU_HD double* counts_() const { return of_bins(0); }
  MAGNU_HD double* lambda_() const { return of_bins(1); }
  MAGNU_HD double* rest_() const { return of_bins(2); }
  MAGNU_HD double* slope_() const { return of_bins(3); }
  MAGNU_HD double* free_lambda_() const { return of_bins(4); }
  MAGNU_HD double* work_() const { return of_bins(5); }
  MAGNU_HD double* measured_() const { return of_parameters(0); }
  MAGNU_HD double* x_() const { return of_parameters(1); }
  MAGNU_HD double* free_x_() const { return of_parameters(2); }
  MAGNU_HD double* gradient_() const { return of_parameters(3); }
  MAGNU_HD double* before_() const { return of_parameters(4); }
  MAGNU_HD double* step_() const { return of_parameters(5); }
  MAGNU_HD double* zero_() const { return of_parameters(6); }
  MAGNU_HD double* more_() const { return of_parameters(7); }
  MAGNU_HD double* steps_() const { return of_parameters(8); }
  MAGNU_HD double* turns_() const { return of_parameters(8 + memory); }

  MAGNU_HD static Pack& pack(double* rows, int k) {
    return *reinterpret_cast<Pack*>(rows + k * width);
  }
  MAGNU_HD static const Pack& pack(const double* rows, int k) {
    return *reinterpret_cast<const Pack*>(rows + k * width);
  }

  MAGNU_HD static double not_known() { return static_cast<double>(NAN); }

  /// out = add + matrix in, some rows of it at once: their sums stay in registers.
  template <int rows>
  MAGNU_HD static void multiply_block(const double* __restrict matrix, std::size_t row,
                                      std::size_t column, std::size_t columns,
                                      const double* __restrict in, const double* __restrict add,
                                      double* __restrict out) {
    Pack sum[rows][packs], x[packs];
    MAGNU_UNROLL
    for (int r = 0; r < rows; ++r) {
      MAGNU_UNROLL
      for (int k = 0; k < packs; ++k)
        sum[r][k] = pack(add + static_cast<std::size_t>(r) * apart, k);
    }
    for (std::size_t c = 0; c < columns; ++c, in += apart, matrix += column) {
      MAGNU_UNROLL
      for (int k = 0; k < packs; ++k) x[k] = pack(in, k);
      MAGNU_UNROLL
      for (int r = 0; r < rows; ++r) {
        const double factor = matrix[static_cast<std::size_t>(r) * row];
        MAGNU_UNROLL
        for (int k = 0; k < packs; ++k) sum[r][k] += factor * x[k];
      }
    }
    MAGNU_UNROLL
    for (int r = 0; r < rows; ++r) {
      MAGNU_UNROLL
      for (int k = 0; k < packs; ++k)
        pack(out + static_cast<std::size_t>(r) * apart, k) = sum[r][k];
    }
  }
  MAGNU_HD static void multiply(const double* matrix, std::size_t row, std::size_t column,
                                std::size_t rows, std::size_t columns, const double* in,
                                const double* add, double* out) {
    std::size_t r = 0;
    for (; r + 4 <= rows; r += 4)
      multiply_block<4>(matrix + r * row, row, column, columns, in, add + r * apart,
                        out + r * apart);
    for (; r < rows; ++r)
      multiply_block<1>(matrix + r * row, row, column, columns, in, add + r * apart,
                        out + r * apart);
  }

  /// The sum over rows of a product, added to `sum`.
  MAGNU_HD static void add_product(const double* __restrict a, const double* __restrict b,
                                   std::size_t rows, double* __restrict sum) {
    Pack here[packs];
    MAGNU_UNROLL
    for (int k = 0; k < packs; ++k) here[k] = pack(sum, k);
    for (std::size_t r = 0; r < rows; ++r, a += apart, b += apart) {
      MAGNU_UNROLL
      for (int k = 0; k < packs; ++k) here[k] += pack(a, k) * pack(b, k);
    }
    MAGNU_UNROLL
    for (int k = 0; k < packs; ++k) pack(sum, k) = here[k];
  }
  /// out += factor rows.
  MAGNU_HD static void add_scaled(const double* __restrict factor, const double* __restrict a,
                                  std::size_t rows, double* __restrict out) {
    for (std::size_t r = 0; r < rows; ++r, a += apart, out += apart) {
      MAGNU_UNROLL
      for (int k = 0; k < packs; ++k) pack(out, k) += pack(factor, k) * pack(a, k);
    }
  }

  /// A row of numbers that all lanes share.
  MAGNU_HD void spread(const double* __restrict row, std::size_t n, double* __restrict out) const {
    for (std::size_t i = 0; i < n; ++i) {
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) out[i * apart + static_cast<std::size_t>(l)] = row[i];
    }
  }

  /// theta at a start.
  MAGNU_HD void begin(const FitStart& start) {
    spread(start.theta.data, parameters_, x_() + apart);
  }

  /// theta where it follows s from one value to that of a start, by the free fit's second
  /// derivatives: from `theta` at `from`, or the start's own where that is unknown.
  MAGNU_HD void predict(const FitStart& start, const double* theta, const double* from) {
    const std::size_t n = parameters_ + 1;
    double moved[wide];
    for (int l = 0; l < lanes; ++l) moved[l] = (start.s - from[l]) / task_.free.inverse[0];
    for (std::size_t p = 0; p < parameters_; ++p) {
      const double along = task_.free.inverse[(p + 1) * n], own = start.theta[p];
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = p * apart + static_cast<std::size_t>(l);
        const double next = theta[at] + moved[l] * along;
        x_()[apart + at] = next == next ? next : own;
      }
    }
  }

  /// 1 - n/lambda into work_(), and which lanes expect something wherever they counted.
  MAGNU_HD void residuals(double* __restrict sound) {
    const double* __restrict counts = counts_(), * __restrict lambda = lambda_();
    double* __restrict residual = work_();
    for (std::size_t i = 0; i < bins_ * apart; i += apart) {
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = i + static_cast<std::size_t>(l);
        const double n = counts[at], expected = lambda[at];
        const double ratio = n / expected;
        residual[at] = n > 0 ? 1 - ratio : 1;
        // Nothing may be expected where nothing was counted, but never less.
        const double least = n > 0 ? 1e-300 : 0;
        sound[l] = expected >= least ? sound[l] : 0;
      }
    }
  }

  MAGNU_HD void add_constraints(double* __restrict gradient) {
    const double* __restrict theta = x_() + apart, * __restrict measured = measured_();
    for (std::size_t p = 0; p < parameters_; ++p) {
      const double weight = model_.weight[p];
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = p * apart + static_cast<std::size_t>(l);
        gradient[at] += weight * (theta[at] - measured[at]);
      }
    }
  }

  /// Steps until they are small; `gradient(sound)` makes gradient_() at x_(). n: parameters from
  /// `offset` on, of which 0 is s.
  template <class Gradient>
  MAGNU_HD void descend(const View<const double>& inverse, std::size_t offset, std::size_t n,
                        const Gradient& gradient, double* active, bool* ok) {
    double sound[wide], rho[memory][wide];
    double* x = x_() + offset * apart;
    double* g = gradient_() + offset * apart;
    for (int l = 0; l < lanes; ++l) ok[l] = false;
    for (int step = 0; step < most_steps; ++step) {
      for (int l = 0; l < lanes; ++l) sound[l] = 1;
      gradient(sound);
      const int kept = step < memory ? step : memory;
      if (step > 0) {
        // What the last step changed of the gradient.
        const std::size_t slot = static_cast<std::size_t>((step - 1) % memory) * n * apart;
        double product[wide] = {};
        difference(g, before_(), n, turns_() + slot);
        add_product(turns_() + slot, steps_() + slot, n, product);
        for (int l = 0; l < lanes; ++l) {
          rho[(step - 1) % memory][l] = 1 / product[l];
          if (!(product[l] > 0)) sound[l] = 0;
        }
      }
      // Nocedal's two loops, the newest first.
      double alpha[memory][wide];
      remember(g, n, before_(), more_());
      for (int k = step - 1; k >= step - kept; --k)
        project(k % memory, n, rho[k % memory], alpha[k % memory]);
      multiply(inverse.data, n, 1, n, n, more_(), zero_(), step_());
      for (int k = step - kept; k < step; ++k)
        restore(k % memory, n, rho[k % memory], alpha[k % memory]);
      double decrement[wide] = {};
      add_product(g, step_(), n, decrement);
      bool any = false;
      for (int l = 0; l < lanes; ++l) {
        const bool here = active[l] > 0 && sound[l] > 0 && decrement[l] <= 0;
        if (here && -decrement[l] < enough) {
          ok[l] = true;
          above_[l] = -decrement[l];
          // Where the step would go: the fit itself ends here, where lambda is known.
          last_s_[l] = offset == 0 ? x[l] + step_()[l] : 0;
        }
        active[l] = here && !(-decrement[l] < enough) ? 1 : 0;
        any = any || active[l] > 0;
      }
      if (!any) return;
      take_step(active, step_(), n, x,
                steps_() + static_cast<std::size_t>(step % memory) * n * apart);
    }
  }

  MAGNU_HD static void difference(const double* __restrict a, const double* __restrict b,
                                  std::size_t n, double* __restrict out) {
    for (std::size_t i = 0; i < n * apart; i += apart) {
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = i + static_cast<std::size_t>(l);
        out[at] = a[at] - b[at];
      }
    }
  }
  MAGNU_HD static void remember(const double* __restrict g, std::size_t n, double* __restrict same,
                                double* __restrict negative) {
    for (std::size_t i = 0; i < n * apart; i += apart) {
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = i + static_cast<std::size_t>(l);
        same[at] = g[at];
        negative[at] = -g[at];
      }
    }
  }
  /// Of the lanes that go on.
  MAGNU_HD static void take_step(const double* __restrict active, const double* __restrict step,
                                 std::size_t n, double* __restrict x, double* __restrict kept) {
    for (std::size_t p = 0; p < n * apart; p += apart) {
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = p + static_cast<std::size_t>(l);
        kept[at] = step[at];
        const double moved = active[l] > 0 ? step[at] : 0;
        x[at] += moved;
      }
    }
  }

  MAGNU_HD void project(int k, std::size_t n, const double* rho, double* alpha) {
    double sum[wide] = {};
    add_product(steps_() + static_cast<std::size_t>(k) * n * apart, more_(), n, sum);
    double back[wide];
    for (int l = 0; l < lanes; ++l) {
      alpha[l] = rho[l] * sum[l];
      back[l] = -alpha[l];
    }
    add_scaled(back, turns_() + static_cast<std::size_t>(k) * n * apart, n, more_());
  }

  MAGNU_HD void restore(int k, std::size_t n, const double* rho, const double* alpha) {
    double sum[wide] = {}, beta[wide];
    add_product(turns_() + static_cast<std::size_t>(k) * n * apart, step_(), n, sum);
    for (int l = 0; l < lanes; ++l) beta[l] = alpha[l] - rho[l] * sum[l];
    add_scaled(beta, steps_() + static_cast<std::size_t>(k) * n * apart, n, step_());
  }

  /// The minimum at a fixed s, from x_(). Not `ok` where it is at a bound, or the steps found none.
  MAGNU_HD void fit_fixed(const FitStart& start, bool* ok) {
    double active[wide];
    for (int l = 0; l < lanes; ++l) active[l] = 1;
    const double* templates = start.templates.data;
    spread(templates + parameters_ * bins_, bins_, rest_());
    descend(
        start.inverse, 1, parameters_,
        [&](double* sound) {
          multiply(templates, 1, bins_, bins_, parameters_, x_() + apart, rest_(), lambda_());
          residuals(sound);
          multiply(templates, bins_, 1, parameters_, bins_, work_(), zero_(), gradient_() + apart);
          add_constraints(gradient_() + apart);
        },
        active, ok);
    inside(ok);
  }

  MAGNU_HD void inside(bool* ok) const {
    for (std::size_t p = 0; p < parameters_; ++p)
      for (int l = 0; l < lanes; ++l)
        ok[l] = ok[l] && x_()[(p + 1) * apart + static_cast<std::size_t>(l)] >= model_.least[p];
  }

  /// d nll/ds of the lanes at the minimum that was found last.
  MAGNU_HD void slope_in_s(double* slope) {
    slopes();
    for (int l = 0; l < lanes; ++l) slope[l] = 0;
    add_product(work_(), slope_(), bins_, slope);
  }

  /// theta of those whose templates change with s; until more_() is used again.
  MAGNU_HD const double* gathered(const double* theta) {
    for (std::size_t k = 0; k < task_.sloped.size; ++k)
      for (int l = 0; l < lanes; ++l)
        more_()[k * apart + static_cast<std::size_t>(l)] =
            theta[task_.sloped[k] * apart + static_cast<std::size_t>(l)];
    return more_();
  }

  /// d lambda_i/ds.
  MAGNU_HD void slopes() {
    spread(&model_.slope[parameters_ * bins_], bins_, rest_());
    multiply(task_.slopes.data, 1, bins_, bins_, task_.sloped.size, gathered(x_() + apart), rest_(),
             slope_());
  }

  /// s_hat and its theta. Those that look for it below 0 are fitted there, and so are all first
  /// where the nll at 0 is asked for.
  MAGNU_HD void fit_free(bool zero_first) {
    bool ok[wide];
    double active[wide], slope[wide];
    for (int l = 0; l < lanes; ++l) {
      good_[l] = false;
      s_hat_[l] = 0;
      active[l] = 1;
    }
    if (zero_first) {
      fit_zero(ok, slope);
      for (int l = 0; l < lanes; ++l) {
        good_[l] = ok[l] && slope[l] >= 0;
        active[l] = ok[l] && !(slope[l] >= 0) ? 1 : 0;
        first_t_[l] = 0;
      }
      bool any = false, all[wide];
      for (int l = 0; l < lanes; ++l) {
        any = any || active[l] > 0;
        all[l] = true;
      }
      keep(all);
      if (!any) return;
    }
    double wanted[wide];
    if (zero_first) {
      // One of Newton's steps from the minimum without signal, where the gradient is in s alone.
      for (int l = 0; l < lanes; ++l) x_()[l] = -task_.free.inverse[0] * slope[l];
      const FitStart moved{0, task_.free.theta, {}, {}};
      double back[wide];
      for (int l = 0; l < lanes; ++l) back[l] = -x_()[l];
      predict(moved, free_x_() + apart, back);
      for (int l = 0; l < lanes; ++l)
        if (!(x_()[l] == x_()[l])) x_()[l] = task_.free.s;
    } else {
      begin(task_.free);
      for (int l = 0; l < lanes; ++l) x_()[l] = task_.free.s;
    }
    for (int l = 0; l < lanes; ++l) wanted[l] = active[l];
    descend(
        task_.free.inverse, 0, parameters_ + 1,
        [&](double* sound) {
          const double* theta = x_() + apart;
          slopes();
          spread(&model_.base[parameters_ * bins_], bins_, rest_());
          multiply(model_.base.data, 1, bins_, bins_, parameters_, theta, rest_(), lambda_());
          add_scaled(x_(), slope_(), bins_, lambda_());
          residuals(sound);
          for (int l = 0; l < lanes; ++l) gradient_()[l] = 0;
          add_product(work_(), slope_(), bins_, gradient_());
          double* gradient = gradient_() + apart;
          multiply(model_.base.data, bins_, 1, parameters_, bins_, work_(), zero_(), gradient);
          multiply(task_.slopes.data, bins_, 1, task_.sloped.size, bins_, work_(), zero_(),
                   more_());
          for (std::size_t k = 0; k < task_.sloped.size; ++k)
            add_scaled(x_(), more_() + k * apart, 1, gradient + task_.sloped[k] * apart);
          add_constraints(gradient);
        },
        active, ok);
    inside(ok);
    bool found[wide], again = false;
    for (int l = 0; l < lanes; ++l) {
      found[l] = wanted[l] > 0 && ok[l] && last_s_[l] > 0;
      if (found[l]) s_hat_[l] = last_s_[l];
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

  MAGNU_HD void fit_zero(bool* ok, double* slope) {
    begin(task_.zero);
    fit_fixed(task_.zero, ok);
    slope_in_s(slope);
  }

  /// The free fit of some lanes is what was fitted last.
  MAGNU_HD void keep(const bool* which) {
    for (int l = 0; l < lanes; ++l)
      if (which[l]) free_above_[l] = above_[l];
    keep_rows(which, lambda_(), bins_, free_lambda_());
    keep_rows(which, x_() + apart, parameters_, free_x_() + apart);
  }

  MAGNU_HD static void keep_rows(const bool* which, const double* __restrict rows, std::size_t n,
                                 double* __restrict kept) {
    for (std::size_t i = 0; i < n * apart; i += apart) {
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = i + static_cast<std::size_t>(l);
        kept[at] = which[l] ? rows[at] : kept[at];
      }
    }
  }

  /// 2 (nll - nll of the free fit).
  MAGNU_HD void above_free(double* __restrict t) const {
    for (int l = 0; l < lanes; ++l) t[l] = free_above_[l] - above_[l];
    for (std::size_t i = 0; i < bins_; ++i) {
      const double* __restrict counts = counts_() + i * apart, * __restrict lambda = lambda_() + i * apart, * __restrict free_lambda = free_lambda_() + i * apart;
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const double n = counts[l], here = lambda[l], free = free_lambda[l];
        const double ratio = here / free;
        const double likely = n * logarithm(n > 0 ? ratio : 1.0);
        t[l] += 2 * (here - free - likely);
      }
    }
    for (std::size_t p = 0; p < parameters_; ++p) {
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::size_t at = p * apart + static_cast<std::size_t>(l);
        const double here = x_()[apart + at], free = free_x_()[apart + at];
        t[l] += model_.weight[p] * (here - free) * (here + free - 2 * measured_()[at]);
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
  /// What 2 nll lies above its minimum where the last fit ended, and s there after one more step.
  double above_[wide] = {}, free_above_[wide] = {}, last_s_[wide] = {};
  bool good_[wide] = {};
};

}  // namespace magnu
