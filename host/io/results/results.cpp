#include "magnu/io/results/results.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <set>

#include "magnu/core/csv.hpp"
#include "magnu/experiment/targets.hpp"
#include "magnu/io/results/counters_json.hpp"
#include "magnu/io/results/file_names.hpp"
#include "magnu/io/results/run_identity.hpp"
#include "magnu/io/results/staged_file.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/io/study/study_file.hpp"
#include "magnu/version.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> result_names{
    file_names::limits_csv,           file_names::limits_h5,
    file_names::curves_csv,           file_names::spectra_csv,
    file_names::kinematic_limits_csv, file_names::study_yaml};

const std::vector<std::string> fit_names{file_names::fit_json, file_names::pulls_csv,
                                         file_names::correlations_csv, file_names::fitted_bins_csv,
                                         file_names::profiles_csv};

/// Whether a folder holds what `magnu fit` found for another study.
bool holds_other_fit(const fs::path& folder, const Study& study) {
  const auto path = folder / file_names::fit_json;
  const auto text = read_if_there(path);
  if (!text) return false;
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  return !json.is_object() || !json.contains("study_hash") ||
         json["study_hash"] != study_hash(study);
}

/// The first YAML file of a folder that no scan leaves there; empty for none.
std::string a_study_in(const fs::path& folder) {
  std::string first;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const auto name = entry.path().filename().string();
    const auto kind = entry.path().extension();
    if ((kind == ".yaml" || kind == ".yml") && (first.empty() || name < first)) first = name;
  }
  return first;
}

void remove_fit(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& name : fit_names) fs::remove(folder / name, ignored);
}

using TextSink = std::function<void(std::string_view)>;

struct ResultFile {
  std::string name;
  std::function<void(const TextSink&)> write;
};

/// What columns of the CSV files mean beyond their names; the files begin with their header.
nlohmann::ordered_json columns_json(const Study& study) {
  nlohmann::ordered_json json;
  if (!study.is_grid())
    json[file_names::spectra_csv] = {
        {"signal",
         "of the standard model with the curve's exposure, the toy experiment: events in the bin "
         "(counts) or events per keV at its centre (density)"},
        {"background", "all backgrounds together, likewise"},
        {"sigma", "the error in chi^2, likewise; sigma_scale is in it"},
        {"magnetic", "the extra signal at mu_eff = 1e-11 mu_B, likewise"}};
  json[file_names::kinematic_limits_csv] = {
      {"electron_keV", "largest recoil energy, arXiv:2008.05080 eq. (2.7) and table 1"},
      {"nuclear_keV", "the same, for the target's mean nuclear mass"}};
  return json;
}

std::string study_json(const Study& study, const std::vector<CurveResult>& results,
                       const Provenance& provenance) {
  nlohmann::ordered_json json;
  const auto* verification = provenance.verification;
  json["name"] = study.name;
  json["status"] = verification && !verification->passed() ? "verification failed" : "done";
  json["program"] = {{"version", version()}, {"commit", commit()}};
  json["study_hash"] = study_hash(study);
  json["data_hash"] = data_hash();
  json["backend"] = provenance.backend;
  if (!provenance.device.empty()) json["device"] = provenance.device;
  json["instruction_set"] = provenance.instruction_set;
  if (provenance.threads > 0) json["threads"] = provenance.threads;
  json["evaluation"] = provenance.evaluation;
  if (study.is_grid()) json["surface"] = provenance.surface;
  if (provenance.shards > 0) json["shards"] = provenance.shards;
  json["wall_seconds"] = provenance.wall_seconds;
  json["columns"] = columns_json(study);
  json["counters"] = provenance.counters;
  if (study.is_grid()) json["detectors"] = provenance.detectors;
  auto accuracy = nlohmann::ordered_json::object();
  auto lost = nlohmann::ordered_json::object();
  auto outside = nlohmann::ordered_json::array();
  for (const auto& curve : study.curves) accuracy[curve.name] = curve.flux.accuracy;
  for (const auto& result : results) {
    if (!result.curve.resolution.perfect()) lost[result.curve.name] = result.lost_below_zero;
    if (result.limit_outside_grid()) outside.push_back(result.curve.name);
  }
  json["accuracy"] = accuracy;
  if (!lost.empty()) json["events_lost_below_zero"] = lost;
  if (study.is_grid()) {
    json["limits_outside_scanned_range"] = provenance.outside_range;
  } else {
    json["limits_outside_scanned_range"] = outside;
  }
  if (verification) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& d : verification->deviations)
      list.push_back({{"comparison", d.what},
                      {"largest_deviation", d.value},
                      {"bound", d.bound},
                      {"where", d.where},
                      {"passed", d.passed()}});
    json["verification"] = list;
  } else {
    json["verification"] = nullptr;
  }
  return json.dump(2) + "\n";
}

