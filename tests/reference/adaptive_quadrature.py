#!/usr/bin/env python3
"""An independent check of magnu: every number of a study once more, by adaptive quadrature.

Nothing here shares code, grids or the order of the integrals with the program.  Each cross
section is integrated over the neutrino energy as it stands, from the kinematic limit to the end
of the spectrum; events in a bin are the same integral with the recoil energy done first (in
closed form for electrons).  Equation numbers are those of arXiv:2008.05080, as corrected in the
project's documentation.

    adaptive_quadrature.py STUDY.yaml LIMITS.csv [--spectra SPECTRUM.csv] [--tolerance 1e-6]
    adaptive_quadrature.py --self-test

Exit status: 0 all agree, 1 something deviates or is missing, 2 unusable input.

Inside: energies in MeV, lengths in fm, times in years.  At the interfaces: recoil energies in
keV, rates per tonne, year and keV, magnetic moments in Bohr magnetons.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Callable, Iterator, Optional

import numpy as np
import yaml
from scipy import integrate, special, stats

trapezoid = np.trapezoid if hasattr(np, "trapezoid") else np.trapz  # its name before NumPy 2

DATA = Path(__file__).resolve().parents[2] / "data"

# CODATA 2018; GF: PDG 2020.
ELECTRON_MASS = 0.51099895000  # MeV
ATOMIC_MASS_UNIT = 931.49410242  # MeV
FINE_STRUCTURE = 7.2973525693e-3
HBAR_C = 197.3269804  # MeV fm
AVOGADRO = 6.02214076e23
FERMI_CONSTANT = 1.1663787e-11  # MeV^-2
YEAR = 365.25 * 86400.0  # s
CM2_PER_FM2 = 1e-26
KEV = 1e-3  # MeV

REFERENCE_MU = 1e-11  # the magnetic moment of all magnetic templates [mu_B]

COMPONENTS = ("pp", "pep", "hep", "be7", "b8", "n13", "o15", "f17")
LINES = {"be7": ((0.3843, 0.103), (0.8613, 0.897)), "pep": ((1.442, 1.0),)}  # MeV, share
BETA_DECAYS = {  # largest neutrino energy [MeV], Z and A of the daughter
    "pp": (0.42341, 1, 2),
    "hep": (18.784, 2, 4),
    "n13": (1.199, 6, 13),
    "o15": (1.732, 7, 15),
    "f17": (1.740, 8, 17),
}


# --- quadrature ---------------------------------------------------------------------------------

EPSREL = 1e-11
COARSE = np.polynomial.legendre.leggauss(10)
FINE = np.polynomial.legendre.leggauss(20)
OWNERS_AT_ONCE = 128  # bounds memory only

Integrand = Callable[[np.ndarray, np.ndarray], np.ndarray]


def adaptive(f: Integrand, lower, upper, owner, owners: int) -> np.ndarray:
    """Integrals of f, shape (outputs, owners), each the sum over the intervals it owns.

    f(x, i) takes abscissae (m, n) and the owner of each row (m, 1), and gives (outputs, m, n).
    An interval is halved until its 10-point and 20-point Gauss-Legendre sums differ by less than
    EPSREL of its owner's integral, in every output; the 20-point sum, better by far, is kept.
    """
    lower, upper = np.asarray(lower, float), np.asarray(upper, float)
    owner = np.asarray(owner, int)
    lower, upper, owner = (v[lower < upper] for v in (lower, upper, owner))
    done: Optional[np.ndarray] = None

    def by_owner(values: np.ndarray, who: np.ndarray) -> np.ndarray:
        return np.array([np.bincount(who, row, owners) for row in values])

    for _ in range(60):
        middle, half = (lower + upper) / 2, (upper - lower) / 2
        fine, coarse = (
            (f(middle[:, None] + half[:, None] * x, owner[:, None]) * (half[:, None] * w)).sum(-1)
            for x, w in (FINE, COARSE)
        )
        if done is None:
            done = np.zeros((len(fine), owners))
        scale = np.abs(done + by_owner(fine, owner))[:, owner]
        good = (np.abs(fine - coarse) <= EPSREL * scale + 1e-280).all(0)
        done += by_owner(fine[:, good], owner[good])
        if good.all():
            return done
        lower, middle, upper, owner = (v[~good] for v in (lower, middle, upper, owner))
        lower, upper = np.concatenate([lower, middle]), np.concatenate([middle, upper])
        owner = np.concatenate([owner, owner])
    raise ArithmeticError("adaptive quadrature does not converge")


def adaptive_single(f: Callable[[np.ndarray], np.ndarray], lower: float, upper: float) -> float:
    """One integral of one vectorised function."""
    return float(adaptive(lambda x, _: f(x)[None], [lower], [upper], [0], 1)[0, 0])


# --- tables -------------------------------------------------------------------------------------


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header; lines that start with '#' are comments."""
    with open(path, newline="", encoding="utf-8") as stream:
        lines = [line for line in stream if line.strip() and not line.startswith("#")]
    return list(csv.DictReader(lines))


def columns(path: Path, *names: str) -> tuple[np.ndarray, ...]:
    rows = read_table(path)
    return tuple(np.array([float(row[name]) for row in rows]) for name in names)


@lru_cache(maxsize=None)
def data_table(name: str) -> list[dict[str, str]]:
    return read_table(DATA / f"{name}.csv")


# --- the Sun ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Oscillation:
    """P.F. de Salas et al., PLB 782 (2018) 633, normal ordering; dm2_21 in eV^2."""

    sin2_theta12: float = 0.320
    sin2_theta13: float = 0.0216
    dm2_21: float = 7.55e-5


def survival_probability(energy, density, fraction, oscillation: Oscillation) -> np.ndarray:
    """Pee by day, averaged over the shells; electron densities in N_A/cm^3.

    Pee = c13^4 (1 + cos 2th12 <cos 2th12^M>)/2 + s13^4, adiabatic, two flavours
    (de Salas et al., PLB 782 (2018) 633).
    """
    energy = np.asarray(energy, float)
    cos_vacuum = 1 - 2 * oscillation.sin2_theta12
    sin2_vacuum = 1 - cos_vacuum**2
    c13_2 = 1 - oscillation.sin2_theta13
    per_mole = AVOGADRO * (HBAR_C * 1e-13) ** 3  # N_A/cm^3 in MeV^3
    potential = 2 * math.sqrt(2) * FERMI_CONSTANT * per_mole * c13_2 / (oscillation.dm2_21 * 1e-12)
    mean = np.zeros_like(energy)
    for ne, share in zip(density, fraction / fraction.sum()):
        x = cos_vacuum - potential * ne * energy
        mean += share * x / np.sqrt(x * x + sin2_vacuum)
    return c13_2**2 * (1 + cos_vacuum * mean) / 2 + oscillation.sin2_theta13**2


