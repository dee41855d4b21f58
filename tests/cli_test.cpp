#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "magnu/core/csv.hpp"
#include "magnu/io/study/study_file.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/engine.hpp"
#include "support.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Files = std::map<std::string, std::string>;  // name -> text

testing::AssertionResult has(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << part << "' is missing in: " << text;
}

/// The names of the files that are not in both or not the same.
std::vector<std::string> difference(Files a, const Files& b) {
  std::vector<std::string> names;
  for (const auto& [name, text] : b)
    if (!a.contains(name)) names.push_back(name);
  for (const auto& [name, text] : a)
    if (!b.contains(name) || b.at(name) != text) names.push_back(name);
  return names;
}
const std::vector<std::string> none;

struct Outcome {
  int code;
  std::string out, err;
};

/// The real program in a scratch folder that holds a small study of both channels, study.yaml.
class Cli : public testing::Test {
 protected:
  Cli() {
    write("study.yaml",
          "exposure: 2 tonne year\nbackground: [{fraction: 0.25}]\nmu_eff: {points: 101}\n"
          "curves:\n  - {name: electrons, bins: 5, threshold: 40 keV, upper: 100 keV}\n"
          "  - {name: 'nuclei, 0.3 keV', channel: nuclear, bins: 4, upper: 4 keV, statistic: "
          "density}\n");
  }

  /// Arguments as a shell takes them; the code is 128 + signal where one ended the program.
  Outcome run(const std::string& arguments, const std::string& environment = "",
              const std::string& redirections = "") const {
    const auto command = "cd '" + path().string() + "' && " + environment + " '" +
                         test::program.string() + "' " + arguments +
                         " >stdout 2>stderr </dev/null " + redirections;
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text("stdout"),
            text("stderr")};
  }
  void expect_failure(const std::string& arguments, int code, const std::string& says) const {
    const auto result = run(arguments);
    EXPECT_EQ(result.code, code) << arguments;
    EXPECT_EQ(result.out, "") << arguments;
    EXPECT_TRUE(has(result.err, says)) << arguments;
  }
  /// What the program prints; it must succeed and say nothing on stderr.
  std::string output(const std::string& arguments) const {
    const auto result = run(arguments);
    EXPECT_EQ(result.code, 0) << arguments;
    EXPECT_EQ(result.err, "") << arguments;
    return result.out;
  }

  Files files(const std::string& folder = "results") const {
    Files found;
    for (const auto& entry : fs::directory_iterator(path() / folder))
      found[entry.path().filename()] = entry.is_directory() ? "" : test::read_text(entry.path());
    return found;
  }
  /// Scans study.yaml quietly into a folder; its CSV files.
  Files tables(const std::string& options = "", const std::string& folder = "results",
               const std::string& study = "study.yaml") const {
    EXPECT_EQ(output("scan " + study + " -q --out " + folder + " " + options), "");
    auto found = files(folder);
    std::erase_if(found, [](const auto& file) { return !file.first.ends_with(".csv"); });
    return found;
  }

  const fs::path& path() const { return folder_.path(); }
  std::string text(const std::string& name) const { return test::read_text(path() / name); }
  void write(const std::string& name, const std::string& text) const { folder_.write(name, text); }

 private:
  test::ScratchFolder folder_;
};

std::vector<double> limits(const Files& files) {
  return CsvTable("limits.csv", files.at("limits.csv")).numbers("mu_eff_mu_B");
}

void expect_close(const Files& found, const Files& expected, double bound) {
  for (const auto& [name, text] : expected) {
    const CsvTable a(name, found.at(name)), b(name, text);
    ASSERT_EQ(a.rows(), b.rows());
    for (std::size_t row = 0; row < b.rows(); ++row)
      for (const auto& column : b.header())
        if (double x = 0, y = 0; parse_number(b.text(row, column), y)) {
          EXPECT_TRUE(parse_number(a.text(row, column), x));
          EXPECT_NEAR(x, y, bound * std::abs(y)) << name << " " << column << " row " << row;
        } else {
          EXPECT_EQ(a.text(row, column), b.text(row, column));
        }
  }
}