bool has_likelihood(const std::vector<CurveResult>& results) {
  return std::any_of(results.begin(), results.end(),
                     [](const auto& r) { return r.likelihood.has_value(); });
}

/// A number of a curve; NaN where its detectors have different ones.
double of_all(const Curve& curve, double Curve::*number) {
  for (const auto& detector : curve.detectors())
    if (detector.*number != curve.*number) return std::nan("");
  return curve.*number;
}

std::string limits_csv(const std::vector<CurveResult>& results) {
  std::string text =
      "curve,channel,statistic,target,exposure_tonne_year,threshold_keV,background,sigma_scale,"
      "confidence_level,delta_chi2";
  const bool likelihoods = has_likelihood(results);
  std::vector<Curve> curves;
  for (const auto& r : results) curves.push_back(r.curve);
  const LikelihoodResults of_likelihoods(curves);
  if (likelihoods) {
    for (const auto& quantity : of_likelihoods.quantities())
      for (const auto& column : quantity.columns) text += "," + column;
    text += "\n";
  } else {
    text += ",mu_eff_mu_B\n";
  }
  for (const auto& r : results) {
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{},{},{},{},{}",
                   csv_field(r.curve.name), r.curve.channel_label(), to_string(r.curve.statistic),
                   r.curve.target_label(), of_all(r.curve, &Curve::exposure),
                   energy_in_keV(of_all(r.curve, &Curve::threshold)),
                   csv_field(r.curve.background_label()), r.curve.sigma_scale,
                   r.curve.confidence_level, r.curve.delta_chi2(), r.limit);
    if (likelihoods) {
      const auto values =
          r.likelihood
              ? of_likelihoods.values(*r.likelihood)
              : std::vector<double>(total_width(of_likelihoods.quantities()), std::nan(""));
      for (std::size_t i = 1; i < values.size(); ++i) text += fmt::format(",{}", values[i]);
    }
    text += "\n";
  }
  return text;
}

/// The longest of the files, in pieces.
void write_curves_csv(const std::vector<CurveResult>& results, const TextSink& sink,
                      const ProgressCallback& progress) {
  constexpr std::size_t rows_at_a_time = 1 << 14;
  sink("curve,mu_eff_mu_B,delta_chi2\n");
  fmt::memory_buffer text;
  for (const auto& r : results) {
    const auto name = csv_field(r.curve.name);
    for (std::size_t first = 0; first < r.mu_eff.size(); first += rows_at_a_time) {
      const auto end = std::min(first + rows_at_a_time, r.mu_eff.size());
      text.clear();
      for (std::size_t i = first; i < end; ++i)
        fmt::format_to(std::back_inserter(text), "{},{},{}\n", name, r.mu_eff[i], r.delta_chi2[i]);
      sink({text.data(), text.size()});
      if (progress) progress(static_cast<double>(end - first));
    }
  }
}

