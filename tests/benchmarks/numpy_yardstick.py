#!/usr/bin/env python3
"""What vectorised NumPy takes for the spectra that `fast/spectra/electron` measures.

Both templates (standard model, magnetic) of eight solar components at 100 recoil energies off
electrons.  Given, and not timed: nodes, weights times flux there, and Pee there as an array.
Timed: cross sections and integrals from there on, in three forms.  A fourth has tables of the
running integrals given, as Runner::spectra has.  Each form takes the fewest nodes that bring every
component within 1e-6 of `magnu spectrum`.  One thread, processor time, best of repeated runs;
prints JSON, with the NumPy and the BLAS kernel that ran.  NumPy chooses its kernels itself:
variables that would steer it are cleared.  report.py runs it in an environment with a current NumPy.

    numpy_yardstick.py MAGNU [--quick]
"""

from __future__ import annotations

import os

STEERING = "OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "VECLIB_", "NPY_", "OMP_"
for variable in [name for name in os.environ if name.startswith(STEERING)]:
    del os.environ[variable]
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import csv
import itertools
import json
import math
import subprocess
import sys
import tempfile
import time
import timeit
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
import adaptive_quadrature as judge  # noqa: E402  (fluxes, Pee and constants, at set-up)

ACCURACY = 1e-6  # asked of the nodes
AGREEMENT = 1e-5  # beyond this the yardstick fails
MASS = judge.ELECTRON_MASS
WEAK = judge.WEAK * MASS / (2 * math.pi)
MAGNETIC = judge.MAGNETIC
PER_TONNE = judge.electrons_per_tonne("xenon") * judge.YEAR * judge.KEV
ENERGIES = np.geomspace(0.3, 105, 100) * judge.KEV
POINTS = len(ENERGIES)
EMIN = judge.least_neutrino_energy(ENERGIES, MASS)
COUPLINGS = judge.electron_couplings(0.23122)


def magnu_spectra(program: str) -> np.ndarray:
    """The program's own: [templates][components][energies]."""
    at = ",".join(repr(e / judge.KEV) for e in ENERGIES.tolist())
    study = "name: yardstick\ncurves:\n  - {name: c, channel: electron, exposure: 1 tonne year}\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        path.write_text(study)
        text = subprocess.run([program, "-q", "spectrum", str(path), "--at", at], check=True,
                              capture_output=True, text=True).stdout  # fmt: skip
    values = {name: [] for name in judge.COMPONENTS}
    for row in csv.DictReader(text.splitlines()):
        if row["component"] != "total":
            values[row["component"]].append((float(row["standard_model"]), float(row["magnetic"])))
    return np.array([values[name] for name in judge.COMPONENTS]).transpose(2, 0, 1)


# --- set-up: nodes, weights times flux, Pee ------------------------------------------------------

SUN = judge.sun("b16gs98", "winter2006", judge.Oscillation())
SOURCES = [SUN[name] for name in judge.COMPONENTS]


def lines_of(source):
    energy, share = np.array(source.lines).T
    return energy, source.flux * PER_TONNE * share


def smooth_edges(source, start):
    """Edges of the stretches on which a flux is smooth, from `start` up."""
    nodes = np.array([]) if source.nodes is None else source.nodes
    return np.concatenate([[start], nodes[(nodes > start) & (nodes < source.end)], [source.end]])


def gauss(source, low, high, n):
    """n nodes and weights times flux per stretch [low, high]; in sqrt(end - E) for a beta
    spectrum, which has a root at its end."""
    x, w = np.polynomial.legendre.leggauss(n)
    x, w = (1 + x) / 2, w / 2
    low, high = np.asarray(low)[..., None], np.asarray(high)[..., None]
    if source.nodes is not None:
        energy, weight = low + (high - low) * x, (high - low) * w
    else:
        far, near = np.sqrt(source.end - low), np.sqrt(source.end - high)
        t = near + (far - near) * x
        energy, weight = source.end - t * t, 2 * t * (far - near) * w
    return energy, weight * source.spectrum(energy) * source.flux * PER_TONNE