def beta_shape(kinetic, end: float, z: int, a: int) -> np.ndarray:
    """Allowed beta+ neutrino spectrum Enu^2 p W F(-Z, W), not normalised, no recoil.

    kinetic > 0: the positron's energy, end - Enu (so that nothing cancels at the end).

    F: relativistic Fermi function of a point charge at R = 1.2 A^(1/3) fm (E.J. Konopinski,
    The Theory of Beta Radioactivity, 1966); only its energy dependence survives normalisation.
    """
    t = np.asarray(kinetic, float) / ELECTRON_MASS
    w, p = 1 + t, np.sqrt(t * (t + 2))
    gamma = math.sqrt(1 - (FINE_STRUCTURE * z) ** 2)
    radius = 1.2 * a ** (1 / 3) * ELECTRON_MASS / HBAR_C
    eta = -FINE_STRUCTURE * z * w / p
    log_f = (
        math.log(2 * (1 + gamma))
        + 2 * (gamma - 1) * np.log(2 * p * radius)
        + np.pi * eta
        + 2 * special.loggamma(gamma + 1j * eta).real
        - 2 * special.gammaln(2 * gamma + 1)
    )
    return (end - kinetic) ** 2 * p * w * np.exp(log_f)


@dataclass
class Component:
    """One solar component: a total flux [1/(cm^2 s)], its spectrum and its survival probability.

    The spectrum is one of: lines (Enu, share); an allowed beta decay, its shape a function of
    end - Enu; a table of values linear between nodes.  Energies up to `end`.
    """

    name: str
    flux: float
    pee: Callable[[np.ndarray], np.ndarray]
    end: float
    lines: tuple[tuple[float, float], ...] = ()
    shape: Optional[Callable[[np.ndarray], np.ndarray]] = None
    nodes: Optional[np.ndarray] = None
    values: Optional[np.ndarray] = None
    _panels: dict[bool, tuple] = field(default_factory=dict)

    @classmethod
    def of_lines(cls, name: str, flux: float, pee, lines) -> "Component":
        return cls(name, flux, pee, max(energy for energy, _ in lines), lines=lines)

    @classmethod
    def of_beta(cls, name: str, flux: float, pee, end: float, z: int, a: int) -> "Component":
        norm = adaptive_single(
            lambda t: 2 * t * beta_shape(t * t, end, z, a), 0.0, math.sqrt(end)
        )
        return cls(name, flux, pee, end, shape=lambda t: beta_shape(t, end, z, a) / norm)

    @classmethod
    def of_table(cls, name: str, flux: float, pee, nodes, values) -> "Component":
        values = values / trapezoid(values, nodes)
        return cls(name, flux, pee, float(nodes[-1]), nodes=nodes, values=values)

    def spectrum(self, energy) -> np.ndarray:
        """Probability per MeV at a neutrino energy [MeV]; a line has none."""
        if self.lines:
            raise ValueError(f"{self.name} is made of lines")
        energy = np.asarray(energy, float)
        if self.nodes is not None:
            return np.interp(energy, self.nodes, self.values, left=0.0, right=0.0)
        inside = (energy > 0) & (energy < self.end)
        kinetic = np.where(inside, self.end - energy, self.end)
        return np.where(inside, self.shape(kinetic), 0.0)

    def fold(self, kernel, start, kink, flavoured: bool = True) -> np.ndarray:
        """Integral over Enu > start of flux * kernel, per (cm^2 year): shape (outputs, owners).

        kernel(Enu, Pee, i) gives (outputs, ...) for owner i; it may have a kink at kink[i] and
        must be smooth elsewhere above start[i].  Pee is None unless flavoured.
        """
        pee = self.pee if flavoured else lambda _: None
        start, kink = np.asarray(start, float), np.asarray(kink, float)
        parts = []
        for first in range(0, len(start), OWNERS_AT_ONCE):
            chunk = slice(first, first + OWNERS_AT_ONCE)
            shifted = lambda e, p, i, first=first: kernel(e, p, i + first)
            if self.lines:
                part = self._fold_lines(shifted, pee, start[chunk])
            elif self.nodes is None:
                part = self._fold_beta(shifted, pee, start[chunk], kink[chunk])
            else:
                part = self._fold_nodes(shifted, pee, start[chunk], kink[chunk], flavoured)
            parts.append(part)
        return self.flux * YEAR * np.concatenate(parts, axis=1)

    def _fold_lines(self, kernel, pee, start) -> np.ndarray:
        """A line counts where it is above start, with no quadrature across it."""
        index = np.arange(len(start))
        total = 0.0
        for energy, share in self.lines:
            e = np.full(len(start), energy)
            total = total + np.where(start < e, share * kernel(e, pee(e), index), 0.0)
        return total

    def _fold_beta(self, kernel, pee, start, kink) -> np.ndarray:
        """Adaptive in t = sqrt(end - Enu), in which the square root at the end is smooth."""
        index = np.arange(len(start))
        start, kink = np.minimum(start, self.end), np.clip(kink, start, self.end)
        far, near = np.sqrt(self.end - start), np.sqrt(np.maximum(self.end - kink, 0))

        def f(t, i):
            e = self.end - t * t
            return kernel(e, pee(e), i) * (2 * t * self.shape(t * t))

        return adaptive(
            f,
            np.concatenate([np.zeros_like(near), near]),
            np.concatenate([near, far]),
            np.concatenate([index, index]),
            len(start),
        )

    def _fold_nodes(self, kernel, pee, start, kink, flavoured) -> np.ndarray:
        """Panels between nodes by 20 points each; the panel cut by start or kink adaptively."""
        index = np.arange(len(start))
        left, right = self.nodes[:-1], self.nodes[1:]
        if flavoured not in self._panels:
            half = (right - left)[:, None] / 2
            e = (left + right)[:, None] / 2 + half * FINE[0]
            self._panels[flavoured] = e.ravel(), (half * FINE[1] * self.spectrum(e)).ravel(), (
                pee(e.ravel())
            )
        e, weight, p = self._panels[flavoured]

        cut = lambda at: (left < at[:, None]) & (at[:, None] < right)
        whole = (start[:, None] <= left) & ~cut(kink)
        keep = np.repeat(whole, len(FINE[0]), axis=1)
        values = kernel(np.broadcast_to(e, keep.shape), p, index[:, None])
        total = np.where(keep, values * weight, 0.0).sum(-1)

        rows, panels = np.nonzero(~whole & (start[:, None] < right))
        if len(rows):
            low = np.maximum(left[panels], start[rows])
            high = right[panels]
            split = np.clip(kink[rows], low, high)
            total = total + adaptive(
                lambda x, i: kernel(x, pee(x), i) * self.spectrum(x),
                np.concatenate([low, split]),
                np.concatenate([split, high]),
                np.concatenate([rows, rows]),
                len(start),
            )
        return total


