#include <gtest/gtest.h>
#include <hdf5.h>

#include <cmath>
#include <cstring>
#include <random>

#include "emulator.hpp"
#include "magnu/core/error.hpp"
#include "magnu/io/results/limits_file.hpp"
#include "magnu/io/study/study_file.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/grid_scan.hpp"
#include "magnu/scan/partition.hpp"
#include "magnu/scan/verification.hpp"
#include "support.hpp"

namespace magnu {
namespace {

constexpr const char* study_text = R"(
bins: 3
background: [{fraction: 0.1}, {flat: 3}]
curves:
  - {name: nuclear, channel: nuclear, upper: 4.9 keV}
  - {name: electron, background: [xenon1t, {fraction: 0.2}]}
axes:
  exposure: {from: 0.5 tonne year, to: 800 tonne year, points: 4, spacing: log}
  statistic: [counts, density]
  background.flat: [0, 2, 70]
  oscillation.sin2_theta12: [0.05, 0.32]
  threshold: [0.3 keV, 1.1 keV]
  sin2_theta_w: [0.23122, 0.2386]
  solar_model: [bs05op, b16gs98]
  fraction_in: [variance, error]
  electrons: [free, stepping]
  confidence_level: [0.9, 0.95]
)";

constexpr const char* small_text = R"(
channel: electron
bins: 2
axes:
  oscillation.dm2_21: [7e-5, 8e-5]
  statistic: [counts, density]
  exposure: [1 tonne year, 10 tonne year, 100 tonne year]
)";

Study study_of(const std::string& text) {
  const test::ScratchFolder scratch;
  return read_study(scratch.write("s.yaml", text));
}

struct Scanned {
  std::vector<double> limits;
  Counters counters;
};

Scanned scan(const Grid& grid, const Runner& runner, std::size_t chunk = 0,
             Evaluation evaluation = Evaluation::fast, DetectorRange range = {}) {
  Scanned result;
  if (range.end == 0) range.end = grid.size();
  result.counters = scan_grid(grid, runner, evaluation, chunk, range,
                              [&](std::span<const double> part, const Counters&) {
                                result.limits.insert(result.limits.end(), part.begin(), part.end());
                              },
                              {});
  return result;
}

class GridTest : public testing::Test {
 protected:
  Study study_ = study_of(study_text);
  Grid grid_{study_.curves, study_.axes};
  std::unique_ptr<Runner> runner_ = make_cpu_runner(2, best_instruction_set());
};

TEST_F(GridTest, AxesAreOrderedByWhatTheyCost) {
  std::vector<std::string> order;
  for (const auto& axis : grid_.axes()) order.push_back(axis.field->path);
  EXPECT_EQ(order,
            (std::vector<std::string>{"solar_model", "oscillation.sin2_theta12", "sin2_theta_w",
                                      "electrons", "statistic", "threshold", "exposure",
                                      "background.flat", "fraction_in", "confidence_level"}));
  EXPECT_EQ(grid_.size(), 2u * 4 * 2 * 3 * 2 * 2 * 2 * 2 * 2 * 2 * 2);
}

TEST_F(GridTest, PointsDrawnAtRandomEqualSingleCurves) {
  const auto limits = scan(grid_, *runner_).limits;
  ASSERT_EQ(limits.size(), grid_.size());
  Engine engine(*runner_, Evaluation::fast);
  std::mt19937 random(7);
  for (int draw = 0; draw < 200; ++draw) {
    const std::size_t i = random() % limits.size();
    EXPECT_NEAR(limits[i] / engine.run(grid_.at(i)).limit, 1, 1e-12) << i;
  }
}

TEST_F(GridTest, TheDirectEvaluationGivesTheSameLimits) {
  const auto study = study_of(
      "bins: 3\nresolution: {a: 0.3, b: 0.01}\naxes:\n  exposure: [1 t yr, 50 t yr]\n"
      "  oscillation.sin2_theta12: [0.2, 0.4]\n  threshold: [0.4 keV, 3 keV]\n"
      "  resolution.a: [0, 0.5]\n  statistic: [counts, density]\n");
  const Grid grid(study.curves, study.axes);
  const auto fast = scan(grid, *runner_);
  const auto direct = scan(grid, *runner_, 3, Evaluation::direct);
  EXPECT_EQ(direct.counters.direct_evaluations, 16u);
  EXPECT_EQ(direct.counters.combinations, grid.size());
  ASSERT_EQ(fast.limits.size(), direct.limits.size());
  for (std::size_t i = 0; i < fast.limits.size(); ++i)
    EXPECT_NEAR(fast.limits[i] / direct.limits[i], 1, 1e-9) << i;
}