const char* const likelihood_study =
    "name: l\nstatistic: poisson\nbins: 6\nthreshold: 1 keV\nupper: 13 keV\n"
    "background: [{flat: 2, uncertainty: 10 %}]\nuncertainties: {flux: solar_model, exposure: 2 "
    "%}\n";

TEST_F(Cli, ShardsOfLikelihoodsMergeIntoTheBytesOfOneRun) {
  write("l.yaml", std::string(likelihood_study) +
                      "axes: {exposure: {from: 1 t yr, to: 100 t yr, points: 23, spacing: log}, "
                      "threshold: [1 keV, 2 keV]}\n");
  output("scan l.yaml -q --out whole --threads 1");
  for (const char* shard : {"1/3", "2/3", "3/3"})
    output(std::string("scan l.yaml -q --out merged --chunk 5 --shard ") + shard);
  output("merge merged -q");
  expect_failure("scan l.yaml --surface --out surface", 2, "profile is not kept");
  const auto whole = files("whole"), merged = files("merged");
  for (const char* name : {"limits.h5", "limits.csv"})
    EXPECT_TRUE(whole.at(name) == merged.at(name)) << name;
  const CsvTable table("limits.csv", whole.at("limits.csv"));
  EXPECT_EQ(table.rows(), 46u);
  EXPECT_EQ(table.header().back(), "significance");
  EXPECT_EQ(table.number(3, "expected_mu_B"), table.number(3, "mu_eff_mu_B"));
  EXPECT_LT(table.number(3, "expected_m1_mu_B"), table.number(3, "expected_p1_mu_B"));
}

TEST_F(Cli, FitReportsEachDetectorAndScanKeepsIt) {
  write("l.yaml", std::string(likelihood_study) +
                      "exposure: 20 t yr\ncounts: [220, 205, 214, 190, 201, 199]\n");
  const auto shown = run("fit l.yaml --out r").out;
  for (const char* part : {"best fit", "background flat 2", "exposure", "goodness", "observed"})
    EXPECT_TRUE(has(shown, part));
  const auto found = json::parse(text("r/fit.json"));
  const auto& fit = found["detectors"][0];
  EXPECT_EQ(fit["data"], "observed");
  EXPECT_EQ(fit["pulls"].size(), 10u);
  EXPECT_EQ(fit["pulls"][8]["parameter"], "background flat 2");
  EXPECT_NEAR(fit["correlation"]["matrix"][0][0].get<double>(), 1, 1e-12);
  output("scan l.yaml -q --out r");
  const CsvTable limits_table("limits.csv", text("r/limits.csv"));
  EXPECT_EQ(limits_table.number(0, "mu_eff_mu_B"), fit["upper_mu_B"].get<double>());
  EXPECT_EQ(limits_table.number(0, "best_fit_mu_B"), fit["best_fit_mu_B"].get<double>());
  EXPECT_TRUE(fs::exists(path() / "r/fit.json"));
  // Another study takes the folder: nothing of this one stays.
  expect_failure("fit l.yaml --set bins=3 --set 'counts=[1,2,3]' --out r", 2, "--overwrite");
  output("scan study.yaml -q --overwrite --out r");
  EXPECT_FALSE(fs::exists(path() / "r/fit.json"));
  EXPECT_FALSE(fs::exists(path() / "r/pulls.csv"));
}

TEST_F(Cli, AFitThatFailsHasNoNumber) {
  // Data where nothing is expected: no neutrino gives an electron 10 MeV and more.
  write("l.yaml",
        "statistic: poisson\nbins: 2\ncomponents: [pp]\nthreshold: 1 keV\nupper: 20 MeV\n"
        "counts: [5, 3]\n");
  const auto scanned = run("scan l.yaml --out r");
  EXPECT_EQ(scanned.code, 1);
  EXPECT_TRUE(has(scanned.err, "did not converge"));
  EXPECT_TRUE(has(scanned.out, "none"));
  EXPECT_TRUE(has(text("r/limits.csv"), ",nan,nan,"));
  expect_failure("fit l.yaml --out other", 1, "did not converge");
  EXPECT_FALSE(fs::exists(path() / "other"));
  expect_failure("fit study.yaml", 2, "statistic: poisson");
}

