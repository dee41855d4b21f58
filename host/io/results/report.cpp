#include "magnu/io/results/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "magnu/core/csv.hpp"
#include "magnu/core/data.hpp"
#include "magnu/experiment/targets.hpp"
#include "magnu/io/results/limits_file.hpp"
#include "magnu/io/results/readable.hpp"
#include "magnu/io/results/results.hpp"
#include "magnu/io/study/keys.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/io/study/study_file.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/cuda_runner.hpp"
#include "magnu/scan/direct_grid.hpp"
#include "magnu/version.hpp"

namespace magnu {
namespace {

using Row = std::vector<std::string>;

std::string limit_text(const CurveResult& result) {
  if (result.likelihood && !result.likelihood->converged) return "failed";
  return std::isfinite(result.limit) ? fmt::format("{:.3e}", result.limit) : "none";
}

}  // namespace

std::string limits_table(const std::vector<CurveResult>& results) {
  std::vector<Row> rows{
      {"curve", "channel", "statistic", "background", "t yr", "keV", "CL", "mu_eff [mu_B]"}};
  bool outside = false;
  for (const auto& r : results) {
    rows.push_back({r.curve.name, r.curve.channel_label(), to_string(r.curve.statistic),
                    r.curve.background_label(), fmt::format("{}", r.curve.exposure),
                    fmt::format("{}", energy_in_keV(r.curve.threshold)),
                    fmt::format("{}", r.curve.confidence_level),
                    limit_text(r) + (r.limit_outside_grid() ? " *" : "  ")});
    outside |= r.limit_outside_grid();
  }
  auto text = text_table(rows, 4);
  if (outside)
    text +=
        "* outside the scanned range of mu_eff, solved for all the same; 'none': nothing is "
        "excluded\n";
  return text;
}

std::string grid_table(const Grid& grid, const std::vector<double>& values, bool failures) {
  if (values.empty()) return "";
  const auto* reach = grid.reach();
  const auto headed = [](const AxisField& field) {
    return field.unit.empty() ? field.path : field.path + " [" + field.unit + "]";
  };
  std::vector<Row> rows{{"curve"}};
  for (const auto& axis : grid.axes()) rows.front().push_back(headed(*axis.field));
  rows.front().push_back(reach ? headed(*reach->range.field) : "mu_eff [mu_B]");
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto [curve, index] = grid.place(i);
    rows.push_back({grid.curves()[curve].name});
    for (std::size_t a = 0; a < index.size(); ++a) {
      const auto& axis = grid.axes()[a];
      rows.back().push_back(axis.field->choice() ? axis.words[index[a]]
                                                 : fmt::format("{:.6g}", axis.number(index[a])));
    }
    rows.back().push_back(!std::isfinite(values[i]) ? failures ? "none or failed" : "none"
                          : reach                   ? fmt::format("{:.6g}", values[i])
                                                    : fmt::format("{:.3e}", values[i]));
  }
  return text_table(rows, 1);
}

std::string verification_table(const VerificationReport& report) {
  std::vector<Row> rows{{"verification", "", "largest", "bound"}};
  for (const auto& d : report.deviations)
    rows.push_back({d.what, d.passed() ? "ok" : "FAILED", fmt::format("{:.1e}", d.value),
                    fmt::format("{:.0e}", d.bound)});
  auto text = text_table(rows, 2);
  for (const auto& d : report.deviations)
    if (!d.passed()) text += fmt::format("{}: {:.3e} at {}\n", d.what, d.value, d.where);
  return text;
}

std::string spectrum_csv(const Study& study, Engine& engine, const std::vector<double>& energies) {
  std::string text = "curve,channel,component,recoil_energy_keV,standard_model,magnetic\n";
  constexpr double mu_squared = 1e-22;  // (1e-11 mu_B)^2
  for (const auto& curve : study.curves) {
    if (curve.is_joint()) continue;  // its detectors are curves themselves
    auto chosen = energies;
    if (chosen.empty())  // the edges of the curve's bins
      for (int bin = 0; bin <= curve.bins; ++bin)
        chosen.push_back(energy_in_keV(curve.lower_edge(bin)));
    std::vector<double> inside;
    for (const double e : chosen) inside.push_back(e * constants::keV);
    const auto spectra = engine.spectra(curve, inside);
    const auto& components = engine.flux(curve).components;
    for (std::size_t p = 0; p < chosen.size(); ++p) {
      const auto row = [&](const std::string& component, const SpectrumPoint& value) {
        fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{}\n", csv_field(curve.name),
                       curve.channel, component, chosen[p], value.standard_model,
                       mu_squared * value.magnetic);
      };
      for (std::size_t c = 0; c < components.size(); ++c)
        row(components[c], spectra.values[p * components.size() + c]);
      row("total", spectra.total(p));
    }
  }
  return text;
}

