#include "magnu/io/results/limits_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <random>

#include "magnu/io/study/study_file.hpp"
#include "support.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;

/// What an earlier run left is taken up by its values alone: HDF5's own structures are compared
/// with those of a new file.
class LimitsFileTest : public testing::TestWithParam<bool> {
 protected:
  const bool surface_ = GetParam();
  const test::ScratchFolder scratch_;
  const Study study_ = read_study(scratch_.write(
      "study.yaml",
      "mu_eff: {points: 3}\naxes: {exposure: {from: 1 t yr, to: 9 t yr, points: 9}, electrons: "
      "[free, stepping]}\ncurves: [{name: a}, {name: b, threshold: 2 keV}]\n"));
  const Grid grid_{study_.curves, study_.axes, study_.reach};
  std::vector<double> limits_;

  void SetUp() override {
    for (std::size_t i = 0; i < grid_.size(); ++i)
      limits_.push_back(1e-11 / static_cast<double>(i + 1));
  }

  /// Half of the limits; returns the part file and where its values stand.
  std::uint64_t begin(const fs::path& folder) {
    LimitsFile file(folder, {"study"}, grid_, 0, surface_);
    file.append(std::span(limits_).first(limits_.size() / 2));
    file.keep_part();
    return file.layout().parts.front().offset;
  }
  /// The rest.
  std::string finish(const fs::path& folder) {
    LimitsFile file(folder, {"study"}, grid_, 0, surface_, true);
    file.advance(limits_.size() / 2);
    file.append(std::span(limits_).subspan(limits_.size() / 2));
    file.finish();
    return test::read_text(folder / "limits.h5");
  }
};

TEST_P(LimitsFileTest, WhateverIsDamagedBesideTheValuesIsMended) {
  const auto whole_folder = scratch_.path() / "whole";
  fs::create_directory(whole_folder);
  begin(whole_folder);
  const auto whole = finish(whole_folder);
  ASSERT_GT(whole.size(), 2000u);

  const auto folder = scratch_.path() / "damaged";
  fs::create_directory(folder);
  const auto values = begin(folder);
  const auto part = test::read_text(folder / ".limits.h5.part");
  std::mt19937 random(7);
  for (int i = 0; i < 400; ++i) {
    auto damaged = part;
    const auto byte = i < 100 ? i : random() % part.size();  // the superblock too
    if (byte >= values && byte < values + 8 * limits_.size() / 2)
      continue;  // sealed: see checkpoints
    damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << random() % 8));
    if (i % 40 == 1) damaged.resize(damaged.size() - 9);
    if (i % 40 == 2) damaged += "more than there was";
    std::ofstream(folder / ".limits.h5.part", std::ios::binary) << damaged;
    ASSERT_EQ(finish(folder) == whole, true) << "byte " << byte;
    ASSERT_FALSE(fs::exists(folder / ".limits.h5.part"));
    ASSERT_FALSE(fs::exists(folder / ".limits.h5.skeleton.part"));
  }
}

INSTANTIATE_TEST_SUITE_P(With, LimitsFileTest, testing::Bool(), [](const auto& param_info) {
  return std::string(param_info.param ? "surface" : "limits");
});

}  // namespace
}  // namespace magnu