TEST_F(Cli, HelpListAndInfoExitWithZero) {
  for (const char* command : {"", "scan ", "spectrum ", "check ", "list ", "info "})
    EXPECT_TRUE(has(output(command + std::string("--help")), "Usage: magnu")) << command;
  EXPECT_TRUE(has(output("list"), "oscillation.sin2_theta12"));
  EXPECT_TRUE(has(output("info"), "processor"));
}

TEST_F(Cli, BadUsageExitsWithTwoAndLeavesNothing) {
  write("bad.yaml", "upper: 9 keV\nbins: 0\n");
  for (const auto& [arguments, says] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", "subcommand"},
           {"--nonsense", "--nonsense"},
           {"scna study.yaml", "scna"},
           {"scan", "CONFIG"},
           {"scan study.yaml --nonsense", "--nonsense"},
           {"scan study.yaml more.yaml", "more.yaml"},
           {"scan study.yaml --threads 0", "'0'); give a whole number from 1 to 4096"},
           {"scan study.yaml --threads x", "'x'); give a whole number from 1 to 4096"},
           {"scan study.yaml --backend nope", "nope not in {auto,cpu,cuda}"},
           {"scan study.yaml --isa v9", "v9 not in {auto,default,v3,v4}"},
           {"scan study.yaml --evaluation slow", "slow not in {fast,direct}"},
           {"scan study.yaml --set bins", "--set bins: not of the form PATH=VALUE"},
           {"scan study.yaml --set threshold=0", "--set threshold=0: threshold: the unit is"},
           {"scan missing.yaml", "missing.yaml: cannot be read"},
           {"scan study.yaml --out ''", "--out: no folder is named"},
           {"status study.yaml",
            "this is a file; name the folder of its results, where scan got no "
            "--out: results/study"},
           {"merge study.yaml", "this is a file"},
           {"status missing", "missing: there is no such folder"},
           {"scan bad.yaml", "bad.yaml:2: bins: out of range (got '0')"},
           {"check bad.yaml", "bad.yaml:2: bins: out of range (got '0')"},
           {"spectrum bad.yaml", "bad.yaml:2: bins: out of range (got '0')"},
           {"spectrum study.yaml --at x", "--at: not a recoil energy (got 'x')"},
           {"spectrum study.yaml --at 0", "(got '0'); give keV from 0.001 to 1e6"},
           {"spectrum study.yaml --at=-1", "(got '-1')"},
           {"spectrum study.yaml --at nan", "(got 'nan')"},
           {"spectrum study.yaml --at 1,,2", "not a recoil energy"},
           {"spectrum study.yaml --at 1,2keV", "(got '2keV')"},
           {"scan study.yaml --set 'axes={exposure: [1 tonne year, 2 tonne year]}' --surface "
            "--set 'reach={mu_eff: 1e-11 mu_B, by: threshold, from: 0.5 keV, to: 2 keV}'",
            "--surface: a study with 'reach' has no limits"},
           {"scan study.yaml --set 'axes={threshold: {from: -1 keV, to: 1 keV, points: 3}}'",
            "axes.threshold.from: must be positive (got '-1 keV')"},
       })
    expect_failure(arguments, 2, says);
  EXPECT_FALSE(fs::exists(path() / "results"));
}

TEST_F(Cli, AnchorInsideItselfIsBadUsage) {
  write("loop.yaml", "curves: &loop [*loop]\n");
  expect_failure("check loop.yaml", 2, "loop.yaml:1: ");
}

