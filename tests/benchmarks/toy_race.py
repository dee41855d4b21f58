#!/usr/bin/env python3
"""Fits of toys in Python, for the line `toys/40` of the benchmarks: the same model, two fits a toy.

    toy_race.py MODEL [--quick]      MODEL: what magnu_bench --write-toys wrote

As batches in NumPy and in JAX: from the draw to t, with bounds and convergence.  Steps with the second
derivatives of the expected data, as products of matrices, a fixed number of them; what has not
converged then goes on with its own second derivatives (Newton).  Who has a parameter at its bound is
counted and left out.  And by pyhf with SciPy's minimiser, with NumPy and with JAX, toy by toy.
Each t is judged: the batches' on toys that magnu's general method and SciPy have fitted, to 1e-5.
One thread, processor time, best of repeated runs; prints JSON.  What cannot be imported is left out and
named.  report.py runs it in the environment of the NumPy yardstick.
"""

from __future__ import annotations

import os

STEERING = "OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "VECLIB_", "NPY_", "OMP_", "XLA_", "JAX_"
for variable in [name for name in os.environ if name.startswith(STEERING)]:
    del os.environ[variable]
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "1"

import argparse
import importlib.util
import itertools
import json
import sys
import time
from pathlib import Path

import numpy as np
from scipy import optimize

AGREEMENT = 1e-5  # of t, against 1 + t
ENOUGH = 2e-7  # of the decrement: half of it is what the nll lies above its minimum


class Model:
    """lambda = theta base + s (theta slope), Gaussian constraints."""

    def __init__(self, path: str) -> None:
        read = json.loads(Path(path).read_text())
        base, slope = np.array(read["base"]), np.array(read["slope"])
        assert not base[-1].any() and not slope[-1].any()  # nothing is fixed
        self.base, self.slope = base[:-1], slope[:-1]
        self.names, self.s = read["name"], read["s"]
        self.nominal, self.sigma = np.array(read["nominal"]), np.array(read["sigma"])
        self.weight = 1 / self.sigma**2
        self.least = np.where(read["positive"], 0.0, -np.inf)
        self.sloped = int(self.slope.any(axis=1).sum())
        assert not self.slope[self.sloped :].any()  # those come first
        self.expected = self.rate(self.s, self.nominal)
        self.counts, self.measured = np.array(read["counts"]), np.array(read["measured"])
        self.t = np.array(read["t"])
        # Forwards to [lambda at s = 0, d lambda/ds], and back.
        none = np.zeros((len(self.base) - self.sloped, self.base.shape[1]))
        slopes = np.concatenate([self.slope[: self.sloped], none])
        self.forwards = np.ascontiguousarray(np.concatenate([self.base, slopes], axis=1).T)
        self.backwards = np.concatenate([self.base, self.slope[: self.sloped]])
        self.free = self.inverse(self.s, self.nominal, True)
        self.fixed = self.inverse(self.s, self.nominal, False)
        self.at_s = np.ascontiguousarray((self.base + self.s * self.slope).T)
        # The first step of the free fit: all toys are at one place, so it is linear in the data.
        self.start = np.concatenate([[self.s], self.nominal])
        along = np.concatenate([[self.slope.T @ self.nominal], self.at_s.T])
        first = self.free @ along
        self.by_counts = first / self.expected
        self.by_measured = np.ascontiguousarray(self.free[:, 1:] * self.weight)
        self.first = (self.start - first.sum(axis=1) - self.by_measured @ self.nominal)[:, None]
        # theta that fits the expected data best without signal.
        self.zero_theta = newton(self, self.expected[:, None], self.nominal[:, None],
                                 np.zeros(1), self.nominal[:, None].copy(), False)[1][:, 0]  # fmt: skip
        self.zero = self.inverse(0.0, self.zero_theta, False)

    def rate(self, s, theta):
        return (self.base + s * self.slope).T @ theta

    def second(self, s, theta, counts):
        """Second derivatives, s first."""
        rate = self.rate(s, theta)
        along = np.concatenate([[self.slope.T @ theta], self.base + s * self.slope])
        h = (along * (counts / rate**2)) @ along.T
        cross = self.slope @ (1 - counts / rate)
        h[0, 1:] += cross
        h[1:, 0] += cross
        return h + np.diag(np.concatenate([[0], self.weight]))

    def inverse(self, s, theta, free):
        h = self.second(s, theta, self.expected)
        return np.linalg.inv(h if free else h[1:, 1:])


