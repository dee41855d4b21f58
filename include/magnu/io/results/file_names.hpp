#pragma once

/// What a results folder holds, by name (docs/results.md and docs/cluster.md say what it is).
namespace magnu::file_names {

inline constexpr const char* limits_h5 = "limits.h5";
inline constexpr const char* limits_csv = "limits.csv";
inline constexpr const char* curves_csv = "curves.csv";
inline constexpr const char* spectra_csv = "spectra.csv";
inline constexpr const char* kinematic_limits_csv = "kinematic_limits.csv";
inline constexpr const char* study_yaml = "study.yaml";
/// What `magnu fit` adds.
inline constexpr const char* fit_json = "fit.json";
inline constexpr const char* pulls_csv = "pulls.csv";
inline constexpr const char* correlations_csv = "correlations.csv";
inline constexpr const char* fitted_bins_csv = "fitted_bins.csv";
inline constexpr const char* profiles_csv = "profiles.csv";
inline constexpr const char* belt_csv = "belt.csv";
/// Renamed last: with it the results are whole.
inline constexpr const char* study_json = "study.json";

/// Of a run without shards that is not done.
inline constexpr const char* checkpoint = ".checkpoint";

/// The folder of all shards, with a study.yaml of its own and what else they share, and what each
/// of theirs holds.
inline constexpr const char* shards = "shards";
inline constexpr const char* run_json = "run.json";
inline constexpr const char* manifest = "manifest.json";
inline constexpr const char* values = "values.bin";
inline constexpr const char* failed = "failed";

/// The folder of what scripts/submit has submitted.
inline constexpr const char* batch = "batch";

}  // namespace magnu::file_names