/// What stands where a run leaves its own files, and is none of them.
TEST_F(Cli, ForeignThingsInPlaceOfItsOwnFilesAreNamed) {
  write("grid.yaml",
        "channel: nuclear\nbins: 2\naccuracy: 1e-3\nmu_eff: {points: 2}\n"
        "axes: {exposure: [1 tonne year, 2 tonne year]}\n");
  const std::string damaged =
      "its lock is damaged: it names no run; if no other run writes here, "
      "remove ";
  for (const std::string make : {"mkdir -p", "mkfifo", "touch", "echo junk >", "echo '{}' >"}) {
    const bool file = make != "mkdir -p" && make != "mkfifo";
    const auto expect = [&](const std::string& place, const std::string& command, int code,
                            const std::string& says) {
      const auto folder = (path() / place).parent_path();
      fs::create_directories(folder);
      ASSERT_EQ(std::system((make + " '" + (path() / place).string() + "'").c_str()), 0);
      const auto result = run(command, "timeout 60");
      EXPECT_EQ(result.code, code) << make << " " << place << ": " << result.err;
      EXPECT_TRUE(has(result.err, says)) << make << " " << place;
      fs::remove_all(path() / "out");
    };
    expect("out/.lock", "scan study.yaml --out out", 2, damaged + "out/.lock");
    expect("out/.lock", "scan grid.yaml --out out", 2, damaged + "out/.lock");
    expect("out/shards/00001-of-00002/.lock", "scan grid.yaml --shard 1/2 --out out", 2, damaged);
    if (file) continue;
    expect("out/.checkpoint", "scan grid.yaml --out out", 1, "out/.checkpoint: is no file");
    expect("out/.checkpoint", "scan grid.yaml --resume --out out", 1, "is no file; remove it");
    expect("out/shards/study.yaml", "scan grid.yaml --shard 1/2 --out out", 1, "is no file");
    expect("out/shards/run.json", "scan grid.yaml --shard 1/2 --out out", 1, "is no file");
    expect("out/study.json", "scan study.yaml --out out", 1, "out/study.json: is no file");
    expect("out/shards/00001-of-00002/values.bin", "scan grid.yaml --shard 1/2 --out out", 1,
           "values.bin: is no file; remove it");
    expect("out/shards/00001-of-00002/manifest.json", "scan grid.yaml --shard 1/2 --out out",
           make == "mkfifo" ? 0 : 1, "is no file");
  }
  for (const char* make : {"mkdir", "mkfifo"}) {
    const auto manifest = path() / "out/shards/00001-of-00002/manifest.json";
    fs::create_directories(manifest.parent_path());
    ASSERT_EQ(std::system((std::string(make) + " '" + manifest.string() + "'").c_str()), 0);
    EXPECT_TRUE(has(run("status out", "timeout 60").out, "manifest.json: is no file")) << make;
    EXPECT_EQ(run("merge out", "timeout 60").code, 2) << make;
    fs::remove_all(path() / "out");
  }
}

TEST_F(Cli, ResumeLeavesAFinishedRunOfTheSameStudyAsItIs) {
  write("grid.yaml", "bins: 2\naxes: {exposure: [1 t yr, 2 t yr]}\n");
  output("scan grid.yaml -q --out out");
  const auto before = files("out");
  const std::string finished = "the run is finished, nothing is computed";
  const auto again = [&](const std::string& options) {
    const auto result = run("scan grid.yaml --resume --out out " + options);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.err;
  };
  EXPECT_TRUE(has(again(""), finished));
  EXPECT_EQ(difference(files("out"), before), none);
  // What was not computed is.
  EXPECT_FALSE(has(again("--evaluation direct"), finished));
  EXPECT_FALSE(has(again("--verify"), finished));
  EXPECT_TRUE(has(again("--verify"), finished));
  fs::remove(path() / "out/limits.h5");
  EXPECT_FALSE(has(again(""), finished));
  EXPECT_EQ(run("scan grid.yaml --resume --out out --set bins=3").code, 2);
}

/// A folder of somebody's studies is no place for results.
TEST_F(Cli, AFolderOfStudiesIsNoResultsFolder) {
  fs::create_directory(path() / "configs");
  write("configs/grid.yaml", "bins: 2\naxes: {exposure: [1 t yr, 2 t yr]}\n");
  for (const char* study : {"study.yaml", "configs/grid.yaml"})
    expect_failure(std::string("scan ") + study + " --out configs", 2,
                   "configs: no results are here, but studies: grid.yaml; name another folder with "
                   "--out, for example configs/results/");
  EXPECT_EQ(files("configs").size(), 1u);
  output("scan study.yaml -q --out configs --overwrite");
  output("scan study.yaml -q --out configs");  // its own results are there by now
  EXPECT_EQ(files("configs").size(), 7u);
}

