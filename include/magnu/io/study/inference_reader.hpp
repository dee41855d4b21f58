#pragma once

#include <string>
#include <vector>

#include "magnu/io/study/setting.hpp"
#include "magnu/scan/study.hpp"

/// What a Poisson likelihood has beyond other statistics.
namespace magnu {

/// "5 %" as 0.05, `none` as 0, `free` as infinity. InputError for anything else.
double read_relative_uncertainty(const Setting& setting, bool may_be_free);

Uncertainties read_uncertainties(const Setting& setting);

/// {test: upper, method: asymptotic} into a curve's test and toys.
void read_interval(const Setting& setting, Curve& curve);

/// A list, or {table: FILE} with columns low_keV, high_keV and counts, whose edges are looked at in
/// check_inference. `folder`: what the path is relative to.
std::vector<double> read_counts(const Setting& setting, const std::string& folder);

/// InputError where settings of a likelihood stand beside another statistic, or do not fit the
/// curve. `root`: the study's settings; `settings`: of each curve.
void check_inference(const Study& study, const Setting& root, const std::vector<Setting>& settings,
                     const std::string& folder);

/// InputError for a confidence level, of a curve or on an axis, that its test does not have. `map`:
/// where the curve's own stands.
void check_level(const Study& study, const Curve& curve, const Setting& root, const Setting& map);

/// What a study takes for uncertain: "curve 'a': uncertain are the fluxes (solar model), ...".
std::vector<std::string> uncertainty_notes(const Study& study);

}  // namespace magnu
