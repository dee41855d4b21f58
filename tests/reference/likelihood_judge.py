"""An independent check of magnu's likelihood fits: random models once more, by MINUIT and by their optimality.

    likelihood_judge.py DRIVER [--models 150] [--first 0]

The negative log-likelihood stands here as docs/statistics.md writes it, in NumPy. Every fit must satisfy the
conditions of a minimum at the theta it reports, which for a fixed s (where the problem is convex) prove it; MINUIT
must find none lower, and the same limits by a root finder over its profile. Where a bin without counts is driven
to no expectation by what may be negative, MINUIT's walls fail: such models are left to the conditions.

Exit status: 0 all agree, 1 something deviates.
"""
from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections import Counter

import numpy as np
from iminuit import Minuit
from scipy import optimize, stats

FIT = 1e-6  # of nll, absolute below 1, and of the conditions of a minimum
LIMIT = 1e-5  # of s
# MINUIT stops at an estimated distance to the minimum of 0.002 tol errordef.
TOLERANCE = 1e-5
GOALS = {"two-sided": stats.chi2.isf(0.1, 1), "upper": stats.chi2.isf(0.2, 1)}

zeros = lambda n: [0.0] * n
# Problem, and of it s_hat, q0, lower, and the upper limits of two-sided, upper and cls, theta, and twice the nll.
KNOWN = {
    "A": ([[12, 9, 7, 6, 5, 4], [20] * 6, [.5, 1, 2, 4, 8, 16]], [[6, 3, 1.5, .8, .5, .3], zeros(6), zeros(6)],
          [.1, .05, "free"], [36, 33, 30, 27, 41, 45],
          (0.56331, 0.392149, 0, 2.289148, 1.872270, 2.072334, (0.997739, 0.998137, 1.380613), 1.465084)),
    "B": ([[.8, .5, .3, .2, .1], [.5] * 5], [[1.2, .4, .2, .1, .05], zeros(5)], [.12, .2], [2, 0, 1, 0, 0],
          (0.11734, 0.021320, 0, 2.061288, 1.524709, 2.062777, (0.994366, 0.953377), 4.899532)),
    "C": ([[12, 9, 7, 6, 5, 4], [20] * 6], [[6, 3, 1.5, .8, .5, .3], zeros(6)], [.1, .05], [57, 41, 33, 25, 27, 22],
          (4.07728, 17.950389, 2.241364, 6.411121, 5.841105, 5.841197, (0.990717, 0.989222), 1.014365)),
    "D": ([[0, 3, 2, 1], [0, 2, 2, 2]], [[2, 1, .5, .2], zeros(4)], [.1, .3], [0, 2, 5, 3],
          (0, 0, 0, 0.557924, 0.339419, 0.596501, (0.988450, 0.952414), 2.517843)),
}  # fmt: skip