TEST_F(Cli, OneDetectorIsNoPlural) {
  write("grid.yaml", "bins: 2\naxes: {exposure: [1 t yr]}\n");
  EXPECT_TRUE(has(run("scan grid.yaml --out out").out, "\n1 detector in "));
  EXPECT_TRUE(has(run("scan grid.yaml --out parts --shard 1/1").out, "1 of 1 detector in "));
  EXPECT_TRUE(has(output("status parts"), "1 shard: 1 finished"));
  EXPECT_TRUE(has(output("merge parts"), "1 detector of 1 shard merged"));
}

/// Nobody waits for the other end of a pipe.
TEST_F(Cli, StatusAndMergeOpenOnlyRegularFiles) {
  write("grid.yaml", "bins: 2\naxes: {exposure: [1 t yr, 2 t yr]}\n");
  output("scan grid.yaml -q --shard 1/1 --out out");
  const auto folder = path() / "out/shards/00001-of-00001";
  fs::remove(folder / "values.bin");
  for (const char* name : {"values.bin", "failed"})
    ASSERT_EQ(std::system(("mkfifo '" + (folder / name).string() + "'").c_str()), 0);
  for (const char* checksums : {"", " --checksums"})
    EXPECT_TRUE(has(run(std::string("status out") + checksums, "timeout 60").out,
                    "values.bin: is missing or cut short"));
  EXPECT_EQ(run("merge out", "timeout 60").code, 1);
}

TEST_F(Cli, AskingForCudaWithoutADeviceSaysWhy) {
  if (has(output("info"), "\ndevice 0")) GTEST_SKIP() << "there is a device";
  expect_failure("scan study.yaml --backend cuda", 2, "no usable CUDA device: ");
  EXPECT_TRUE(has(text("stderr"), "use --backend cpu or auto"));
}

TEST_F(Cli, SpectrumPrintsCsvWhoseTotalIsTheSumOfTheComponents) {
  const std::string command = "spectrum study.yaml --backend cpu ";
  const auto printed = output(command + "--at 0.5,10 --set components=[pp,be7,b8]");
  const std::string header = "curve,channel,component,recoil_energy_keV,standard_model,magnetic";
  EXPECT_TRUE(printed.starts_with(header + "\n"));
  const CsvTable table("stdout", printed);
  ASSERT_EQ(table.rows(), 2u * 2 * 4);
  for (std::size_t row = 0; row < table.rows(); row += 4) {
    EXPECT_EQ(table.text(row + 3, "component"), "total");
    EXPECT_EQ(table.number(row + 3, "recoil_energy_keV"), row % 8 == 0 ? 0.5 : 10);
    for (const char* column : {"standard_model", "magnetic"}) {
      double sum = 0;
      for (std::size_t i = 0; i < 3; ++i) sum += table.number(row + i, column);
      EXPECT_DOUBLE_EQ(table.number(row + 3, column), sum) << row << " " << column;
    }
  }
  const CsvTable edges("stdout", output(command));
  EXPECT_EQ(edges.rows(), 6u * 9 + 5 * 2) << "at the bins' edges: components and their total";
}

TEST_F(Cli, CheckPrintsAStudyThatReadsBackAndItsCost) {
  const auto printed = output("check study.yaml --set exposure='3 tonne year'");
  const auto end = printed.find("\n\n") + 1;
  EXPECT_TRUE(has(printed.substr(end), "cells (recoil rows"));
  write("again.yaml", printed.substr(0, end));
  EXPECT_EQ(study_hash(read_study(path() / "again.yaml")),
            study_hash(read_study(path() / "study.yaml", {"exposure=3 tonne year"})));
}

TEST_F(Cli, CheckWarnsOfBinsBeyondTheSpectrumAlsoInTheLogFile) {
  write("far.yaml", "channel: nuclear\nthreshold: 6 keV\nupper: 8 keV\n");
  EXPECT_EQ(run("check far.yaml --log-file log.txt").code, 0);
  for (const char* name : {"stderr", "log.txt"}) {
    EXPECT_TRUE(has(text(name), "curve 'far': the threshold, 6 keV, lies above the end")) << name;
    EXPECT_TRUE(has(text(name), "curve 'far': the upper end, 8 keV, lies above the end")) << name;
  }
}

