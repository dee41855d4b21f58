#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "magnu/scan/engine.hpp"
#include "magnu/scan/verification.hpp"

namespace magnu {

/// How a scan was made: what study.json holds besides the study.
struct Provenance {
  std::string backend, device, instruction_set, evaluation;
  int threads = 0;
  double wall_seconds = 0;
  Counters counters;
  std::size_t detectors = 0;
  const VerificationReport* verification = nullptr;
  std::size_t outside_range = 0;  ///< limits of a grid outside the scanned mu_eff
  std::size_t shards = 0;         ///< that it was merged of; 0 for none
  bool surface = false;           ///< of a grid: whether delta chi^2 is kept
};

/// The result files of a scan. The constructor refuses a folder that holds another study and one
/// that cannot be written; `write` puts every file under a temporary name, and only when all are
/// whole gives them their own. On any failure the folder's former results stay as they were.
class ResultsFolder {
 public:
  ResultsFolder(std::filesystem::path folder, const Study& study, bool overwrite);
  /// Takes folders away again that it made and nothing came into.
  ~ResultsFolder();
  ResultsFolder(const ResultsFolder&) = delete;

  /// OutputError where the disk has no room for the results of a study without axes.
  void expect_room(const Study& study) const;

  /// `also_kept`: results written already, beside those of `results`. `progress` is told rows of
  /// curves.csv; what it throws leaves all as it was.
  void write(const Study& study, const std::vector<CurveResult>& results,
             const Provenance& provenance, const std::vector<std::string>& also_kept = {},
             const ProgressCallback& progress = {}) const;

  /// Whether the folder holds the whole results of a study with axes, as this program and machine
  /// would compute them again; `verified`: and verified them.
  bool is_finished(const Study& study, const Provenance& provenance, bool verified) const;

  /// Files beside the results, each a name and its text: all of them, or none.
  void add(const std::vector<std::pair<std::string, std::string>>& files) const;

  const std::filesystem::path& path() const { return folder_; }

 private:
  std::filesystem::path folder_;
  std::vector<std::filesystem::path> made_;  ///< from the innermost on
};

/// What the files of a study without axes take, about.
double result_bytes(const Study& study);

}  // namespace magnu
