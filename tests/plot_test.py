"""scripts/plot draws studies with axes (slices, a reach study, a surface) and without, with published limits; and says
what is wrong with its options.

Usage: plot_test.py MAGNU SOURCE_DIR
"""
import colorsys
import math
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

STUDY = """\
bins: 4
mu_eff: {from: 1e-13, to: 1e-9, points: 101}
curves: [{name: electron, channel: electron}, {name: nuclear, channel: nuclear, upper: 6 keV}]
axes:
  exposure: {from: 1 tonne year, to: 100 tonne year, points: 3, spacing: log}
  threshold: [0.3 keV, 1 keV, 5 keV]
  background.flat: [0.1, 10]
"""
REACH = ("--set", "reach={mu_eff: 5e-12 mu_B, by: exposure, from: 0.1 tonne year, to: 9 tonne year}",
         "--set", "axes={threshold: [0.3 keV, 1 keV, 3 keV], background.flat: [0.1, 1, 10]}")
WORDS = ("--set", "axes={target: [xenon, argon, germanium]}", "--set", "curves.nuclear.threshold=5 keV",
         "--set", "curves.electron.confidence_level=0.95")
LEVELS = ("--set", "axes={confidence_level: [0.9, 0.95], exposure: [1 tonne year, 9 tonne year]}")

# Of studies without axes, and of reach without them.
CURVES = """\
bins: 20
mu_eff: {from: 1e-13, to: 1e-9, points: 101}
curves:
  - {name: counts, channel: electron}
  - {name: density, channel: electron, statistic: density, exposure: 10 tonne year, background: [darwin]}
  - {name: nothing, channel: nuclear, threshold: 5 keV, upper: 6 keV}
"""
MANY = "bins: 30\nbackground: [darwin]\ncurves:\n" + "".join(
    f"  - {{name: detector {n}, exposure: {n} tonne year}}\n" for n in range(1, 17))
LIKELIHOODS = """
statistic: poisson
bins: 4
threshold: 1 keV
upper: 9 keV
background: [{flat: 2, uncertainty: 10 %}]
axes:
  exposure: [1 t yr, 10 t yr, 100 t yr]
"""
COUNTS = """\
statistic: poisson
bins: 4
threshold: 1 keV
upper: 9 keV
curves:
  - {name: uncertain, background: [{flat: 2, uncertainty: 10 %}], counts: [25, 10, 9, 8]}
  - {name: exact, background: [{flat: 2}], uncertainties: {flux: none}}
axes:
  exposure: [3 t yr, 1 t yr]
"""
TOYS = """\
statistic: poisson
bins: 3
threshold: 1 keV
upper: 7 keV
background: [{flat: 2, uncertainty: 10 %}]
curves:
  - {name: fc, interval: {test: feldman-cousins, toys: 200}, counts: [21, 9, 8]}
  - {name: cls, interval: {test: cls, method: toys, toys: 200}}
  - {name: formulae}
"""
TOY_GRID = """\
statistic: poisson
bins: 3
threshold: 1 keV
upper: 7 keV
background: [{flat: 2, uncertainty: 10 %}]
curves: [{name: formulae}, {name: fc, interval: {test: feldman-cousins, toys: 200}}]
axes:
  exposure: [1 t yr, 0.1 t yr, 0.01 t yr]
  background.flat: [1, 10]
"""
JOINT = """\
statistic: poisson
uncertainties: {exposure: 2 %}
curves:
  - {name: er, bins: 4, upper: 9 keV, threshold: 1 keV, counts: [25, 10, 9, 8],
     background: [{flat: 2, uncertainty: 10 %}]}
  - {name: nr, bins: 3, upper: 3 keV, channel: nuclear, counts: [170, 30, 2],
     background: [{flat: 0.1, uncertainty: 20 %}]}
joint: [{name: both, of: [er, nr]}]
"""
JOINT_AXES = "axes: {exposure: [1 t yr, 10 t yr]}\n"
PLAIN_REACH = """\
reach: {mu_eff: 5e-12 mu_B, by: exposure, from: 0.1 tonne year, to: 9 tonne year}
curves: [{name: electron, channel: electron}, {name: nuclear, channel: nuclear}, {name: far, background: [{flat: 90}]}]
"""
MIXED = "curves:\n" + "".join(
    f"  - {{name: detector {n} for {kind} recoils, channel: {kind}, exposure: {n} tonne year, upper: {upper} keV}}\n"
    for n in range(1, 9) for kind, upper in (("electron", 100), ("nuclear", 6)))
NOTHING = "{channel: nuclear, threshold: 5 keV, upper: 6 keV, curves: [{name: a}, {name: b}]}\n"
BEYOND = """\
bins: 200
mu_eff: {from: 1e-12, to: 1e-9, points: 101}
curves: [{name: huge, exposure: 1e8 tonne year}, {name: small, exposure: 1e-9 tonne year}]
"""
BOUNDS = """\
# Two of them within the frame of an electron detector.
name,mu_eff_mu_B,reference,confidence_level,kind,lower_mu_B
near,5e-12,first (2001),0.9,limit,
band,7e-12,second (2002),0.9,interval,4e-12
stars,3e-12,second (2002),,limit,
strong,1e-14,third (2003),0.95,limit,
weak,2e-8,fourth (2004),0.9,limit,
"""
WRONG_BOUNDS = [("x,0,a,,,", "mu_eff_mu_B is not a positive number"), ("x,1e-11,a,90,,", "between 0 and 1"),
                ("x,1e-11,a,0.9,guess,", "kind guess is not known; there are limit, interval"),
                ("x,1e-11,a,0.9,limit,1e-12", "lower_mu_B"), ("x,1e-11,a,0.9,interval,", "lower_mu_B"),
                ("x,1e-11,a,often,,", "often")]

