#include <gtest/gtest.h>

#include "magnu/io/study/quantity.hpp"
#include "magnu/io/study/study_file.hpp"
#include "support.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;
using test::ScratchFolder;

/// The complaint `read` makes.
template <class Read>
InputError complaint(Read&& read) {
  try {
    read();
  } catch (const InputError& problem) {
    return problem;
  }
  throw std::logic_error("bad input was accepted");
}

void expect_says(const InputError& problem, const std::string& text) {
  EXPECT_PRED_FORMAT2(testing::IsSubstring, text, problem.what());
}

/// A text, where in it the complaint must point and what it must advise. Line 0: no line.
struct Bad {
  const char* name;
  std::string text;
  int line;
  std::string key, value, remedy;

  friend void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }
};

void expect_complaint(const InputError& problem, const std::string& file, const Bad& bad) {
  const auto& where = problem.location;
  EXPECT_EQ(where.file, file);
  EXPECT_EQ(where.line, bad.line);
  EXPECT_EQ(where.key, bad.key);
  EXPECT_EQ(where.value, bad.value);
  expect_says(problem, bad.line > 0 ? file + ":" + std::to_string(bad.line) + ": " : file + ": ");
  for (const auto& text : {bad.key, quotable(bad.value), bad.remedy}) expect_says(problem, text);
}

std::string name_of(const testing::TestParamInfo<Bad>& info) {
  return info.param.name;
}

/// Whatever is quoted, a message stays readable.
TEST(LongValue, IsCutInItsMessage) {
  const ScratchFolder folder;
  const std::string x(3000, 'x');
  for (const auto& text : {"threshold: " + x, "threshold: 1 " + x, "axes: {" + x + ": [1, 2]}",
                           "background: [{table: " + x + "}]", "channel: " + x, x + ": 1",
                           "name: a/" + x, "bins: " + x, "mu_eff: {from: " + x + "}",
                           "background: [{" + x + ": 1}]", "background: [" + x + "]",
                           "reach: {mu_eff: " + x + "}", "axes: {threshold: [1, " + x + "]}",
                           "axes: {threshold: {from: " + x + ", to: 2 keV, points: 2}}",
                           "components: [" + x + "]", "curves: [{name: " + x + ", " + x + ": 1}]",
                           "curves: [{name: a}, {name: " + x + "}, {name: " + x + "}]"}) {
    const auto problem = complaint([&] { read_study(folder.write("s.yaml", text + "\n")); });
    EXPECT_LT(std::string(problem.what()).size(), 600u) << problem.what();
  }
}

/// Nor does it grow with what the command line holds.
TEST(LongSetting, IsCutInItsMessage) {
  const ScratchFolder folder;
  const auto study = folder.write("s.yaml", "bins: 3\n");
  const auto message = [&](const std::string& setting) {
    return std::string(complaint([&] { read_study(study, {setting}); }).what());
  };
  const auto unknown = message(std::string(100'000, 'b') + "=1");
  EXPECT_LE(unknown.size(), 400u) << unknown;
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "unknown key (got '1'); known here: name, ", unknown);
  std::string path;
  for (int i = 0; i < 5000; ++i) path += "x/";
  const auto table = message("background=[{table: " + path + "}]");
  EXPECT_LE(table.size(), 400u) << table;
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "cannot be read: File name too long", table);
}