def newton(model, counts, measured, s, theta, free, steps=12):
    """Newton's steps for some toys [..][toys], each with its own second derivatives: s, theta,
    lambda, decrement."""
    for step in range(steps + 1):
        slope = model.slope.T @ theta
        rate = model.base.T @ theta + s * slope
        residual = 1 - counts / rate
        # Templates of a toy: [toys][1 + parameters][bins].
        along = np.concatenate([slope[None], model.base[..., None] + s * model.slope[..., None]])
        along = along.transpose(2, 0, 1)
        gradient = (along @ residual.T[..., None])[..., 0]
        gradient[:, 1:] += (model.weight[:, None] * (theta - measured)).T
        h = (along * (counts / rate**2).T[:, None]) @ along.transpose(0, 2, 1)
        cross = (model.slope @ residual).T
        h[:, 0, 1:] += cross
        h[:, 1:, 0] += cross
        h[:, range(1, h.shape[1]), range(1, h.shape[1])] += model.weight
        if not free:
            gradient, h = gradient[:, 1:], h[:, 1:, 1:]
        move = np.linalg.solve(h, gradient[..., None])[..., 0]
        decrement = (move * gradient).sum(axis=1)
        if step == steps or (np.abs(decrement) < 1e-3 * ENOUGH).all():
            return s, theta, rate, decrement
        if free:
            s = s - move[:, 0]
        theta = theta - move[:, int(free) :].T


def twice_above(model, counts, measured, here, best):
    """2 (nll - nll at best), each given as lambda, theta and decrement."""
    t = 2 * (here[0] - best[0] - counts * np.log(here[0] / best[0])).sum(axis=0) + best[2] - here[2]
    return t + model.weight @ ((here[1] - best[1]) * (here[1] + best[1] - 2 * measured))


def fit_at_zero(model, counts, measured, steps=4):
    """lambda, theta and decrement of the minima without signal, of those whose s would be negative."""
    theta = np.repeat(model.zero_theta[:, None], counts.shape[1], axis=1)
    for step in range(steps + 1):
        rate = model.base.T @ theta
        gradient = model.base @ (1 - counts / rate) + model.weight[:, None] * (theta - measured)
        move = model.zero @ gradient
        if step < steps:
            theta -= move
    decrement = (move * gradient).sum(axis=0)
    bad = np.flatnonzero(~(np.abs(decrement) < ENOUGH))
    if bad.size:
        start = np.repeat(model.zero_theta[:, None], bad.size, axis=1)
        _, theta[:, bad], rate[:, bad], decrement[bad] = newton(
            model, counts[:, bad], measured[:, bad], np.zeros(bad.size), start, False)  # fmt: skip
    return rate, theta, decrement


# --- drawing --------------------------------------------------------------------------------------


def alias_tables(means):
    """Walker's: a count is the stretch that a uniform number falls into, or that one's alias."""
    size = 1 << int(np.ceil(np.log2((means + 12 * np.sqrt(means) + 12).max())))
    part, alias = np.ones((len(means), size)), np.tile(np.arange(size), (len(means), 1))
    for i, mean in enumerate(means):
        log_factorial = np.concatenate([[0], np.cumsum(np.log(np.arange(1, size)))])
        weight = np.exp(np.arange(size) * np.log(mean) - mean - log_factorial)
        weight *= size / weight.sum()
        small, large = (list(np.flatnonzero(chosen)) for chosen in (weight < 1, weight >= 1))
        while small and large:
            low, high = small.pop(), large[-1]
            part[i, low], alias[i, low] = weight[low], high
            weight[high] -= 1 - weight[low]
            if weight[high] < 1:
                small.append(large.pop())
    return size, part.ravel(), alias.astype(float).ravel()


# --- batches in NumPy ------------------------------------------------------------------------------


