"""A study that is in no shipped file, against the adaptive quadrature of tests/reference."""
import pathlib
import subprocess
import sys
import tempfile

STUDY = """\
name: unshipped
solar_model: bs05agsop
threshold: 0.7 keV
bins: 17
exposure: 3.5 tonne year
background: [{table: background.csv}, {fraction: 0.1}]
curves:
  - {name: stepping counts, electrons: stepping}
  - {name: stepping density, electrons: stepping, statistic: density, fraction_in: error}
  - {name: past the pp end, electrons: stepping, upper: 700 keV, b8_spectrum: bahcall1996}
  - {name: nuclear counts, channel: nuclear, components: [hep, b8], upper: 5.5 keV}
  - {name: nuclear density, channel: nuclear, statistic: density, sin2_theta_w: 0.2386}
  - {name: xenon backgrounds, background: [darwin, {flat: 1.5}], sigma_scale: 0.5,
     confidence_level: 0.95, oscillation: {sin2_theta12: 0.29, dm2_21: 7.0e-5}}
"""
TABLE = """\
# a line of the detector's own
energy_keV,rate_per_tonne_year_keV
0.1,40
5,12.5
40.5,3
300,8
"""


def main() -> int:
    program, source = sys.argv[1], pathlib.Path(sys.argv[2])
    judge = source / "tests" / "reference" / "adaptive_quadrature.py"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "study.yaml").write_text(STUDY)
        (folder / "background.csv").write_text(TABLE)
        subprocess.run([program, "-q", "scan", "study.yaml", "--out", "out"], cwd=folder, check=True)
        spectrum = subprocess.run([program, "spectrum", "study.yaml"], cwd=folder, check=True,
                                  capture_output=True).stdout
        (folder / "spectrum.csv").write_bytes(spectrum)
        compared = subprocess.run([sys.executable, judge, "study.yaml", "out/limits.csv",
                                   "--spectra", "spectrum.csv", "--tolerance", "1e-6"], cwd=folder)
        if compared.returncode:
            return compared.returncode
    return subprocess.run([sys.executable, judge, "--self-test"], stdout=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main())
