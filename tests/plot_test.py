"""scripts/plot draws studies with axes: slices, a reach study, a surface; and says what is wrong with its options.

Usage: plot_test.py MAGNU SOURCE_DIR
"""
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
DRAWN = [("map", (), {"limits-map"}), ("map", ("--axes", "exposure,threshold", "--at", "background.flat=9"), {"limits-map"}),
         ("map", ("--axes", "threshold", "--at", "curve=nuclear"), {"limits-line"}),
         ("reach", (), {"limits-map"}), ("reach", ("--axes", "threshold"), {"limits-line"}),
         ("surface", (), {"limits-map", "surface"}), ("surface", ("--axes", "exposure"), {"limits-line", "surface"}),
         ("surface", ("--at", "exposure=1", "--at", "threshold=1", "--at", "background.flat=1", "--at", "curve=electron"),
          {"surface"})]
REFUSED = [(("--axes", "depth"), "it has curve, threshold, exposure, background.flat"),
           (("--axes", "exposure,curve"), "free are: threshold, exposure, background.flat"),
           (("--at", "threshold"), "the axes are curve, threshold, exposure, background.flat"),
           (("--at", "threshold=low"), "from 0.3 to 5 would do"), (("--at", "curve=muon"), "there are electron, nuclear")]


def main() -> int:
    program, source = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "s.yaml").write_text(STUDY)
        for out, *options in ("map",), ("reach", *REACH), ("surface", "--surface"):
            subprocess.run([program, "-q", "scan", "s.yaml", "--out", out, *options], cwd=folder, check=True)

        def plot(study, options, out):
            return subprocess.run([sys.executable, source / "scripts/plot", study, "--out", out, *options], cwd=folder,
                                  capture_output=True, text=True)

        for number, (study, options, expected) in enumerate(DRAWN):
            done = plot(study, options, str(number))
            assert done.returncode == 0 and not done.stderr, (study, options, done.stderr)
            pictures = {path.stem for path in (folder / str(number)).glob("*.png")}
            assert pictures == expected, (study, options, pictures)
        for options, message in REFUSED:
            done = plot("map", options, "no")
            assert done.returncode == 2 and message in done.stderr, (options, done.stderr)
            assert done.stderr.count("\n") == 1, done.stderr
    return 0


if __name__ == "__main__":
    sys.exit(main())