/// What would end a line, or turn around what follows, is not printed as it is.
TEST(Quotable, EscapesWhatIsNoCharacterToPrint) {
  for (const auto& [text, quoted] : std::initializer_list<std::pair<std::string, std::string>>{
           {"µ_B \u2019 \u2027 \u2030 \U0001f600 \ud7ff", ""},
           {"1\u00a0keV", "1\\xc2\\xa0keV"},
           {"\u202f", "\\xe2\\x80\\xaf"},
           {"\u200b", "\\xe2\\x80\\x8b"},
           {"\u2028", "\\xe2\\x80\\xa8"},
           {"\u2029", "\\xe2\\x80\\xa9"},
           {"\u202e", "\\xe2\\x80\\xae"},
           {"\u2067", "\\xe2\\x81\\xa7"},
           {"\u0085", "\\xc2\\x85"},
           {"\xff", "\\xff"},
           {"\xc0\xaf", "\\xc0\\xaf"},
           {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
           {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
           {"\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"},
           {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
           {"\xe2\x80", "\\xe2\\x80"}})
    EXPECT_EQ(quotable(text), quoted.empty() ? text : quoted);
}

/// A value that an axis, `reach` or each curve replaces is not used, and read all the same.
TEST(ReplacedValue, MustBeWellFormed) {
  const ScratchFolder folder;
  const auto read = [&](const std::string& text) {
    return read_study(folder.write("study.yaml", text));
  };
  const auto key = [&](const std::string& text) {
    return complaint([&] { read(text); }).location.key;
  };
  EXPECT_EQ(key("bins: [1, 2]\naxes: {bins: [2, 3]}"), "bins");
  EXPECT_EQ(key("resolution:\naxes: {resolution.a: [0.1, 0.2]}"), "resolution");
  EXPECT_EQ(key("background: [{flat: x}]\naxes: {background.flat: [1, 2]}"), "background[1].flat");
  EXPECT_EQ(key("exposure: 1 keV\nreach: {mu_eff: 1e-12 mu_B, by: exposure, from: 1 t yr, to: 9 t "
                "yr}"),
            "exposure");
  EXPECT_EQ(key("fraction_in: x\ncurves: [{name: a, fraction_in: error}]"), "fraction_in");
  EXPECT_EQ(key("curves: [{name: a, bins: 0}]\naxes: {bins: [2, 3]}"), "curves[1].bins");
  // It need not agree with values that it does not stand beside.
  EXPECT_EQ(read("threshold: 9 keV\naxes: {threshold: [1 keV]}\nupper: 4 keV").axes.size(), 1u);
  EXPECT_EQ(read("upper: 0.1 keV\ncurves: [{name: a, upper: 9 keV}]").curves.size(), 1u);
}

/// The effective study of an axis of tables is read from anywhere, and its hash knows what they
/// hold.
TEST(AxisOfTables, IsWrittenAsThoseOfCurves) {
  const ScratchFolder folder, other;
  const std::string header = "energy_keV,rate_per_tonne_year_keV\n";
  folder.write("a, b.csv", header + "0.1,2\n200,1\n");
  const auto file = folder.write(
      "study.yaml", "axes: {background: [[{table: 'a, b.csv'}, {flat: 1}], [], [xenonnt]]}");
  const auto study = read_study(file);
  const auto again = read_study(other.write("again.yaml", effective_yaml(study)));
  EXPECT_EQ(effective_yaml(again), effective_yaml(study));
  EXPECT_EQ(study_hash(again), study_hash(study));
  folder.write("a, b.csv", header + "0.1,3\n200,1\n");
  EXPECT_NE(study_hash(read_study(file)), study_hash(study));
}

class BadStudy : public testing::TestWithParam<Bad> {};

TEST_P(BadStudy, IsRefusedWhereItIsWrong) {
  const ScratchFolder folder;
  const auto& bad = GetParam();
  const auto file = folder.write("study.yaml", bad.text);
  expect_complaint(complaint([&path = file] { read_study(path); }), file, bad);
}

const Bad bad_studies[]{
    // What is no study at all.
    {"EmptyFile", "", 0, "", "", "a study needs one key at least"},
    {"BrokenYaml", "upper: 9 keV\nbackground: [xenon1t\nbins: 2\n", 3, "", "", "broken YAML"},
    {"TabForIndentation", "mu_eff:\n\tpoints: 3\n", 2, "", "", "indent it with blanks"},
    {"TabBelowATab", "bins: 3\nmu_eff:\n\tpoints: 3\n\tto: 1e-10\n", 3, "", "",
     "indent it with blanks"},
    {"NoBlankAfterTheOnlyColon", "bins:10\n", 1, "", "bins:10", "write 'bins: 10'"},
    {"NoBlankAfterTheFirstColon", "# mine\nbins:10\nupper: 9 keV\n", 2, "", "bins:10",
     "write 'bins: 10'"},
    {"NoBlankAfterALaterColon", "upper: 9 keV\nbins:10\n", 2, "bins:10", "nothing",
     "write 'bins: 10'"},
    {"NoBlankInAMap", "mu_eff: {points:3}\n", 1, "mu_eff.points:3", "nothing", "write 'points: 3'"},
    {"UnclosedQuote", "name: \"abc\nbins: 3\n", 2, "", "", "broken YAML: a quote is not closed"},
    {"UnclosedSingleQuote", "bins: 3\nname: 'abc\n\nupper: 9 keV\n \n", 4, "", "",
     "broken YAML: a quote is not closed"},
    {"UnclosedQuoteInAList", "curves: [{name: \"a}]\nbins: 3\r\n", 2, "", "", "broken YAML"},
    {"UnclosedQuoteAfterABackslash", "name: \"abc\\\n", 1, "", "", "broken YAML"},
    {"DeepNesting", "bins: 3\nupper: " + std::string(20000, '[') + "\n", 2, "", "",
     "too deeply nested"},
    {"DeepBlocks",
     [] {
       std::string text;
       for (int i = 0; i < 20; ++i) text += std::string(i, ' ') + "a:\n";
       return text;
     }(),
     18, "", "", "too deeply nested"},
    {"Nul", std::string("bins: 3\nname: a\0b\n", 17), 0, "", "", "no plain text"},
    {"TwoDocuments", "bins: 3\n---\nbins: 4\n", 2, "", "", "keep one study in a file"},
    {"TopLevelList", "- bins: 3\n", 1, "", "", "a map of keys to values"},
    {"MergeKey", "mu_eff:\n  points: 3\n  <<: {from: 1e-12}\n", 3, "mu_eff.<<", "",
     "write the keys out"},
    {"DuplicateKey", "bins: 3\nupper: 9 keV\nbins: 4\n", 3, "bins", "", "first given on line 1"},
    // Unknown keys.
    {"UnknownKey", "bins: 3\ntreshold: 1 keV\n", 2, "treshold", "1 keV",
     "did you mean 'threshold'?"},
    {"UnknownKeyLikeNoOther", "colour: blue\n", 1, "colour", "blue", "known here: name, channel"},
    {"KeyInCapitals", "BINS: 3\n", 1, "BINS", "3", "did you mean 'bins'?"},
    {"ColumnInCapitals", "background: [{table: t.csv, Energy: {column: 1, unit: keV}}]\n", 1,
     "background[1].Energy", "{column: 1, unit: keV}", "did you mean 'energy'?"},
    {"TableInCapitals", "background: [{Table: t.csv, energy: {column: 1, unit: keV}}]\n", 1,
     "background[1].Table", "t.csv", "did you mean 'table'?"},
    {"UnknownKeyOfOscillation", "oscillation:\n  sin_theta12: 0.3\n", 2, "oscillation.sin_theta12",
     "0.3", "'sin2_theta12'"},
    {"UnknownKeyOfMuEff", "mu_eff: {form: 1e-12}\n", 1, "mu_eff.form", "1e-12",
     "did you mean 'from'?"},
    {"UnknownKeyOfACurve", "curves:\n  - name: A\n    treshold: 1 keV\n", 3, "curves[1].treshold",
     "1 keV", "'threshold'"},
    {"UnknownKeyOfABackground", "background:\n  - xenon1t\n  - {fractoin: 0.1}\n", 3,
     "background[2].fractoin", "0.1", "'fraction'"},
    {"CurvesInsideACurve", "curves: [{name: A, curves: []}]\n", 1, "curves[1].curves", "[]",
     "known here"},
    // Quantities.
    {"MissingUnit", "threshold: 0.3\n", 1, "threshold", "0.3", "the unit is missing"},
    {"WrongUnit", "threshold: 1 tonne year\n", 1, "threshold", "1 tonne year",
     "write for example '0.3 keV'"},
    {"HalfAUnit", "exposure: 40 tonne\n", 1, "exposure", "40 tonne", "'40 tonne year'"},
    {"UnitStuckToNumber", "threshold: 0.3keV\n", 1, "threshold", "0.3keV",
     "write for example '0.3 keV'"},
    {"UnitInWrongCase", "threshold: 0.3 kev\n", 1, "threshold", "0.3 kev",
     "'kev' is neither a number nor a known unit"},
    {"UnitWhereNoneBelongs", "sigma_scale: 1 keV\n", 1, "sigma_scale", "1 keV", "without unit"},
    {"NumberInTwoPieces", "exposure: 1 500 tonne year\n", 1, "exposure", "1 500 tonne year",
     "'40 tonne year'"},
    {"YamlNan", "threshold: .nan keV\n", 1, "threshold", ".nan keV", "write for example '0.3 keV'"},
    {"Nan", "threshold: nan keV\n", 1, "threshold", "nan keV", "not a finite number"},
    {"Infinite", "upper: inf keV\n", 1, "upper", "inf keV", "not a finite number"},
    {"YamlInfinite", "sigma_scale: .inf\n", 1, "sigma_scale", ".inf",
     "write a finite number without unit"},
    {"ProductThatOverflows", "exposure: 1e200 x 1e200 tonne year\n", 1, "exposure",
     "1e200 x 1e200 tonne year", "finite"},
    {"ConversionThatOverflows", "upper: 1e308 GeV\n", 1, "upper", "1e308 GeV", "finite"},
    {"NegativeEnergy", "threshold: -1 keV\n", 1, "threshold", "-1 keV", "above zero"},
    {"NegativeExposure", "exposure: -1 tonne year\n", 1, "exposure", "-1 tonne year", "above zero"},
    {"NegativeResolution", "resolution: {a: -0.1}\n", 1, "resolution.a", "-0.1", "positive"},
    {"TinyResolution", "resolution: {b: 1e-9}\n", 1, "resolution.b", "1e-9", "1e-6"},
    {"ResolutionKey", "resolution: {sigma: 0.1}\n", 1, "resolution.sigma", "0.1",
     "known here: a, b"},
    {"LowestEnergyWithoutUnit", "resolution: {lowest_energy: 0.1}\n", 1, "resolution.lowest_energy",
     "0.1", "keV"},
    {"ZeroScale", "sigma_scale: 0\n", 1, "sigma_scale", "0", "above zero"},
    {"TinyThreshold", "threshold: 0.1 eV\n", 1, "threshold", "0.1 eV", "0.001 keV or more"},
    {"ThresholdAboveUpper", "bins: 3\nthreshold: 9 keV\nupper: 8 keV\n", 2, "threshold", "9 keV",
     "8 keV"},
    {"ThresholdAboveDefaultUpper", "channel: nuclear\nthreshold: 5 keV\n", 2, "threshold", "5 keV",
     "raise 'upper'"},
    {"UpperBelowDefaultThreshold", "upper: 0.1 keV\n", 1, "upper", "0.1 keV", "0.3 keV"},
    {"BinBelowTheRoundingOfDoubles", "threshold: 1 keV\nupper: 1.0000000000000002 keV\n", 2,
     "upper", "1.0000000000000002 keV", "fewer bins or a wider range"},
    {"BinsOfRoundingErrors", "threshold: 1 keV\nbins: 1000\nupper: 1.0000000000001 keV\n", 3,
     "upper", "1.0000000000001 keV", "fewer bins or a wider range"},
    {"NarrowBinsBelowTheDefaultUpper", "threshold: 104.9999999 keV\n", 1, "threshold",
     "104.9999999 keV", "fewer bins or a wider range"},
    {"BinsOfAnAxisTooNarrow", "threshold: 1 keV\nupper: 1.0001 keV\naxes:\n  bins: [1, 1000000]\n",
     2, "upper", "1.0001 keV", "fewer bins or a wider range"},
    {"BinsOfTwoAxesTooNarrow",
     "threshold: 1 keV\naxes:\n  upper: [1.0001 keV, 9 keV]\n  bins: [1, 1000000]\n", 3,
     "axes.upper[1]", "1.0001 keV", "fewer bins or a wider range"},
    {"BinsOfThreeAxesTooNarrow",
     "axes:\n  threshold: [0.1 keV, 1 keV]\n  upper: [1.0005 keV, 9 keV]\n  bins: [1, 1000000]\n",
     3, "axes.upper[1]", "1.0005 keV", "fewer bins or a wider range"},
    {"NoBreakSpace", "threshold: 1\u00a0keV\n", 1, "threshold", "1\u00a0keV",
     "'1\\xc2\\xa0keV' is neither a number nor a known unit"},
    // Numbers.
    {"ZeroBins", "bins: 0\n", 1, "bins", "0", "from 1 to 1000000"},
    {"NegativeBins", "bins: -3\n", 1, "bins", "-3", "from 1 to 1000000"},
    {"FractionalBins", "bins: 2.5\n", 1, "bins", "2.5", "whole number"},
    {"BinsInWords", "bins: many\n", 1, "bins", "many", "number"},
    {"NoBins", "upper: 9 keV\nbins:\n", 2, "bins", "nothing", "a single value"},
    {"WeakMixingAngle", "sin2_theta_w: 1.2\n", 1, "sin2_theta_w", "1.2", "above 0 and below 1"},
    {"Theta12", "oscillation: {sin2_theta12: -0.1}\n", 1, "oscillation.sin2_theta12", "-0.1",
     "above 0 and below 1"},
    {"Theta13", "oscillation:\n  sin2_theta13: 1\n", 2, "oscillation.sin2_theta13", "1",
     "from 0 and below 1"},
    {"NoConfidence", "confidence_level: 0\n", 1, "confidence_level", "0",
     "from 1e-06 and below 0.999999999999"},
    {"FullConfidence", "confidence_level: 1\n", 1, "confidence_level", "1",
     "from 1e-06 and below 0.999999999999"},
    {"TooMuchConfidence", "confidence_level: 1.5\n", 1, "confidence_level", "1.5",
     "from 1e-06 and below 0.999999999999"},
    {"Accuracy", "accuracy: 1e-20\n", 1, "accuracy", "1e-20", "from 1e-12 to 1e-3"},
    {"MuEffBackwards", "mu_eff: {from: 1e-9, to: 1e-12}\n", 1, "mu_eff", "{from: 1e-9, to: 1e-12}",
     "ascending"},
    {"MuEffOnePoint", "mu_eff:\n  points: 1\n", 2, "mu_eff.points", "1", "from 2 to"},
    {"MuEffZero", "mu_eff: {from: 0}\n", 1, "mu_eff.from", "0", "from 1e-20"},
    // Names.
    {"SolarModel", "solar_model: bs05\n", 1, "solar_model", "bs05",
     "known: bs05op, bs05agsop, b16gs98, b16agss09"},
    {"B8Spectrum", "b8_spectrum: winter\n", 1, "b8_spectrum", "winter",
     "known: bahcall1996, winter2006"},
    {"Target", "target: xenom\n", 1, "target", "xenom",
     "did you mean 'xenon'? known: argon, germanium, xenon"},
    {"Statistic", "statistic: count\n", 1, "statistic", "count", "did you mean 'counts'?"},
    {"Channel", "channel: muon\n", 1, "channel", "muon", "known: electron, nuclear"},
    {"Electrons", "electrons: bound\n", 1, "electrons", "bound", "known: free, stepping"},
    {"FractionIn", "fraction_in: sigma\n", 1, "fraction_in", "sigma", "known: variance, error"},
    {"Component", "components:\n  - b8\n  - b9\n", 3, "components[2]", "b9", "did you mean 'b8'?"},
    {"ComponentTwice", "components: [b8, pp, b8]\n", 1, "components[3]", "b8", "keep one"},
    {"Background", "background: [xenon1]\n", 1, "background[1]", "xenon1",
     "did you mean 'xenon1t'?"},
    {"StudyNameWithSlash", "name: a/b\n", 1, "name", "a/b", "without '/'"},
    {"NameThatIsNotUtf8", "name: caf\xe9\n", 1, "name", "caf\xe9", "UTF-8"},
    {"NameOfHalfACharacter", "name: a\xed\xa0\x80\n", 1, "name", "a\xed\xa0\x80", "UTF-8"},
    {"NameOfTwoLines", "name: \"a\\u2028b\"\n", 1, "name", "a\u2028b", "use plain text"},
    // Forms.
    {"ListForANumber", "bins: [1, 2]\n", 1, "bins", "[1, 2]", "a single value"},
    {"MapForAQuantity", "exposure: {tonne: 1}\n", 1, "exposure", "{tonne: 1}", "'40 tonne year'"},
    {"ListForAWord", "target: [xenon]\n", 1, "target", "[xenon]", "known: argon"},
    {"WordForAList", "components: b8\n", 1, "components", "b8", "a list of components"},
    {"WordForBackgrounds", "background: xenon1t\n", 1, "background", "xenon1t",
     "for example [xenon1t]"},
    {"BackgroundAsMap", "background: {flat: 1}\n", 1, "background", "{flat: 1}",
     "write [{flat: 1}]"},
    {"ColumnsWithoutATable",
     "background: [{energy: {column: 1, unit: keV}, rate: {column: 2, unit: dru}}]\n", 1,
     "background[1]", "{energy: {column: 1, unit: keV}, rate: {column: 2, unit: dru}}",
     "name its file: {table: FILE"},
    {"ColumnWithoutATable", "background: [{energy: {column: 1, unit: keV}}]\n", 1, "background[1]",
     "{energy: {column: 1, unit: keV}}", "name its file: {table: FILE"},
    {"BackgroundOfTwoKeys", "background: [{flat: 1, fraction: 1}]\n", 1, "background[1]",
     "{flat: 1, fraction: 1}", "a map of one key"},
    {"NumberForAMap", "mu_eff: 5\n", 1, "mu_eff", "5", "its keys: from, to, points"},
    {"CurvesAsMap", "curves: {name: A}\n", 1, "curves", "{name: A}", "write '- name: ...'"},
    {"NoCurves", "bins: 3\ncurves: []\n", 2, "curves", "[]", "list one curve"},
    {"CurveWithoutName", "curves:\n  - {name: A}\n  - {bins: 3}\n", 3, "curves[2]", "{bins: 3}",
     "give each curve a 'name'"},
    {"CurveAsWord", "curves: [A]\n", 1, "curves[1]", "A", "a map is expected"},
    {"CurvesOfOneName", "curves:\n  - name: A\n  - name: A\n", 3, "curves[2].name", "A",
     "a name of its own"},
    // Backgrounds.
    {"NegativeFraction", "background: [{fraction: -0.1}]\n", 1, "background[1].fraction", "-0.1",
     "zero or a positive"},
    {"FlatNan", "background: [{flat: nan}]\n", 1, "background[1].flat", "nan", "finite"},
    {"ElectronRecoilsOnNuclear", "channel: nuclear\nbackground:\n  - xenon1t\n", 3, "background[1]",
     "xenon1t", "channel nuclear"},
    {"DoubleBetaOnArgon", "target: argon\nbackground: [xe136_2nbb]\n", 2, "background[1]",
     "xe136_2nbb", "argon holds no 136Xe"},
    {"SteppingOnArgon", "target: argon\nelectrons: stepping\n", 2, "electrons", "stepping",
     "electrons: free"},
    {"MissingTable", "background: [{table: nope.csv}]\n", 1, "background[1].table", "nope.csv",
     "No such file"},
    {"TableThatCannotBeReadToItsEnd", "background: [{table: /proc/self/mem}]\n", 1,
     "background[1].table", "/proc/self/mem", "cannot be read: Input/output error"},
    {"FolderAsTable", "background: [{table: .}]\n", 1, "background[1].table", ".", "name a file"},
};

INSTANTIATE_TEST_SUITE_P(File, BadStudy, testing::ValuesIn(bad_studies), name_of);

TEST(BadStudyFile, ThatCannotBeReadIsNamed) {
  const ScratchFolder folder;
  for (const auto& [file, says] : {std::pair{folder.path() / "none.yaml", "No such file"},
                                   std::pair{fs::path("/proc/self/mem"), "cannot be read"},
                                   std::pair{folder.path(), "this is a folder"}})
    expect_complaint(complaint([&path = file] { read_study(path); }), file,
                     {"", "", 0, "", "", says});
}

TEST(BadStudyFile, GivesNoNameThatCouldNotBeWrittenInside) {
  const ScratchFolder folder;
  for (const char* name : {".yaml", "caf\xe9.yaml"}) {
    const auto file = folder.write(name, "bins: 3\n");
    expect_says(complaint([&] { read_study(file); }), "name");
  }
}

TEST(BadStudyFile, FaultOfOneCurveNamesTheCurve) {
  const ScratchFolder folder;
  const auto file = folder.write(
      "s.yaml", "threshold: 1 keV\ncurves: [{name: A},\n  {name: B, upper: 0.5 keV}]\n");
  const auto problem = complaint([&] { read_study(file); });
  EXPECT_EQ(problem.location.line, 3);
  EXPECT_EQ(problem.location.key, "curves[2].upper");
}

class BadTable : public testing::TestWithParam<Bad> {};

TEST_P(BadTable, IsRefusedAtItsOwnFileAndLine) {
  const ScratchFolder folder;
  const auto& bad = GetParam();
  const auto table = folder.write("table.csv", bad.text);
  const auto study = folder.write("study.yaml", "background: [{table: table.csv}]\n");
  expect_complaint(complaint([&] { read_study(study); }), table, bad);
}

const std::string energy = "energy_keV", rate = "rate_per_tonne_year_keV",
                  header = energy + "," + rate + "\n";
const Bad bad_tables[]{
    {"Text", header + "1,2\nx,3\n", 3, energy, "x", "1.5 or 2e-3"},
    {"Nan", header + "1,nan\n2,3\n", 2, rate, "nan", "not a finite number"},
    {"Unsorted", header + "# a comment\n1,2\n0.5,3\n", 4, energy, "0.5 keV", "sort the rows"},
    {"EnergyTwice", header + "1,2\n1,3\n", 3, energy, "1 keV", "remove doubles"},
    {"NegativeRate", header + "\n1,2\n2,-3\n", 4, rate, "-3", "zero or more"},
    {"TooFewColumns", header + "1,2\n2\n", 3, "", "2", "complete the row"},
    {"TooManyColumns", header + "1,2,3\n2,3\n", 2, "", "1,2,3", "too many columns"},
    {"NoUnit", "# a comment\nenergy_keV,rate\n1,2\n2,3\n", 1, "", "# a comment",
     "say which columns these are: {table: table.csv, energy: {column: 1, unit: keV}, rate: "
     "{column: 2, "
     "unit: 1/(tonne year keV)}}"},
    {"NoHeader",
     "\xef\xbb\xbf"
     "9.87e-1 2.52e-5\n1.2 3e-5\n",
     1, "", "9.87e-1 2.52e-5", "say which columns"},
    {"TwoEnergies", "E [keV],ER [keV],rate [1/t/yr/keV]\n1,1,2\n2,2,3\n", 1, "",
     "E [keV],ER [keV],rate [1/t/yr/keV]", "two columns may be the energy"},
    {"DecimalComma", "E [keV];rate [1/t/yr/keV]\n0,5;2,25\n1,5;2,5\n", 2, "", "0,5;2,25",
     "write them with a point"},
    {"ARowThatDoesNotFit", "E [keV];rate [1/t/yr/keV]\n0.5;2\n1.5;x\n", 3, "rate", "x",
     "1.5 or 2e-3"},
    {"RateInAnotherUnit", "E [keV];rate [1/yr/keV]\n0.5;2\n1.5;3\n", 1, "",
     "E [keV];rate [1/yr/keV]", "'1/yr/keV' is no unit of the rate"},
    {"Prose", "a table\nof no numbers\n", 1, "", "a table", "not said which column"},
    {"OneRow", header + "1,2\n", 0, energy, "", "two rows at least"},
    {"NoRows", header, 0, energy, "", "two rows at least"},
};
INSTANTIATE_TEST_SUITE_P(Background, BadTable, testing::ValuesIn(bad_tables), name_of);

TEST(BadTableFile, ThatIsEmptyIsNamedWithTheStudysLine) {
  const ScratchFolder folder;
  const auto table = folder.write("table.csv", "");
  const auto study = folder.write("study.yaml", "bins: 3\nbackground:\n  - table: table.csv\n");
  const auto problem = complaint([&] { read_study(study); });
  expect_says(problem, study + ":3: background[1].table: " + table + ": the table is empty");
}

class BadOverride : public testing::TestWithParam<Bad> {};

TEST_P(BadOverride, IsRefusedNamingTheOptionAndNoLine) {
  const ScratchFolder folder;
  const auto& bad = GetParam();
  const auto study = folder.write("study.yaml", "curves:\n  - name: A\n  - {name: B, bins: 4}\n");
  expect_complaint(complaint([&] { read_study(study, {bad.text}); }), "--set " + bad.text, bad);
}

const Bad bad_overrides[]{
    {"NoEqualsSign", "bins", 0, "", "", "write for example --set bins=20"},
    {"NoPath", "=3", 0, "", "", "PATH=VALUE"},
    {"UnknownKey", "treshold=1 keV", 0, "treshold", "1 keV", "did you mean 'threshold'?"},
    {"UnknownNestedKey", "mu_eff.form=1e-12", 0, "mu_eff.form", "1e-12", "did you mean 'from'?"},
    {"UnknownCurve", "curves.NOPE.bins=3", 0, "curves.NOPE.bins", "", "its curves: A, B"},
    {"CurveWithoutKey", "curves.A=3", 0, "curves.A", "", "its curves: A, B"},
    {"UnknownKeyOfACurve", "curves.A.treshold=1 keV", 0, "curves.A.treshold", "1 keV",
     "'threshold'"},
    {"BadNumber", "bins=0", 0, "bins", "0", "from 1 to 1000000"},
    {"NoValue", "bins=", 0, "bins", "nothing", "a single value"},
    {"NoUnit", "curves.A.threshold=1", 0, "curves.A.threshold", "1", "the unit is missing"},
    {"ListForANumber", "bins=[1, 2]", 0, "bins", "[1, 2]", "a single value"},
    {"ItemOfAList", "components=[b8, b9]", 0, "components[2]", "b9", "did you mean 'b8'?"},
    {"KeyOfAMap", "mu_eff={points: 1}", 0, "mu_eff.points", "1", "from 2 to"},
    {"BrokenYaml", "background=[xenon1t", 0, "background", "", "broken YAML"},
    {"SomethingAfterAList", "bins=[1],", 0, "bins", "", "something after the end of the value"},
    {"SomethingAfterAMap", "mu_eff={points: 5},", 0, "mu_eff", "", "one value in a setting"},
    {"KeyOfABackground", "background.flat=1", 0, "background", "{flat: 1}",
     "write --set 'background=[{flat: 1}]'"},
    {"MissingTable", "background=[{table: nope.csv}]", 0, "background[1].table", "nope.csv",
     "No such file"},
};
INSTANTIATE_TEST_SUITE_P(Option, BadOverride, testing::ValuesIn(bad_overrides), name_of);

TEST(Overrides, ReachEveryPlace) {
  const ScratchFolder folder;
  const auto file =
      folder.write("s.yaml", "curves: [{name: A}, {name: 5% sigma x 0.1}, {name: A.b}]\n");
  const auto study =
      read_study(file, {"oscillation.sin2_theta13=0.02", "curves.A.oscillation.sin2_theta12=0.3",
                        "curves.5% sigma x 0.1.bins=7", "curves.A.b.bins=9", "components=[be7, pp]",
                        "exposure=40 tonne x 2 year", "bins=1", "bins=5"});
  ASSERT_EQ(study.curves.size(), 3u);
  const auto &a = study.curves[0], &dotted = study.curves[1], &longer = study.curves[2];
  EXPECT_EQ(a.bins, 5) << "the last --set of a key wins";
  EXPECT_EQ(dotted.bins, 7);
  EXPECT_EQ(longer.bins, 9) << "the longest curve name that fits wins";
  EXPECT_EQ(a.flux.components, (std::vector<std::string>{"pp", "be7"}));
  EXPECT_EQ(a.exposure, 80);
  EXPECT_EQ(a.flux.oscillation.sin2_theta12, 0.3);
  EXPECT_EQ(dotted.flux.oscillation.sin2_theta12, Oscillation{}.sin2_theta12);
  EXPECT_EQ(dotted.flux.oscillation.sin2_theta13, 0.02);
}

TEST(Curves, ReplaceAKeyOfTheStudyWhole) {
  const ScratchFolder folder;
  const auto study = read_study(folder.write(
      "s.yaml",
      "mu_eff: {from: 1e-12, points: 5}\nbackground: [xenon1t]\nbins: 3\n"
      "curves: [{name: A}, {name: B, mu_eff: {points: 7}, background: [{flat: 2}]}]\n"));
  EXPECT_EQ(study.curves[0].mu_eff, (MuGrid{1e-12, 1e-9, 5}));
  EXPECT_EQ(study.curves[1].mu_eff, (MuGrid{1e-13, 1e-9, 7})) << "from is the default's again";
  EXPECT_EQ(study.curves[1].background_label(), "flat 2");
  EXPECT_EQ(study.curves[1].bins, 3);
}

TEST(EffectiveYaml, ReadsBackAsTheSameStudy) {
  const ScratchFolder folder;
  folder.write("table.csv", header + "0.1,2.5\n300,1e-3\n");
  std::vector<std::string> studies{
      folder.write("table.yaml", "background: [{table: table.csv}, {fraction: 0.3}, darwin]\n"),
      folder.write("numbers.yaml",
                   "threshold: 0.1234567890123456789 MeV\nupper: 987654.321 eV\n"
                   "exposure: 3 kg x 7 days\nsigma_scale: 0.3333333333333333\n"),
      folder.write("names.yaml",
                   "curves: [{name: '~'}, {name: 'null'}, {name: 'a: b # \"c\"'}, "
                   "{name: ' d '}, {name: '- e'}, {name: µ}]\n")};
  for (const auto& entry : fs::directory_iterator(test::source_dir / "configs"))
    if (entry.path().extension() == ".yaml") studies.push_back(entry.path().string());
  EXPECT_GT(studies.size(), 3u);
  const ScratchFolder elsewhere;
  for (const auto& file : studies) {
    SCOPED_TRACE(file);
    const auto study = read_study(file);
    const auto text = effective_yaml(study);
    const auto again = read_study(elsewhere.write("again.yaml", text));
    EXPECT_EQ(effective_yaml(again), text);
    EXPECT_EQ(study_hash(again), study_hash(study));
  }
}

/// What was written in another unit than keV, or is the edge of a bin, keeps its few digits.
TEST(EnergyText, HoldsNoNoiseOfConversions) {
  const ScratchFolder folder;
  const auto curve =
      read_study(folder.write("s.yaml", "threshold: 30 eV\nupper: 0.06 keV\nbins: 3\n")).curves[0];
  EXPECT_EQ(energy_text(curve.threshold), "30 eV");
  EXPECT_EQ(energy_text(curve.upper), "0.06 keV");
  EXPECT_EQ(energy_text(0), "0 keV");
  for (int bin = 0; bin <= 3; ++bin)
    EXPECT_EQ(energy_in_keV(curve.lower_edge(bin)), (30.0 + 10 * bin) / 1000);
  folder.write("t.csv", "E [eV],rate [dru]\n30,1\n30,2\n");
  const auto file = folder.write("t.yaml", "background: [{table: t.csv}]\n");
  EXPECT_EQ(complaint([&] { read_study(file); }).location.value, "0.03 keV");
}

TEST(StudyHash, ChangesWithTheContentsOfATable) {
  const ScratchFolder folder;
  const auto study = folder.write("s.yaml", "background: [{table: table.csv}]\n");
  folder.write("table.csv", header + "1,2\n2,3\n");
  const auto before = study_hash(read_study(study));
  folder.write("table.csv", header + "1,2\n2,4\n");
  EXPECT_NE(study_hash(read_study(study)), before);
}

}  // namespace
}  // namespace magnu