def solve(driver: str, problems: list[dict]) -> list[dict]:
    done = subprocess.run([driver], input=json.dumps(problems), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


class Model:
    """A problem as the driver reads it: expectation, negative log-likelihood, and the conditions of its minimum."""

    def __init__(self, problem: dict) -> None:
        self.n = np.array(problem["counts"], float)
        sigma = [math.inf if s == "free" else s for s in problem["sigma"]]
        base, slope = (np.array(problem[k], float).reshape(len(sigma), self.n.size) for k in ("base", "slope"))
        fixed = np.array([s == 0 for s in sigma], bool)
        nominal = np.array(problem["nominal"], float)
        self.fixed, self.fixed_slope = nominal[fixed] @ base[fixed], nominal[fixed] @ slope[fixed]
        self.base, self.slope = base[~fixed], slope[~fixed]
        self.positive = np.array(problem["positive"], bool)[~fixed]
        self.weight = np.array([s**-2.0 for s in sigma if s != 0])
        self.nominal = nominal[~fixed]
        self.measured = np.array(problem.get("measured", self.nominal), float)
        self.seen = self.n > 0
        self.size = self.nominal.size
        self.edge = np.zeros(self.n.size)  # below it a parabola continues the logarithm

    def templates(self, s: float) -> np.ndarray:
        return self.base + s * self.slope

    def expected(self, s: float, theta: np.ndarray) -> np.ndarray:
        return self.fixed + s * self.fixed_slope + theta @ self.templates(s)

    def value(self, s: float, theta: np.ndarray) -> float:
        expected, n = self.expected(s, theta), self.n
        safe = np.maximum(expected, self.edge)[self.seen]
        x = (safe - n[self.seen]) / n[self.seen]
        beyond = (expected[self.seen] - safe) / safe
        data = n[self.seen] * (x - np.log1p(x) + beyond * (x + 0.5 * beyond))
        return data.sum() + expected[~self.seen].sum() + 0.5 * (self.weight * (theta - self.measured) ** 2).sum()

    def by_bin(self, s: float, theta: np.ndarray) -> np.ndarray:
        """d nll/d expected."""
        expected = self.expected(s, theta)
        by = np.ones(self.n.size)
        safe = np.maximum(expected, self.edge)[self.seen]
        n = self.n[self.seen]
        by[self.seen] = 1 - n / safe + n / safe * (expected[self.seen] - safe) / safe
        return by

    def gradient(self, s: float, theta: np.ndarray) -> np.ndarray:
        """In s, then theta."""
        by = self.by_bin(s, theta)
        of_theta = self.templates(s) @ by + self.weight * (theta - self.measured)
        return np.concatenate(([(self.fixed_slope + theta @ self.slope) @ by], of_theta))

    def curvature(self, s: float, theta: np.ndarray) -> np.ndarray:
        """Of each parameter alone."""
        expected = np.where(self.seen, np.maximum(self.expected(s, theta), self.edge), 1)
        return self.templates(s) ** 2 @ (self.n / expected**2) + self.weight

    def misses(self, s: float, theta: np.ndarray) -> float:
        """By how much theta fails the conditions of a minimum at s, in standard deviations and units of nll.

        gradient = sum_i y_i row_i + z with y, z >= 0 of bins without counts and of bounds, y_i lambda_i = 0 and
        z_p theta_p = 0.
        """
        expected = self.expected(s, theta)
        if not (theta[self.positive] >= 0).all() or not (expected[~self.seen] >= -1e-9).all():
            return math.inf
        if not (expected[self.seen] > 0).all():
            return math.inf
        if not self.size:
            return 0
        gradient, rows = self.gradient(s, theta)[1:], self.templates(s)
        scale = np.sqrt(self.curvature(s, theta))
        scale = np.where(scale > 0, scale, np.abs(rows).sum(1))
        # A sum is known to rounding only.
        terms = np.abs(rows) @ np.abs(self.by_bin(s, theta)) + self.weight * np.abs(theta - self.measured)
        scale = np.maximum(scale, 1e-8 * terms)
        scale = 1 / np.where(scale > 0, scale, 1)
        held = np.eye(self.size)[:, self.positive]
        ways = np.hstack((rows[:, ~self.seen], held))
        slack = np.maximum(0, np.concatenate((expected[~self.seen], theta[self.positive])))
        if not slack.size:
            return float(np.abs(scale * gradient).max())
        system = np.vstack((scale[:, None] * ways, np.diag(slack)))
        sizes = np.linalg.norm(system, axis=0)
        sizes[sizes == 0] = 1
        goal = np.concatenate((scale * gradient, np.zeros(slack.size)))
        multipliers = optimize.nnls(system / sizes, goal, maxiter=100 * slack.size)[0]
        return float(np.abs(system / sizes @ multipliers - goal).max())


class Judge:
    """MINUIT on a model: fits from several starts, and limits over the profile."""

    def __init__(self, model: Model, unit: float) -> None:
        self.model, self.unit, self.failed, self.walls = model, unit, False, False
        model.edge = 1e-7 * model.n  # steps go anywhere, and must come back

    def minimise(self, s: float, theta: np.ndarray, vary: bool, strategy: int = 1) -> tuple[float, float, np.ndarray]:
        """nll, s and theta from a start; `vary`: s too."""
        model, unit = self.model, self.unit
        if not model.size and not vary:
            return model.value(s, theta), s, theta
        if vary:
            value = lambda x: model.value(x[0] * unit, x[1:])
            gradient = lambda x: model.gradient(x[0] * unit, x[1:]) * np.r_[unit, np.ones(model.size)]
        else:
            value = lambda x: model.value(s, x)
            gradient = lambda x: model.gradient(s, x)[1:]
        curvature = model.curvature(s, theta)
        sizes = 1 / np.sqrt(np.where(curvature > 0, curvature, 1))
        start, errors, low = theta, sizes, np.where(model.positive, 0, -np.inf)
        if vary:
            start, errors, low = np.r_[s / unit, theta], np.r_[0.3, sizes], np.r_[0, low]
        best = None
        for attempt in range(3):
            minuit = Minuit(value, start, grad=gradient)
            minuit.errordef, minuit.tol, minuit.strategy = Minuit.LIKELIHOOD, TOLERANCE, max(strategy, attempt)
            minuit.limits = [(a, None) for a in low]
            minuit.errors = errors
            minuit.migrad(ncall=20000)
            found = np.array(minuit.values)
            if best is None or minuit.fval <= best[0]:
                best = minuit.fval, found
            if minuit.valid:
                break
            start = best[1] + 0.01 * errors  # off the bounds, where their sines are flat
        else:
            self.failed = True
        at_s, at = (best[1][0] * unit, best[1][1:]) if vary else (s, best[1])
        self.walls = self.walls or self.walled(at_s, at)
        return float(best[0]), float(at_s), at

    def best_fit(self, starts: list[float]) -> tuple[float, float, np.ndarray]:
        found = [self.minimise(s, self.model.nominal, True) for s in starts]
        found.append(self.minimise(0, self.model.nominal, False))
        return min(found, key=lambda fit: fit[0])

    def crossing(self, inner: float, outer: float, theta: np.ndarray, origin: float, goal: float,
                 strategy: int = 1) -> float:
        """Where 2 (nll - origin) is `goal`, between an s where it is less and one towards which to look: by a root
        finder on its square root, which is nearly a line."""
        excess, last = {}, [theta]

        def distance(s: float) -> float:
            if s not in excess:
                starts = [last[0]] if strategy < 2 else [last[0], theta, self.model.nominal]
                nll, _, last[0] = min((self.minimise(s, start, False, strategy) for start in starts),
                                      key=lambda fit: fit[0])
                excess[s] = math.sqrt(max(0, 2 * (nll - origin))) - math.sqrt(goal)
            return excess[s]

        if outer > inner:
            while distance(outer) < 0:
                if outer > 1e9 * self.unit:
                    return math.inf
                inner, outer = outer, inner + 3 * (outer - inner)
        elif distance(outer) < 0:
            return 0
        excess.setdefault(inner, -math.sqrt(goal))
        return optimize.brentq(distance, inner, outer, xtol=1e-9 * max(inner, outer), rtol=1e-9)

    def walled(self, s: float, theta: np.ndarray) -> bool:
        """Whether MINUIT ended where a bin expects less than nothing, or behind the logarithm's edge."""
        expected = self.model.expected(s, theta)
        return bool((expected < np.where(self.model.seen, self.model.edge, -1e-9)).any())


def random_problem(seed: int) -> dict:
    """A model and data of the kinds that docs/testing.md lists."""
    draw = np.random.default_rng([20240, seed])
    bins, parameters = int(draw.integers(1, 41)), int(draw.integers(0, 15))
    x = (np.arange(bins) + 0.5) / bins
    per_bin = 10 ** draw.uniform(-1.5, 6)  # events
    unit = 10 ** draw.uniform(-3, 3)  # of s

    def shape() -> np.ndarray:
        kind = draw.integers(4)
        falling = 10 ** draw.uniform(-1, 1)
        rough = np.exp(draw.normal(0, draw.choice([0, 0.3]), bins))
        return rough * (np.exp(-falling * x), x**-0.7, np.ones(bins), np.exp(-0.5 * ((x - draw.random()) / 0.1) ** 2)
                        )[kind]  # fmt: skip

    # Bins in which only the signal is expected.
    bare = np.arange(bins) < (draw.integers(1, max(2, bins // 4)) if draw.random() < 0.25 and bins > 2 else 0)
    base, slope, sigma, positive, nominal, true = [], [], [], [], [], []

    def add(b: np.ndarray, m: np.ndarray, width, lowest: bool, centre: float, at: float | None = None) -> None:
        base.append(np.where(bare, 0, b))
        slope.append(m)
        sigma.append(width)
        positive.append(lowest)
        nominal.append(centre)
        if at is None:
            at = draw.normal(centre, 0.1 * max(1, abs(centre)) if width == "free" else width)
        true.append(max(0, at) if lowest else at)

    none = np.zeros(bins)
    magnetic = shape() / x ** draw.choice([0, 1]) / unit * math.sqrt(per_bin) * 10 ** draw.uniform(-0.7, 0.7)
    kinds = draw.choice(["flux", "background", "free", "pull", "exposure"], parameters, p=[0.3, 0.25, 0.1, 0.3, 0.05])
    if "flux" not in kinds or draw.random() < 0.3:  # some of it that no parameter scales
        add(per_bin * shape() * 0.5, magnetic, 0, True, 1, 1)
    strength = per_bin / max(1, parameters)
    for kind in kinds:
        width = 10 ** draw.uniform(-2.3, -0.3)
        if kind == "flux":
            add(strength * shape(), magnetic * draw.random(), width, True, 1)
        elif kind == "background":
            add(strength * shape(), none, width, True, 1)
        elif kind == "free":  # some of which nothing is there: their bound holds them
            add(strength * shape(), none, "free", True, 1, 0 if draw.random() < 0.3 else None)
        elif kind == "pull":
            tilt = shape() * draw.choice([-1, 1], bins) if draw.random() < 0.3 else shape() * draw.choice([-1, 1])
            add(strength * width * tilt, none, 1, False, 0)
        else:
            total, signal = sum(base, none), sum(slope, none)
            add(0.05 * total, 0.05 * signal, 1, False, 0)
    base, slope = np.array(base), np.array(slope)
    s = unit * draw.choice([0, 0, 1, 1]) * 10 ** draw.uniform(-1, 1.5)
    # A bin cannot expect less than nothing: pulls are drawn again, nearer.
    true = np.array(true)
    for _ in range(60):
        expected = true @ (base + s * slope)
        if (expected >= 0).all():
            break
        true += 0.3 * (np.array(nominal) - true)
    data = draw.choice(["poisson", "deficit", "asimov", "none"], p=[0.75, 0.15, 0.05, 0.05])
    expected = np.maximum(0, expected)
    if data == "none" and expected.sum() > 50:
        data = "poisson"
    if data == "deficit":
        expected *= draw.uniform(0.2, 0.98)
    counts = {"none": none, "asimov": expected}.get(data)
    if counts is None:
        counts = draw.poisson(expected)
    problem = {"base": base.tolist(), "slope": slope.tolist(), "sigma": sigma, "positive": positive,
               "nominal": nominal, "counts": [float(n) for n in counts]}  # fmt: skip
    if draw.random() < 0.3:  # measured elsewhere than nominal, as toys are
        loose = [p for p, width in enumerate(sigma) if width != 0]
        problem["measured"] = [
            nominal[p] if sigma[p] == "free" else float(draw.normal(nominal[p], 0.5 * sigma[p])) for p in loose]
    return problem


class Comparison:
    """What was compared, and what deviates."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.largest: Counter = Counter()
        self.count: Counter = Counter()

    def check(self, name: str, what: str, deviation: float, allowed: float) -> bool:
        if not deviation <= allowed:
            self.faults.append(f"{name}: {what} by {deviation:.3g}, more than {allowed:.1g}")
            return False
        self.largest[what] = max(self.largest[what], deviation)
        return True


def known_problems(driver: str, comparison: Comparison) -> list[tuple[str, dict]]:
    problems = []
    for name, (base, slope, sigma, counts, expected) in KNOWN.items():
        problem = {"base": base, "slope": slope, "sigma": sigma, "counts": counts, "positive": [True] * len(sigma),
                   "nominal": [1.0] * len(sigma)}  # fmt: skip
        problems.append((name, problem))
        two_sided, upper, cls = solve(driver, [{**problem, "test": test} for test in ("two-sided", "upper", "cls")])
        found = (two_sided["s"], two_sided["q0"], two_sided["lower"], two_sided["upper"], upper["upper"], cls["upper"],
                 *two_sided["theta"], 2 * two_sided["nll"])  # fmt: skip
        # Without a number where a fit failed, which the comparison does not allow.
        off = np.abs(np.array(found, float) - (*expected[:6], *expected[6], expected[7]))
        off[0] /= 10  # s_hat is given in five digits
        comparison.check(name, "a published value differs", float(off.max()), 1e-6)
    return problems


def compare(name: str, problem: dict, results: dict[str, dict], comparison: Comparison) -> None:
    """One problem's fits, of both tests, with those at limits and elsewhere in "fits"."""
    model = Model(problem)
    check, count = comparison.check, comparison.count
    result = results["two-sided"]
    if not all(r["converged"] and all(f["converged"] for f in r["fits"]) for r in results.values()):
        comparison.faults.append(f"{name}: a fit failed")
        return
    # Each fit is what it says, and the least at its s.
    fits = [result, *(f for r in results.values() for f in r["fits"])]
    for fit in fits:
        if fit["nll"] is None:  # counts where nothing is expected
            check(name, "an impossible s has counts where some is expected",
                  float(model.expected(fit["s"], model.nominal)[model.seen].min()), 0)  # fmt: skip
            continue
        theta = np.array(fit["theta"])
        value = model.value(fit["s"], theta)
        check(name, "nll differs", abs(value - fit["nll"]) / max(1, value), 1e-9)
        check(name, "a condition of a minimum is missed", model.misses(fit["s"], theta) / max(1, math.sqrt(value)), FIT)
        check(name, "another s is lower", (result["nll"] - fit["nll"]) / max(1, fit["nll"]), FIT)
    # Limits are where the statistic is what it must be.
    for test, r in results.items():
        for side in ("lower", "upper"):
            if not r[side]:
                continue
            t = 2 * (r["at"][r[side]]["nll"] - result["nll"])
            check(name, "t at a limit", abs(t / GOALS[test] - 1), 1e-6)
    judge = Judge(model, result["unit"])
    nll, s, theta = judge.best_fit([size * result["unit"] for size in (0.1, 3, 30)])
    count["MINUIT's own verdict invalid"] += judge.failed
    if judge.walled(s, theta):
        count["left to the conditions"] += 1
        return
    relative = (result["nll"] - nll) / max(1, nll)
    check(name, "MINUIT's best fit is lower", relative, FIT)
    if relative < -FIT:
        count["MINUIT's best fit is above"] += 1
        return
    count["compared"] += 1
    for test, r in results.items():
        sides = [("upper", s + result["unit"])] + [("lower", 0.0)] * (test == "two-sided" and s > 0)
        for side, outer in sides:
            own = r[side] if r[side] is not None else math.inf
            for strategy in 1, 2:  # with more care where it deviates
                judge.walls = False
                limit = judge.crossing(s, outer, theta, nll, GOALS[test], strategy)
                deviation = 0 if own == limit else abs(own / limit - 1) if limit > 0 else math.inf
                if deviation <= LIMIT:
                    break
                count["limits found again with strategy 2"] += strategy == 1
            if judge.walls and not deviation <= LIMIT:
                count["limits left to the conditions"] += 1
                continue
            count["limits"] += 1
            check(name, f"{test} {side} limit differs from MINUIT's", deviation, LIMIT)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("--models", type=int, default=150)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    began = time.perf_counter()
    comparison = Comparison()
    problems = known_problems(options.driver, comparison)
    problems += [(f"model {n}", random_problem(n)) for n in range(options.first, options.first + options.models)]
    solved = {test: solve(options.driver, [{**p, "test": test} for _, p in problems]) for test in GOALS}
    # Once more at the limits, and at every size of s.
    for test, results in solved.items():
        places = [[r[side] for side in ("lower", "upper") if r[side]] for r in results]
        ladders = [[0, *(r["unit"] * np.geomspace(0.01, 300, 25))] if test == "two-sided" else [] for r in results]
        again = solve(options.driver, [{**p, "test": test, "at": at + more}
                                       for (_, p), at, more in zip(problems, places, ladders)])  # fmt: skip
        for result, more, at in zip(results, again, places):
            result["fits"] = more["fits"]
            result["at"] = dict(zip(at, more["fits"]))
    for n, (name, problem) in enumerate(problems):
        compare(name, problem, {test: results[n] for test, results in solved.items()}, comparison)
    if comparison.count["compared"] < 0.9 * len(problems):
        comparison.faults.append("MINUIT judges fewer than nine of ten models")
    print(f"{len(problems)} models, {time.perf_counter() - began:.1f} s: {dict(comparison.count)}")
    for what, deviation in sorted(comparison.largest.items()):
        print(f"  {what}: {deviation:.2g} at most")
    for fault in comparison.faults:
        print(fault)
    return bool(comparison.faults)


if __name__ == "__main__":
    sys.exit(main())