# Of a study: the options, the names of the figures, the notes.
NEAREST = "--at background.flat=9: not in the study; taken is the nearest, 10 1/(tonne year keV)"
BLANK = "nothing excluded: nuclear: 1 of 3 values of threshold, 5 keV"
DRAWN = [("map", (), ["limits-map"], []),
         ("map", ("--axes", "exposure,threshold", "--at", "background.flat=9"),
          ["limits-map_exposure-threshold_background.flat=9"], [NEAREST]),
         ("map", ("--at", "background.flat=10 1/(tonne year keV)"), ["limits-map_background.flat=10"], []),
         ("map", ("--axes", "threshold", "--at", "curve=nuclear"), ["limits-line_threshold_curve=nuclear"],
          ["nothing excluded: 1 of 3 values of threshold, 5 keV"]),
         ("map", ("--axes", "threshold", "--at", "exposure=1", "--at", "background.flat=0.1"),
          ["limits-line_threshold_exposure=1_background.flat=0.1"], [BLANK]),
         ("reach", (), ["limits-map"], []),
         ("reach", ("--axes", "threshold"), ["limits-line_threshold"],
          ["no value in range does: nuclear: all 3 values of threshold"]),
         ("words", (), ["limits-line"], ["nothing excluded: nuclear, 90% CL: 1 of 3 values of target, xenon"]),
         ("surface", (), ["limits-map", "surface"], []),
         ("surface", ("--axes", "exposure"), ["limits-line_exposure", "surface_exposure"], []),
         ("surface", ("--at", "exposure=1", "--at", "threshold=1", "--at", "background.flat=0.1",
                      "--at", "curve=electron"),
          ["surface_curve=electron_threshold=1_exposure=1_background.flat=0.1"], [])]
REFUSED = [(("--axes", "depth"), "it has curve, threshold, exposure, background.flat"),
           (("--axes", "exposure,curve"), "free are: threshold, exposure, background.flat"),
           (("--axes", "exposure", "--at", "exposure=1"),
            "exposure is fixed by --at; free are: threshold, background.flat"),
           (("--at", "threshold=1", "--at", "threshold=5"), "--at threshold=5: threshold is given twice"),
           (("--at", "threshold"), "the axes are curve, threshold, exposure, background.flat"),
           (("--at", "threshold=low"), "from 0.3 to 5 would do"),
           (("--at", "curve=muon"), "there are electron, nuclear")]


def words_of(figure):
    """All text of a figure; none of it may leave the canvas, nor a legend beside a panel cover the panel."""
    from matplotlib.legend import Legend
    from matplotlib.text import Text
    figure.canvas.draw()
    renderer, texts = figure.canvas.get_renderer(), []
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip():
            box = text.get_window_extent(renderer)
            inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
            assert inside or text.get_clip_on(), (text, box)
            texts.append(text.get_text())
    for legend in figure.findobj(Legend):
        box = legend.get_window_extent(renderer)
        assert not any(box.overlaps(axes.bbox) for axes in figure.axes), box
    return "\n".join(texts).replace("\u00a0", " ")