def grid_nodes(beta, table):
    """For every recoil energy the nodes above its least neutrino energy, `beta` in a beta spectrum
    and `table` between neighbours in a table: [energies][nodes], and each component's first."""
    energy, flux, pee, first = [], [], [], [0]
    for source in SOURCES:
        if source.lines:
            e, f = (np.tile(v, (POINTS, 1)) for v in lines_of(source))
        else:
            edges = smooth_edges(source, EMIN[0])
            low = np.maximum(edges[:-1], EMIN[:, None])
            high = np.maximum(edges[1:], low)
            e, f = gauss(source, low, high, beta if source.nodes is None else table)
            e, f = e.reshape(POINTS, -1), f.reshape(POINTS, -1)
        energy.append(e)
        flux.append(f)
        pee.append(source.pee(e))
        first.append(first[-1] + e.shape[1])
    return *(np.concatenate(v, axis=1) for v in (energy, flux, pee)), first[:-1]


def shared_nodes(beta, table, cell):
    """Nodes that all recoil energies share, with flux and Pee: first `cell` of them in each cell
    between neighbouring least neutrino energies, [components without lines][cells][cell], then
    those above the largest, by component; and where each component's begin among these.

    A table's few nodes among the cells carry nothing that shows at 1e-6.
    """
    cells, tails, first = [], [], [0]
    for source in SOURCES:
        if source.lines:
            e, f = lines_of(source)
        else:
            cells.append((source, *gauss(source, EMIN[:-1], EMIN[1:], cell)))
            edges = smooth_edges(source, EMIN[-1])
            e, f = gauss(source, edges[:-1], edges[1:], beta if source.nodes is None else table)
        tails.append((source, e, f))
        first.append(first[-1] + e.size)
    parts = [(e.ravel(), f.ravel(), source.pee(e).ravel()) for source, e, f in cells + tails]
    return *(np.concatenate(v) for v in zip(*parts)), first[:-1]


def integral_tables(points):
    """Running integrals and slopes on a grid of energies that holds the tables' own nodes:
    [grid][value, slope][6 moments][components]."""
    nodes = SUN["b8"].nodes
    low, high = EMIN[0] * (1 - 1e-9), EMIN[-1] * (1 + 1e-9)
    grid = np.union1d(np.geomspace(low, high, points), nodes[(nodes > low) & (nodes < high)])
    table = np.zeros((len(grid), 2, 2, 3, len(SOURCES)))
    for c, source in enumerate(SOURCES):
        for k in range(3):
            if source.lines:
                e, f = lines_of(source)
                for w, p in enumerate((1, source.pee(e))):
                    table[:, 0, w, k, c] = (f * p * e**-k).sum()
                continue
            above = smooth_edges(source, high)
            above = np.concatenate([grid[:-1], above])
            e, f = gauss(source, above[:-1], above[1:], 40 if source.nodes is None else 6)
            at = source.spectrum(grid) * source.flux * PER_TONNE
            for w, (p, q) in enumerate(((1, 1), (source.pee(e), source.pee(grid)))):
                panels = (f * p * e**-k).sum(1)
                table[:, 0, w, k, c] = np.cumsum(panels[::-1])[::-1][: len(grid)]
                table[:, 1, w, k, c] = -at * q * grid**-k
    return grid, table.reshape(len(grid), 2, -1)


# --- the forms -----------------------------------------------------------------------------------