class NumpyBatch:
    """Arrays are [..][toys], in memory that is used again."""

    def __init__(self, model, toys, steps_free, steps_fixed):
        self.m, self.toys = model, toys
        self.steps_free, self.steps_fixed = steps_free, steps_fixed
        self.random = np.random.Generator(np.random.SFC64(1))
        bins, p = model.base.shape[1], len(model.base)
        self.both = np.empty((2 * bins, toys))
        self.rate, self.residual = np.empty((bins, toys)), np.empty((bins, toys))
        self.gradient, self.step = np.empty((p + 1, toys)), np.empty((p + 1, toys))
        self.x = np.empty((p + 1, toys))
        self.back = np.empty((p + model.sloped, toys))
        self.size, self.part, self.alias = alias_tables(model.expected)
        self.first = (np.arange(bins) * self.size)[:, None]

    def draw(self):
        m = self.m
        u = self.random.random((len(m.expected), self.toys))
        u *= self.size
        whole = u.astype(np.int64)
        u -= whole
        at = whole + self.first
        counts = np.where(u < self.part[at], whole, self.alias[at])
        measured = self.random.standard_normal((len(m.sigma), self.toys))
        measured *= m.sigma[:, None]
        measured += m.nominal[:, None]
        return counts, measured

    def residuals(self, counts):
        np.divide(counts, self.rate, out=self.residual)
        np.subtract(1, self.residual, out=self.residual)

    def constraints(self, gradient, theta, measured):
        pull = theta - measured
        pull *= self.m.weight[:, None]
        gradient += pull

    def fit_free(self, counts, measured):
        m, x, bins, p = self.m, self.x, len(self.rate), len(self.m.sigma)
        np.matmul(m.by_counts, counts, out=x)
        np.matmul(m.by_measured, measured, out=self.step)
        x += self.step
        x += m.first
        for step in range(self.steps_free):
            if step:
                x -= self.step
            np.matmul(m.forwards, x[1:], out=self.both)
            slope = self.both[bins:]
            np.multiply(slope, x[0], out=self.rate)
            self.rate += self.both[:bins]
            self.residuals(counts)
            np.matmul(m.backwards, self.residual, out=self.back)
            self.gradient[1:] = self.back[:p]
            self.back[p:] *= x[0]
            self.gradient[1 : 1 + m.sloped] += self.back[p:]
            np.einsum("ij,ij->j", self.residual, slope, out=self.gradient[0])
            self.constraints(self.gradient[1:], x[1:], measured)
            np.matmul(m.free, self.gradient, out=self.step)
        return np.einsum("ij,ij->j", self.step, self.gradient)

    def fit_fixed(self, counts, measured):
        m, x, step, gradient = self.m, self.x[1:], self.step[1:], self.gradient[1:]
        for k in range(self.steps_fixed + 1):
            if k:
                x -= step
            np.matmul(m.at_s, x, out=self.rate)
            self.residuals(counts)
            np.matmul(m.at_s.T, self.residual, out=gradient)
            self.constraints(gradient, x, measured)
            np.matmul(m.fixed, gradient, out=step)
        return np.einsum("ij,ij->j", step, gradient)

    def __call__(self, data=None):
        """t, and how many toys took Newton's steps, have s at 0, are at a bound, have failed."""
        m = self.m
        counts, measured = data or self.draw()
        told = dict.fromkeys(("newton", "at_zero", "at_bound", "failed"), 0)

        def mend(decrement, s, theta, rate, free):
            """Those that did not converge; in place."""
            bad = np.flatnonzero(~(np.abs(decrement) < ENOUGH))
            if bad.size:
                told["newton"] += bad.size
                near = np.isfinite(theta[:, bad]).all(axis=0) & (rate[:, bad] > 0).all(axis=0)
                start = np.where(near, theta[:, bad], m.nominal[:, None])
                at = np.where(near, s[bad], m.s) if free else s[bad]
                s[bad], theta[:, bad], rate[:, bad], decrement[bad] = newton(
                    m, counts[:, bad], measured[:, bad], at, start, free)  # fmt: skip

        above = self.fit_free(counts, measured)
        s, theta, rate = self.x[0].copy(), self.x[1:].copy(), self.rate.copy()
        mend(above, s, theta, rate, True)
        # The fixed fit starts from the free one, moved along its second derivatives.
        self.x[1:] = theta + (m.free[1:, 0] / m.free[0, 0])[:, None] * (m.s - s)
        here = self.fit_fixed(counts, measured)
        fixed = self.x[1:]
        mend(here, np.full(len(s), m.s), fixed, self.rate, False)
        t = self.rate / rate
        np.log(t, out=t)
        t *= counts
        t = 2 * ((self.rate - rate).sum(axis=0) - t.sum(axis=0)) + above - here
        pulls = fixed - theta
        pulls *= fixed + theta - 2 * measured
        t += m.weight @ pulls
        low = np.flatnonzero(s < 0)
        if low.size:  # their minimum with s >= 0 is at 0, as the judges see
            told["at_zero"] += low.size
            n, a = counts[:, low], measured[:, low]
            zero = fit_at_zero(m, n, a)
            t[low] -= twice_above(m, n, a, zero, (rate[:, low], theta[:, low], above[low]))
            theta[:, low], above[low] = zero[1], zero[2]
        bound = ((theta < m.least[:, None]) | (fixed < m.least[:, None])).any(axis=0)
        failed = ~((np.abs(above) < ENOUGH) & (np.abs(here) < ENOUGH) & (t > -1e-6)) & ~bound
        told["at_bound"], told["failed"] = int(bound.sum()), int(failed.sum())
        t[bound | failed] = np.nan
        return t, told