def check_looks(folder, source):
    """What the figures say and show, read off their parts."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(source / "scripts"))
    import magnu_plot
    import magnu_plot_axes
    import magnu_plot_grid
    magnu_plot.set_style()

    def draw(study, shown=None, *fixed):
        limits = magnu_plot_grid.read_limits(str(folder / study / "limits.h5"), shown, fixed)
        return {name.split("_")[0]: figure for name, figure in magnu_plot_axes.figures(limits)}

    def hatched(figure):
        return [patch for patch in figure.axes[0].patches if patch.get_hatch()]

    def crosses(figure):
        return [line for line in figure.axes[0].lines if line.get_marker() == "x" and len(line.get_xdata())]

    # The confidence level, unless it is an axis; by curve where they differ.
    assert "limits at 90% CL" in words_of(draw("map")["limits-map"])
    assert "at 90% CL" in words_of(draw("reach")["limits-map"])
    assert " CL" not in words_of(draw("levels")["limits-map"])
    both = words_of(draw("words")["limits-line"])
    assert "electron, 95% CL" in both and "nuclear, 90% CL" in both and "limits at" not in both, both
    assert "limits at 95% CL" in words_of(draw("words", None, "curve=electron")["limits-line"])

    # Gaps: a cross where one line ends, hatching where all do, from the last value on; over words, a strip on top.
    one, two = (draw("map", "threshold", *fixed)["limits-line"] for fixed in (["curve=nuclear"], []))
    assert "beyond this end: nothing excluded" in words_of(one) and "beyond this end: nothing excluded" in words_of(two)
    assert all([list(line.get_xdata()) for line in crosses(figure)] == [[1]] for figure in (one, two))
    assert not hatched(two) and [patch.get_x() for patch in hatched(one)] == [1]
    assert one.axes[0].get_xlim()[1] >= 5
    strip = draw("words")["limits-line"]
    assert len(hatched(strip)) == 1 and len(crosses(strip)) == 1 and round(crosses(strip)[0].get_xdata()[0]) == 0

    # Reach: the range in the title, what is lacking in the legend.
    reach = words_of(draw("reach", "threshold")["limits-line"])
    assert "sought from 0.1 to 9 tonne year" in reach and "nuclear: no value in range does" in reach, reach

    # The surface: a hue and dashes for each curve, shades in it; the limits lie on the named line.
    surface = draw("surface")["surface"]
    said = words_of(surface)
    assert "electron" in said and "nuclear" in said and "5 keV: nothing excluded" in said and "90% CL" in said, said
    lines = [line for line in surface.axes[0].lines if len(line.get_xdata()) > 2]
    hues = [round(colorsys.rgb_to_hsv(*line.get_color()[:3])[0], 1) for line in lines]
    assert len(lines) == 6 and len(set(hues[:3])) == len(set(hues[3:])) == 1 and hues[0] != hues[3], hues
    assert len({tuple(line.get_color()) for line in lines}) == 6
    assert [line.get_linestyle() for line in lines] == ["-"] * 3 + ["--"] * 3
    for name in "map", "reach", "words", "levels", "surface":
        for figure in draw(name).values():
            words_of(figure)


def lines_at(axes, value, side="x"):
    """The lines across a panel at a moment."""
    found = [line for line in axes.lines if line.get_transform() != axes.transAxes and len(line.get_xdata()) == 2]
    return [line for line in found if list(getattr(line, f"get_{side}data")()) == [value, value]]


def check_flags(axes):
    """Names over a panel: none on a stem, and each of them beside one."""
    renderer = axes.figure.canvas.get_renderer()
    stems = [line.get_window_extent(renderer) for line in axes.lines
             if line.get_transform() == axes.transAxes and len(set(line.get_xdata())) == 1]
    names = [text for text in axes.texts if text.get_text().endswith("]") and not text.get_text().startswith("←")]
    assert len(names) == len(stems), (names, stems)
    for name in names:
        box = name.get_window_extent(renderer)
        assert not any(box.x0 < stem.x0 < box.x1 and stem.y1 > box.y0 for stem in stems), name
        edge = box.x0 if name.get_ha() == "left" else box.x1
        assert any(abs(edge - stem.x0) < 0.06 * axes.figure.dpi and stem.y1 > box.y1 for stem in stems), name


def check_bounds(folder):
    """Published limits, in each kind of figure with the moment along a side."""
    import magnu_plot_axes
    import magnu_plot_bounds
    import magnu_plot_curves
    import magnu_plot_grid
    import magnu_plot_results
    import numpy
    bounds = magnu_plot_bounds.read_bounds(str(folder / "bounds.csv"))

    def of_curves(study, with_bounds=bounds):
        limits, name = magnu_plot_results.read_results(str(folder / study))
        return limits, dict(magnu_plot_curves.figures(limits, with_bounds, name))

    def of_axes(study, shown=None, *fixed, with_bounds=bounds):
        limits = magnu_plot_grid.read_limits(str(folder / study / "limits.h5"), shown, fixed)
        return {name.split("_")[0]: figure for name, figure in magnu_plot_axes.figures(limits, with_bounds)}

    # Within the frame: a line, dashed unless at 90 % CL, a band for an interval, its name; outside an arrow, a value.
    _, figures = of_curves("curves")
    figure, text = figures["limits"], words_of(figures["limits"])
    panel = figure.axes[0]
    assert [line.get_linestyle() for line in lines_at(panel, 5e-12)] == ["-"]
    assert [line.get_linestyle() for line in lines_at(panel, 3e-12)] == ["--"]
    assert not lines_at(panel, 1e-14) and not lines_at(panel, 2e-8)
    low, high = panel.get_xlim()
    assert low < 3e-12 and 7e-12 < high and any(patch.get_extents().width > 0 for patch in panel.patches)
    for expected in ("near [3]", "stars (no CL) [2]", "band (interval) [2]",
                     "← strong (95% CL) $1\\times10^{-14}$ [1]", "weak $2\\times10^{-8}$ [4] →",
                     "Published, at 90% CL unless", "[1] third (2003)", "[4] fourth (2004)"):
        assert expected in text, (expected, text)
    assert text.count("second (2002)") == 1, text
    _, bare = of_curves("curves", [])
    assert "Published" not in words_of(bare["limits"]) and not lines_at(bare["limits"].axes[0], 5e-12)

    # No stem of a flag passes through a name, of the shipped table neither, and each name stands at its own stem.
    shipped = magnu_plot_bounds.read_bounds(str(SOURCE / "data/bounds.csv"))
    for study in "curves", "many", "mixed", "beyond", "single", "surface":
        for table in bounds, shipped:
            figures = (of_axes(study, None, with_bounds=table) if (folder / study / "limits.h5").exists() else
                       of_curves(study, table)[1])
            for name, figure in figures.items():
                words_of(figure)
                for panel in figure.axes if name in ("limits", "limits-dots", "surface") else []:
                    check_flags(panel)

    # An interval outside the frame tells both ends.
    interval, = [bound for bound in bounds if bound.lower is not None]
    assert magnu_plot_bounds.value_words(interval) == r"$(4\ \mathrm{to}\ 7)\times10^{-12}$"
    assert magnu_plot_bounds.place_of(interval, 1e-13, 3e-12) is None
    assert abs(magnu_plot_bounds.place_of(interval, 5e-12, 1e-9) / (5e-12 * 7e-12) ** 0.5 - 1) < 1e-12
    assert abs(magnu_plot_bounds.place_of(interval, 1e-13, 1e-9) / (4e-12 * 7e-12) ** 0.5 - 1) < 1e-12

    # In maps: names on the lines where the limits are the published ones, and what is beyond all values.
    figure, = of_axes("map", None, "curve=electron").values()
    text = words_of(figure)
    for expected in ("White lines: ", "↓ Below all values: strong (95% CL) $1\\times10^{-14}$ [1]",
                     "↑ Above all values: weak $2\\times10^{-8}$ [4]"):
        assert expected in text, (expected, text)
    limits = magnu_plot_grid.read_limits(str(folder / "map/limits.h5"), None, ["curve=electron"])
    names = [label for label in figure.axes[0].texts if label.get_gid() == "bound"]
    assert {"near", "stars"} <= {label.get_text() for label in names}, names
    moments = {"near": [5e-12], "stars": [3e-12], "band": [4e-12, 7e-12]}
    logs = numpy.log(limits.mu[0])
    for label in names:
        x, y = numpy.log(label.get_position())
        over_x = [numpy.interp(x, numpy.log(limits.x.values), row) for row in logs]
        found = math.exp(numpy.interp(y, numpy.log(limits.y.values), over_x))
        assert any(abs(found / moment - 1) < 0.02 for moment in moments[label.get_text()]), (label, found)

    # Where nothing is excluded, the published limits are there all the same.
    for study, name, side in ("nothing", "limits", "x"), ("nothing-line", "limits-line", "y"):
        figure = (of_axes(study) if side == "y" else of_curves(study)[1])[name]
        assert "nothing excluded" in words_of(figure) and lines_at(figure.axes[0], 5e-12, side), study

    # Along y, over a surface and over dots; not where the moment is along no side.
    for study, name, side in ("line", "limits-line", "y"), ("surface", "surface", "x"), ("single", "limits-dots", "x"):
        figure = of_axes(study)[name]
        text = words_of(figure)
        for expected in "near [3]", "stars (no CL) [2]", "(95% CL)", "[1] third (2003)":
            assert expected in text, (study, expected, text)
        assert len(lines_at(figure.axes[0], 5e-12, side)) == 1, study
    up, down = (f"{arrow} {name} [{n}]" for arrow, name, n in (("↑", "weak", 4), ("↓", "strong (95% CL)", 1)))
    text = words_of(of_axes("line")["limits-line"])
    assert up in text and down in text, text
    for study in "plain-reach", "reach":
        assert all("Published" not in words_of(figure) for figure in of_axes(study).values()), study

    # The table that is shipped, and one of the three columns of before, all of it at 90 % CL.
    values = {bound.name: bound.mu_eff_mu_B for bound in shipped}
    assert {"XENONnT": 6.4e-12, "GEMMA": 2.9e-11, "LZ": 1.36e-11}.items() <= values.items(), values
    assert [bound.name for bound in shipped if bound.lower is not None] == ["XENON1T excess"]
    (folder / "three.csv").write_text("name,mu_eff_mu_B,reference\nx,2e-11,a\n")
    old, = magnu_plot_bounds.read_bounds(str(folder / "three.csv"))
    assert magnu_plot_bounds.is_usual(old)


def check_curves(folder):
    """The magnetic signal at the limit, many curves, and reach without axes."""
    import csv
    import magnu_plot
    import magnu_plot_axes
    import magnu_plot_curves
    import magnu_plot_grid
    import magnu_plot_results
    import numpy

    def drawn(study):
        limits, name = magnu_plot_results.read_results(str(folder / study))
        return dict(magnu_plot_curves.figures(limits, [], name))

    def steps(axes, label):
        return [patch.get_data().values for patch in axes.patches if patch.get_label() == label]

    figure = drawn("curves")["spectra"]
    limits = {row["curve"]: float(row["mu_eff_mu_B"]) for row in csv.DictReader((folder / "curves/limits.csv").open())}
    rows = list(csv.DictReader((folder / "curves/spectra.csv").open()))
    for axes, curve in zip(figure.axes, ("counts", "density")):
        magnetic, = steps(axes, "Magnetic signal at the limit")
        signal, = steps(axes, "Standard Model signal")
        of_curve = [row for row in rows if row["curve"] == curve]
        expected = numpy.array([float(row["magnetic"]) for row in of_curve]) * (limits[curve] / 1e-11) ** 2
        assert numpy.allclose(magnetic, expected, rtol=1e-12) and len(magnetic) == 20, curve
        sigma = numpy.array([float(row["sigma"]) for row in of_curve])
        assert abs(((magnetic / sigma) ** 2).sum() / 2.705543 - 1) < 1e-5, "that of 90% CL"
        assert numpy.allclose(signal, [float(row["signal"]) for row in of_curve], rtol=1e-12)
        low, high = axes.get_ylim()
        assert low < magnetic.max() < high and low < signal.min(), curve
    assert not steps(figure.axes[2], "Magnetic signal at the limit") and "no events" in words_of(figure)

    # Sixteen curves: a row each with its value, and small panels of one scale.
    figures = drawn("many")
    dots, text = figures["limits"], words_of(figures["limits"])
    limits = [float(row["mu_eff_mu_B"]) for row in csv.DictReader((folder / "many/limits.csv").open())]
    marks, = [line for line in dots.axes[0].lines if line.get_marker() == "o"]
    assert len(dots.axes) == 1 and list(marks.get_xdata()) == limits and list(marks.get_ydata()) == list(range(16))
    assert [tick.get_text() for tick in dots.axes[0].get_yticklabels()] == [f"detector {n}" for n in range(1, 17)]
    assert magnu_plot_results.scientific(limits[6]) in text and "limits at 90% CL" in text, text
    panels = [axes for axes in figures["spectra"].axes if axes.get_visible()]
    assert len(panels) == 16 and len({axes.get_ylim() for axes in panels}) == 1
    assert all(len(steps(axes, "Magnetic signal at the limit")) == 1 for axes in panels)
    wide, tall = figures["spectra"].get_size_inches()
    assert wide <= 7.5 and tall <= 10, "fits a page"
    words_of(figures["spectra"])

    # Sixteen of two channels, without background: also on a page, and no word of a background.
    figures = drawn("mixed")
    wide, tall = figures["spectra"].get_size_inches()
    text = words_of(figures["spectra"])
    assert wide <= 8 and tall <= 10, (wide, tall)
    assert "Background" not in text and "detector 8 for nuclear recoils" in text, text
    assert "Background" in words_of(drawn("many")["spectra"])

    # Where the scan ends the lines go on, as a wider scan has them.
    panel = drawn("beyond")["limits"].axes[0]
    lines = [line for line in panel.lines if len(line.get_xdata()) == 100]
    assert len(lines) == 2 and max(lines[0].get_ydata()) > 12, lines
    rows = list(csv.DictReader((folder / "wider/curves.csv").open()))
    for line, curve in zip(lines, ("huge", "small")):
        mu, chi2 = numpy.array([(float(row["mu_eff_mu_B"]), float(row["delta_chi2"])) for row in rows
                                if row["curve"] == curve]).T
        known = numpy.exp(numpy.interp(numpy.log(line.get_xdata()), numpy.log(mu), numpy.log(chi2)))
        assert numpy.allclose(line.get_ydata(), known, rtol=1e-6), curve
    assert words_of(drawn("beyond")["limits"]).count("(thin: beyond the scan)") == 2

    # Names too long for a figure keep both ends.
    assert magnu_plot.plain("detector of xenon with background 1", 20) == "detector o…kground 1"
    assert all(len(magnu_plot.plain("x" * 50, n)) == n for n in range(4, 50))

    # Of a likelihood the limits are drawn, not what stands beside them.
    limits = magnu_plot_grid.read_limits(str(folder / "likelihoods/limits.h5"), None, [])
    assert limits.asked.path == "mu_eff" and numpy.isfinite(limits.mu).all() and (limits.mu > 0).all(), limits.mu

    # Reach: a row for each curve, and words where no value does.
    limits = magnu_plot_grid.read_limits(str(folder / "plain-reach/limits.h5"), None, [])
    (name, figure), = magnu_plot_axes.figures(limits, [])
    found = [float(row["exposure_tonne_year"]) for row in csv.DictReader((folder / "plain-reach/limits.csv").open())]
    text = words_of(figure)
    marks, = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert name == "limits-dots" and numpy.isnan(found).any() and not numpy.isnan(found).all(), found
    assert list(zip(marks.get_xdata(), marks.get_ydata())) == [(x, y) for y, x in enumerate(found) if x == x]
    assert text.count("no value in range does") == numpy.isnan(found).sum(), text
    assert f"{found[0]:.4g} tonne year" in text, text
    assert "sought from 0.1 to 9 tonne year" in text and "Least exposure" in text, text
    low, high = figure.axes[0].get_xlim()
    assert low <= 0.1 and high >= 9, "all that was sought"


def check_fit(folder):
    """The band of limits of a likelihood, and what magnu fit found."""
    import csv
    import json
    import magnu_plot_axes
    import magnu_plot_fit
    import magnu_plot_grid
    import magnu_plot_pulls
    import numpy
    rows = list(csv.DictReader((folder / "counts/limits.csv").open()))

    def column(name, curve):        # by ascending exposure
        return [float(row[name]) for row in reversed(rows) if row["curve"] == curve]

    # Observed, expected, the same detector without uncertainties; and only the latter two where nothing is observed.
    limits = magnu_plot_grid.read_limits(str(folder / "counts/limits.h5"), None, [])
    band = limits.band
    assert band.observed and list(band.mu) == column("mu_eff_mu_B", "uncertain")
    assert list(band.exact) == column("expected_mu_B", "exact") and band.exact_row == 1
    for k, name in enumerate(("expected_m2_mu_B", "expected_m1_mu_B", "expected_mu_B", "expected_p1_mu_B")):
        assert list(band.expected[k]) == column(name, "uncertain"), name
    (_, figure), = magnu_plot_axes.figures(limits)
    lines = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert lines["observed"] == list(band.mu) and lines["expected"] == list(band.expected[2]), lines
    assert len(figure.axes[0].collections) == 2 and "two-sided" in figure.texts[1].get_text()
    alone = magnu_plot_grid.read_limits(str(folder / "counts/limits.h5"), None, ["curve=uncertain"]).band
    assert list(alone.exact) == list(band.exact) and alone.exact_row is None
    exact = magnu_plot_grid.read_limits(str(folder / "counts/limits.h5"), None, ["curve=exact"]).band
    assert not exact.observed and exact.exact is None
    assert magnu_plot_grid.read_limits(str(folder / "likelihoods/limits.h5"), None, []).band.exact is None
    named = dict(uncertainties="{flux: none}", background="[xenonnt, {flat: 2, uncertainty: none}]")
    assert not magnu_plot_grid.is_exact(named)
    assert magnu_plot_grid.is_exact(dict(named, background="[{name: xenonnt, uncertainty: none}, {flat: 2}]"))

    # Levels, errors of counts (tables of Gehrels), residuals.
    two, one = magnu_plot_fit.thresholds(0.9)
    assert abs(two - 2.705543) < 1e-6 and abs(one - 1.642374) < 1e-6
    below, above = magnu_plot_fit.count_errors(numpy.array([0, 1, 100]))
    assert numpy.allclose(below, [0, 0.827, 9.98], atol=0.02) and numpy.allclose(above, [1.841, 2.3, 11.03], atol=0.03)
    left = magnu_plot_fit.residuals(numpy.array([6.0, 1]), numpy.array([4.0, 0]))
    assert left[0] == 1 and numpy.isnan(left[1])

    # Data, steps and residuals as the files have them.
    study, fits = magnu_plot_fit.read_fit(str(folder / "counts"))
    assert study == "counts" and len(fits) == 4
    fit, = (fit for fit in fits if fit["name"] == "uncertain at exposure 1 tonne year")
    bins = magnu_plot_fit.bins_figure(fit, study)
    steps = [list(patch.get_data().values) for patch in bins.axes[0].patches]
    fitted, without, moment = (numpy.array([getattr(b, name) for b in fit["bins"]])
                               for name in ("fit", "fit_without_moment", "moment_at_limit"))
    assert numpy.allclose(steps, [fitted, without, without + moment]) and moment[0] > moment[3] > 0
    assert list(bins.axes[0].lines[0].get_ydata()) == [25, 10, 9, 8]
    assert numpy.allclose(bins.axes[1].lines[0].get_ydata(), ([25, 10, 9, 8] - fitted) / fitted ** 0.5)
    expected, = (fit for fit in fits if fit["name"] == "exact at exposure 1 tonne year")
    bins = magnu_plot_fit.bins_figure(expected, study)
    assert not bins.axes[0].collections and len(bins.axes[0].patches) == 2, "no error bars, no moment in the fit"

    # The largest impact first, as a part of the limit; a row of no limit before all.
    rows = magnu_plot_pulls.by_impact(fit)
    sizes = [max(map(abs, change)) for _, change in rows]
    assert sizes == sorted(sizes, reverse=True) and len(rows) == len(fit["pulls"]) and sizes[0] > 1e-3
    for pull, (low, high) in rows:
        assert math.isclose(fit["upper_mu_B"] * (1 + low), pull["limit_below_mu_B"], rel_tol=1e-12), pull
        assert math.isclose(fit["upper_mu_B"] * (1 + high), pull["limit_above_mu_B"], rel_tol=1e-12), pull
    pulls = json.loads(json.dumps(fit["pulls"]))
    pulls[3]["limit_above_mu_B"] = None
    assert magnu_plot_pulls.by_impact(dict(fit, pulls=pulls))[0][0] is pulls[3]
    many = magnu_plot_pulls.pulls_figure(dict(fit, pulls=pulls * 4), study, magnu_plot_fit.names_of,
                                         magnu_plot_fit.title_above)
    assert f"the 25 of largest impact, of {4 * len(pulls)} parameters" in words_of(many)
    matrix = magnu_plot_pulls.correlation_figure(fit, study, magnu_plot_fit.names_of, magnu_plot_fit.title_above)
    values = numpy.array(fit["correlation"]["matrix"], float)
    assert numpy.allclose(matrix.axes[0].collections[0].get_array().reshape(values.shape), values)
    assert len(matrix.axes[0].texts) == values.size and r"$^7$Be flux" in words_of(matrix)
    profile = magnu_plot_fit.profile_figure([fit, expected], study)
    assert all(words in "\n".join(text.get_text() for text in profile.axes[0].texts)
               for words in ("2.706: 90% CL, two-sided", "1.642: 90% CL, one-sided"))
    for figure in (bins, profile):
        assert all(-1 <= box.x0 and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1
                   for box in (legend.get_window_extent() for legend in figure.legends))


def check_joint(folder):
    """A joint fit has a pair of panels for each of its curves, and parameters named after these."""
    import csv
    import magnu_plot_fit
    import magnu_plot_pulls
    import numpy
    study, fits = magnu_plot_fit.read_fit(str(folder / "joint"), "both")
    figure = magnu_plot_fit.bins_figure(fits[0], study)
    text = words_of(figure)
    assert "joint" in text and "both" in text, text
    panels = [axes for axes in figure.axes if axes.get_visible()]
    pairs = list(zip(panels[:2], panels[2:]))
    rows = [row for row in csv.DictReader((folder / "joint/fitted_bins.csv").open()) if row["detector"] == "both"]
    assert [axes.get_title() for axes, _ in pairs] == ["er", "nr"]
    for axes, below in pairs:
        own = [row for row in rows if row["curve"] == axes.get_title()]
        data, fit, without, moment = (numpy.array([float(row[name]) for row in own])
                                      for name in ("counts", "fit", "fit_without_moment", "moment_at_limit"))
        assert list(axes.lines[0].get_ydata()) == list(data), axes.get_title()
        steps = [list(patch.get_data().values) for patch in axes.patches]
        assert numpy.allclose(steps, [fit, without, without + moment])
        assert numpy.allclose(below.lines[0].get_ydata(), (data - fit) / fit ** 0.5)
        assert axes.get_xlim() == (float(own[0]["lower_keV"]), float(own[-1]["upper_keV"]))
    words = magnu_plot_pulls.parameter_words
    assert words("er: background flat 0.603") == "er: flat 0.603 bkg." and words("nr: exposure") == "nr: exposure"
    assert words("a: b: background xe136_2nbb") == r"a: b: $^{136}$Xe $2\nu\beta\beta$ bkg."
    assert words("background flat 2") == "Flat 2 bkg." and words("exposure") == "Exposure"
    pulls = words_of(magnu_plot_pulls.pulls_figure(fits[0], study, magnu_plot_fit.names_of, magnu_plot_fit.title_above))
    for name in ("er: flat 2 bkg.", "nr: flat 0.1 bkg.", "er: exposure", "nr: exposure", "pp flux"):
        assert name in pulls, (name, pulls)

    # A joint fit has a test, counts and uncertainties, those of its curves; and a band along an axis.
    import magnu_plot_grid
    file = folder / "joint-line/limits.h5"
    joint = magnu_plot_grid.read_curves(str(file), "joint")[2]
    assert joint["statistic"] == "poisson" and "counts" not in joint and not magnu_plot_grid.is_exact(joint), joint
    limits = magnu_plot_grid.read_limits(str(file), None, ["curve=both"])
    rows = [row for row in csv.DictReader(file.with_name("limits.csv").open()) if row["curve"] == "both"]
    assert list(limits.band.expected[2]) == [float(row["expected_mu_B"]) for row in rows] and not limits.band.observed
    assert limits.test == "two-sided "

    # Of an older program, whose files do not say the curve.
    for row in fits[0]["bins"]:
        row.curve = ""
    assert len(magnu_plot_fit.bins_figure(fits[0], study).axes) == 2


def check_belt(folder):
    """Critical values of toys, the data's t, limits, and the coverage of the asymptotic formulae."""
    import csv
    import json
    import magnu_plot_fit
    import numpy
    study, fits = magnu_plot_fit.read_fit(str(folder / "toys"))
    figure = next(figure for name, figure in magnu_plot_fit.figures(study, fits) if name == "belt")
    text = words_of(figure)
    assert "fc, Feldman-Cousins 90% CL" in text and "cls, CL$_s$ 90% CL" in text and "formulae" not in text, text
    axes = [axes for axes in figure.axes if axes.get_visible()]
    assert len(axes) == 4 and [panel.get_ylabel() for panel in axes[2:]] == ["Coverage [%]", "CL$_s$"]
    rows = list(csv.DictReader((folder / "toys/belt.csv").open()))
    stated = {fit["detector"]: fit for fit in json.loads((folder / "toys/fit.json").read_text())["detectors"]}
    for name, panel, below in zip(("fc", "cls"), axes[:2], axes[2:]):
        belt = {key: numpy.array([float(row[key]) for row in rows if row["detector"] == name])
                for key in rows[0] if key != "detector"}
        lines = {line.get_label(): line for line in panel.lines}
        moment = belt["mu_eff_mu_B"]
        unit = moment[-1] / panel.get_xlim()[1]
        power = round(math.log10(unit))
        assert abs(math.log10(unit) - power) < 1e-9 and f"[$10^{{{power}}}" in below.get_xlabel(), below.get_xlabel()
        critical = lines["critical value of toys"]
        assert numpy.allclose(critical.get_xdata(), moment / unit)
        assert list(critical.get_ydata()) == list(belt["critical"])
        t = lines["$t$ of the data"]
        assert numpy.allclose(numpy.interp(moment / unit, t.get_xdata(), t.get_ydata()), belt["t"], atol=1e-9)
        between = numpy.interp(numpy.sqrt(moment[5] * moment[6]) / unit, t.get_xdata(), t.get_ydata())
        assert min(belt["t"][5:7]) <= between <= max(belt["t"][5:7]), between
        band, = [part for part in panel.collections if part.get_label() == "its statistical error"]
        corners = {(round(x, 9), round(y, 9)) for x, y in band.get_paths()[0].vertices}
        for edge in "critical_low", "critical_high":
            assert {(round(x, 9), round(y, 9)) for x, y in zip(moment / unit, belt[edge])} <= corners, edge
        fit = stated[name]
        formulae = [fit["toys"][f"asymptotic_{end}_mu_B"] for end in ("lower", "upper")]
        for label, ends in (("limit by toys", (fit["lower_mu_B"], fit["upper_mu_B"])), ("asymptotic limit", formulae)):
            mark = lines[label]
            assert numpy.allclose(mark.get_xdata(), [end / unit for end in ends if end]), (name, label)
            if name == "fc":            # where the lines cross
                level = (2.705543 if label == "asymptotic limit" else
                         numpy.interp(mark.get_xdata(), critical.get_xdata(), critical.get_ydata()))
                assert numpy.allclose(mark.get_ydata(), level, rtol=0.01), (label, mark.get_ydata(), level)
        assert ("asymptotic critical value" in lines) == (name == "fc"), name
        if name == "fc":
            assert numpy.allclose(lines["asymptotic critical value"].get_ydata(), 2.705543)
            assert numpy.allclose(below.lines[0].get_ydata(), 100 * belt["asymptotic_coverage"])
            assert list(below.lines[1].get_ydata()) == [90, 90]
        else:
            assert numpy.allclose(below.lines[0].get_ydata(), belt["p_value"] / belt["p_background"])
            assert numpy.allclose(below.lines[1].get_ydata(), 0.1)