@lru_cache(maxsize=None)
def sun(model: str, b8_spectrum: str, oscillation: Oscillation) -> dict[str, Component]:
    """The eight components of a solar model."""
    production = {row["model"]: row["production"] for row in data_table("solar_models")}[model]
    fluxes = {row["component"]: float(row[model]) for row in data_table("solar_fluxes")}
    made: dict[str, Component] = {}
    for name in COMPONENTS:
        density, fraction = columns(
            DATA / f"production_{production}.csv", "electron_density", name
        )
        pee = lambda e, d=density, f=fraction: survival_probability(e, d, f, oscillation)
        if name in LINES:
            made[name] = Component.of_lines(name, fluxes[name], pee, LINES[name])
        elif name in BETA_DECAYS:
            made[name] = Component.of_beta(name, fluxes[name], pee, *BETA_DECAYS[name])
        else:
            nodes, values = columns(
                DATA / f"b8_spectrum_{b8_spectrum}.csv",
                "neutrino_energy_MeV",
                "probability_per_MeV",
            )
            made[name] = Component.of_table(name, fluxes[name], pee, nodes, values)
    return made


# --- targets ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Isotope:
    z: int
    a: int
    mole_fraction: float
    per_tonne: float
    mass: float  # of the nucleus [MeV]


@lru_cache(maxsize=None)
def isotopes(target: str) -> tuple[Isotope, ...]:
    """n_i = x_i N_A 10^6 g / sum_j x_j M_j, abundances normalised to 1."""
    rows = [row for row in data_table("targets") if row["target"] == target]
    if not rows:
        raise ValueError(f"unknown target '{target}'")
    share = np.array([float(row["abundance"]) for row in rows])
    share /= share.sum()
    atomic = np.array([float(row["atomic_mass_u"]) for row in rows])
    per_gram = AVOGADRO / (share * atomic).sum()
    return tuple(
        Isotope(
            int(row["z"]),
            int(row["a"]),
            x,
            1e6 * per_gram * x,
            m * ATOMIC_MASS_UNIT - int(row["z"]) * ELECTRON_MASS,
        )
        for row, x, m in zip(rows, share, atomic)
    )


def shells(target: str) -> tuple[np.ndarray, np.ndarray]:
    """Binding energies [MeV] and numbers of electrons."""
    energy, electrons = columns(
        DATA / f"binding_{target}.csv", "binding_energy_eV", "electrons"
    )
    return energy * 1e-6, electrons


def helm_squared(recoil, nucleus: Isotope) -> np.ndarray:
    """Squared Helm form factor at q^2 = 2 mN Er (Lewin, Smith, Astropart. Phys. 6 (1996) 87)."""
    s, a = 0.9, 0.52
    c = 1.23 * nucleus.a ** (1 / 3) - 0.60
    rn = math.sqrt(c * c + 7 * math.pi**2 * a * a / 3 - 5 * s * s)
    q = np.sqrt(2 * nucleus.mass * np.asarray(recoil, float)) / HBAR_C
    x = q * rn
    small = x < 0.05  # 3 j1(x)/x as a series: no cancellation
    y = np.where(small, 1.0, x)
    bessel = np.where(
        small,
        1 - x**2 / 10 + x**4 / 280 - x**6 / 15120,
        3 * (np.sin(y) - y * np.cos(y)) / y**3,
    )
    return (bessel * np.exp(-((q * s) ** 2) / 2)) ** 2


# --- kinematics and cross sections --------------------------------------------------------------


def least_neutrino_energy(recoil, mass: float) -> np.ndarray:
    """Emin = [Er + sqrt(Er^2 + 2 m Er)]/2, exact (below (2.8))."""
    recoil = np.asarray(recoil, float)
    return (recoil + np.sqrt(recoil * (recoil + 2 * mass))) / 2


def largest_recoil(energy, mass: float) -> np.ndarray:
    """Er_max = 2 Enu^2/(m + 2 Enu)."""
    energy = np.asarray(energy, float)
    return 2 * energy**2 / (mass + 2 * energy)


WEAK = FERMI_CONSTANT**2 * HBAR_C**2 * CM2_PER_FM2  # GF^2 [cm^2/MeV^2]
MAGNETIC = (  # pi alpha^2/me^2 (mu/mu_B)^2 [cm^2], Vogel, Engel, PRD 39 (1989) 3378
    math.pi * FINE_STRUCTURE**2 / ELECTRON_MASS**2 * HBAR_C**2 * CM2_PER_FM2 * REFERENCE_MU**2
)