// Any part of a grid, however it cuts rows and shapes, is that part of the whole.
TEST_F(GridTest, PartsAreTheSameBitsAsTheWhole) {
  const char* texts[] = {
      study_text, small_text,
      "bins: 2\naxes:\n  oscillation.dm2_21: {from: 7e-5, to: 8e-5, points: 500}\n"
      "  exposure: [1 t yr, 3 t yr]\ncomponents: [pp, be7]\n",
      "bins: 2\naxes: {exposure: [1 t yr, 9 t yr, 20 t yr], bins: [2, 3]}\n"
      "reach: {mu_eff: 6e-12 mu_B, by: threshold, from: 0.1 keV, to: 9 keV}\n"};
  const auto expect_parts = [&](const char* text, Evaluation evaluation) {
    const auto study = study_of(text);
    const Grid grid(study.curves, study.axes, study.reach);
    const auto whole = scan(grid, *runner_, 100, evaluation).limits;
    std::vector<double> joined;
    for (std::size_t first = 0, part = 1; first < grid.size(); ++part) {
      const std::size_t end = std::min(grid.size(), first + 1 + grid.size() * part / 29);
      const auto limits = scan(grid, *runner_, 100, evaluation, {first, end}).limits;
      ASSERT_EQ(limits.size(), end - first);
      joined.insert(joined.end(), limits.begin(), limits.end());
      first = end;
    }
    ASSERT_EQ(joined.size(), whole.size());
    EXPECT_EQ(std::memcmp(joined.data(), whole.data(), whole.size() * sizeof(double)), 0) << text;
  };
  for (const char* text : texts) expect_parts(text, Evaluation::fast);
  expect_parts(
      "bins: 2\naxes:\n  exposure: [1 t yr, 3 t yr]\n  oscillation.sin2_theta12: [0.2, 0.4]\n"
      "  threshold: [0.4 keV, 1 keV, 3 keV]\n",
      Evaluation::direct);
}

TEST_F(GridTest, ShardsCoverTheGridAtAboutTheSameCost) {
  for (const std::size_t parts : {1, 2, 3, 7, 64, 5000}) {
    std::size_t end = 0;
    for (std::size_t part = 1; part <= parts; ++part) {
      const auto range = part_of(grid_, part, parts);
      EXPECT_EQ(range.first, end);
      EXPECT_LE(range.first, range.end);
      end = range.end;
    }
    EXPECT_EQ(end, grid_.size());
  }
  // The first curve, off nine isotopes, weighs more than the second.
  EXPECT_LT(part_of(grid_, 1, 2).end, grid_.size() / 2);
}

TEST_F(GridTest, CountersAreTheProductsOfTheAxes) {
  const auto counters = scan(grid_, *runner_).counters;
  EXPECT_EQ(counters.convolutions, 2u * 4);                 // curves x shapes
  EXPECT_EQ(counters.coefficient_evaluations, 2u * 4 * 4);  // x coefficients
  EXPECT_EQ(counters.rebinnings, 2u * 4 * 4 * 4);           // x responses
  EXPECT_EQ(counters.direct_evaluations, 0u);
  EXPECT_EQ(counters.combinations, grid_.size());
}

TEST_F(GridTest, ThreadsAndChunksDoNotChangeABit) {
  const auto study = study_of(small_text);
  const Grid grid(study.curves, study.axes);
  for (const auto isa : {InstructionSet::baseline, InstructionSet::v3, InstructionSet::v4}) {
    if (!supported(isa)) continue;
    const auto expected = scan(grid, *make_cpu_runner(1, isa)).limits;
    for (const int threads : {1, 2, 7})
      for (const std::size_t chunk : {1, 7, 1000}) {
        const auto limits = scan(grid, *make_cpu_runner(threads, isa), chunk).limits;
        EXPECT_TRUE(limits == expected) << threads << " threads, chunks of " << chunk;
      }
  }
}

