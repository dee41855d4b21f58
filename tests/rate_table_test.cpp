#include "magnu/experiment/rate_table.hpp"

#include <gtest/gtest.h>

#include "magnu/core/error.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/io/study/study_file.hpp"
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
        "counts/keV/t/yr", "(t yr keV)^-1", "/(t·yr·keVee)", "t^{-1} yr^{-1} keV^{-1}",
        "events / tonne / year / keV", "events per tonne per year per keV", "evts t⁻¹ yr⁻¹ keVee⁻¹",
        "(t yr keV)⁻¹", "t-1 yr-1 keV-1", "$t^{-1}$ $yr^{-1}$ $keV^{-1}$", "1/(t–yr)/keV"}) {
    EXPECT_TRUE(unit(text).is(-1, -1, -1, 0)) << text;
    EXPECT_DOUBLE_EQ(unit(text).factor, 1e3) << text;  // per MeV
  }
  // A rate per kg and day is 365250 times the one per tonne and year.
  for (const char* text : {"1/(kg day keV)", "cts/keV/kg/d", "dru"})
    EXPECT_NEAR(unit(text).factor / 365250e3, 1, 1e-14) << text;
  EXPECT_NEAR(unit("1e-3/(kg day keV)").factor / 365250, 1, 1e-14);
  EXPECT_NEAR(unit("9/(t yr keV)").factor, 9e3, 1e-11);
  EXPECT_NEAR(unit("10^-3 dru").factor / 365250, 1, 1e-14);
  EXPECT_DOUBLE_EQ(unit("1/(t yr MeV)").factor, 1);
  EXPECT_DOUBLE_EQ(unit("1/(t yr eV)").factor, 1e6);
  // Powers, however they are written.
  for (const char* text :
       {"10^3/(t yr keV)", "10**3/(t yr keV)", "10³/(t yr keV)", "10^{3}/(t yr keV)",
        "10^(3)/(t yr keV)", "1e3/(t yr keV)", "1/(10⁻³ t yr keV)", "1/(10**-3 t yr keV)",
        "1/(10^-3 t yr keV)", "1/(t yr eV)", "10³ t**-1 yr**-1 keV**-1", "10·10² t⁻¹yr⁻¹keV⁻¹",
        // A "*" ends what is below the bar.
        "1/(t yr keV)*10^3", "1/t/yr/keV*10^3", "1/(t yr keV) × 10³", "1e6/t/yr/keV/1000",
        "1/t*10^3/yr/keV", "1/t * 1/yr * 1/eV", "1/t 1/yr 1/eV", "1/t*yr/yr/yr/eV",
        "1/1e-3 t yr keV", "10^3 counts/t·yr·keV"}) {
    EXPECT_TRUE(unit(text).is(-1, -1, -1, 0)) << text;
    EXPECT_NEAR(unit(text).factor / 1e6, 1, 1e-14) << text;
  }
  for (const char* text : {"10**3 eV", "10³ eV", "10^3 eV", "1000 eV"})
    EXPECT_NEAR(unit(text).factor / keV, 1, 1e-14) << text;
  EXPECT_TRUE(unit("1/t/yr*keV").is(1, -1, -1, 0));
  EXPECT_TRUE(unit("keV**12/keV¹¹").is(1, 0, 0, 0));
  for (const char* text : {"μ_B", "µ_B", "mu_B", "muB"})
    EXPECT_TRUE(unit(text).is(0, 0, 0, 1)) << text;
  EXPECT_EQ(unit("keVee").scale, RecoilScale::electron);
  EXPECT_EQ(unit("keV_nr").scale, RecoilScale::nuclear);
  for (const char* text :
       {"", "kev", "t yr)", "(t yr", "t^0", "keVe", "/", "tee", "0.3keV", "1/(t yr keV",
        "1/(t yr keV)^", "1/(t a keV)", "0/(t yr keV)", "2t", "per", "1e400 keV",
        // Where a number belongs must be plain.
        "1/(kg yr keV) 10^-3", "1/t 10 yr keV", "1/kg/yr/keV (10^3)", "1/(kg yr keV)·10⁻³",
        "10 -3 keV", "10 - 3 keV", "t-31", "10⁻ keV", "10^⁻³ keV", "10***3 keV", "10 ** 3 keV",
        "* keV", "keV *", "keV * * t", "1//t", "1/*t", "10**3.5 keV", "10^0 keV", "10⁰ keV",
        "((((((((((keV))))))))))"})
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
           Form{"energy_keV;rate_per_tonne_year_keV\n0.5;2\n1.5;4\n"},
           Form{"energy_keV,rate_per_tonne_year_keV\n0.5D0,2.0d0,\n1.5,4,\n"},
           Form{"energy_keV rate_per_tonne_year_keV\n0.5 2\n1.5 4\n"},
           Form{
               "# mine\nflag,rate_per_tonne_year_keV,energy_keV,rate [1/t/yr/keV]\nx,2,0.5,7\n\"y, "
               "z\",4,1.5,7\n"},
           Form{"\xef\xbb\xbf\"Energy [eV]\";\"Rate [1/(t yr keV)]\";\"note\"\r\n500;2;first; "
                "\r\n1500;4.0D0;;\r\n\r\n"},
           Form{"Recoil energy (MeV)\tdR/dE (cts/keV/t/yr)\terror\n5e-4\t2\t\n1.5e-3\t4\t0.5\n"},
           Form{"% E_r [keV], dR/dE_r [counts t^-1 y^-1 keV^-1]\n0.5, 2\n1.5, 4\n"},
           Form{"E[keV];rate[1/(t yr keV)]\r0.5;2\r1.5;4\r"},
           Form{
               "bin,E low,data,fit\na,500,10,2000\nb,1500,20,4000\n",
               ", energy: {column: E low, unit: eV}, rate: {column: fit, unit: events/(t yr MeV)}"},
           Form{"ER[keV] flux[au] rate[dru]\n0.5 2 11\n1.5 4 21\n",
                ", rate: {column: 2, unit: 1/(t yr keV)}"},
           Form{"a 0.5 2\nb 1.5 4\n",
                ", energy: {column: 2, unit: keV}, rate: {column: 3, unit: 1/(t yr keV)}"},
           Form{"x\ty\n0.5\t2\n1.5\t4\n", by_place},
           Form{"0.5,2,\n1.5,4,7\n", by_place},
           Form{" 5.0D-1  2.0d+00\n 1.5D+00  4.0D+00\n", by_place},
           // A study may say again what the header says, and prose has brackets too.
           Form{"E [eV],rate [events/t/yr/keV]\n500,2\n1500,4\n",
                ", energy: {column: 1, unit: eV}, rate: {column: rate, unit: 1/(tonne year keV)}"},
           Form{"# (2020) of 3 (t), 4 (d)\nE [],rate [counts]\n0.5,2\n1.5,4\n", by_place},
           Form{"# i E [eV] rate [dru] err [dru]\n7 0.5 2 9\n8 1.5 4 9\n",
                ", energy: {column: 2, unit: keV}, rate: {column: 3, unit: 1/(t yr keV)}"},
           Form{"# E [keV], rate [1/(t yr keV)]\n0.5,2\n# E [keV], rate [/t yr keV]\n1.5,4\n"},
           Form{"# E [keV], rate [1/(t yr keV)]\n0.5,2\n# the tail (d), of 2 (t)\n1.5,4\n"},
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