/// The end of a spectrum is one number, wherever it is told.
TEST_F(Cli, KinematicLimitsEndWhereTheWarningSaysTheSpectrumEnds) {
  write("far.yaml", "target: germanium\nupper: 16 MeV\ncomponents: [b8]\n");
  run("scan far.yaml --out results");
  const CsvTable table("kinematic_limits.csv", text("results/kinematic_limits.csv"));
  for (std::size_t row = 0; row < table.rows(); ++row)
    if (table.text(row, "component") == "b8") {
      EXPECT_EQ(table.number(row, "neutrino_energy_MeV"), 15.3);
      EXPECT_NEAR(table.number(row, "electron_keV"), 15049, 0.5);
    }
  EXPECT_TRUE(has(run("check far.yaml").err, "the end of the spectrum, 1.505e+04 keV"));
}

TEST_F(Cli, ScanWarnsWhereAHandfulOfEventsMakesTheLimit) {
  write("few.yaml", "channel: nuclear\nthreshold: 3 keV\nupper: 4 keV\nbins: 2\n");
  EXPECT_TRUE(has(run("scan few.yaml").err, "too few for the Gaussian errors"));
}

TEST_F(Cli, ATableThatDoesNotCoverTheBinsIsAWarningAlsoOfScan) {
  write("t.csv", "energy_keV,rate_per_tonne_year_keV\n1,2\n50,2\n");
  write("table.yaml", "background: [{table: t.csv}]\n");
  for (const char* command : {"check", "scan"})
    EXPECT_TRUE(has(run(command + std::string(" table.yaml")).err,
                    "t.csv covers 1 keV to 50 keV, its bins 0.3 keV to 105 keV"))
        << command;
  // Axes take bins and backgrounds to where the curve itself does not stand.
  write("inside.yaml", "threshold: 1 keV\nupper: 50 keV\nbackground: [{table: t.csv}]\n");
  EXPECT_FALSE(has(run("scan inside.yaml").err, "covers"));
  write("axes.yaml",
        "upper: 50 keV\naxes: {threshold: [1 keV, 0.9 keV], background: [[], [{table: t.csv}]]}\n");
  EXPECT_TRUE(has(run("scan axes.yaml").err, "t.csv covers 1 keV to 50 keV, its bins 0.9 keV"));
}

TEST_F(Cli, ScanTellsWhereNarrowerBinsGain) {
  write("coarse.yaml", "exposure: 1000 tonne year\n");
  const auto told = run("scan coarse.yaml").err;
  EXPECT_TRUE(has(told, "curve 'coarse': 11 bins give "));
  double narrow = 0;  // the number is what a study of so many bins finds
  const auto place = told.find("1000 would give ");
  ASSERT_NE(place, std::string::npos);
  ASSERT_TRUE(
      parse_number(told.substr(place + 16, told.find(" mu_B", place) - place - 16), narrow));
  EXPECT_EQ(run("scan coarse.yaml --set bins=1000 --out fine").code, 0);
  const CsvTable fine("limits", text("fine/limits.csv"));
  EXPECT_NEAR(fine.number(0, "mu_eff_mu_B") / narrow, 1, 5e-3);
  EXPECT_FALSE(has(run("scan coarse.yaml --set bins=1000 --out fine").err, "would give"));
  EXPECT_FALSE(has(run("scan coarse.yaml --set statistic=density --out d").err, "would give"));
  EXPECT_TRUE(has(run("scan coarse.yaml --set 'axes={exposure: [1 t yr, 5 t yr]}' --out g").err,
                  "of 2 detectors drawn at random 2 would have a limit lower by more than 3 %"));
}