def check_asymptotics(folder):
    """Asymptotic limits beside those of toys: two maps, or two panels of lines, of the curves that have toys."""
    import csv
    import magnu_plot_asymptotics
    import magnu_plot_grid
    import numpy
    rows = [row for row in csv.DictReader((folder / "toy-grid/limits.csv").open()) if row["curve"] == "fc"]

    def column(name):                   # [background][exposure], both ascending
        return numpy.array([float(row[name]) for row in rows]).reshape(3, 2)[::-1].T
    excess = 100 * (column("asymptotic_mu_B") / column("mu_eff_mu_B") - 1)
    coverage = 100 * column("asymptotic_coverage")

    def draw(study, shown=None, *fixed, toys=1):
        limits = magnu_plot_grid.read_limits(str(folder / study / "limits.h5"), shown, fixed)
        if limits.formulae:
            limits.formulae.toys = limits.formulae.toys * toys
        return {name.split("_")[0]: figure for name, figure in magnu_plot_asymptotics.figures(limits)}

    # In maps the colour at each place is that of its value, as the bar names it.
    figure = draw("toy-grid", toys=math.inf)["asymptotics"]
    text = words_of(figure)
    assert "Asymptotic limit / toys $-$ 1 [%]" in text and "Asymptotic coverage [%]" in text and "fc" in text, text
    assert "formulae" not in text, text
    image = numpy.asarray(figure.canvas.buffer_rgba())
    for axes, values, middle in zip(figure.axes[:2], (excess, coverage), (0, 90)):
        bar, = axes.child_axes
        low, high = bar.get_ylim()
        named = {float(tick.get_text().replace("\u2212", "-")): place
                 for tick, place in zip(bar.get_yticklabels(), bar.get_yticks())}
        step = min(numpy.diff(sorted(named)))
        assert middle in named and min(named) - step / 2 <= values.min() and values.max() <= max(named) + step / 2
        seen = 0

        def colour(panel, x, y):
            at, up = panel.transAxes.transform((x, y))
            return image[image.shape[0] - 1 - int(up), int(at), :3].astype(int)
        white = colour(bar, 0.5, (named[middle] - low) / (high - low))
        assert white.min() > 240, "none around what the formulae promise"
        for x in numpy.arange(0.08, 0.95, 0.12):
            across = [numpy.interp(2 * x, range(3), row) for row in values]
            for y in numpy.arange(0.08, 0.95, 0.12):
                value = across[0] + y * (across[1] - across[0])
                nearest = min(named, key=lambda known: abs(known - value))
                if abs(value - nearest) < 0.35 * step:      # away from the borders of the bands
                    shown = colour(bar, 0.5, (named[nearest] - low) / (high - low))
                    assert abs(colour(axes, x, y) - shown).max() <= 3, (x, y, value, nearest)
                    assert nearest == middle or (shown[0] > shown[2]) == (nearest < middle), "red where too short"
                    seen += 1
        assert seen > 20, seen

    # What may be chance of the toys has no colour of its own.
    centres, _ = magnu_plot_asymptotics.bands_of(coverage - 90, 2.1)
    assert centres[1] - centres[0] == 5 and 0 in centres

    # Lines over one axis, with the errors of 200 toys.
    figure = draw("toy-grid", "exposure", "background.flat=10")["asymptotics"]
    words_of(figure)
    above, below = figure.axes
    marked = [[line for line in axes.lines if len(line.get_xdata()) == 3][0] for axes in (above, below)]
    assert numpy.allclose(marked[0].get_xdata(), [0.01, 0.1, 1]) and numpy.allclose(marked[0].get_ydata(), excess[1])
    assert numpy.allclose(marked[1].get_ydata(), coverage[1])
    bars = numpy.array([segment[:, 1] for segment in below.collections[0].get_segments()])
    assert numpy.allclose(bars[:, 1] - bars[:, 0], 2 * (coverage[1] * (100 - coverage[1]) / 200) ** 0.5)

    # Not without toys.
    assert not draw("counts") and not draw("map")