std::string spectra_csv(const std::vector<CurveResult>& results) {
  std::string text =
      "curve,channel,statistic,bin,lower_keV,upper_keV,signal,background,sigma,magnetic\n";
  for (const auto& r : results)
    for (int bin = 0; !r.curve.is_joint() && bin < r.curve.bins; ++bin)
      fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{},{},{},{}\n",
                     csv_field(r.curve.name), r.curve.channel, to_string(r.curve.statistic),
                     bin + 1, energy_in_keV(r.curve.lower_edge(bin)),
                     energy_in_keV(r.curve.lower_edge(bin + 1)), r.bins.signal[bin],
                     r.bins.background[bin], r.bins.sigma[bin], r.magnetic[bin] * 1e-22);
  return text;
}

std::string kinematic_limits_csv(const Study& study) {
  std::string text = "target,b8_spectrum,component,neutrino_energy_MeV,electron_keV,nuclear_keV\n";
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& curve : study.curves) {
    if (!seen.emplace(curve.target, curve.flux.b8_spectrum).second) continue;
    const double mass = load_target(curve.target).mean_nuclear_mass();
    for (const auto& component : solar_components())
      for (const double energy : flux_ends(component, curve.flux.b8_spectrum))
        fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{}\n", curve.target,
                       curve.flux.b8_spectrum, component, energy,
                       energy_in_keV(maximum_recoil(energy, constants::electron_mass)),
                       energy_in_keV(maximum_recoil(energy, mass)));
  }
  return text;
}

/// Writes files: all, or none of them.
void write_files(const fs::path& folder, const std::vector<ResultFile>& files) {
  std::vector<StagedFile> staged;
  for (const auto& file : files) {
    auto& of = staged.emplace_back(folder, file.name);
    file.write([&](std::string_view text) { of.append(text); });
    of.flush();
  }
  for (const auto& file : staged) file.expect_replaceable();
  for (auto& file : staged) file.keep();
}

}  // namespace

double result_bytes(const Study& study) {
  // A row of curves.csv holds the name and two shortest doubles, of spectra.csv seven.
  double bytes = 0;
  for (const auto& curve : study.curves)
    bytes +=
        static_cast<double>(curve.name.size() + 43) * static_cast<double>(curve.mu_eff.points) +
        static_cast<double>(curve.name.size() + 110) * curve.bins;
  return bytes;
}

ResultsFolder::ResultsFolder(fs::path folder, const Study& study, bool overwrite)
    : folder_(std::move(folder)) {
  std::error_code problem;
  for (auto made = folder_; !made.empty() && !fs::exists(made, problem); made = made.parent_path())
    made_.push_back(made);
  fs::create_directories(folder_, problem);
  if (problem || !fs::is_directory(folder_))
    throw OutputError(folder_.string(),
                      "cannot be made a folder: " + (problem ? problem.message() : "it is a file"),
                      "name another with --out");
  if (access(folder_.c_str(), W_OK | X_OK) != 0)
    throw OutputError(folder_.string(), std::string("cannot be written: ") + std::strerror(errno),
                      "name another folder with --out");
  if (overwrite) return;
  std::string held;
  if (const auto about = read_if_there(folder_ / file_names::study_json)) {
    const auto json = nlohmann::json::parse(*about, nullptr, false);
    const auto text = [&](const char* key) {
      return json.is_object() && json.contains(key) && json[key].is_string()
                 ? json[key].get<std::string>()
                 : std::string();
    };
    if (text("study_hash") == study_hash(study)) return;
    held = text("study_hash").empty()   ? "a study.json that is not magnu's"
           : text("name") == study.name ? "the results of '" + study.name + "' with other settings"
                                        : "the results of another study, '" + text("name") + "'";
    if (text("name") == study.name && fs::exists(folder_ / file_names::study_yaml))
      held += ": " + first_difference(read_if_there(folder_ / file_names::study_yaml).value_or(""),
                                      effective_yaml(study));
  } else if (!fs::exists(folder_ / file_names::checkpoint) &&
             !fs::exists(folder_ / file_names::shards)) {
    // Beside a checkpoint or shards they are of a run that was killed while its files got their
    // names: it knows them.
    for (const auto& name : result_names)
      if (fs::exists(folder_ / name)) held = "a " + name + " of unknown origin";
    if (held.empty())
      if (const auto name = a_study_in(folder_); !name.empty())
        throw InputError({folder_.string(), 0, "", ""},
                         "no results are here, but studies: " + quotable(name),
                         "name another folder with --out, for example " +
                             (folder_ / "results" / study.name).string() +
                             ", or put results beside them with --overwrite");
  }
  if (held.empty() && holds_other_fit(folder_, study)) held = "the fit of another study";
  if (!held.empty())
    throw InputError({folder_.string(), 0, "", ""}, "the folder holds " + held,
                     "name another with --out, or replace it with --overwrite");
}