def electron_couplings(sin2_theta_w: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """(gV, gA) in (2.2), of nu_e, and of nu_mu and nu_tau."""
    return (2 * sin2_theta_w + 0.5, 0.5), (2 * sin2_theta_w - 0.5, -0.5)


def electron_cross_section(recoil, energy, gv: float, ga: float) -> np.ndarray:
    """(2.2), last term with its sign [cm^2/MeV] (Vogel, Engel, PRD 39 (1989) 3378)."""
    y = recoil / energy
    bracket = (
        (gv + ga) ** 2
        + (gv - ga) ** 2 * (1 - y) ** 2
        + (ga**2 - gv**2) * ELECTRON_MASS * y / energy
    )
    return WEAK * ELECTRON_MASS / (2 * math.pi) * bracket


def electron_cross_section_between(low, high, energy, gv: float, ga: float) -> np.ndarray:
    """The same, integrated over recoil energies from low to high [cm^2]."""
    a, b = 1 - low / energy, 1 - high / energy
    bracket = (
        (gv + ga) ** 2
        + (gv - ga) ** 2 * (a * a + a * b + b * b) / 3
        + (ga**2 - gv**2) * ELECTRON_MASS * (high + low) / (2 * energy**2)
    )
    return WEAK * ELECTRON_MASS / (2 * math.pi) * bracket * (high - low)


def magnetic_cross_section(recoil, energy) -> np.ndarray:
    """(2.6) as corrected, on one electron, for REFERENCE_MU [cm^2/MeV]."""
    return MAGNETIC * (1 / recoil - 1 / energy)


def magnetic_cross_section_between(low, high, energy) -> np.ndarray:
    return MAGNETIC * (np.log(high / low) - (high - low) / energy)


def nuclear_coupling(nucleus: Isotope, sin2_theta_w: float) -> float:
    """gN of (2.1)."""
    return -0.5 * (nucleus.a - nucleus.z) + nucleus.z * (0.5 - 2 * sin2_theta_w)


def coherent_strength(nucleus: Isotope, sin2_theta_w: float) -> float:
    """GF^2 mN gN^2/pi of (2.1) [cm^2/MeV], to be multiplied by F^2 (1 - mN Er/(2 Enu^2))."""
    return WEAK * nucleus.mass * nuclear_coupling(nucleus, sin2_theta_w) ** 2 / math.pi


# --- rates --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Physics:
    """Everything the two templates (standard model, magnetic) depend on, but the binning."""

    channel: str = "electron"
    target: str = "xenon"
    solar_model: str = "b16gs98"
    b8_spectrum: str = "winter2006"
    oscillation: Oscillation = Oscillation()
    sin2_theta_w: float = 0.23122
    electrons: str = "free"
    components: tuple[str, ...] = COMPONENTS

    def sources(self) -> dict[str, Component]:
        all_of_them = sun(self.solar_model, self.b8_spectrum, self.oscillation)
        return {name: all_of_them[name] for name in self.components}


Rates = dict[str, np.ndarray]  # per component: (standard model, magnetic) x recoil energies or bins


def free_fraction(physics: Physics, recoil: np.ndarray) -> np.ndarray:
    """Share of the electrons that can be knocked out: 1, or those bound below Er (MeV)."""
    if physics.electrons == "free":
        return np.ones(len(recoil))
    binding, number = shells(physics.target)
    return (number * (binding < recoil[:, None])).sum(1) / number.sum()


def electrons_per_tonne(target: str) -> float:
    return sum(i.z * i.per_tonne for i in isotopes(target))


@lru_cache(maxsize=None)
def differential_rates(physics: Physics, recoil_kev: tuple[float, ...]) -> Rates:
    """(2.8): dR/dEr per tonne, year and keV; the magnetic part for REFERENCE_MU."""
    recoil = np.array(recoil_kev) * KEV
    rates: Rates = {}
    for name, source in physics.sources().items():
        if physics.channel == "electron":
            start = least_neutrino_energy(recoil, ELECTRON_MASS)
            couplings = electron_couplings(physics.sin2_theta_w)

            def kernel(e, pee, i):
                own, other = (electron_cross_section(recoil[i], e, *g) for g in couplings)
                sm = pee * own + (1 - pee) * other
                return np.array([sm, magnetic_cross_section(recoil[i], e)])

            total = source.fold(kernel, start, start) * electrons_per_tonne(physics.target)
            total = total * free_fraction(physics, recoil)
        else:
            total = np.zeros((2, len(recoil)))
            for nucleus in isotopes(physics.target):
                start = least_neutrino_energy(recoil, nucleus.mass)

                def kernel(e, _, i):
                    er = recoil[i]
                    sm = 1 - nucleus.mass * er / (2 * e**2)
                    return np.array([sm, magnetic_cross_section(er, e)])

                part = source.fold(kernel, start, start, flavoured=False)
                strength = [[coherent_strength(nucleus, physics.sin2_theta_w)], [nucleus.z**2]]
                total += part * strength * helm_squared(recoil, nucleus) * nucleus.per_tonne
        rates[name] = total * KEV
    return rates


def helm_moments(low, high, nucleus: Isotope) -> np.ndarray:
    """Integrals of F^2/Er, F^2 and F^2 Er from low to high: 20 points in log Er.

    In log Er the integrands are entire and slow (q rn is about 1 at 4.5 keV on xenon), so the
    rule is exact to rounding over more than two decades; the self-test checks it.
    """
    low, high = np.broadcast_arrays(np.asarray(low, float), np.asarray(high, float))
    half = np.log(high / low)[..., None] / 2
    er = low[..., None] * np.exp(half * (1 + FINE[0]))
    weight = half * FINE[1] * helm_squared(er, nucleus)
    return np.array([(weight * er**k).sum(-1) for k in (0, 1, 2)])


def event_counts(physics: Physics, edges_kev: np.ndarray) -> Rates:
    """Events per tonne and year in each bin, the recoil energy integrated first.

    At each Enu the recoil integral ends at the bin's edge or the kinematic limit, whichever comes
    first: that is the kink at Emin(upper edge).  With stepping electrons a bin is the sum of its
    pieces between shell energies.
    """
    edges = np.asarray(edges_kev, float) * KEV
    cuts = edges
    if physics.channel == "electron" and physics.electrons == "stepping":
        binding, _ = shells(physics.target)
        cuts = np.union1d(edges, binding[(binding > edges[0]) & (binding < edges[-1])])
    fine = fine_event_counts(physics, tuple(cuts))
    owner = np.searchsorted(edges, cuts[:-1], side="right") - 1
    return {
        name: np.array([np.bincount(owner, row, len(edges) - 1) for row in part])
        for name, part in fine.items()
    }


@lru_cache(maxsize=None)
def fine_event_counts(physics: Physics, cuts: tuple[float, ...]) -> Rates:
    """Events between consecutive cuts [MeV], none of which has a shell energy inside."""
    low, high = np.array(cuts[:-1]), np.array(cuts[1:])
    rates: Rates = {}
    for name, source in physics.sources().items():
        if physics.channel == "electron":
            couplings = electron_couplings(physics.sin2_theta_w)

            def kernel(e, pee, i):
                a = low[i]
                b = np.clip(largest_recoil(e, ELECTRON_MASS), a, high[i])
                own, other = (electron_cross_section_between(a, b, e, *g) for g in couplings)
                sm = pee * own + (1 - pee) * other
                return np.array([sm, magnetic_cross_section_between(a, b, e)])

            start, kink = (least_neutrino_energy(x, ELECTRON_MASS) for x in (low, high))
            total = source.fold(kernel, start, kink) * electrons_per_tonne(physics.target)
            total = total * free_fraction(physics, (low + high) / 2)
        else:
            total = np.zeros((2, len(low)))
            for nucleus in isotopes(physics.target):
                start, kink = (least_neutrino_energy(x, nucleus.mass) for x in (low, high))
                whole = helm_moments(low, high, nucleus)

                def kernel(e, _, i):
                    i = np.broadcast_to(i, e.shape)
                    moments = whole[:, i]
                    cut = (e < kink[i]) & (e > start[i])
                    end = np.clip(largest_recoil(e[cut], nucleus.mass), low[i[cut]], high[i[cut]])
                    moments[:, cut] = helm_moments(low[i[cut]], end, nucleus)
                    inverse, unit, linear = moments
                    sm = unit - nucleus.mass / (2 * e**2) * linear
                    return np.array([sm, MAGNETIC * (inverse - unit / e)])

                part = source.fold(kernel, start, kink, flavoured=False)
                strength = [[coherent_strength(nucleus, physics.sin2_theta_w)], [nucleus.z**2]]
                total += part * strength * nucleus.per_tonne
        rates[name] = total
    return rates


# --- backgrounds --------------------------------------------------------------------------------

XE136_HALF_LIFE = 2.165e21  # years; J.B. Albert et al. (EXO-200), PRC 89 (2014) 015502
XE136_Q = 2457.83 * KEV


def xe136_shape(t) -> np.ndarray:
    """Summed electron energy of 2 nu beta beta, t = T/me (Primakoff, Rosen, RPP 22 (1959) 121)."""
    t0 = XE136_Q / ELECTRON_MASS
    t = np.asarray(t, float)
    polynomial = 1 + 2 * t + 4 * t**2 / 3 + t**3 / 3 + t**4 / 30
    return np.where((t > 0) & (t < t0), t * (t0 - t) ** 5 * polynomial, 0.0)


@lru_cache(maxsize=None)
def xe136_per_shape() -> float:
    """Decays per tonne of natural xenon and year, over the integral of the shape."""
    number = next(i.per_tonne for i in isotopes("xenon") if i.a == 136)
    norm = integrate.quad(xe136_shape, 0, XE136_Q / ELECTRON_MASS, epsrel=1e-12)[0]
    return number * math.log(2) / XE136_HALF_LIFE / norm


def xe136_between(low_kev: float, high_kev: float) -> float:
    """Decays per tonne and year with a sum energy in a bin."""
    limits = (low_kev * KEV / ELECTRON_MASS, high_kev * KEV / ELECTRON_MASS)
    return xe136_per_shape() * integrate.quad(xe136_shape, *limits, epsrel=1e-12)[0]


@dataclass
class Background:
    """What a curve's list of backgrounds adds up to."""

    fraction: float = 0.0  # of the signal
    flat: float = 0.0  # per tonne, year and keV
    xe136: float = 0.0  # times the natural rate
    tables: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    @classmethod
    def parse(cls, entries: list, folder: Path) -> "Background":
        total = cls()
        named = data_table("backgrounds")
        for entry in entries:
            if isinstance(entry, dict):
                ((kind, value),) = entry.items()
                if kind == "fraction":
                    total.fraction += float(value)
                elif kind == "flat":
                    total.flat += float(value)
                elif kind == "table":
                    total.tables.append(
                        columns(folder / str(value), "energy_keV", "rate_per_tonne_year_keV")
                    )
                else:
                    raise ValueError(f"unknown background '{kind}'")
            elif entry == "xe136_2nbb":
                total.xe136 += 1.0
            else:
                rows = [row for row in named if row["background"] == entry]
                if not rows:
                    raise ValueError(f"unknown background '{entry}'")
                for row in rows:
                    if row["kind"] == "flat":
                        total.flat += float(row["rate"])
                    elif row["kind"] == "xe136_2nbb":
                        total.xe136 += float(row["rate"])
                    else:
                        raise ValueError(f"unknown kind of background '{row['kind']}'")
        return total

    def density(self, recoil_kev: np.ndarray) -> np.ndarray:
        """Per tonne, year and keV, without the fraction."""
        total = np.full(len(recoil_kev), self.flat)
        if self.xe136:
            shape = xe136_shape(recoil_kev * KEV / ELECTRON_MASS) * KEV / ELECTRON_MASS
            total += self.xe136 * xe136_per_shape() * shape
        for energy, rate in self.tables:
            total += np.interp(recoil_kev, energy, rate, left=0.0, right=0.0)
        return total

    def counts(self, edges_kev: np.ndarray) -> np.ndarray:
        """Per tonne and year in each bin, without the fraction."""
        bins = list(zip(edges_kev[:-1], edges_kev[1:]))
        total = self.flat * np.diff(edges_kev)
        if self.xe136:
            total += self.xe136 * np.array([xe136_between(*b) for b in bins])
        for energy, rate in self.tables:
            for i, (low, high) in enumerate(bins):
                low, high = max(low, energy[0]), min(high, energy[-1])
                if low < high:
                    inside = energy[(energy > low) & (energy < high)]
                    x = np.concatenate([[low], inside, [high]])
                    total[i] += trapezoid(np.interp(x, energy, rate), x)  # exact: linear pieces
        return total


# --- studies ------------------------------------------------------------------------------------

ENERGY_UNITS = {"eV": 1e-3, "keV": 1.0, "MeV": 1e3}
MASS_UNITS = {"tonne": 1.0, "tonnes": 1.0, "t": 1.0, "kg": 1e-3}
TIME_UNITS = {"year": 1.0, "years": 1.0, "yr": 1.0, "day": 1 / 365.25, "days": 1 / 365.25}
KEYS = {
    "name", "channel", "target", "solar_model", "b8_spectrum", "oscillation", "sin2_theta_w",
    "electrons", "exposure", "threshold", "upper", "bins", "background", "fraction_in",
    "statistic", "sigma_scale", "confidence_level", "components", "mu_eff", "accuracy",
}  # fmt: skip


def quantity(text, *units: dict[str, float]) -> float:
    """'40 tonne year' in the units that are 1 in the tables given."""
    words = str(text).split()
    if len(words) != 1 + len(units):
        raise ValueError(f"not a number with {len(units)} unit(s): '{text}'")
    value = float(words[0])
    for word, table in zip(words[1:], units):
        if word not in table:
            raise ValueError(f"unknown unit '{word}' in '{text}'")
        value *= table[word]
    return value


def choice(curve: dict, key: str, default: str, *others: str) -> str:
    value = curve.get(key, default)
    if value not in (default, *others):
        raise ValueError(f"{key}: unknown value '{value}'")
    return value


@dataclass
class Curve:
    """One curve of a study, defaults filled in."""

    name: str
    physics: Physics
    exposure: float  # tonne year
    edges: np.ndarray  # keV
    background: Background
    fraction_in: str
    statistic: str
    sigma_scale: float
    confidence_level: float

    @classmethod
    def parse(cls, curve: dict, folder: Path = Path(".")) -> "Curve":
        unknown = set(curve) - KEYS
        if unknown:
            raise ValueError(f"unknown key(s): {', '.join(sorted(unknown))}")
        channel = curve.get("channel", "electron")
        if channel not in ("electron", "nuclear"):
            raise ValueError(f"channel: unknown value '{channel}'")
        electron = channel == "electron"
        chosen = curve.get("components", list(COMPONENTS) if electron else ["b8"])
        if set(chosen) - set(COMPONENTS):
            raise ValueError(f"components: unknown name in {chosen}")
        oscillation = {k: float(v) for k, v in curve.get("oscillation", {}).items()}
        physics = Physics(
            channel,
            curve.get("target", "xenon"),
            curve.get("solar_model", "b16gs98"),
            choice(curve, "b8_spectrum", "winter2006", "bahcall1996"),
            Oscillation(**oscillation),
            float(curve.get("sin2_theta_w", 0.23122)),
            choice(curve, "electrons", "free", "stepping"),
            tuple(chosen),
        )
        return cls(
            str(curve["name"]),
            physics,
            quantity(curve["exposure"], MASS_UNITS, TIME_UNITS),
            np.linspace(
                quantity(curve.get("threshold", "0.3 keV"), ENERGY_UNITS),
                quantity(curve.get("upper", "105 keV" if electron else "4.5 keV"), ENERGY_UNITS),
                int(curve.get("bins", 11 if electron else 14)) + 1,
            ),
            Background.parse(curve.get("background") or [], folder),
            choice(curve, "fraction_in", "variance", "error"),
            choice(curve, "statistic", "counts", "density"),
            float(curve.get("sigma_scale", 1)),
            float(curve.get("confidence_level", 0.9)),
        )


def read_study(path: Path) -> list[Curve]:
    """The curves of a study: top-level keys are defaults, a key of a curve replaces them whole."""
    with open(path, encoding="utf-8") as stream:
        study = yaml.safe_load(stream)
    entries = study.pop("curves", None) or [{}]
    return [Curve.parse({**study, **entry}, path.parent) for entry in entries]


# --- the limit ----------------------------------------------------------------------------------


def delta_chi2(confidence_level: float) -> float:
    """Quantile of the chi-square distribution with one degree of freedom."""
    return float(stats.chi2.ppf(confidence_level, 1))


def limit(curve: Curve) -> float:
    """mu_eff [mu_B] at which sum_i ((mu/mu_B)^2 M_i / sigma_i)^2 reaches delta chi^2 (3.1).

    `density`: dR/dEr at bin centres times exposure; `counts`: events per bin.  sigma at mu = 0.
    """
    if curve.statistic == "density":
        centres = (curve.edges[:-1] + curve.edges[1:]) / 2
        rates = differential_rates(curve.physics, tuple(centres))
        other = curve.background.density(centres)
    else:
        rates = event_counts(curve.physics, curve.edges)
        other = curve.background.counts(curve.edges)
    standard, magnetic = curve.exposure * sum(rates.values())
    other = curve.exposure * other
    fraction = curve.background.fraction
    if curve.fraction_in == "variance":
        sigma = np.sqrt((1 + fraction) * standard + other)
    else:
        sigma = (1 + fraction) * np.sqrt(standard + other)
    sigma = curve.sigma_scale * sigma
    used = sigma > 0
    strength = ((magnetic[used] / sigma[used]) ** 2).sum()
    if strength == 0:
        return math.inf
    return REFERENCE_MU * (delta_chi2(curve.confidence_level) / strength) ** 0.25


# --- comparison with the program ----------------------------------------------------------------


def relative(theirs: float, ours: float, scale: Optional[float] = None) -> float:
    scale = abs(ours) if scale is None else abs(scale)
    if theirs == ours:
        return 0.0
    deviation = abs(theirs - ours) / scale if scale > 0 else math.inf
    return deviation if math.isfinite(deviation) else math.inf


def compare_limits(curves: list[Curve], path: Path, tolerance: float) -> bool:
    """Print magnu's limits beside these; True where all agree."""
    rows: dict[str, dict[str, str]] = {}
    good = True
    for row in read_table(path):
        if row["curve"] in rows:
            print(f"limits: curve '{row['curve']}' appears twice")
            good = False
        rows[row["curve"]] = row
    for name in rows.keys() - {c.name for c in curves}:
        print(f"limits: curve '{name}' is not in the study")
        good = False

    print(f"{'curve':44s} {'magnu':>15s} {'reference':>15s} {'deviation':>10s}")
    for curve in curves:
        row = rows.get(curve.name)
        ours = limit(curve)
        if row is None:
            print(f"{curve.name:44s} {'missing':>15s} {ours:15.8e}")
            good = False
            continue
        theirs = float(row["mu_eff_mu_B"])
        deviation = relative(theirs, ours)
        bad = not deviation <= tolerance
        print(
            f"{curve.name:44s} {theirs:15.8e} {ours:15.8e} {deviation:10.1e}"
            f"{'  <-- deviates' if bad else ''}"
        )
        numbers = {
            "exposure_tonne_year": curve.exposure,
            "threshold_keV": curve.edges[0],
            "sigma_scale": curve.sigma_scale,
            "confidence_level": curve.confidence_level,
            "delta_chi2": delta_chi2(curve.confidence_level),
        }
        wrong = [k for k, v in numbers.items() if not relative(float(row[k]), v) <= tolerance]
        words = {
            "channel": curve.physics.channel,
            "statistic": curve.statistic,
            "target": curve.physics.target,
        }
        wrong += [k for k, v in words.items() if row[k] != v]
        for key in wrong:
            expected = {**numbers, **words}[key]
            print(f"    {key}: {row[key]} where {expected} is expected")
        good = good and not bad and not wrong
    return good


def compare_spectra(curves: list[Curve], path: Path, tolerance: float) -> bool:
    """Print the largest deviation per curve and component; True where all rows agree.

    Deviations are relative to the total at the same recoil energy.
    """
    rows: dict[str, dict[float, dict[str, tuple[float, float]]]] = {}
    good = True
    known = {c.name: c for c in curves}
    for row in read_table(path):
        at = rows.setdefault(row["curve"], {}).setdefault(float(row["recoil_energy_keV"]), {})
        if row["component"] in at:
            print(f"spectra: {row['curve']}, {row['component']} twice at one recoil energy")
            good = False
        at[row["component"]] = (float(row["standard_model"]), float(row["magnetic"]))
        if row["curve"] in known and row["channel"] != known[row["curve"]].physics.channel:
            print(f"spectra: {row['curve']}: channel {row['channel']}")
            good = False
    for name in rows.keys() - known.keys():
        print(f"spectra: curve '{name}' is not in the study")
        good = False

    print(
        f"{'curve':44s} {'component':>9s} {'rows':>6s} {'standard':>10s} {'at [keV]':>9s}"
        f" {'magnetic':>10s} {'at [keV]':>9s}"
    )
    for name, curve in known.items():
        if name not in rows:
            print(f"{name:44s} missing")
            good = False
            continue
        energies = sorted(rows[name])
        ours = dict(differential_rates(curve.physics, tuple(energies)))
        total = ours["total"] = sum(ours.values())
        worst = {component: [(0.0, math.nan), (0.0, math.nan)] for component in ours}
        for i, energy in enumerate(energies):
            theirs = rows[name][energy]
            if theirs.keys() != ours.keys():
                lacking, extra = sorted(ours.keys() - theirs), sorted(theirs.keys() - ours)
                print(f"{name}, {energy} keV: missing {lacking}, unexpected {extra}")
                good = False
            for component in theirs.keys() & ours.keys():
                for k in (0, 1):
                    deviation = relative(
                        theirs[component][k], ours[component][k, i], total[k, i]
                    )
                    worst[component][k] = max(
                        worst[component][k], (deviation, energy), key=lambda pair: pair[0]
                    )
        for component, ((sm, sm_at), (mag, mag_at)) in worst.items():
            bad = not max(sm, mag) <= tolerance
            print(
                f"{name:44s} {component:>9s} {len(energies):6d} {sm:10.1e} {sm_at:9.4g}"
                f" {mag:10.1e} {mag_at:9.4g}{'  <-- deviates' if bad else ''}"
            )
            good = good and not bad
    return good


# --- self-test ----------------------------------------------------------------------------------

Check = tuple[str, float, float, float]  # what, value, expected, relative tolerance


def paper(**keys) -> Curve:
    """A curve with the paper's settings."""
    fixed = {"name": "", "solar_model": "bs05op", "b8_spectrum": "bahcall1996"}
    return Curve.parse({**fixed, **keys})


def check_sun() -> Iterator[Check]:
    of = sun("bs05op", "bahcall1996", Oscillation())
    for name, energy, expected in (
        ("pp", 0.2, 0.5374), ("be7", 0.8613, 0.5189), ("b8", 5.0, 0.3951), ("b8", 10.0, 0.3362),
    ):  # fmt: skip
        yield f"Pee of {name} at {energy} MeV", float(of[name].pee(energy)), expected, 5e-4
    for name, half, mean in (
        ("pp", 3.14504, 0.26681), ("n13", 1.26360, 0.70676), ("o15", 0.90950, 0.99653),
        ("f17", 0.90769, 0.99960), ("hep", 0.09726, 9.6304),
    ):  # fmt: skip
        source = of[name]
        value = float(source.spectrum(source.end / 2))
        yield f"{name} spectrum at half the end point [1/MeV]", value, half, 1e-4
        moment = lambda e: e * source.spectrum(e)
        value = integrate.quad(moment, 0, source.end, epsabs=0, epsrel=1e-9, limit=500)[0]
        yield f"{name} mean energy [MeV]", value, mean, 1e-4
    for what, energy, expected in (
        ("pp", of["pp"].end, 264), ("7Be, lower", 0.3843, 231), ("7Be, upper", 0.8613, 664),
        ("pep", 1.442, 1225), ("hep", of["hep"].end, 18.5e3), ("8B", 16.56, 16.3e3),
        ("13N", of["n13"].end, 988), ("15O", of["o15"].end, 1509), ("17F", of["f17"].end, 1517),
    ):  # fmt: skip
        value = float(largest_recoil(energy, ELECTRON_MASS)) / KEV
        yield f"largest electron recoil, {what} [keV]", value, expected, 3e-3
    xenon = isotopes("xenon")
    mean_mass = sum(i.mole_fraction * i.mass for i in xenon)
    for what, energy, expected in (("8B", 16.56, 4.48), ("hep", of["hep"].end, 5.8)):
        value = float(largest_recoil(energy, mean_mass)) / KEV
        yield f"largest xenon recoil, {what} [keV]", value, expected, 1e-2


def check_rates() -> Iterator[Check]:
    electron = paper(channel="electron", exposure="1 tonne year").physics
    total = sum(differential_rates(electron, (1.0, 10.0, 100.0)).values())
    for i, (energy, sm, mag) in enumerate(
        ((1, 3.2763, 12.706), (10, 3.1694, 1.2161), (100, 2.0204, 0.06475))
    ):
        yield f"electron, {energy} keV, standard model", total[0, i], sm, 3e-3
        yield f"electron, {energy} keV, mu = 1e-11", total[1, i], mag, 3e-3
    nuclear = paper(channel="nuclear", exposure="1 tonne year").physics
    total = sum(differential_rates(nuclear, (0.3, 1.0, 2.0)).values())
    for i, (energy, sm, mag) in enumerate(
        ((0.3, 1091.0, 15.68), (1, 240.15, 2.010), (2, 17.64, 0.1682))
    ):
        yield f"nuclear, {energy} keV, standard model", total[0, i], sm, 3e-3
        yield f"nuclear, {energy} keV, mu = 1e-10", 100 * total[1, i], mag, 3e-3
    scatters = event_counts(electron, np.array([1e-9, 300.0]))["pp"][0, 0]
    yield "pp scatters on electrons [1/(t yr)]", scatters, 363.5, 3e-3
    b16 = paper(channel="nuclear", exposure="1 tonne year", solar_model="b16gs98").physics
    scatters = event_counts(b16, np.array([0.45, 6.0]))["b8"][0, 0]
    yield "coherent 8B above 0.45 keV, B16-GS98 [1/(t yr)]", scatters, 336.0, 3e-3
    only_xe = Background(xe136=1.0).density(np.array([1.0, 10.0, 100.0]))
    for energy, value, expected in zip((1, 10, 100), only_xe, (0.121, 1.23, 14.2)):
        yield f"136Xe at {energy} keV [1/(t yr keV)]", float(value), expected, 5e-3


def check_limits() -> Iterator[Check]:
    """The limits quoted for both statistics and both readings of a fraction, to 0.3 %."""
    fraction = lambda f: [{"fraction": f}]
    nuclear = {"channel": "nuclear"}
    electron = {"channel": "electron"}
    one, forty, large = "1 tonne year", "40 tonne year", "2000 tonne year"
    for what, keys, density, error in (
        ("nuclear, 1 t yr, 25 %", {**nuclear, "exposure": one, "background": fraction(0.25)},
         21.33e-11, 22.55e-11),
        ("nuclear, 40 t yr, 25 %", {**nuclear, "exposure": forty, "background": fraction(0.25)},
         8.48e-11, 8.97e-11),
        ("electron, 1 t yr, XENON1T", {**electron, "exposure": one, "background": ["xenon1t"]},
         2.31e-11, None),
        ("electron, 40 t yr, DARWIN", {**electron, "exposure": forty, "background": ["darwin"]},
         4.58e-12, None),
        ("electron, 2000 t yr, 25 %", {**electron, "exposure": large,
         "background": fraction(0.25)}, 1.655e-12, 1.75e-12),
        ("electron, 2000 t yr, 5 %", {**electron, "exposure": large,
         "background": fraction(0.05)}, 1.584e-12, 1.60e-12),
        ("electron, 2000 t yr, 5 %, sigma x 0.1", {**electron, "exposure": large,
         "background": fraction(0.05), "sigma_scale": 0.1}, 5.01e-13, 5.07e-13),
    ):  # fmt: skip
        keys = {**keys, "statistic": "density"}
        yield f"density: {what}", limit(paper(**keys)), density, 3e-3
        if error is not None:
            value = limit(paper(**keys, fraction_in="error"))
            yield f"density, in the error: {what}", value, error, 3e-3
    for reading, gain in (("variance", 0.077), ("error", 0.159)):
        with_fraction = lambda f: limit(
            paper(**nuclear, exposure=one, background=fraction(f), statistic="density",
                  fraction_in=reading)
        )  # fmt: skip
        value = with_fraction(0.68) / with_fraction(0.25) - 1
        yield f"density: gain from 68 % to 25 %, {reading}", value, gain, 5e-3
    value = limit(paper(**electron, exposure=large, background=fraction(0.25), bins=105))
    yield "counts: electron, 2000 t yr, 25 %, 105 bins", value, 5.87e-13, 3e-3
    value = limit(paper(**nuclear, exposure=forty, background=fraction(0.25)))
    yield "counts: nuclear, 40 t yr, 25 %", value, 11.24e-11, 3e-3


def check_quadrature() -> Iterator[Check]:
    """A rate once more with QUADPACK; counts with the recoil energy integrated last."""
    pp = Physics(components=("pp",))
    source = pp.sources()["pp"]
    er = 0.05

    def standard(e: float) -> float:
        p = float(source.pee(e))
        own, other = (electron_cross_section(er, e, *g) for g in electron_couplings(0.23122))
        return float(source.spectrum(e)) * (p * own + (1 - p) * other)

    start = float(least_neutrino_energy(er, ELECTRON_MASS))
    value, _ = integrate.quad(standard, start, source.end, epsabs=0, epsrel=1e-11, limit=500)
    value *= source.flux * YEAR * electrons_per_tonne("xenon") * KEV
    yield "pp on electrons at 50 keV, by QUADPACK", value, (
        differential_rates(pp, (er / KEV,))["pp"][0, 0]
    ), 1e-9

    nodes = sun("b16gs98", "winter2006", Oscillation())["b8"].nodes
    for what, physics, edges in (
        ("stepping electrons", Physics(electrons="stepping"), (0.3, 9.8)),
        ("pp end, electrons", Physics(components=("pp", "be7")), (225.0, 270.0)),
        ("8B, nuclei", Physics("nuclear", components=("b8",)), (1.2, 1.5)),
        ("8B and hep, nuclei", Physics("nuclear", components=("b8", "hep")), (4.2, 4.6)),
    ):
        points = {e / KEV for e in shells("xenon")[0]}
        for component in physics.sources().values():
            ends = [e for e, _ in component.lines] or [component.end]
            if component.nodes is not None:
                ends = nodes
            masses = [ELECTRON_MASS]
            if physics.channel == "nuclear":
                masses = [i.mass for i in isotopes("xenon")]
            points.update(float(largest_recoil(e, m)) / KEV for e in ends for m in masses)
        cuts = [edges[0], *sorted(p for p in points if edges[0] < p < edges[1]), edges[1]]

        def density(x, _):
            rates = differential_rates.__wrapped__(physics, tuple(x.ravel()))
            return sum(rates.values()).reshape(2, *x.shape)

        by_recoil = adaptive(density, cuts[:-1], cuts[1:], np.zeros(len(cuts) - 1, int), 1)[:, 0]
        counts = sum(event_counts(physics, np.array(edges)).values())[:, 0]
        for k, part in enumerate(("standard model", "magnetic")):
            yield f"{what}, {edges[0]} to {edges[1]} keV, {part}", by_recoil[k], counts[k], 1e-9


def self_test() -> bool:
    good = True
    print(f"{'':56s} {'here':>14s} {'expected':>14s} {'deviation':>10s} {'allowed':>8s}")
    for checks in (check_sun, check_rates, check_limits, check_quadrature):
        for what, value, expected, tolerance in checks():
            deviation = relative(value, expected)
            bad = not deviation <= tolerance
            good = good and not bad
            print(
                f"{what:56s} {value:14.7g} {expected:14.7g} {deviation:10.1e} {tolerance:8.0e}"
                f"{'  <-- deviates' if bad else ''}"
            )
    print("all agree" if good else "DEVIATIONS, see above")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", nargs="?", type=Path, help="study in YAML")
    parser.add_argument("limits", nargs="?", type=Path, help="limits.csv of that study")
    parser.add_argument("--spectra", type=Path, help="output of `magnu spectrum` for the study")
    parser.add_argument("--tolerance", type=float, default=1e-6, help="relative (default 1e-6)")
    parser.add_argument("--self-test", action="store_true", help="check the reference values")
    options = parser.parse_args()
    if options.self_test:
        return 0 if self_test() else 1
    if options.study is None or options.limits is None:
        parser.error("a study and its limits are needed")
    try:
        curves = read_study(options.study)
        good = compare_limits(curves, options.limits, options.tolerance)
        if options.spectra:
            print()
            good = compare_spectra(curves, options.spectra, options.tolerance) and good
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        print(f"adaptive_quadrature.py: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print("all agree" if good else "DEVIATIONS, see above")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
