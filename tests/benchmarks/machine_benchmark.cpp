#include <benchmark/benchmark.h>

#include "cases.hpp"
#include "magnu/scan/cpu_loop.hpp"

/// What the machine can do: multiply-adds per second and memory rate.
namespace magnu::bench {
namespace {

using Vector2 [[gnu::vector_size(16)]] = double;
using Vector4 [[gnu::vector_size(32)]] = double;
using Vector8 [[gnu::vector_size(64)]] = double;

/// Independent chains x = x a + b that stay in registers: more of them than a multiply-add has
/// cycles of latency on two ports.
template <class Vector, int Chains>
struct MultiplyAdd {
  static constexpr int steps = 1 << 22;
  static constexpr double flops = 2.0 * steps * Chains * (sizeof(Vector) / sizeof(double));
  double* sums;

  void operator()(std::size_t i) const {
    const Vector a = Vector{} + 0.5, b = Vector{} + (1 + 1e-3 * static_cast<double>(i));
    Vector x[Chains];
#pragma GCC unroll 32
    for (int c = 0; c < Chains; ++c) x[c] = b + c;
    for (int step = 0; step < steps; ++step) {
#pragma GCC unroll 32
      for (int c = 0; c < Chains; ++c) x[c] = x[c] * a + b;
    }
    Vector sum = x[0];
    for (int c = 1; c < Chains; ++c) sum += x[c];
    sums[i] = sum[0];
  }
};

/// body(i) for one i per thread, on all threads at once.
template <class Loop>
void on_threads(int threads, const Loop& loop) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int t = 0; t < threads; ++t) loop(t);
}

template <class Body, class Loop>
void measure_peak(benchmark::State& state, int threads, Loop&& loop) {
  std::vector<double> sums(threads);
  const Body body{sums.data()};
  for (auto _ : state) {
    on_threads(threads, [&](int t) { loop(body, t, t + 1); });
    benchmark::DoNotOptimize(sums.data());
    benchmark::ClobberMemory();
  }
  state.counters["flops"] = benchmark::Counter(
      threads * Body::flops * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

// As many chains as the registers hold beside a and b.
void peak(benchmark::State& state, InstructionSet isa, int threads) {
#ifdef MAGNU_ISA_DISPATCH
  if (isa == InstructionSet::v4) {
    using Body = MultiplyAdd<Vector8, 24>;
    return measure_peak<Body>(
        state, threads, [](const auto&... of) __attribute__((noinline)) { loop_v4(of...); });
  }
  if (isa == InstructionSet::v3) {
    using Body = MultiplyAdd<Vector4, 12>;
    return measure_peak<Body>(
        state, threads, [](const auto&... of) __attribute__((noinline)) { loop_v3(of...); });
  }
#endif
  using Body = MultiplyAdd<Vector2, 12>;
  measure_peak<Body>(
      state, threads, [](const auto&... of) __attribute__((noinline)) { loop_baseline(of...); });
}

/// a = b + 3 c over 768 MiB; 24 bytes an element, the fetch of what is overwritten not counted.
void triad(benchmark::State& state, int threads) {
  const std::size_t n = quick ? 1 << 16 : std::size_t{1} << 25;
  std::vector<double> a(n), b(n), c(n);
  for (std::size_t i = 0; i < n; ++i) b[i] = c[i] = static_cast<double>(i);
  for (auto _ : state) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::size_t i = 0; i < n; ++i) a[i] = b[i] + 3 * c[i];
    benchmark::DoNotOptimize(a.data());
    benchmark::ClobberMemory();
  }
  state.counters["bytes"] = benchmark::Counter(24.0 * static_cast<double>(n * state.iterations()),
                                               benchmark::Counter::kIsRate);
}

}  // namespace

void register_machine() {
  for (const int threads : thread_counts()) {
    const auto suffix = "/" + std::to_string(threads);
    for (const auto isa : instruction_sets())
      add("machine/fma/" + to_string(isa) + suffix, threads, peak, isa, threads);
    add("machine/triad" + suffix, threads, triad, threads);
  }
}

}  // namespace magnu::bench