// So many detectors that chunks leave while the next are computed.
TEST_F(GridTest, ChunksLeaveInOrderAndAFailingSinkStopsTheScan) {
  const auto study = study_of(
      "bins: 2\naxes: {exposure: {from: 1 t yr, to: 2 t yr, points: 30000}, threshold: [1 keV, 2 "
      "keV, 3 keV]}\n");
  const Grid grid(study.curves, study.axes);
  const auto expected = scan(grid, *make_cpu_runner(1, best_instruction_set())).limits;
  ASSERT_EQ(expected.size(), 90'000u);
  for (const int threads : {1, 2, 7}) {
    const auto runner = make_cpu_runner(threads, best_instruction_set());
    EXPECT_TRUE(scan(grid, *runner, 20'000).limits == expected) << threads << " threads";
    std::size_t calls = 0;
    const auto full = [&](std::span<const double>, const Counters& counters) {
      ++calls;
      EXPECT_EQ(counters.combinations, 20'000 * calls);
      if (calls == 2) throw Error("no space");
    };
    EXPECT_THROW(scan_grid(grid, *runner, Evaluation::fast, 20'000, {0, grid.size()}, full, {}),
                 Error);
    EXPECT_EQ(calls, 2u);
  }
}

// So many oscillation points that they go through the response to Pee at its nodes.
TEST_F(GridTest, ManyOscillationPointsEqualSingleCurves) {
  const auto study = study_of(
      "bins: 3\ncurves: [{name: a}, {name: b, resolution: {a: 0.3}, components: [pp, be7, b8]}]\n"
      "axes:\n  oscillation.sin2_theta12: {from: 0.22, to: 0.42, points: 40}\n"
      "  oscillation.dm2_21: {from: 4e-5, to: 1e-4, points: 30, spacing: log}\n"
      "  oscillation.sin2_theta13: [0, 0.03]\n  sin2_theta_w: [0.22, 0.24]\n"
      "  electrons: [free, stepping]\n  bins: [3, 5]\n  exposure: [1 t yr, 20 t yr]\n"
      "  solar_model: [bs05op, b16gs98]\n");
  const Grid grid(study.curves, study.axes);
  const auto scanned = scan(grid, *runner_);
  ASSERT_EQ(scanned.limits.size(), grid.size());
  const std::size_t shapes = 2u * 2 * 40 * 30 * 2;  // curves, fluxes, oscillation points
  EXPECT_EQ(scanned.counters.convolutions, shapes);
  EXPECT_EQ(scanned.counters.coefficient_evaluations, shapes * 4);
  EXPECT_EQ(scanned.counters.rebinnings, shapes * 8);
  EXPECT_EQ(scanned.counters.combinations, grid.size());
  Engine engine(*runner_, Evaluation::fast);
  std::mt19937 random(11);
  for (int draw = 0; draw < 60; ++draw) {
    const std::size_t i = random() % grid.size();
    EXPECT_NEAR(scanned.limits[i] / engine.run(grid.at(i)).limit, 1, 1e-12) << i;
  }
  const auto one = make_cpu_runner(1, best_instruction_set());
  const auto seven = make_cpu_runner(7, best_instruction_set());
  EXPECT_TRUE(scan(grid, *one, 777).limits == scanned.limits);
  EXPECT_TRUE(scan(grid, *seven, 20'000).limits == scanned.limits);
}

TEST_F(GridTest, RunsTheSameBodiesInTheEmulator) {
  const Pipeline<test::Emulator> emulator(test::Emulator(13, 1));
  const auto study = study_of(small_text);
  const Grid grid(study.curves, study.axes);
  const auto expected = scan(grid, *runner_).limits, limits = scan(grid, emulator, 5).limits;
  for (std::size_t i = 0; i < limits.size(); ++i) EXPECT_NEAR(limits[i] / expected[i], 1, 1e-12);
}

TEST_F(GridTest, RunsTheResponseToPeeInTheEmulator) {
  const auto study = study_of(
      "bins: 2\ncomponents: [be7]\naxes:\n  oscillation.dm2_21: {from: 4e-5, to: 1e-4, points: "
      "150}\n");
  const Grid grid(study.curves, study.axes);
  const Pipeline<test::Emulator> emulator(test::Emulator(13, 1));
  const auto expected = scan(grid, *runner_).limits, limits = scan(grid, emulator, 40).limits;
  for (std::size_t i = 0; i < limits.size(); ++i) EXPECT_NEAR(limits[i] / expected[i], 1, 1e-12);
}

TEST_F(GridTest, AListOfBackgroundsAndTheSizeOfOneOfThem) {
  const auto study = study_of(
      "bins: 5\naxes:\n  background.flat: [1, 10]\n"
      "  background: [[{flat: 99}], [xenon1t, {fraction: 0.5}], [darwin, {flat: 99}]]\n");
  const Grid grid(study.curves, study.axes);
  const auto limits = scan(grid, *runner_).limits;
  for (std::size_t i = 0; i < limits.size(); ++i)
    EXPECT_NEAR(limits[i] / Engine(*runner_, Evaluation::fast).run(grid.at(i)).limit, 1, 1e-12)
        << i;
}

TEST_F(GridTest, TheFileHoldsTheLimitsAndNamesItsDimensions) {
  const test::ScratchFolder scratch;
  const auto limits = scan(grid_, *runner_).limits;
  {
    LimitsFile file(scratch.path(), {"s"}, grid_, 100'000);
    for (std::size_t i = 0; i < limits.size(); i += 1000)
      file.append(std::span(limits).subspan(i, std::min<std::size_t>(1000, limits.size() - i)));
    EXPECT_FALSE(std::filesystem::exists(scratch.path() / "limits.h5")) << "before it is whole";
    file.finish();
  }
  const hid_t h5 = H5Fopen((scratch.path() / "limits.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t data = H5Dopen2(h5, "mu_eff", H5P_DEFAULT);
  std::vector<double> read(limits.size());
  ASSERT_GE(H5Dread(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, read.data()), 0);
  EXPECT_EQ(read, limits);
  EXPECT_GT(H5Lexists(h5, "oscillation.sin2_theta12", H5P_DEFAULT), 0);
  H5Dclose(data);
  H5Fclose(h5);
  const auto csv = test::read_text(scratch.path() / "limits.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), static_cast<long>(limits.size()) + 1);
}

TEST_F(GridTest, AnUnfinishedFileLeavesNothing) {
  const test::ScratchFolder scratch;
  {
    LimitsFile file(scratch.path(), {"s"}, grid_, 10);
    EXPECT_THROW(file.finish(), Error);
  }
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

TEST_F(GridTest, WhatTheDiskCannotHoldIsRefused) {
  const auto study = study_of(
      "axes:\n  exposure: {from: 1 tonne year, to: 2 tonne year, points: 10000}\n"
      "  confidence_level: {from: 0.5, to: 0.9, points: 10000}\n"
      "  background.flat: {from: 0, to: 9, points: 10000}\n");
  const test::ScratchFolder scratch;
  try {
    LimitsFile(scratch.path(), {"s"}, Grid(study.curves, study.axes), 10);
    FAIL();
  } catch (const OutputError& error) {
    EXPECT_NE(std::string(error.what()).find("needs 8e+03 GB and the disk has"), std::string::npos)
        << error.what();
  }
}

/// A detector of one bin with powers of two everywhere, in which nothing is rounded.
CombineProblem exact_problem(AmplitudeReach reach) {
  CombineProblem problem;
  problem.add_row(std::vector<double>{1}, std::vector<double>{1}, std::vector<double>{1},
                  std::vector<double>{0});
  problem.base.goal = 0.5;
  problem.reach = reach;
  return problem;
}

// chi^2 = mu^4/(1 + x) with a background of x, so the goal 1/2 is met at mu = 1 up to x = 1.
TEST_F(GridTest, LimitsAndReachOfOneBinInClosedForm) {
  const auto solve = [&](const CombineProblem& problem) {
    return runner_->combine(problem, 0, 1)[0];
  };
  EXPECT_DOUBLE_EQ(solve(exact_problem({})), std::pow(0.5, 0.25));
  for (const int by : {sets_flat, sets_fraction}) {
    EXPECT_NEAR(solve(exact_problem({by, 1, 0, 8})), 1, 1e-15);
    EXPECT_EQ(solve(exact_problem({by, 1, 1, 8})), 1) << "the least background will just do";
    EXPECT_TRUE(std::isnan(solve(exact_problem({by, 1, 1.125, 8}))));
    EXPECT_EQ(solve(exact_problem({by, 1, 0, 1})), 1);
    EXPECT_EQ(solve(exact_problem({by, 1, 0, 0.5})), 0.5);
  }
  EXPECT_EQ(solve(exact_problem({sets_exposure, 1, 0.125, 8})), 0.5);
  EXPECT_EQ(solve(exact_problem({sets_exposure, 1, 0.5, 8})), 0.5);
  EXPECT_EQ(solve(exact_problem({sets_exposure, 1, 0.125, 0.5})), 0.5);
  EXPECT_EQ(solve(exact_problem({sets_exposure, 1, 1, 8})), 1) << "more than is needed";
  EXPECT_TRUE(std::isnan(solve(exact_problem({sets_exposure, 1, 0.125, 0.25}))));
  // Into the error: sigma = (1 + x) sqrt(1), so x = sqrt(2) - 1.
  auto in_error = exact_problem({sets_fraction, 1, 0, 8});
  in_error.base.fraction_in_error = 1;
  EXPECT_NEAR(solve(in_error), std::sqrt(2.0) - 1, 1e-15);
  in_error.reach.to = 0.25;
  EXPECT_EQ(solve(in_error), 0.25);
  in_error.reach = {sets_fraction, 1, 0.5, 8};
  EXPECT_TRUE(std::isnan(solve(in_error)));
}

// Recoil energies are laid once for all points of the response axes: the outermost decide.
TEST_F(GridTest, ResponsesOfEveryWidthEqualSingleCurves) {
  for (const char* axes : {"{upper: [4 keV, 40 keV, 90 keV]}", "{upper: [90 keV, 4 keV]}",
                           "{resolution.b: [0.01, 0.2]}", "{resolution.b: [0.2, 0.01]}",
                           "{resolution.a: [0.05, 2], threshold: [0.5 keV, 3 keV], bins: [1, 30]}"})
    for (const char* resolution : {"", "resolution: {a: 0.1, b: 0.003}\n"}) {
      const auto study =
          study_of("bins: 3\nthreshold: 0.9 keV\nupper: 12 keV\nbackground: [{flat: 1}]\n" +
                   std::string(resolution) + "axes: " + axes + "\n");
      const Grid grid(study.curves, study.axes);
      const auto limits = scan(grid, *runner_).limits;
      for (std::size_t i = 0; i < grid.size(); ++i) {
        Engine engine(*runner_, Evaluation::fast);
        EXPECT_NEAR(limits[i] / engine.run(grid.at(i)).limit, 1, 1e-12) << axes << i;
      }
    }
}

TEST(AxisField, TheSizeOfABackgroundThatIsNotThereIsZero) {
  Curve curve;
  for (const char* path : {"background.flat", "background.fraction"}) {
    const auto& member = find_axis_field(path)->member;
    EXPECT_EQ(member.get(curve), 0);
    member.put(curve, 3);
    EXPECT_EQ(member.get(curve), 3);
  }
  EXPECT_EQ(curve.background.size(), 2u);
}

struct Asked {
  const char *name, *by, *range;
};
void PrintTo(const Asked& asked, std::ostream* stream) {
  *stream << asked.name;
}
class ReachTest : public testing::TestWithParam<Asked> {};

TEST_P(ReachTest, TheLimitAtWhatWasFoundIsTheGoal) {
  const auto study = study_of(
      std::string("bins: 5\nresolution: {a: 0.2}\ncurves: [{name: a}, {name: b, background: "
                  "[xenonnt]}]\naxes:\n  fraction_in: [variance, error]\n  statistic: [counts, "
                  "density]\n  confidence_level: [0.9, 0.95]\n  sin2_theta_w: [0.23, 0.24]\nreach: "
                  "{mu_eff: ") +
      GetParam().range + ", by: " + GetParam().by + "}\n");
  const Grid grid(study.curves, study.axes, study.reach);
  const auto runner = make_cpu_runner(2, best_instruction_set());
  const auto found = scan(grid, *runner).limits;
  ASSERT_EQ(found.size(), grid.size());
  Engine engine(*runner, Evaluation::fast);
  const auto limit_at = [&](std::size_t i, double value) {
    auto curve = grid.at(i);
    study.reach->range.field->set(curve, value);
    return engine.run(curve).limit;
  };
  const double goal = study.reach->mu_eff, from = study.reach->from(), to = study.reach->to();
  const bool more_helps = GetParam().by == std::string("exposure");
  std::size_t inside = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double best = more_helps ? to : from, worst = more_helps ? from : to;
    if (std::isnan(found[i])) {
      EXPECT_GT(limit_at(i, best), goal) << i;
    } else if (found[i] == worst) {
      EXPECT_LE(limit_at(i, worst), goal) << i;
    } else {
      EXPECT_NEAR(limit_at(i, found[i]) / goal, 1, 1e-9) << i;
      ++inside;
    }
  }
  EXPECT_GT(inside, 0u) << "else nothing was tried";
  const auto again = scan(grid, *make_cpu_runner(1, best_instruction_set()), 3).limits;
  EXPECT_EQ(std::memcmp(again.data(), found.data(), found.size() * sizeof(double)), 0);
}

// With sigma = (1 + f) sqrt(x) the exposure that is needed grows by (1 + f)^2, on either side of a
// background that is there.
TEST_F(GridTest, AFractionInTheErrorTakesItsSquareMoreExposure) {
  const auto needed = [&](const char* background) {
    const auto study =
        study_of(std::string("bins: 4\nfraction_in: error\nbackground: ") + background +
                 "\nreach: {mu_eff: 7e-12 mu_B, by: exposure, from: 1e-3 t yr, to: 1e6 t yr}\n");
    return scan(Grid(study.curves, study.axes, study.reach), *runner_).limits.front();
  };
  EXPECT_NEAR(needed("[{flat: 3}, {fraction: 0.3}]") / needed("[{flat: 3}]"), 1.3 * 1.3, 1e-12);
}

// sigma = scale sqrt(v): the limit goes as its root whatever stands beside it on the axes.
TEST_F(GridTest, LimitsGoAsTheRootOfTheScaleOfTheError) {
  const auto study = study_of(
      "bins: 4\nbackground: [{fraction: 0.3}, {flat: 2}]\naxes:\n  exposure: [2 t yr, 30 t yr]\n"
      "  sigma_scale: [0.25, 1, 3]\n  fraction_in: [variance, error]\n"
      "  confidence_level: [0.9, 0.95]\n");
  const Grid grid(study.curves, study.axes);
  const auto limits = scan(grid, *runner_).limits;
  Engine engine(*runner_, Evaluation::fast);
  for (std::size_t i = 0; i < grid.size(); ++i) {
    auto curve = grid.at(i);
    const double scale = curve.sigma_scale;
    curve.sigma_scale = 1;
    EXPECT_NEAR(limits[i] / engine.run(curve).limit, std::sqrt(scale), 1e-11) << i;
  }
}

// chi^2 = exposure mu^4/scale^2 times a sum: with twice the error four times the exposure.
TEST_F(GridTest, TheExposureThatIsNeededGoesAsTheSquareOfTheScaleOfTheError) {
  const auto study = study_of(
      "bins: 4\nbackground: [{fraction: 0.3}, {flat: 2}]\naxes:\n  sigma_scale: [0.5, 1, 2]\n"
      "  fraction_in: [variance, error]\n"
      "reach: {mu_eff: 7e-12 mu_B, by: exposure, from: 1e-6 t yr, to: 1e9 t yr}\n");
  const Grid grid(study.curves, study.axes, study.reach);
  const auto needed = scan(grid, *runner_).limits;
  std::vector<double> at_one;
  for (std::size_t i = 0; i < grid.size(); ++i)
    if (grid.at(i).sigma_scale == 1) at_one.push_back(needed[i]);
  ASSERT_EQ(at_one.size(), 2u);
  for (std::size_t i = 0; i < grid.size(); ++i) {
    const auto curve = grid.at(i);
    const double one = at_one[curve.fraction_in == FractionIn::error];
    EXPECT_NEAR(needed[i] / one, curve.sigma_scale * curve.sigma_scale, 1e-11) << i;
  }
}

TEST_P(ReachTest, WhatIsFoundLiesInTheRange) {
  for (const double mu_eff : {1e-12, 2e-11, 1e-10}) {  // hardly ever, always and at once
    auto study = study_of(
        std::string("bins: 5\nbackground: [{fraction: 0.1}, {flat: 1}]\naxes:\n"
                    "  fraction_in: [variance, error]\n  sigma_scale: [0.1, 1]\nreach: {mu_eff: ") +
        GetParam().range + ", by: " + GetParam().by + "}\n");
    study.reach->mu_eff = mu_eff;
    const Grid grid(study.curves, study.axes, study.reach);
    const auto runner = make_cpu_runner(1, best_instruction_set());
    for (const double value : scan(grid, *runner).limits) {
      if (std::isnan(value)) continue;
      EXPECT_GE(value, study.reach->from());
      EXPECT_LE(value, study.reach->to());
    }
    const bool more_helps = GetParam().by == std::string("exposure");
    if (mu_eff == 1e-10) {
      for (const double value : scan(grid, *runner).limits)
        EXPECT_EQ(value, more_helps ? study.reach->from() : study.reach->to());
    }
  }
}

// The goal is the limit at an end itself, which then is the answer and not a NaN.
TEST_P(ReachTest, AnEndAtWhichTheLimitIsTheGoalIsFound) {
  const std::string by = GetParam().by;
  auto study =
      study_of("bins: 5\nreach: {mu_eff: " + std::string(GetParam().range) + ", by: " + by + "}\n");
  const auto runner = make_cpu_runner(1, best_instruction_set());
  auto& ends = study.reach->range.values;
  if (by == "threshold")  // it is searched for in the logarithm
    while (std::exp(std::log(ends[0])) != ends[0]) ends[0] = std::nextafter(ends[0], 1.0);
  const double best = by == "exposure" ? study.reach->to() : study.reach->from();
  auto curve = study.curves.front();
  curve.background = {{Background::Kind::flat, 0.5, "", {}, {}}};
  auto there = curve;
  study.reach->range.put(there, by == "exposure" ? 1 : 0);
  study.reach->mu_eff = scan(Grid({there}, {}), *runner).limits.front();
  if (by != "threshold") study.reach->mu_eff *= 1 + 1e-14;  // rounding of another formula
  const auto found = scan(Grid({curve}, {}, study.reach), *runner).limits;
  EXPECT_NEAR(found.front(), best, 1e-9 * best + 1e-12);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, ReachTest,
    testing::Values(Asked{"Exposure", "exposure", "7e-12 mu_B, from: 0.5 t yr, to: 200 t yr"},
                    Asked{"Flat", "background.flat", "6e-12 mu_B, from: 0.001, to: 30"},
                    Asked{"Fraction", "background.fraction", "6e-12 mu_B, from: 0, to: 3"},
                    Asked{"Threshold", "threshold", "7e-12 mu_B, from: 0.1 keV, to: 9 keV"}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

// A value that is off, or one where nothing does and something would have done, is seen.
TEST(ReachVerification, FailsWhereTheValueIsNotTheAnswer) {
  const auto study = study_of(
      "bins: 5\nreach: {mu_eff: 7e-12 mu_B, by: exposure, from: 0.01 t yr, to: 200 t yr}\n");
  const Grid grid(study.curves, {}, study.reach);
  const auto runner = make_cpu_runner(1, best_instruction_set());
  const double answer = scan(grid, *runner).limits.front();
  const auto passes = [&](double value) {
    DrawnDetectors drawn(grid);
    drawn.see(0, {&value, 1});
    return verify(grid, drawn, {runner.get()}, {}).passed();
  };
  EXPECT_TRUE(passes(answer));
  EXPECT_FALSE(passes(answer * 1.0001));
  EXPECT_FALSE(passes(std::nan("")));
  EXPECT_FALSE(passes(0.01)) << "the limit there is worse than the goal";
  EXPECT_TRUE(passes(200)) << "better than the goal will do at an end";
}

TEST(StudyHash, HoldsTheLowestEnergyOfAnAxis) {
  const auto text = [](const char* lowest) {
    return std::string("resolution: {lowest_energy: ") + lowest +
           "}\naxes: {resolution.a: [0, 0.3]}\n";
  };
  EXPECT_NE(study_hash(study_of(text("0.01 keV"))), study_hash(study_of(text("0.05 keV"))));
}

/// A study whose second line is bad.
void expect_refused(const std::string& text, const std::string& message) {
  try {
    study_of(text);
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_EQ(error.location.line, 2);
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
}

std::vector<std::string> labels(const Axis& axis) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < axis.size(); ++i) all.push_back(axis.label(i));
  return all;
}

TEST(AxisRange, MayHaveEndsInTwoUnits) {
  const auto study = study_of(
      "axes:\n  threshold: {from: 500 eV, to: 1 keV, points: 3}\n"
      "  exposure: {from: 100 kg year, to: 2 tonne x 10 year, points: 2}\n");
  EXPECT_EQ(labels(study.axes[0]), (std::vector<std::string>{"0.5 keV", "0.75 keV", "1 keV"}));
  EXPECT_EQ(labels(study.axes[1]), (std::vector<std::string>{"0.1 tonne year", "20 tonne year"}));
}

struct BadReach {
  const char *name, *reach, *message;
};
class BadReachTest : public testing::TestWithParam<BadReach> {};

TEST_P(BadReachTest, IsRefusedWithAMessage) {
  expect_refused(std::string("axes: {threshold: [1 keV]}\nreach: ") + GetParam().reach,
                 GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, BadReachTest,
    testing::Values(
        BadReach{"NoMap", "[1]", "a map is expected"},
        BadReach{"NoBracket", "{mu_eff: 1e-12 mu_B, by: exposure}", "'from' is missing"},
        BadReach{"Key", "{mu: 1}", "unknown key"},
        BadReach{"NoUnit", "{mu_eff: 1e-12, by: exposure, from: 1 t yr, to: 2 t yr}",
                 "the unit is missing"},
        BadReach{"Negative", "{mu_eff: -1e-12 mu_B, by: exposure, from: 1 t yr, to: 2 t yr}",
                 "must be positive"},
        BadReach{"Descending", "{mu_eff: 1e-12 mu_B, by: exposure, from: 3 t yr, to: 2 t yr}",
                 "'from' is not below 'to'"},
        BadReach{"Unknown", "{mu_eff: 1e-12 mu_B, by: bins, from: 1, to: 2}", "known: threshold"},
        BadReach{"AnAxis", "{mu_eff: 1e-12 mu_B, by: threshold, from: 1 keV, to: 2 keV}",
                 "is an axis"},
        BadReach{"BadEnd", "{mu_eff: 1e-12 mu_B, by: exposure, from: 0 t yr, to: 2 t yr}",
                 "must be positive"}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

TEST_F(GridTest, TheSurfaceIsDeltaChiSquaredOfEveryDetector) {
  const auto study = study_of(
      "bins: 4\nmu_eff: {points: 7}\naxes:\n  confidence_level: [0.9, 0.99]\n"
      "  exposure: [1 t yr, 10 t yr]\ncurves: [{name: a}, {name: b, channel: nuclear}]\n");
  const Grid grid(study.curves, study.axes);
  const test::ScratchFolder scratch;
  {
    LimitsFile file(scratch.path(), {"s"}, grid, 10, true);
    for (const double limit : scan(grid, *runner_).limits) file.append({&limit, 1});
    file.finish();
  }
  const hid_t h5 = H5Fopen((scratch.path() / "limits.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t data = H5Dopen2(h5, "delta_chi2", H5P_DEFAULT);
  std::vector<double> surface(grid.size() * 7);
  ASSERT_GE(H5Dread(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, surface.data()), 0);
  H5Dclose(data);
  H5Fclose(h5);
  Engine engine(*runner_, Evaluation::fast);
  for (std::size_t i = 0; i < grid.size(); ++i) {
    const auto expected = engine.run(grid.at(i)).delta_chi2;
    for (std::size_t m = 0; m < 7; ++m)
      EXPECT_NEAR(surface[i * 7 + m] / expected[m], 1, 1e-11) << i;
  }
}

TEST_F(GridTest, ASurfaceNeedsOneRangeOfMomentsAndLimits) {
  const test::ScratchFolder scratch;
  const auto two =
      study_of("curves: [{name: a}, {name: b, mu_eff: {points: 7}}]\naxes: {bins: [2, 3]}\n");
  EXPECT_THROW(LimitsFile(scratch.path(), {"s"}, Grid(two.curves, two.axes), 10, true), InputError);
  const auto reach =
      study_of("reach: {mu_eff: 1e-12 mu_B, by: exposure, from: 1 t yr, to: 2 t yr}");
  EXPECT_THROW(LimitsFile(scratch.path(), {"s"}, Grid(reach.curves, {}, reach.reach), 10, true),
               InputError);
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

TEST(Overrides, ReachAxesWhosePathsHoldDots) {
  const test::ScratchFolder scratch;
  const auto file = scratch.write(
      "s.yaml", "axes:\n  background.flat: {from: 1, to: 2, points: 3}\n  threshold: [1 keV]\n");
  const auto study = read_study(file, {"axes.background.flat.points=7", "axes.threshold=[2 keV]"});
  ASSERT_EQ(study.axes.size(), 2u);
  EXPECT_EQ(study.axes[0].size(), 7u);
  EXPECT_EQ(labels(study.axes[1]), std::vector<std::string>{"2 keV"});
  const auto more = read_study(
      file, {"axes.resolution.a=[0, 0.3]", "axes.background.fraction={from: 0, to: 1, points: 5}"});
  ASSERT_EQ(more.axes.size(), 4u);
  EXPECT_EQ(more.axes[2].field->path, "resolution.a");
  EXPECT_EQ(more.axes[3].size(), 5u);
}

TEST(StudyWarnings, NameWhatAnAxisReplaces) {
  const auto warnings = [](const char* text) { return study_of(text).warnings; };
  const auto both = warnings(
      "exposure: 3 t yr\naxes: {exposure: [1 t yr], resolution.a: [0, 1]}\n"
      "curves: [{name: a, resolution: {a: 0.2}}, {name: b}]\n");
  ASSERT_EQ(both.size(), 2u);
  EXPECT_NE(both[0].find("exposure"), std::string::npos) << both[0];
  EXPECT_NE(both[1].find("curves[1].resolution.a"), std::string::npos) << both[1];
  EXPECT_TRUE(warnings("bins: 3\naxes: {exposure: [1 t yr]}\n").empty());
}

struct BadAxes {
  const char *name, *axes, *message;
};
class BadAxesTest : public testing::TestWithParam<BadAxes> {};

TEST_P(BadAxesTest, IsRefusedWithAMessage) {
  expect_refused(std::string("bins: 5\naxes: ") + GetParam().axes, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Axes, BadAxesTest,
    testing::Values(
        BadAxes{"None", "{}", "a map of settings"}, BadAxes{"NotAMap", "[1]", "a map of settings"},
        BadAxes{"Unknown", "{treshold: [1 keV]}", "did you mean 'threshold'"},
        BadAxes{"SolvedFor", "{mu_eff: [1e-11]}", "cannot be an axis"},
        BadAxes{"EmptyList", "{exposure: []}", "the list is empty"},
        BadAxes{"Scalar", "{exposure: 1 tonne year}", "a list or a range"},
        BadAxes{"Unsorted", "{bins: [3, 1, 2]}", "axes.bins[3]: the values of 'bins' neither"},
        BadAxes{"TwiceInOtherUnits", "{threshold: [1 keV, 1000 eV]}", "given twice"},
        BadAxes{"Twice", "{bins: [3, 3]}", "given twice"},
        BadAxes{"BadValue", "{threshold: [0.3 keV, -1 keV]}", "must be positive"},
        BadAxes{"TargetWithoutShells", "{target: [xenon, argon], electrons: [free, stepping]}",
                "no electron binding energies are known for argon"},
        BadAxes{"ThresholdAboveAnUpperEnd", "{threshold: [0.3 keV, 5 keV], upper: [9 keV, 4 keV]}",
                "is not below"},
        BadAxes{"NegativeResolution", "{resolution.a: {from: -0.1, to: 0.3, points: 5}}",
                "cannot be negative"},
        BadAxes{"BadUnit", "{threshold: [0.3 keV, 1]}", "the unit is missing"},
        BadAxes{"AboveUpper", "{threshold: [0.3 keV, 300 keV]}", "is not below the upper end"},
        BadAxes{"LogThroughZero", "{background.flat: {from: 0, to: 1, points: 3, spacing: log}}",
                "through zero"},
        BadAxes{"NoPoints", "{sigma_scale: {from: 1, to: 2}}", "'points' is missing"},
        BadAxes{"TwoUnits", "{threshold: {from: 1 keV, to: 2 t yr, points: 3}}", "the wrong unit"},
        BadAxes{"Spacing", "{sigma_scale: {from: 1, to: 2, points: 3, spacing: cubic}}",
                "unknown spacing"},
        BadAxes{"RangeKey", "{sigma_scale: {from: 1, to: 2, point: 3}}", "unknown key"},
        BadAxes{
            "TooMany",
            "{exposure: {from: 1 t yr, to: 2 t yr, points: 100000}, sigma_scale: {from: 1, to: 2, "
            "points: 100000}, confidence_level: {from: 0.5, to: 0.9, points: 100000}, "
            "background.flat: {from: 0, to: 1, points: 100000}}",
            "2^63"}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

}  // namespace
}  // namespace magnu
