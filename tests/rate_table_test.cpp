#include "magnu/experiment/rate_table.hpp"

#include <gtest/gtest.h>

#include "magnu/core/error.hpp"
#include "magnu/io/quantity.hpp"
#include "magnu/io/study_file.hpp"
#include "magnu/physics/constants.hpp"
#include "support.hpp"

namespace magnu {
namespace {

using constants::keV;

Unit unit(const char* text) {
  const auto found = read_unit(text);
  EXPECT_TRUE(found) << text;
  return found.value_or(Unit{});
}

TEST(Units, ReadAsPapersWriteThem) {
  for (const char* text :
       {"t yr", "t*yr", "t·yr", "t⋅yr", "t-yr", "tonne-years", "ton yr", "yr t"}) {
    EXPECT_TRUE(unit(text).is(0, 1, 1, 0)) << text;
    EXPECT_DOUBLE_EQ(unit(text).factor, 1) << text;
  }
  for (const char* text :
       {"1/ton/yr/keV", "/t y keV", "1/(tonne year keV)", "events/(t yr keV)", "t^-1 yr^-1 keV^-1",
        "counts/keV/t/yr", "(t yr keV)^-1", "/(t·yr·keVee)", "t^{-1} yr^{-1} keV^{-1}"}) {
    EXPECT_TRUE(unit(text).is(-1, -1, -1, 0)) << text;
    EXPECT_DOUBLE_EQ(unit(text).factor, 1e3) << text;  // per MeV
  }
  // A rate per kg and day is 365250 times the one per tonne and year.
  for (const char* text : {"1/(kg day keV)", "cts/keV/kg/d", "dru"})
    EXPECT_NEAR(unit(text).factor / 365250e3, 1, 1e-14) << text;
  for (const char* text : {"μ_B", "µ_B", "mu_B", "muB"})
    EXPECT_TRUE(unit(text).is(0, 0, 0, 1)) << text;
  EXPECT_EQ(unit("keVee").scale, RecoilScale::electron);
  EXPECT_EQ(unit("keV_nr").scale, RecoilScale::nuclear);
  for (const char* text : {"", "kev", "t yr)", "(t yr", "t^0", "keVe", "/", "tee", "0.3keV"})
    EXPECT_FALSE(read_unit(text)) << text;
}

struct Form {
  const char* text;
  const char* columns = "";
};

/// Every form of one table: 2 at 0.5 keV and 4 at 1.5 keV, per tonne, year and keV.
TEST(RateTable, TheSameTableInAllItsForms) {
  const test::ScratchFolder folder;
  const char* by_place =
      ", energy: {column: 1, unit: keV}, rate: {column: 2, unit: 1/(tonne year keV)}";
  for (const auto& form : {
           Form{"energy_keV,rate_per_tonne_year_keV\n0.5,2\n1.5,4\n"},
           Form{"ER[keVee],rate[1/ton/yr/keV]\n0.5,2,\n1.5,4,\n"},
           Form{"# E_R (keV)  Rate (/t y keV)\n0.5 2\n1.5   4\n"},
           Form{"\xef\xbb\xbf"
                "Energy (keV);dR/dE [events/(t yr keV)]\r\n0.5;2\r\n1.5;4\r\n"},
           Form{"E [eV]\trate [1/(t yr keV)]\n500\t2\n1.5D3\t4.0d0\n"},
           Form{"note,rate [1/t/yr/MeV],E [MeV]\n7,2000,5e-4\n7,4000,1.5e-3\n"},
           Form{"# a line of prose\n0.5 2\n1.5 4\n", by_place},
           Form{"0.5,2\n1.5,4\n", by_place},
           Form{
               "x;energy;bg\n9;0.5;2\n9;1.5;4\n",
               ", energy: {column: energy, unit: keV}, rate: {column: bg, unit: t^-1 y^-1 keV^-1}"},
           Form{"\"E [keV]\",\"rate [1/(t yr keV)]\"\n\"0.5\",\"2\"\n\"1.5\",\"4\"\n"},
       }) {
    folder.write("t.csv", form.text);
    const auto study = read_study(
        folder.write("s.yaml", std::string("background: [{table: t.csv") + form.columns + "}]\n"));
    const auto& table = *study.curves.front().background.front().table;
    ASSERT_EQ(table.energy.size(), 2u) << form.text;
    EXPECT_NEAR(table.energy[0] / keV, 0.5, 1e-15) << form.text;
    EXPECT_NEAR(table.energy[1] / keV, 1.5, 1e-15) << form.text;
    EXPECT_NEAR(table.rate[0], 2, 1e-14) << form.text;
    EXPECT_NEAR(table.rate[1], 4, 1e-14) << form.text;
    // The effective study reads it again the same way.
    const auto again = read_study(folder.write("again.yaml", effective_yaml(study)));
    EXPECT_EQ(study_hash(again), study_hash(study)) << form.text;
  }
}

TEST(RateTable, SaysHowItWasRead) {
  const test::ScratchFolder folder;
  folder.write("t.txt", "# E_R (keV)  Rate (/kg d keV)\n0.5 2\n1.5 4\n");
  const auto study = read_study(folder.write("s.yaml", "background: [{table: t.txt}]\n"));
  ASSERT_EQ(study.notes.size(), 1u);
  EXPECT_NE(
      study.notes[0].find("energy is column 1 (E_R) in keV, rate column 2 (Rate) in /kg d keV"),
      std::string::npos)
      << study.notes[0];
  EXPECT_NEAR(study.curves[0].background[0].table->rate[1], 4 * 365250, 1e-8);
}

TEST(RateTable, EnergiesOfTheOtherRecoilsAreRefused) {
  const test::ScratchFolder folder;
  folder.write("t.csv", "ER[keVee],rate[1/ton/yr/keV]\n0.5,2\n1.5,4\n");
  for (const char* text : {"channel: nuclear\nbackground: [{table: t.csv}]\n",
                           "channel: nuclear\nthreshold: 1 keVee\n", "upper: 30 keVnr\n"})
    EXPECT_THROW(read_study(folder.write("s.yaml", text)), InputError) << text;
  EXPECT_EQ(read_study(folder.write("s.yaml", "channel: nuclear\nthreshold: 1 keVnr\n"))
                .curves[0]
                .threshold,
            1 * keV);
}

TEST(RateTable, QuantitiesJoinTheirUnits) {
  const test::ScratchFolder folder;
  for (const char* text :
       {"40 t*yr", "40 t·yr", "40 t-yr", "40 tonne-years", "40 t * yr", "4 x 10 ton y"})
    EXPECT_EQ(read_study(folder.write("s.yaml", std::string("exposure: ") + text + "\n"))
                  .curves[0]
                  .exposure,
              40)
        << text;
  for (const char* unit : {"μ_B", "µ_B", "mu_B"})
    EXPECT_EQ(read_study(folder.write("s.yaml", std::string("reach: {mu_eff: 1e-12 ") + unit +
                                                    ", by: exposure, from: 1 t*yr, to: 9 t-yr}\n"))
                  .reach->mu_eff,
              1e-12);
}

}  // namespace
}  // namespace magnu
