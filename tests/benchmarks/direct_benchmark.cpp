#include "cases.hpp"
#include "magnu/scan/direct_grid.hpp"

/// The direct evaluation: cells of the dense grid per second.
namespace magnu::bench {
namespace {

/// Cells that are summed: nodes from a row's first one on, for every mu_eff.
double summed_cells(const SolarFlux& flux, const RecoilProblem& problem, std::size_t mu_points) {
  const DirectGrid grid(flux);
  double cells = 0;
  std::visit(
      [&](const auto& rows) {
        for (const auto& row : rows)
          cells += static_cast<double>(grid.nodes.size()) - grid.first_node(row.minimum_energy());
      },
      problem.rows.rows);
  return cells * static_cast<double>(mu_points);
}

void direct(benchmark::State& state, const MakeRunner& make) {
  const auto runner = make();
  const auto flux = solar_flux(quick ? fast_accuracy : 3e-13);  // some 4000 nodes
  const auto problem = recoil_problem("electron", quick ? 20 : 2000);
  const auto mu = mu_values(quick ? 64 : 1024);
  for (auto _ : state) {
    const auto sums = runner->direct(flux, problem, mu, false, {});
    benchmark::DoNotOptimize(sums.extra.data());
  }
  state.counters["nodes"] = static_cast<double>(DirectGrid(flux).nodes.size());
  state.counters["cells"] = benchmark::Counter(
      summed_cells(flux, problem, mu.size()) * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate);
}

}  // namespace

void register_direct() {
  for (const auto isa : instruction_sets())
    for (const int threads : thread_counts())
      add("direct/" + to_string(isa) + "/" + std::to_string(threads), threads, direct,
          cpu(threads, isa));
  add_cuda("cuda/direct", direct);
}

}  // namespace magnu::bench