def coefficients():
    """[templates][6 moments][energies]: cross sections as c0 + c1/E + c2/E^2, for flux and for flux
    times Pee."""
    def standard(v, a):
        right = (v - a) ** 2
        c1 = (-2 * WEAK * right) * ENERGIES
        c2 = WEAK * ENERGIES * (right * ENERGIES + (a * a - v * v) * MASS)
        return 2 * WEAK * (v * v + a * a), c1, c2

    c = np.zeros((2, 6, POINTS))
    own, other = standard(*COUPLINGS[0]), standard(*COUPLINGS[1])
    for k in range(3):
        c[0, k] = other[k]
        c[0, 3 + k] = own[k] - other[k]
    c[1, 0] = MAGNETIC / ENERGIES
    c[1, 1] = -MAGNETIC
    return c


def flux_moments(energy, flux, pee):
    """Flux E^-k and flux Pee E^-k at the nodes: [6 moments][nodes]."""
    terms = np.empty((6, len(energy)))
    inverse = 1 / energy
    terms[0] = flux
    np.multiply(flux, inverse, out=terms[1])
    np.multiply(terms[1], inverse, out=terms[2])
    np.multiply(terms[:3], pee, out=terms[3:])
    return terms


def dense_grid(beta, table):
    """Every cell of recoil and neutrino energies, cross sections as they stand."""
    energy, flux, pee, first = grid_nodes(beta, table)
    recoil = ENERGIES[:, None]
    (v, a), (v_other, a_other) = COUPLINGS

    def evaluate():
        inverse = 1 / energy
        y = recoil * inverse
        left = (1 - y) ** 2
        y *= inverse
        standard = (v_other - a_other) ** 2 * left
        standard += (v_other + a_other) ** 2
        standard += (a_other**2 - v_other**2) * MASS * y
        left *= (v - a) ** 2 - (v_other - a_other) ** 2
        left += (v + a) ** 2 - (v_other + a_other) ** 2
        y *= (a * a - v * v - a_other**2 + v_other**2) * MASS
        left += y
        left *= pee
        standard += left
        standard *= flux
        np.subtract(1 / recoil, inverse, out=inverse)
        inverse *= flux
        return np.array([WEAK * np.add.reduceat(standard, first, axis=1).T,
                         MAGNETIC * np.add.reduceat(inverse, first, axis=1).T])  # fmt: skip

    return evaluate, energy.shape[1]


def cumulative_sums(beta, table, cell):
    """Flux moments between neighbouring least neutrino energies, summed up from above."""
    energy, flux, pee, first = shared_nodes(beta, table, cell)
    continuous = [c for c, source in enumerate(SOURCES) if not source.lines]
    shape = 6, len(continuous), POINTS - 1
    end = shape[1] * shape[2] * cell
    running = np.empty((6, len(SOURCES), POINTS))

    def evaluate():
        terms = flux_moments(energy, flux, pee)
        running[...] = np.add.reduceat(terms[:, end:], first, axis=1)[..., None]
        cells = terms[:, 0:end:cell]
        for j in range(1, cell):
            cells = cells + terms[:, j:end:cell]
        above = np.cumsum(cells.reshape(shape)[..., ::-1], axis=2)[..., ::-1]
        running[:, continuous, :-1] += above
        return np.einsum("tki,kci->tci", coefficients(), running)

    return evaluate, len(energy)


def matrix_product(beta, table, cell):
    """Flux moments times a matrix of ones where a node counts for a recoil energy."""
    energy, flux, pee, first = shared_nodes(beta, table, cell)
    continuous = [c for c, source in enumerate(SOURCES) if not source.lines]
    width = (POINTS - 1) * cell
    end = len(continuous) * width
    counts = np.repeat(np.tri(POINTS)[:-1], cell, axis=0)  # [nodes of the cells][energies]
    running = np.empty((len(SOURCES), 6, POINTS))

    def evaluate():
        terms = flux_moments(energy, flux, pee)
        running[...] = np.add.reduceat(terms[:, end:], first, axis=1).T[..., None]
        cells = terms[:, :end].reshape(-1, width) @ counts
        running[continuous] += cells.reshape(6, len(continuous), POINTS).transpose(1, 0, 2)
        return np.einsum("tki,cki->tci", coefficients(), running)

    return evaluate, len(energy)