struct Refused {
  const char *name, *text, *columns;
  int line;
  std::vector<std::string> says;

  friend void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.name; }
};

class RefusedTable : public testing::TestWithParam<Refused> {};

TEST_P(RefusedTable, SaysWhatToWrite) {
  const auto& refused = GetParam();
  const test::ScratchFolder folder;
  const auto table = folder.write("t.csv", refused.text);
  const auto study = folder.write(
      "s.yaml", std::string("# a line\nbackground: [{table: t.csv") + refused.columns + "}]\n");
  try {
    read_study(study);
    FAIL() << "accepted";
  } catch (const InputError& problem) {
    EXPECT_EQ(problem.location.line, refused.line);
    for (const auto& text : refused.says)
      EXPECT_PRED_FORMAT2(testing::IsSubstring, text, std::string(problem.what()));
    EXPECT_LT(std::string(problem.what()).size(), 600u);
  }
}

const char* const first_two =
    ", energy: {column: 1, unit: keV}, rate: {column: 2, unit: 1/(tonne year keV)}";
const char* const to_write =
    "{table: t.csv, energy: {column: 1, unit: keV}, rate: {column: 2, unit: 1/(tonne year keV)}}";

const Refused refused_tables[]{
    // A broken first row is no header.
    {"BrokenFirstRow", "1..0 2\n2 3\n3 4\n", first_two, 1, {"not a finite number", "1..0"}},
    {"BrokenRateInTheFirstRow", "1,2x\n2,3\n3,4\n", first_two, 1, {"2x"}},
    {"OneWordInTheFirstRow", "1,NA\n2,3\n3,4\n", first_two, 1, {"NA"}},
    {"SeparatorThatChanges", "1,2\n2;3\n3;4\n", first_two, 2, {"too few columns", "2;3"}},
    {"ColumnTwice",
     "1,2\n2,3\n",
     ", energy: {column: 1, unit: keV}, rate: {column: 1, unit: dru}",
     1,
     {"energy and rate are one column", to_write}},
    {"ColumnTwiceByName",
     "E,x\n1,2\n2,3\n",
     ", energy: {column: E, unit: keV}, rate: {column: E, unit: dru}",
     1,
     {"one column"}},
    {"NoHeader", "9.87e-1 2.52e-5\n2 3\n", "", 1, {"'9.87e-1 2.52e-5'", to_write}},
    {"UnknownNames", "x,y\n1,2\n2,3\n", "", 1, {"'x,y'", to_write}},
    {"NoUnit", "E,rate [dru]\n1,2\n2,3\n", "", 1, {"in which unit the energy is", to_write}},
    {"UnknownUnit", "E [kev],rate [dru]\n1,2\n2,3\n", "", 1, {"'kev' is no unit", to_write}},
    {"TwoRates",
     "E [keV],rate [dru],dR/dE [dru]\n1,2,3\n2,3,4\n",
     "",
     1,
     {"two columns may be the rate", to_write}},
    {"BlanksInNames", "# Recoil energy (keV) of all rate (dru)\n1 2 3\n2 3 4\n", "", 1, {to_write}},
    {"Prose", "# taken from somewhere, in 2020\n1 2\n2 3\n", "", 1, {to_write, "somewhere"}},
    {"DecimalCommaWithSemicolons",
     "E[keV];rate[dru]\n0,5;1,5\n1,5;2\n",
     "",
     2,
     {"decimal comma", "0.5, not 0,5"}},
    {"DecimalCommaWithCommas", "E[keV],rate[dru]\n0,5,1,5\n1,5,2,5\n", "", 2, {"decimal comma"}},
    {"DecimalCommaWithBlanks", "0,5 1,5\n1,0 2,5\n", first_two, 1, {"decimal comma", "'0,5 1,5'"}},
    {"DecimalCommaLater", "E[keV];rate[dru]\n0;1\n1;2\n1,5;3\n", "", 4, {"decimal comma"}},
    {"NoSecondColumn", "1\n2\n", first_two, 1, {"there is no column 2, but 1"}},
    {"NoSuchName",
     "E[keV],rate[dru]\n1,2\n2,3\n",
     ", rate: {column: flux, unit: dru}",
     1,
     {"no column is named 'flux'", to_write}},
    {"NoSuchPlace",
     "E[keV],rate[dru]\n1,2\n2,3\n",
     ", rate: {column: 7, unit: dru}",
     1,
     {"there is no column 7, but 2", to_write}},
    {"NoSuchPlaceBesideNamesOfManyWords",
     "Recoil energy of the electron (keV),rate of it all (dru),its error\n1,2,3\n2,3,4\n",
     ", energy: {column: 4, unit: keV}, rate: {column: 2, unit: dru}",
     1,
     {"there is no column 4, but 3", to_write}},
    {"RateOfOtherRecoils", "E[keVnr],rate[1/(t yr keVee)]\n1,2\n2,3\n", "", 1, {"other recoils"}},
    {"TitleAboveTheHeader", "My background\nE[keV],rate[dru]\n1,2\n2,3\n", "", 1, {to_write}},
    // What is proposed is no time, logarithm or sum.
    {"TimeFirst",
     "Time [day],E,bg\n1,2,3\n2,3,4\n",
     "",
     1,
     {"energy: {column: 2, unit: keV}, rate: {column: 3, "}},
    {"LogarithmsAndSums",
     "log10(E/keV),log10 rate,cumulative rate\n1,2,3\n2,3,4\n",
     "",
     1,
     {"neither logarithms nor times nor sums", "energy: {column: C, ", "rate: {column: D, "}},
    {"RateBeforeTheEnergy",
     "rate,E\n1,2\n2,3\n",
     "",
     1,
     {"energy: {column: 2, unit: keV}, rate: {column: 1, "}},
    {"BadRateUnit",
     "1,2\n2,3\n",
     ", rate: {column: 2, unit: 1/keV}",
     2,
     {"background[1].rate.unit", "no unit of the rate", "1/keV"}},
    {"BadEnergyUnit",
     "1,2\n2,3\n",
     ", energy: {column: 1, unit: kev}",
     2,
     {"background[1].energy.unit", "{column: 1, unit: keV}"}},
    {"NoPlace", "1,2\n2,3\n", ", energy: {column: 0, unit: keV}", 2, {"count the columns from 1"}},
    {"UnitsThatContradictTheHeader",
     "E [eV],rate [1/(t yr keV)]\n1,2\n2,3\n",
     ", energy: {column: 1, unit: keV}",
     1,
     {"E: its unit is 'eV' here, 'keV' in the study"}},
    {"RateThatContradictsTheHeader",
     "E [keV],rate [dru]\n1,2\n2,3\n",
     ", rate: {column: rate, unit: 1/(t yr keV)}",
     1,
     {"rate: its unit is 'dru' here, '1/(t yr keV)' in the study"}},
    {"UnitsThatContradictOwnNames",
     "energy_keV,rate_per_tonne_year_keV\n1,2\n2,3\n",
     ", energy: {column: energy_keV, unit: MeV}",
     1,
     {"'keV' here, 'MeV' in the study"}},
    {"UnitsThatContradictAComment",
     "# of 2020\n# E_R (keV)  Rate (/kg d keV)\n1 2\n2 3\n",
     first_two,
     2,
     {"Rate: its unit is '/kg d keV' here, '1/(tonne year keV)' in the study"}},
    {"ColumnsThatContradictTheHeader",
     "rate [dru],E [keV]\n1,2\n2,3\n",
     first_two,
     1,
     {"rate: its unit is 'dru' here, 'keV' in the study"}},
    {"SecondHeaderOfOtherUnits",
     "# E [keV], rate [dru]\n1,2\n2,3\n# E [eV], rate [dru]\n3000,4\n",
     "",
     4,
     {"E: its unit is 'eV' here, 'keV' above"}},
    {"SecondHeaderThatTurnsAround",
     "E [keV],rate [dru]\n1,2\n2,3\n# rate [dru],E [keV]\n3,4\n",
     "",
     4,
     {"rate: its unit is 'dru' here, 'keV' above"}},
    {"EmptyField", "E[keV],rate[dru]\n1,2\n1.2,\n", "", 3, {"rate: the field is empty"}},
    {"EmptyFirstField", "E[keV],rate[dru]\n1,2\n,3\n", "", 3, {"E: the field is empty", "',3'"}},
    {"HalfAColumn", "1,2\n2,3\n", ", energy: {column: 1}", 2, {"column and unit are needed"}},
};
INSTANTIATE_TEST_SUITE_P(Field, RefusedTable, testing::ValuesIn(refused_tables),
                         [](const auto& refused) { return refused.param.name; });