TEST_F(Cli, ScanWritesItsFilesAndNothingElse) {
  EXPECT_TRUE(has(output("scan study.yaml --backend cpu"), "results in results/study\n"));
  const Files headers{
      {"limits.csv",
       "curve,channel,statistic,target,exposure_tonne_year,threshold_keV,background,sigma_scale,"
       "confidence_level,delta_chi2,mu_eff_mu_B"},
      {"curves.csv", "curve,mu_eff_mu_B,delta_chi2"},
      {"spectra.csv",
       "curve,channel,statistic,bin,lower_keV,upper_keV,signal,background,sigma,magnetic"},
      {"kinematic_limits.csv",
       "target,b8_spectrum,component,neutrino_energy_MeV,electron_keV,nuclear_keV"},
      {"study.yaml", "name: study"},
      {"study.json", "{"}};
  auto found = files("results/study");
  const auto about = json::parse(found.at("study.json"));
  for (const auto& [name, rows] :
       {std::pair{"limits.csv", 2u}, {"curves.csv", 202u}, {"spectra.csv", 9u}})
    EXPECT_EQ(CsvTable(name, found.at(name)).rows(), rows);
  for (auto& [name, content] : found) content.resize(content.find('\n'));
  EXPECT_EQ(found, headers);
  EXPECT_TRUE(about["columns"]["spectra.csv"]["magnetic"].get<std::string>().find("1e-11 mu_B") !=
              std::string::npos);
  EXPECT_EQ(about["status"], "done");
  EXPECT_EQ(about["study_hash"], study_hash(read_study(path() / "study.yaml")));
  EXPECT_EQ(about["limits_outside_scanned_range"], json::array());
  EXPECT_EQ(about["verification"], nullptr);
}

TEST_F(Cli, RerunReplacesAndStudyYamlGivesTheSameTables) {
  const auto first = tables();
  write("results/limits.csv", "spoilt");
  EXPECT_EQ(difference(tables(), first), none);
  EXPECT_EQ(difference(tables("", "again", "results/study.yaml"), first), none);
}

TEST_F(Cli, FolderOfAnotherStudyIsReplacedOnlyWhenTold) {
  tables();
  const auto expect_refusal = [&](const std::string& says) {
    const auto before = files();
    expect_failure("scan study.yaml --out results --set sigma_scale=2", 2, says);
    EXPECT_TRUE(has(text("stderr"), "--overwrite"));
    EXPECT_EQ(difference(files(), before), none);
  };
  expect_refusal("results: the folder holds the results of 'study' with other settings");
  for (const char* foreign : {"[1, 2]", "not json", "{\"name\": 3}", "{\"study_hash\": 3}"}) {
    write("results/study.json", foreign);
    expect_refusal("results: the folder holds ");
  }
  for (const char* name : {"study.json", "study.yaml", "limits.csv", "curves.csv", "spectra.csv"}) {
    fs::remove(path() / "results" / name);
    expect_refusal("of unknown origin");
  }
  tables("--overwrite --set name=other");
  EXPECT_EQ(files().size(), 6u);
  EXPECT_TRUE(has(text("results/study.yaml"), "name: other"));
}

TEST_F(Cli, LimitsReadBackAsTheDoublesTheEngineComputed) {
  const auto runner = make_cpu_runner(1, InstructionSet::baseline);
  Engine engine(*runner, Evaluation::fast);
  std::vector<double> expected;
  for (const auto& curve : read_study(path() / "study.yaml").curves)
    expected.push_back(engine.run(curve).limit);
  EXPECT_EQ(limits(tables("--backend cpu --threads 1 --isa default")), expected);
}

TEST_F(Cli, EvaluationsThreadsAndInstructionSetsAgree) {
  const std::string on_cpu = "--backend cpu --isa default ", directly = " --evaluation direct";
  const auto fast = tables(on_cpu), direct = tables(on_cpu + directly + " --threads 1");
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(limits(direct)[i] / limits(fast)[i], 1, 1e-9);
  EXPECT_EQ(difference(tables(on_cpu + " --threads 1"), fast), none);
  EXPECT_EQ(difference(tables(on_cpu + directly + " --threads 2"), direct), none);
  for (const auto isa : {InstructionSet::v3, InstructionSet::v4}) {
    const auto options = "--backend cpu --isa " + to_string(isa);
    if (supported(isa)) {
      expect_close(tables(options), fast, 1e-12);
      expect_close(tables(options + directly), direct, 1e-12);
    } else {
      expect_failure("scan study.yaml " + options, 2, "this processor lacks it");
    }
  }
}

TEST_F(Cli, VerificationIsPrintedAndKept) {
  const auto result = run("scan study.yaml --out results --verify");
  EXPECT_EQ(result.code, 0);
  EXPECT_TRUE(has(result.out, "spectra, cpu fast against cpu direct"));
  const auto about = json::parse(text("results/study.json"));
  ASSERT_GE(about["verification"].size(), 3u);
  for (const auto& d : about["verification"]) {
    EXPECT_TRUE(d["passed"]) << d;
    EXPECT_LE(d["largest_deviation"], d["bound"]);
  }
}