ResultsFolder::~ResultsFolder() {
  std::error_code not_empty;
  for (const auto& made : made_) fs::remove(made, not_empty);
}

void ResultsFolder::expect_room(const Study& study) const {
  const double needed = result_bytes(study);
  std::error_code problem;
  const auto space = fs::space(folder_, problem);
  if (problem || needed <= static_cast<double>(space.available)) return;
  throw OutputError(folder_.string(),
                    fmt::format("the results take {:.3g} GB and the disk has {:.3g} GB left",
                                needed / 1e9, static_cast<double>(space.available) / 1e9),
                    "set fewer mu_eff.points or bins, or name a larger disk with --out");
}

bool ResultsFolder::is_finished(const Study& study, const Provenance& provenance,
                                bool verified) const {
  std::error_code ignored;
  if (!fs::is_regular_file(folder_ / file_names::limits_h5, ignored) ||
      fs::exists(folder_ / file_names::checkpoint))
    return false;
  const auto text = read_if_there(folder_ / file_names::study_json).value_or("");
  const auto there = nlohmann::json::parse(text, nullptr, false);
  if (!there.is_object() || (verified && there.value("verification", nlohmann::json()).is_null()) ||
      there.value("counters", nlohmann::json::object()).contains("failed_fits"))
    return false;
  // What study_json would write now; a status of "done" is that of no verification that failed.
  auto here = provenance;
  here.verification = nullptr;
  const auto fresh = nlohmann::json::parse(study_json(study, {}, here));
  for (const char* key : {"status", "program", "study_hash", "data_hash", "backend", "device",
                          "instruction_set", "evaluation", "surface"})
    if (there.value(key, nlohmann::json()) != fresh.value(key, nlohmann::json())) return false;
  return true;
}

void ResultsFolder::add(const std::vector<std::pair<std::string, std::string>>& files) const {
  std::vector<ResultFile> all;
  for (const auto& [name, text] : files)
    all.push_back({name, [&text = text](const TextSink& sink) { sink(text); }});
  write_files(folder_, all);
}

void ResultsFolder::write(const Study& study, const std::vector<CurveResult>& results,
                          const Provenance& provenance, const std::vector<std::string>& also_kept,
                          const ProgressCallback& progress) const {
  std::vector<ResultFile> files;
  const auto add = [&](const char* name, std::string text) {
    files.push_back({name, [text = std::move(text)](const TextSink& sink) { sink(text); }});
  };
  if (!results.empty()) {
    add(file_names::limits_csv, limits_csv(results));
    files.push_back({file_names::curves_csv,
                     [&](const TextSink& sink) { write_curves_csv(results, sink, progress); }});
    add(file_names::spectra_csv, spectra_csv(results));
  }
  add(file_names::kinematic_limits_csv, kinematic_limits_csv(study));
  add(file_names::study_yaml, effective_yaml(study));
  add(file_names::study_json, study_json(study, results, provenance));
  write_files(folder_, files);
  if (holds_other_fit(folder_, study)) remove_fit(folder_);

  auto kept = also_kept;
  for (const auto& file : files) kept.push_back(file.name);
  for (const auto& name : result_names)  // of a study that was replaced
    if (std::find(kept.begin(), kept.end(), name) == kept.end()) {
      std::error_code ignored;
      fs::remove(folder_ / name, ignored);
    }
}

}  // namespace magnu
