"""scripts/plot draws studies with axes: slices, a reach study, a surface; and says what is wrong with its options.

Usage: plot_test.py MAGNU SOURCE_DIR
"""
import colorsys
import pathlib
import subprocess
import sys
import tempfile

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


def main() -> int:
    program, source = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "s.yaml").write_text(STUDY)
        for out, *options in (("map",), ("reach", *REACH), ("words", *WORDS), ("levels", *LEVELS),
                              ("surface", "--surface")):
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
        for options, message in REFUSED:
            done = plot("map", options, "no")
            assert done.returncode == 2 and message in done.stderr, (options, done.stderr)
            assert done.stderr.count("\n") == 1, done.stderr
        check_looks(folder, source)

        # Limits without their study.yaml are drawn, with a word on what is missing.
        (folder / "map/study.yaml").unlink()
        done = plot("map", (), "bare")
        assert done.returncode == 0 and "cannot say the confidence level" in done.stderr, done.stderr
    return 0


if __name__ == "__main__":
    sys.exit(main())