# --- batches in JAX ---------------------------------------------------------------------------------


class JaxBatch:
    """The same in one compiled function, chunk by chunk as the caches want it; those few that did not
    converge, or have s below 0, go to Newton's steps in NumPy afterwards."""

    def __init__(self, model, toys, chunk, steps_free, steps_fixed):
        import jax
        import jax.numpy as jnp

        self.m, self.toys, self.chunk = model, toys, chunk
        m, bins, p = model, model.base.shape[1], len(model.base)
        size, part, alias = (jnp.asarray(v) for v in alias_tables(m.expected))
        first = (jnp.arange(bins) * size)[:, None]
        column = lambda v: jnp.asarray(v)[:, None]

        def draw(key):
            one, two = jax.random.split(key)
            u = jax.random.uniform(one, (bins, chunk)) * size
            whole = u.astype(jnp.int32)
            at = whole + first
            counts = jnp.where(u - whole < part[at], whole.astype(float), alias[at])
            normal = jax.random.normal(two, (p, chunk))
            return counts, column(m.nominal) + column(m.sigma) * normal

        def fit(counts, measured):
            # One chain without branches, unrolled: XLA fuses what lies between the products.
            x = m.by_counts @ counts + m.by_measured @ measured + m.first
            s, theta = x[0], x[1:]
            for step in range(steps_free):
                both = m.forwards @ theta
                slope = both[bins:]
                rate = both[:bins] + s * slope
                residual = 1 - counts / rate
                back = m.backwards @ residual
                gradient = back[:p] + column(m.weight) * (theta - measured)
                gradient = gradient.at[: m.sloped].add(s * back[p:])
                gradient = jnp.concatenate([(residual * slope).sum(0)[None], gradient])
                move = m.free @ gradient
                above = (move * gradient).sum(0)
                if step < steps_free - 1:
                    s, theta = s - move[0], theta - move[1:]
            free_rate, fixed = rate, theta + column(m.free[1:, 0] / m.free[0, 0]) * (m.s - s)
            for step in range(steps_fixed + 1):
                rate = m.at_s @ fixed
                residual = 1 - counts / rate
                gradient = m.at_s.T @ residual + column(m.weight) * (fixed - measured)
                move = m.fixed @ gradient
                here = (move * gradient).sum(0)
                if step < steps_fixed:
                    fixed = fixed - move
            t = 2 * (rate - free_rate - counts * jnp.log(rate / free_rate)).sum(0) + above - here
            t += jnp.asarray(m.weight) @ ((fixed - theta) * (fixed + theta - 2 * measured))
            bound = ((theta < column(m.least)) | (fixed < column(m.least))).any(0)
            sound = (jnp.abs(above) < ENOUGH) & (jnp.abs(here) < ENOUGH)
            return t, sound, bound, s, free_rate, theta, above, (fixed < column(m.least)).any(0)

        def one(key):
            counts, measured = draw(key)
            return counts, measured, *fit(counts, measured)

        def whole(key):
            keys = jax.random.split(key, 1 + toys // chunk)
            return keys[0], *jax.lax.map(one, keys[1:])

        self.given = jax.jit(lambda data: jax.lax.map(lambda d: fit(*d), data))
        self.whole, self.key = jax.jit(whole), jax.random.key(1)

    def __call__(self, data=None):
        m = self.m
        if data:  # [..][toys]
            counts, measured = (
                np.ascontiguousarray(v.reshape(len(v), -1, self.chunk).transpose(1, 0, 2))
                for v in data)  # fmt: skip
            found = self.given((counts, measured))
        else:
            self.key, counts, measured, *found = self.whole(self.key)
        t, sound, bound, s, rate, theta, above, fixed_bound = found
        t, bound = np.array(t).ravel(), np.array(bound).ravel()
        told = {"at_zero": 0, "newton": 0, "failed": 0}
        sound, s = np.asarray(sound).ravel(), np.asarray(s).ravel()
        take = lambda v, which: np.asarray(v)[which // self.chunk, :, which % self.chunk].T
        low = np.flatnonzero(sound & (s < 0))
        if low.size:
            n, a = take(counts, low), take(measured, low)
            zero = fit_at_zero(m, n, a)
            best = take(rate, low), take(theta, low), np.asarray(above).ravel()[low]
            t[low] -= twice_above(m, n, a, zero, best)
            bound[low] = np.asarray(fixed_bound).ravel()[low] | (
                zero[1] < m.least[:, None]).any(axis=0)  # fmt: skip
            told["at_zero"] = int(low.size)
        bad = np.flatnonzero(~sound)
        if bad.size:
            n, a = take(counts, bad), take(measured, bad)
            start = np.repeat(m.nominal[:, None], bad.size, axis=1)
            best, theta, rate, above = newton(m, n, a, np.full(bad.size, m.s), start, True)
            below = best < 0
            if below.any():
                rate[:, below], theta[:, below], above[below] = fit_at_zero(m, n[:, below], a[:, below])
            _, fixed, here_rate, here = newton(m, n, a, np.full(bad.size, m.s), start, False)
            mended = twice_above(m, n, a, (here_rate, fixed, here), (rate, theta, above))
            outside = ((theta < m.least[:, None]) | (fixed < m.least[:, None])).any(axis=0)
            lost = ~((abs(above) < ENOUGH) & (abs(here) < ENOUGH) & (mended > -1e-6)) & ~outside
            t[bad], bound[bad] = np.where(lost, np.nan, mended), outside
            told["at_zero"] += int(below.sum())
            told |= {"newton": int(bad.size), "failed": int(lost.sum())}
        t[bound] = np.nan
        return t, told | {"at_bound": int(bound.sum())}


# --- judging and measuring ---------------------------------------------------------------------------


def scipy_t(model, counts, measured):
    """t of a toy by SciPy's trust region; NaN where a parameter is at its bound."""
    def minimum(s):
        free = s is None

        def split(x):
            return (x[0], x[1:]) if free else (s, x)

        def nll(x):
            at, theta = split(x)
            rate = model.rate(at, theta)
            if (rate <= 0).any():
                return np.inf, np.zeros_like(x)
            # Against the expected data: smaller numbers, more digits.
            value = (rate - model.expected - counts * np.log(rate / model.expected)).sum()
            value += 0.5 * (model.weight * (theta - measured) ** 2).sum()
            r = 1 - counts / rate
            gradient = (model.base + at * model.slope) @ r + model.weight * (theta - measured)
            return value, np.concatenate([[r @ (model.slope.T @ theta)], gradient][not free :])

        def second(x):
            h = model.second(*split(x), counts)
            return h if free else h[1:, 1:]

        start = np.concatenate([[model.s], model.nominal])[not free :]
        scale = np.sqrt(np.diag(model.free))[not free :]
        found = optimize.minimize(lambda z: (lambda v, g: (v, g * scale))(*nll(z * scale)),
                                  start / scale, jac=True,
                                  hess=lambda z: second(z * scale) * np.outer(scale, scale),
                                  method="trust-exact", options={"gtol": 1e-9})  # fmt: skip
        return found.fun, found.x * scale

    best, x = minimum(None)
    theta = x[1:]
    if x[0] < 0:
        best, theta = minimum(0.0)
    here, fixed = minimum(model.s)
    outside = (theta < model.least).any() or (fixed < model.least).any()
    return np.nan if outside else 2 * (here - best)


def deviation(model, batch, reference) -> float:
    """Of a batch's t on magnu's toys, as many as the batch has; those it leaves out do not count."""
    n = min(batch.toys, len(model.t))
    repeat = np.resize(np.arange(n), batch.toys)
    t, _ = batch((np.ascontiguousarray(model.counts[repeat].T),
                  np.ascontiguousarray(model.measured[repeat].T)))  # fmt: skip
    worst = np.nanmax(np.abs(t[:n] - model.t[:n]) / (1 + model.t[:n]))
    own = t[: len(reference)]
    return float(max(worst, np.nanmax(np.abs(own - reference[: len(own)]) / (1 + own))))


def batch_time(batch, seconds: float) -> tuple[float, dict]:
    """Best processor seconds of a toy, and the parts of the toys that took another way."""
    batch()
    once = time.process_time()
    batch()
    number = 1 + int(0.2 * seconds / max(1e-6, time.process_time() - once))
    best, told, toys = np.inf, {}, 0
    end = time.process_time() + seconds
    while time.process_time() < end:
        start = time.process_time()
        for _ in range(number):
            for key, count in batch()[1].items():
                told[key] = told.get(key, 0) + count
        best = min(best, (time.process_time() - start) / number / batch.toys)
        toys += number * batch.toys
    return best, {key: count / toys for key, count in told.items()}


def race(model, make, choices, quick: bool, reference) -> dict:
    """The best of some forms, after a short trial of each."""
    trials = []
    for choice in choices:
        batch = make(model, *choice)
        if quick:
            trials = [(0, choice, batch)]
            break
        trials.append((batch_time(batch, 0.15)[0], choice, batch))
    _, choice, batch = min(trials, key=lambda trial: trial[0])
    seconds, told = batch_time(batch, 0.05 if quick else 2)
    return {"fits": 2 / seconds, "form": choice, "deviation": deviation(model, batch, reference),
            **told}  # fmt: skip


def pyhf_model(model):
    """The model as pyhf holds it.

    A factor f on a template T, with a Gaussian constraint of width sigma, is a histosys that goes to
    (1 + sigma) T and (1 - sigma) T, interpolated linearly ("code0"), whose parameter is (f - 1)/sigma: the
    same in lambda and in the constraint.  A flux scales its weak and its magnetic sample, which s
    multiplies besides.  A pull shifts one sample's bins.  The same model then, but for how it is
    written: constant terms of the nll, 18 samples in place of 12 templates, and an upper bound of 10
    standard deviations, which pyhf needs.
    """
    import pyhf

    def histosys(name, nominal, shift):
        return {"name": name, "type": "histosys",
                "data": {"hi_data": (nominal + shift).tolist(), "lo_data": (nominal - shift).tolist()}}

    samples = []
    pulls = [k for k in range(len(model.names)) if not np.isfinite(model.least[k])]
    for k, name in enumerate(model.names):
        if k in pulls:
            continue
        base, sigma = model.base[k], model.sigma[k]
        samples.append({"name": name, "data": base.tolist(),
                        "modifiers": [histosys(name, base, sigma * base)]})  # fmt: skip
        if k < model.sloped:
            slope = model.slope[k]
            poi = {"name": "s", "type": "normfactor", "data": None}
            samples.append({"name": name + ", magnetic", "data": slope.tolist(),
                            "modifiers": [poi, histosys(name, slope, sigma * slope)]})  # fmt: skip
    last = samples[-1]
    for k in pulls:  # of a background, which s does not scale
        last["modifiers"].append(histosys(model.names[k], np.array(last["data"]), model.base[k]))
    parameters = [{"name": name, "inits": [0.0],
                   "bounds": [[-1 / sigma if np.isfinite(least) else -10, 10]]}
                  for name, sigma, least in zip(model.names, model.sigma, model.least)]  # fmt: skip
    parameters.append({"name": "s", "inits": [model.s], "bounds": [[0, 100 * model.s]]})
    spec = {"channels": [{"name": "detector", "samples": samples}], "parameters": parameters}
    return pyhf.Model(spec, poi_name="s", modifier_settings={"histosys": {"interpcode": "code0"}})


def race_pyhf(model, backend: str, quick: bool) -> dict:
    """Fits a second, both fits of a toy, compiled before; the minimiser with its own tolerance."""
    import pyhf

    pyhf.set_backend(backend, pyhf.optimize.scipy_optimizer())
    held = pyhf_model(model)
    order = [model.names.index(name) for name in held.config.auxdata_order]

    def t_of(toy):
        pulls = (model.measured[toy] - model.nominal) / model.sigma
        data = pyhf.tensorlib.astensor(model.counts[toy].tolist() + pulls[order].tolist())
        _, here = pyhf.infer.mle.fixed_poi_fit(model.s, data, held, return_fitted_val=True)
        _, best = pyhf.infer.mle.fit(data, held, return_fitted_val=True)
        return float(here) - float(best)

    t_of(0)
    seconds, deviations, failed = [], [], 0
    end = time.process_time() + (0 if quick else 6)
    for toy in range(1, len(model.t)):
        start = time.process_time()
        try:
            t = t_of(toy)
            deviations.append(abs(t - model.t[toy]) / (1 + model.t[toy]))
        except pyhf.exceptions.FailedMinimization:
            failed += 1
        seconds.append(time.process_time() - start)
        if time.process_time() > end:
            break
    # The mean: a toy's time is its own. A deviation is the minimiser's, which stops at 1e-6 of the nll.
    return {"fits": 2 * len(seconds) / sum(seconds), "failed": failed / len(seconds),
            "deviation": float(np.median(deviations)) if deviations else None}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="what magnu_bench --write-toys wrote")
    parser.add_argument("--quick", action="store_true", help="short timings, one form of each")
    options = parser.parse_args()
    # One processor: whatever the variables say, nothing runs beside.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    model = Model(options.model)
    judged = 20 if options.quick else 200
    reference = np.array([scipy_t(model, model.counts[i], model.measured[i]) for i in range(judged)])
    steps = (4, 5, 6), (2, 3)
    results, versions, missing = {}, {"numpy": np.__version__}, []
    results["batches in NumPy"] = race(
        model, NumpyBatch, itertools.product((512, 1024, 2048, 4096), *steps),
        options.quick, reference)  # fmt: skip
    for name in "jax", "pyhf":
        if importlib.util.find_spec(name) is None:
            missing.append(name)
        else:
            versions[name] = importlib.import_module(name).__version__
    if "jax" in versions:
        # Each takes seconds to compile; NumPy's numbers of steps are good ones.
        forms = [(512, 256, 2, 1)] if options.quick else [(8192, n, 5, 3) for n in (256, 512, 1024)]
        results["batches in JAX"] = race(model, JaxBatch, forms, options.quick, reference)
    agree = all(form["deviation"] <= AGREEMENT for form in results.values())
    for backend in ("numpy", "jax") if "pyhf" in versions else ():
        if backend in versions:
            results[f"pyhf, {backend} and SciPy"] = race_pyhf(model, backend, options.quick)
    json.dump({"versions": versions, "missing": missing, "forms": results}, sys.stdout, indent=1)
    print()
    if not agree:
        print("toy_race.py: a batch's t deviates by more than 1e-5", file=sys.stderr)
    return int(not agree)


if __name__ == "__main__":
    sys.exit(main())