def tables_given(points):
    """Cubic pieces of running integrals: what is left once the flux is convolved."""
    grid, table = integral_tables(points)

    def evaluate():
        i = np.searchsorted(grid, EMIN, side="right") - 1
        low = grid[i]
        width = grid[i + 1] - low
        t = (EMIN - low) / width
        s = 1 - t
        weights = np.empty((POINTS, 1, 4))
        weights[:, 0, 0] = s * s * (1 + 2 * t)
        weights[:, 0, 1] = width * t * s * s
        weights[:, 0, 2] = t * t * (3 - 2 * t)
        weights[:, 0, 3] = -width * t * t * s
        ends = np.concatenate([table[i], table[i + 1]], axis=1)
        running = (weights @ ends).reshape(POINTS, 6, -1)
        by_point = np.ascontiguousarray(coefficients().transpose(2, 0, 1))
        return (by_point @ running).transpose(1, 2, 0)

    return evaluate, len(grid)


FORMS = {
    "dense grid": (dense_grid, (range(8, 25, 2), (1, 2))),
    "cumulative sums": (cumulative_sums, (range(8, 25, 2), (1, 2), (1, 2, 3))),
    "matrix product": (matrix_product, (range(8, 25, 2), (1, 2), (1, 2, 3))),
    "running integrals given": (tables_given, (range(10, 200, 2),)),
}


def kernels() -> dict[str, str]:
    """What NumPy multiplies matrices with, and the widest vectors of its own loops."""
    try:
        import threadpoolctl  # knows only what is loaded, so after NumPy

        pools = [p for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"]
        # The BLAS of NumPy, not that of SciPy, where both bring their own.
        pools = [p for p in pools if "numpy" in p["filepath"]] or pools
        blas = " ".join(f"{p['internal_api']} {p['version']} {p.get('architecture', '')}".strip()
                        for p in pools[:1]) or "none"  # fmt: skip
    except ImportError:
        blas = "not told: threadpoolctl is not installed"
    try:
        found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    except TypeError:  # before NumPy 1.25
        found = []
    return {"blas": blas, "simd": found[-1] if found else "not told"}


# --- measuring -----------------------------------------------------------------------------------


def error_of(spectra: np.ndarray, reference: np.ndarray) -> float:
    return float(np.abs(spectra / reference - 1).max())


def fewest_nodes(form, sizes, reference, quick):
    """(nodes, error, evaluate) of the sizes with the fewest nodes that reach the accuracy."""
    best = None
    if quick:
        sizes = [[max(size)] for size in sizes]
    for size in itertools.product(*sizes):
        evaluate, nodes = form(*size)
        error = error_of(evaluate(), reference)
        if error <= ACCURACY and (best is None or nodes < best[0]):
            best = nodes, error, evaluate
    if best is None:
        raise ArithmeticError(f"{form.__name__} does not reach {ACCURACY:g}")
    return best


def best_time(evaluate, quick: bool) -> float:
    timer = timeit.Timer(evaluate, timer=time.process_time)
    once = min(timer.repeat(5, 3)) / 3
    number = 1 + int((0.01 if quick else 0.15) / once)
    return min(timer.repeat(2 if quick else 10, number)) / number


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("magnu", help="the program")
    parser.add_argument("--quick", action="store_true", help="short timings")
    options = parser.parse_args()
    reference = magnu_spectra(options.magnu)
    figures = []
    for name, (form, sizes) in FORMS.items():
        nodes, error, evaluate = fewest_nodes(form, sizes, reference, options.quick)
        figures.append({"form": name, "nodes": nodes, "error": error,
                        "seconds": best_time(evaluate, options.quick)})  # fmt: skip
    json.dump({"numpy": np.__version__, **kernels(), "forms": figures}, sys.stdout, indent=1)
    print()
    return 0 if all(f["error"] <= AGREEMENT for f in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