namespace {

/// Fits of toys, about: two at each moment, those of the expected band, and of two ends.
std::string toys_line(const Study& study, double detectors_of_a_curve) {
  double fits = 0;
  for (const auto& curve : study.curves)
    if (curve.toys)
      fits += detectors_of_a_curve * static_cast<double>(curve.toys->toys) *
              (2 * curve.toys->points + 15);
  return fits > 0 ? fmt::format("toys, about                 {}fits\n", scaled_text(fits)) : "";
}

}  // namespace

std::string grid_cost_report(const Study& study, bool surface) {
  const Grid grid(study.curves, study.axes, study.reach);
  std::string text = fmt::format("detectors                   {}\n", grid.size());
  for (const auto& axis : grid.axes())
    text += fmt::format("  {:<26}{} ({})\n", axis.field->path, axis.size(),
                        to_string(axis.field->kind));
  const auto points = [&](AxisKind kind) { return static_cast<double>(grid.points(kind)); };
  const double convolutions = static_cast<double>(grid.curves().size()) * points(AxisKind::flux) *
                              points(AxisKind::oscillation);
  const double spectra = convolutions * points(AxisKind::coefficient);
  text += toys_line(study, static_cast<double>(grid.per_curve()));
  return text + fmt::format(
                    "work                        {}convolutions, {}spectra, {}re-binnings, "
                    "{}combinations\n"
                    "memory, about               60 MB\n"
                    "output, about               {}B\n",
                    scaled_text(convolutions), scaled_text(spectra),
                    scaled_text(spectra * points(AxisKind::response)),
                    scaled_text(static_cast<double>(grid.size())),
                    scaled_text(LimitsFile::bytes(grid, surface)));
}

std::string cost_report(const Study& study, bool surface) {
  if (study.is_grid()) return grid_cost_report(study, surface);
  double recoil_rows = 0, values = 0, block = 0, spectra = 0;
  for (const auto& curve : study.curves) {
    if (curve.is_joint()) continue;
    const auto flux = make_solar_flux(curve.flux);
    const auto& target = load_target(curve.target);
    const Response response(curve);
    const auto grid = make_recoil_grid(curve, target, flux, response.lowest(), response.highest());
    const auto rows = static_cast<double>(grid.rows.size());
    recoil_rows += rows;
    values += static_cast<double>(curve.mu_eff.points);
    // A spectrum point of each component, twice while it is handed over, and the rows.
    spectra += rows * (64.0 * static_cast<double>(flux.components.size()) + 50);
    // Of the direct evaluation: extra signals, rows and weights.
    block = std::max(block, static_cast<double>(curve.bins) *
                                (static_cast<double>(curve.mu_eff.points) * 8 + 400));
  }
  return fmt::format(
      "curves                      {}\n"
      "work, --evaluation fast     {}recoil rows (recoil energies times species)\n"
      "work, --evaluation direct   {}cells (recoil rows x neutrino energies x mu_eff)\n"
      "memory, about               {}B fast, {}B direct\n"
      "output, about               {}B\n"
      "{}",
      study.curves.size(), scaled_text(recoil_rows), scaled_text(direct_work(study)),
      scaled_text(2e7 + spectra + 80 * values), scaled_text(8e7 + spectra + block + 80 * values),
      scaled_text(result_bytes(study)), toys_line(study, 1));
}

std::string names_report() {
  std::vector<std::string> axes;
  for (const auto& field : axis_fields()) axes.push_back(field.path);
  std::string text = fmt::format(
      "channels       {}\n"
      "targets        {}\n"
      "solar models   {}\n"
      "8B spectra     {}\n"
      "components     {}\n"
      "backgrounds    {}, {{fraction: F}}, {{flat: RATE}}, {{table: FILE}}\n"
      "statistics     counts, density, poisson\n"
      "axes           {}\n\n",
      fmt::join(process_names(), ", "), fmt::join(target_names(), ", "),
      fmt::join(solar_models(), ", "), fmt::join(b8_spectra(), ", "),
      fmt::join(solar_components(), ", "), fmt::join(background_names(), ", "),
      fmt::join(axes, ", "));
  std::vector<Row> rows{{"key", "unit", "default", "meaning"}};
  for (const auto& key : study_keys())
    rows.push_back({key.name, key.unit.empty() ? "-" : key.unit, key.fallback,
                    key.meaning + " (" + key.form + ")"});
  return text + text_table(rows, 4);
}

std::string info_report() {
  const auto& cuda = cuda_status();
  std::string text = fmt::format(
      "magnu          {} (commit {})\n"
      "build          {}\n"
      "processor      {}, {} usable\n"
      "instructions   {} (default, v3 and v4 are built in; --isa pins one)\n"
      "CUDA           {}\n",
      version(), commit(), build_description(), processor_name(), available_processors(),
      to_string(best_instruction_set()),
      cuda.built_in ? (cuda.usable() ? "built in" : "built in; no usable device: " + cuda.reason)
                    : cuda.reason);
  for (std::size_t i = 0; i < cuda.devices.size(); ++i)
    text += fmt::format("device {}       {}\n", i, cuda.devices[i]);
  return text;
}

}  // namespace magnu
