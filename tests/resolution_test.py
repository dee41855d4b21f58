"""Smeared bins against an independent route: `magnu spectrum` at Gauss nodes of true energies, NumPy's sums and erf.

Usage: resolution_test.py MAGNU
"""
import csv
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy

A, B, LOWEST = 0.31, 0.0037, 0.01
STUDY = f"""\
resolution: {{a: {A}, b: {B}, lowest_energy: {LOWEST} keV}}
curves:
  - {{name: electron, channel: electron, threshold: 0.2 keV, upper: 40 keV, bins: 7}}
  - {{name: nuclear, channel: nuclear, threshold: 0.3 keV, upper: 6 keV, bins: 5}}
  - {{name: density, channel: nuclear, statistic: density, threshold: 0.3 keV, upper: 6 keV, bins: 5}}
"""
ENDS = {"electron": 120.0, "nuclear": 4.2, "density": 4.2}  # true energies beyond add nothing to these bins


def magnu(*arguments: str, folder: pathlib.Path) -> str:
    return subprocess.run([sys.argv[1], "-q", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def nodes(end: float) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Gauss nodes and weights on panels evenly spaced in the logarithm."""
    x, w = numpy.polynomial.legendre.leggauss(8)
    edges = numpy.geomspace(LOWEST, end, 400)
    half = numpy.diff(edges)[:, None] / 2
    return ((edges[:-1, None] + half * (1 + x)).ravel(), (half * w).ravel())


def below(edge: float, energy: numpy.ndarray) -> numpy.ndarray:
    """Probability that a recoil of a true energy is seen below an edge."""
    sigma = A * numpy.sqrt(energy) + B * energy
    return numpy.array([0.5 * math.erfc((e - edge) / (math.sqrt(2) * s)) for e, s in zip(energy, sigma)])


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "s.yaml").write_text(STUDY)
        magnu("scan", "s.yaml", "--out", "out", folder=folder)
        rows = list(csv.DictReader((folder / "out/spectra.csv").open()))
        for curve, end in ENDS.items():
            energy, weight = nodes(end)
            text = ""
            for first in range(0, len(energy), 2000):  # the command line has its limits
                at = ",".join(map(repr, energy[first:first + 2000].tolist()))
                text += magnu("spectrum", "s.yaml", "--at", at, folder=folder)
            total = [r for r in csv.DictReader(line for i, line in enumerate(text.splitlines())
                                               if i == 0 or not line.startswith("curve,"))
                     if r["curve"] == curve and r["component"] == "total"]
            for template in "signal", "magnetic":
                column = "standard_model" if template == "signal" else "magnetic"
                spectrum = numpy.array([float(r[column]) for r in total])
                for row in (r for r in rows if r["curve"] == curve):
                    low, high = float(row["lower_keV"]), float(row["upper_keV"])
                    if curve == "density":
                        sigma = A * numpy.sqrt(energy) + B * energy
                        share = numpy.exp(-0.5 * (((low + high) / 2 - energy) / sigma) ** 2)
                        share /= math.sqrt(2 * math.pi) * sigma
                    else:
                        share = below(high, energy) - below(low, energy)
                    expected = float((weight * spectrum * share).sum())
                    found = float(row[template])
                    assert abs(found / expected - 1) < 1e-6, (curve, template, row["bin"], found, expected)
    return 0


if __name__ == "__main__":
    sys.exit(main())