def main() -> int:
    global SOURCE
    program, source = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        SOURCE = source
        for study, content in (("s", STUDY), ("curves", CURVES), ("many", MANY), ("plain-reach", PLAIN_REACH),
                               ("likelihoods", LIKELIHOODS), ("counts", COUNTS),
                               ("mixed", MIXED), ("beyond", BEYOND), ("nothing", NOTHING), ("toys", TOYS),
                               ("toy-grid", TOY_GRID), ("joint", JOINT),
                               ("joint-line", re.sub(r", counts: \[.*?\]", "", "name: joint\n" + JOINT) + JOINT_AXES)):
            (folder / f"{study}.yaml").write_text(content)
        (folder / "bounds.csv").write_text(BOUNDS)
        for study in ("curves", "many", "plain-reach", "likelihoods", "counts", "mixed", "beyond", "nothing",
                      "toy-grid", "joint-line"):
            subprocess.run([program, "-q", "scan", f"{study}.yaml", "--out", study], cwd=folder, check=True)
        subprocess.run([program, "-q", "scan", "beyond.yaml", "--out", "wider", "--set", "mu_eff.from=1e-16", "--set",
                        "mu_eff.to=1e-5", "--set", "mu_eff.points=2001"], cwd=folder, check=True)
        subprocess.run([program, "-q", "scan", "nothing.yaml", "--out", "nothing-line", "--set",
                        "axes={exposure: [1 tonne year, 3 tonne year]}"], cwd=folder, check=True)
        for study in "counts", "toys", "joint":
            subprocess.run([program, "-q", "fit", f"{study}.yaml", "--out", study], cwd=folder, check=True)
        for out, *options in (("map",), ("reach", *REACH), ("words", *WORDS), ("levels", *LEVELS),
                              ("surface", "--surface"),
                              ("line", "--set", "axes={exposure: [1 tonne year, 3 tonne year]}"),
                              ("single", "--set", "axes={exposure: [3 tonne year]}")):
            subprocess.run([program, "-q", "scan", "s.yaml", "--out", out, *options], cwd=folder, check=True)

        def plot(study, options, out):
            return subprocess.run([sys.executable, source / "scripts/plot", study, "--out", out, *options], cwd=folder,
                                  capture_output=True, text=True)

        for number, (study, options, expected, notes) in enumerate(DRAWN):
            done = plot(study, options, str(number))
            assert done.returncode == 0, (study, options, done.stderr)
            assert done.stderr.splitlines() == [f"plot: {note}" for note in notes], (study, options, done.stderr)
            pictures = sorted(path.stem for path in (folder / str(number)).glob("*.png"))
            assert pictures == expected, (study, options, pictures)
        done = plot("counts", ("--detector", "uncertain at exposure 1"), "fits")
        assert done.returncode == 0 and not done.stderr, done.stderr
        pictures = ["correlations", "fit", "limits-line", "profile", "pulls"]
        assert sorted(path.name for path in (folder / "fits").iterdir()) == [
            f"{name}.{kind}" for name in pictures for kind in ("pdf", "png")]
        for study, message in (("counts", "--detector none: none in"), ("map", "no fit.json")):
            done = plot(study, ("--detector", "none"), "no")
            assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1, done.stderr
        for options, message in REFUSED:
            done = plot("map", options, "no")
            assert done.returncode == 2 and message in done.stderr, (options, done.stderr)
            assert done.stderr.count("\n") == 1, done.stderr
        for row, message in WRONG_BOUNDS:
            (folder / "wrong.csv").write_text(BOUNDS.splitlines()[1] + "\n" + row + "\n")
            done = plot("curves", ("--bounds", "wrong.csv"), "no")
            assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1, done.stderr
        for study, pictures in (("curves", ["limits", "spectra"]), ("many", ["limits", "spectra"]),
                                ("plain-reach", ["limits-dots"]), ("single", ["limits-dots"]),
                                ("toy-grid", ["asymptotics", "limits-map"])):
            done = plot(study, (), study + "-figures")
            assert done.returncode == 0 and not done.stderr, done.stderr
            assert sorted(path.stem for path in (folder / f"{study}-figures").glob("*.pdf")) == pictures, study
        check_looks(folder, source)
        check_bounds(folder)
        check_curves(folder)
        check_fit(folder)
        check_joint(folder)
        check_belt(folder)
        check_asymptotics(folder)

        # Ctrl-C ends it without a word, while it reads modules or draws.
        for seconds in 0.15, 0.4, 0.8:
            process = subprocess.Popen([sys.executable, source / "scripts/plot", "map", "--out", "stopped"], cwd=folder,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
            error = process.communicate()[1]
            assert process.returncode in (0, 130) and not error, (seconds, process.returncode, error)
            assert not list(folder.glob("stopped/.*.part"))

        # Limits without their study.yaml are drawn, with a word on what is missing.
        (folder / "map/study.yaml").unlink()
        done = plot("map", (), "bare")
        assert done.returncode == 0 and "cannot say the confidence level" in done.stderr, done.stderr
    return 0


if __name__ == "__main__":
    sys.exit(main())