TEST(RateTable, Utf16IsNamed) {
  const test::ScratchFolder folder;
  folder.write("t.csv", std::string("\xff\xfe"
                                    "1\0,\0"
                                    "2\0\n\0",
                                    10));
  try {
    read_study(folder.write("s.yaml", "background: [{table: t.csv}]\n"));
    FAIL() << "accepted";
  } catch (const InputError& problem) {
    EXPECT_PRED_FORMAT2(testing::IsSubstring, "UTF-16", std::string(problem.what()));
  }
}

/// The scale of an energy goes through axes and ranges, and what an axis replaces may be of another
/// channel.
TEST(RecoilScale, IsKeptOnAxes) {
  const test::ScratchFolder folder;
  const auto read = [&](const std::string& text) {
    return read_study(folder.write("s.yaml", text));
  };
  for (const char* text :
       {"axes: {threshold: {from: 1 keVnr, to: 2 keV, points: 3}}",
        "axes: {threshold: {from: 1 keV, to: 2000 eVnr, points: 3}}",
        "axes: {threshold: {from: 1 keVnr, to: 2 keVnr, points: 3}}",
        "axes: {threshold: [1 keVnr, 2 keVnr]}", "resolution: {a: 0.3, lowest_energy: 1 keVnr}",
        "reach: {mu_eff: 1e-12 mu_B, by: threshold, from: 1 keVnr, to: 2 keV}",
        "channel: nuclear\naxes: {threshold: {from: 1 keVnr, to: 2 keVee, points: 3}}"})
    EXPECT_THROW(read(std::string(text) + "\n"), InputError) << text;
  const auto study = read(
      "channel: nuclear\nthreshold: 3 keVnr\n"
      "axes: {threshold: {from: 1 keVnr, to: 2000 eV, points: 3}}\n");
  ASSERT_EQ(study.axes[0].values.size(), 3u);
  EXPECT_NEAR(study.axes[0].values[1] / keV, 1.5, 1e-14);
  EXPECT_EQ(read("channel: nuclear\nthreshold: 1 keVnr\naxes: {threshold: [1 keVnr, 2 keVnr]}\n")
                .axes[0]
                .values[1],
            2 * keV);
  EXPECT_EQ(read("threshold: 1 keVnr\n"
                 "curves: [{name: a, channel: nuclear, threshold: 2 keVnr}, {name: b, threshold: 3 "
                 "keVee}]")
                .curves[1]
                .threshold,
            3 * keV);
  EXPECT_THROW(read("threshold: 1 keVx\naxes: {threshold: [1 keV, 2 keV]}\n"), InputError);
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