TEST_F(Cli, LimitOutsideTheScannedRangeIsMarked) {
  write("low.yaml", "channel: nuclear\nmu_eff: {from: 1e-13, to: 1e-12, points: 11}\n");
  EXPECT_TRUE(has(output("scan low.yaml --backend cpu --out results"), "* outside the scanned"));
  const auto about = json::parse(text("results/study.json"));
  EXPECT_EQ(about["limits_outside_scanned_range"], json::array({"low"}));
  EXPECT_GT(limits(files()).front(), 1e-12);
}

TEST_F(Cli, FileThatCannotBeReplacedLeavesTheOthersAsTheyWere) {
  tables();
  fs::remove(path() / "results/study.yaml");
  fs::create_directory(path() / "results/study.yaml");
  const auto before = files();
  expect_failure("scan study.yaml --out results --overwrite --set sigma_scale=2", 1,
                 "results/study.yaml");
  EXPECT_EQ(difference(files(), before), none);
}

TEST_F(Cli, FullDiskLeavesTheFormerResultsWhole) {
  const auto disk = path() / "disk";
  fs::create_directory(disk);
  // In a mount namespace of its own the small disk goes with this process, whatever happens.
  if (unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "mounting a small disk needs root";
  tables("", "disk/results");
  const auto before = files("disk/results");
  // What is known to be too much is not begun.
  expect_failure("scan study.yaml --out disk/results --overwrite --set mu_eff.points=4001", 1,
                 "disk/results: the results take 0.000");
  EXPECT_EQ(difference(files("disk/results"), before), none);
  // Six files of a page each where two are left.
  const auto left = fs::space(disk).available;
  std::ofstream(disk / "filler") << std::string(left - 8192, 'x');
  expect_failure("scan study.yaml --out disk/results --overwrite --set mu_eff.points=5", 1,
                 "cannot be written: No space left on device");
  EXPECT_EQ(difference(files("disk/results"), before), none);
  EXPECT_EQ(umount2(disk.c_str(), MNT_DETACH), 0);
}

TEST_F(Cli, StandardOutputThatCannotBeWrittenExitsWithOne) {
  for (const std::string command : {"scan", "spectrum", "check", "list"}) {
    const auto result = run(command + (command == "list" ? "" : " study.yaml"), "", ">/dev/full");
    EXPECT_EQ(result.code, 1) << command;
    EXPECT_TRUE(has(result.err, "standard output: cannot be written")) << command;
  }
}

TEST_F(Cli, ColoursOnlyATerminalAndNotUnderNoColor) {
  const std::string escape = "\033[", colour = "env -u NO_COLOR TERM=xterm ";
  EXPECT_FALSE(has(run("check missing.yaml", colour).err, escape)) << "not a terminal";
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0)
    GTEST_SKIP() << "no terminal";
  const std::string name = ptsname(terminal);
  const int kept = open(name.c_str(), O_RDWR | O_NOCTTY);  // what is shown waits there to be read
  const auto shown = [&](const std::string& environment) {
    run("check missing.yaml", environment, "2>" + name);
    std::string text;
    pollfd ready{terminal, POLLIN, 0};
    for (char c; poll(&ready, 1, 200) == 1 && read(terminal, &c, 1) == 1;) text += c;
    return text;
  };
  EXPECT_TRUE(has(shown(colour), escape));
  const auto plain = shown(colour + "NO_COLOR=1");
  EXPECT_TRUE(has(plain, "missing.yaml: cannot be read"));
  EXPECT_FALSE(has(plain, escape));
  close(kept);
  close(terminal);
}

TEST_F(Cli, OutputThatCannotBeMadeExitsWithOne) {
  expect_failure("scan study.yaml --out study.yaml", 1, "study.yaml: cannot be made a folder");
  expect_failure("scan study.yaml --out study.yaml/x", 1, "study.yaml/x: cannot be made a folder");
  expect_failure("scan study.yaml --log-file study.yaml/x", 1, "name another file with --log-file");
}

}  // namespace
}  // namespace magnu
