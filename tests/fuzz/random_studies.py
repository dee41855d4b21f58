#!/usr/bin/python3
"""Random studies, half of them broken, through the whole program.

Usage: random_studies.py MAGNU SOURCE_DIR [--count N | --minutes M] [--seed S] [--jobs J] [--keep FOLDER]

A third are Poisson likelihoods, of some of these joint ones.

Of each study: the exit code is a documented one; what is printed to standard error has no line longer than it takes
to say it; after an error no file is left, and none is changed; limits are positive; --verify passes; and
configs/study.schema.json refuses nothing that the program takes. Of a likelihood: its limits are in order (lower, best
fit and upper; along the expected band; with the power constraint); of what is expected without signal no limit is worse
with more exposure, with nothing uncertain, or where more detectors are fitted together; and no fit fails but of counts,
which may be far from all that the model can be. What the schema takes may be refused by the program
alone where several keys must agree, or where a number is out of a range that the schema does not know: with --strict
those are printed. Exit code 1 where something did not hold; each failure is one line with the seed of its study.
"""
import argparse
import concurrent.futures
import csv
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import h5py
import jsonschema
import numpy
import yaml

LONGEST_LINE = 400
COMPONENTS = ["pp", "pep", "hep", "be7", "b8", "n13", "o15", "f17"]
TARGETS = ["argon", "germanium", "xenon"]
SOLVABLE = ["exposure", "background.flat", "background.fraction", "threshold"]
SHARED = ["solar_model", "b8_spectrum", "oscillation", "sin2_theta_w"]  # by the detectors of a joint fit
BAND = ["expected_m2", "expected_m1", "expected", "expected_p1", "expected_p2"]
UNFITTED = "did not converge"  # the last message where nothing else was wrong


class Text(str):
    """A value as it stands in the file: YAML 1.1 would write some of them otherwise."""


def flow(value):
    """A value as one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return str(value)


class Studies:
    """Valid studies, drawn over the whole range of each setting."""

    def __init__(self, seed):
        self.draw = random.Random(seed)

    def log(self, low, high):
        value = math.exp(self.draw.uniform(math.log(low), math.log(high)))
        return min(max(float(f"{value:.{self.draw.choice([1, 3, 6])}g}"), low), high)

    def some(self, chance):
        return self.draw.random() < chance

    def energy(self, low, high):
        value = self.log(low, high)
        return Text(self.draw.choice([f"{value:.6g} keV", f"{1e3 * value:.6g} eV", f"{1e-3 * value:.6e} MeV"]))

    def exposure(self, low=1e-3, high=1e4):
        value = self.log(low, high)
        return Text(self.draw.choice([f"{value:.5g} tonne year", f"{value:.4g} t yr", f"{1e3 * value:.5g} kg year",
                                      f"{value:.3e} x 365.25 tonne day", f"{value:.3g} tonnes * 1 years"]))

    def background(self, electrons, target):
        entries = []
        if electrons and target == "xenon" and self.some(0.5):
            entries.append(self.draw.choice(["xenon1t", "xenonnt", "darwin", "xe136_2nbb"]))
        if self.some(0.4):
            entries.append({"fraction": self.log(1e-3, 10)})
        if self.some(0.4):
            entries.append({"flat": self.log(1e-4, 1e4)})
        if self.some(0.2):
            entries.append({"table": "table.csv"})
        return entries

    def detector(self, fixed=None):
        """The settings of one detector; those of `fixed` stay."""
        channel = (fixed or {}).get("channel", self.draw.choice(["electron", "nuclear"]))
        electrons = channel == "electron"
        target = (fixed or {}).get("target", self.draw.choice(TARGETS))
        low, high = (0.02, 900) if electrons else (0.005, 30)
        threshold = self.log(low, high / 3)
        study = {"channel": channel, "target": target,
                 "threshold": Text(f"{threshold:.6g} keV"),
                 "upper": Text(f"{threshold * self.log(1.2, 100):.7g} keV"),
                 "bins": self.draw.randint(1, 6), "accuracy": self.draw.choice([1e-9, 1e-6, 1e-3]),
                 "mu_eff": {"from": 1e-13, "to": 1e-9, "points": self.draw.randint(2, 9)}}
        optional = {
            "components": lambda: self.draw.sample(COMPONENTS, self.draw.randint(1, 4)),
            "solar_model": lambda: self.draw.choice(["bs05op", "bs05agsop", "b16gs98", "b16agss09"]),
            "b8_spectrum": lambda: self.draw.choice(["bahcall1996", "winter2006"]),
            "oscillation": lambda: {"sin2_theta12": self.draw.choice([self.log(1e-9, 0.999), 1 - 1e-9]),
                                    "sin2_theta13": self.draw.choice([0, self.log(1e-9, 0.999)]),
                                    "dm2_21": self.log(1e-15, 0.99)},
            "sin2_theta_w": lambda: self.log(1e-3, 0.999),
            "electrons": lambda: "stepping" if target == "xenon" or not electrons else "free",
            "exposure": self.exposure,
            "resolution": lambda: {"a": self.draw.choice([0, self.log(1e-3, 2)]),
                                   "b": self.draw.choice([0, self.log(1e-3, 0.5)]),
                                   "lowest_energy": self.energy(0.001, 1)},
            "background": lambda: self.background(electrons, target),
            "fraction_in": lambda: self.draw.choice(["variance", "error"]),
            "statistic": lambda: self.draw.choice(["counts", "density"]),
            "sigma_scale": lambda: self.log(1e-3, 1e3),
            "confidence_level": lambda: self.draw.choice([0.9, 0.95, self.log(0.51, 0.99999)]),
        }
        for key, make in optional.items():
            if self.some(0.3):
                study[key] = make()
        return {**study, **(fixed or {})}

    def axis(self, study, path):
        two = self.draw.randint(1, 3)
        numbers = lambda low, high: sorted({self.log(low, high) for _ in range(two)})
        threshold, upper = (float(study[key].split()[0]) for key in ("threshold", "upper"))
        middle = math.sqrt(threshold * upper)
        ranges = {"oscillation.sin2_theta12": (1e-6, 0.99), "oscillation.sin2_theta13": (1e-6, 0.99),
                  "oscillation.dm2_21": (1e-12, 0.9), "sin2_theta_w": (1e-3, 0.99), "resolution.a": (1e-3, 2),
                  "resolution.b": (1e-3, 0.5), "background.fraction": (1e-3, 10), "background.flat": (1e-3, 1e3),
                  "sigma_scale": (1e-2, 1e2), "confidence_level": (0.51, 0.999)}
        if path in ranges:
            if self.some(0.4):
                low, high = sorted([self.log(*ranges[path]), 1.1 * self.log(*ranges[path])])
                return {"from": low, "to": min(high, ranges[path][1] * 1.001), "points": 2 + two,
                        "spacing": self.draw.choice(["linear", "log"])} if high > low else [low]
            return numbers(*ranges[path])
        if path == "exposure":
            return [Text(f"{value} tonne year") for value in numbers(1e-2, 1e3)]
        if path == "threshold":
            return [Text(f"{threshold * (middle / threshold) ** t:.9g} keV") for t in (0, 0.4, 0.9)[:two]]
        if path == "upper":
            return [Text(f"{middle * (upper / middle) ** t:.9g} keV") for t in (0.95, 1, 1.5)[:two]]
        if path == "bins":
            return sorted({self.draw.randint(1, 6) for _ in range(two)})
        if path == "background":
            lists = {flow(entry): entry for entry in (self.background(False, "") for _ in range(two))}
            return list(lists.values())
        words = {"solar_model": ["bs05op", "b16gs98"], "b8_spectrum": ["bahcall1996", "winter2006"],
                 "target": TARGETS[:2], "electrons": ["free"], "statistic": ["counts", "density"],
                 "fraction_in": ["variance", "error"]}[path]
        return self.draw.sample(words, self.draw.randint(1, len(words)))

    def per_cent(self, may_be_free=False):
        return Text(self.draw.choice([f"{self.log(0.01, 300):.3g} %", f"{self.log(0.1, 30):.2g}%", "none", "100 %"] +
                                     ["free"] * may_be_free))

    def uncertain(self, background):
        """A list of backgrounds, some with an uncertainty beside them."""
        entries = []
        for entry in background:
            if self.some(0.6):
                entry = {"name": entry} if isinstance(entry, str) else entry
                entry = {**entry, "uncertainty": self.per_cent(may_be_free=True)}
            entries.append(entry)
        return entries

    def uncertainties(self):
        """What is not known of a likelihood; of parameters that move shapes not more than their range has room for."""
        optional = {
            "flux": lambda: self.draw.choice(
                ["solar_model", "none", {component: self.per_cent(may_be_free=True)
                                         for component in self.draw.sample(COMPONENTS, self.draw.randint(1, 4))}]),
            "sin2_theta12": lambda: self.log(1e-4, 0.1), "sin2_theta13": lambda: self.log(1e-5, 0.01),
            "dm2_21": lambda: self.log(1e-8, 2e-5), "sin2_theta_w": lambda: self.log(1e-5, 0.05),
            "exposure": self.per_cent, "efficiency": self.per_cent}
        return {key: make() for key, make in optional.items() if self.some(0.35)}

    def interval(self, toys):
        """How a limit is made; with toys, where these are allowed, few of them."""
        test = self.draw.choice(["two-sided", "upper", "cls"] + ["feldman-cousins"] * toys)
        interval = {"test": test} if test != "two-sided" or self.some(0.5) else {}
        by_toys = toys and (test == "feldman-cousins" or self.some(0.6))
        if by_toys:
            interval.update({"method": "toys", "toys": self.draw.randint(100, 300), "seed": self.draw.randint(0, 9)})
        elif self.some(0.3):
            interval["method"] = "asymptotic"
        if test != "cls" and self.some(0.3):
            interval["power_constraint"] = self.draw.choice([0.16, 0.5, Text("none"), self.log(1e-4, 0.5)])
        if test != "cls" and not by_toys and self.some(0.3):
            interval["unbounded"] = Text(self.draw.choice(["true", "true", "false"]))
        return interval

    def counts(self, bins):
        """Observed events, often of one size; now and then far from all that is expected."""
        most = self.draw.choice([0, 1, 3, self.log(1, 1e3), self.log(1, 1e7)])
        return [self.draw.randint(0, int(most)) for _ in range(bins)]

    def likelihood(self, fixed=None):
        """The settings of a detector that is a likelihood."""
        study = self.detector(fixed)
        for key in ("sigma_scale", "fraction_in", "statistic"):
            study.pop(key, None)
        if "background" in study or self.some(0.6):
            electrons = study["channel"] == "electron"
            study["background"] = self.uncertain(study.get("background") or
                                                 self.background(electrons, study["target"]))
        if "oscillation" in study:  # with room for a standard deviation
            study["oscillation"] = {"sin2_theta12": self.log(0.15, 0.85), "sin2_theta13": self.log(0.011, 0.9),
                                    "dm2_21": self.log(3e-5, 0.9)}
        if "sin2_theta_w" in study:
            study["sin2_theta_w"] = self.log(0.06, 0.94)
        return study

    def likelihoods(self):
        """A study of one likelihood or more: joint, along axes, against the same with nothing uncertain, or by toys."""
        study = {**self.likelihood(), "statistic": "poisson"}
        if self.some(0.7):
            study["uncertainties"] = self.uncertainties()
        kind = self.draw.choice(["plain", "plain", "toys", "axes", "reach", "curves", "joint", "joint"])
        toys = kind == "toys" or (kind == "joint" and self.some(0.15))
        if toys:
            study["bins"] = min(study["bins"], 4)
        if toys or self.some(0.7):
            study["interval"] = self.interval(toys)
        axes = kind == "axes" or (kind in ("reach", "joint") and not toys and self.some(0.4))
        by = self.draw.choice(SOLVABLE)
        bins_stay = True
        if axes:
            paths = ["background.flat", "background.fraction", "confidence_level", "resolution.a", "solar_model",
                     "b8_spectrum", "threshold", "upper", "bins", "background"]
            chosen = [path for path in ["exposure"] * self.some(0.5) + [self.draw.choice(paths)]
                      if not (kind == "reach" and (path == by or by == "threshold" and path == "upper"))]
            if chosen:
                study["axes"] = {path: self.axis(study, path) for path in chosen}
                bins_stay = not {"threshold", "upper", "bins"} & set(chosen)
        if kind == "reach":
            low = {"exposure": "0.1 tonne year", "threshold": study["threshold"], "background.flat": 0,
                   "background.fraction": self.draw.choice([0, 0.001])}[by]
            middle = math.sqrt(math.prod(float(study[key].split()[0]) for key in ("threshold", "upper")))
            high = {"exposure": "1e5 tonne year", "threshold": f"{middle:.7g} keV"}.get(by, 1e4)
            study["reach"] = {"mu_eff": Text(f"{self.log(1e-13, 1e-10)} mu_B"), "by": by, "from": low, "to": high}
        elif kind in ("curves", "joint"):
            self.add_curves(study, joint=kind == "joint", toys=toys, with_counts=bins_stay and self.some(0.4))
        elif bins_stay and self.some(0.6):
            study["counts"] = self.counts(study["bins"])
        return study

    def add_curves(self, study, joint, toys, with_counts):
        names = ["a", "b c", "d.e"][:2 if joint or toys else self.draw.randint(1, 3)]
        swept = set(study.get("axes", {}))
        if not joint:  # beside it the same with nothing uncertain
            background = [{**({"name": entry} if isinstance(entry, str) else entry), "uncertainty": "none"}
                          for entry in study.get("background", [])]
            study["curves"] = [{"name": "all"}, {"name": "all known", "background": background,
                                                 "uncertainties": {"flux": "none"}}]
            if with_counts:
                study["counts"] = self.counts(study["bins"])
            return
        study["curves"] = []
        for name in names:
            fixed = {} if self.some(0.5) and not swept else {key: study[key] for key in ("channel", "target")}
            if swept & {"threshold", "upper"}:
                fixed.update({key: study[key] for key in ("threshold", "upper")})
            own = {key: value for key, value in self.likelihood(fixed).items()
                   if key not in SHARED and not (swept and key in fixed)}
            if toys:
                own["bins"] = min(own["bins"], 3)
            own.setdefault("background", [])  # the study's may be of the other channel
            own.setdefault("electrons", "free")
            if with_counts:
                own["counts"] = self.counts(own["bins"])
            study["curves"].append({"name": name, **own})
        study["joint"] = [{"name": "together", "of": names}]
        if self.some(0.2):
            study["joint"][0]["interval"] = self.interval(toys)
        if self.some(0.2):
            study["joint"][0]["confidence_level"] = self.log(0.51, 0.999)

    def any(self):
        return self.likelihoods() if self.some(1 / 3) else self.valid()

    def valid(self):
        study = self.detector()
        plain = study.get("electrons", "free") == "free"
        electronic = any(isinstance(entry, str) for entry in study.get("background", []))
        paths = ["oscillation.sin2_theta12", "oscillation.sin2_theta13", "oscillation.dm2_21", "sin2_theta_w",
                 "resolution.a", "resolution.b", "background.fraction", "background.flat", "sigma_scale",
                 "confidence_level", "exposure", "threshold", "upper", "bins", "background", "solar_model",
                 "b8_spectrum", "statistic", "fraction_in"] + ["target"] * (plain and not electronic)
        by = self.draw.choice(SOLVABLE)
        reach = self.some(0.15)
        if self.some(0.4):
            chosen = [path for path in self.draw.sample(paths, self.draw.randint(1, 3)) if not (reach and path == by)]
            if chosen:
                study["axes"] = {path: self.axis(study, path) for path in chosen}
        if reach and not (by == "threshold" and "upper" in study.get("axes", {})):
            low = {"exposure": "0.1 tonne year", "threshold": study["threshold"]}.get(by, 0.001)
            middle = math.sqrt(math.prod(float(study[key].split()[0]) for key in ("threshold", "upper")))
            high = {"exposure": "1e5 tonne year", "threshold": f"{middle:.7g} keV"}.get(by, 1e4)
            study["reach"] = {"mu_eff": Text(f"{self.log(1e-13, 1e-10)} mu_B"), "by": by, "from": low, "to": high}
        elif self.some(0.3) and "axes" not in study:
            fixed = {"channel": study["channel"], "target": study["target"]}
            study["curves"] = [{"name": name, **{key: value for key, value in self.detector(fixed).items()
                                                 if key not in ("channel", "target")}}
                               for name in ("a", "b c", "d.e")[:self.draw.randint(1, 3)]]
        return study

    BAD_VALUES = ["", "-1", "1e400", "nan", "0x10", "[1, 2]", "{a: b}", "''", "~", "!!binary x", "1 keV keV", "x" * 3000,
                  "[" * 40, "'\\u0001'", '"\\x01\\e[31m"', "&a [*a]", "1,", "3 keV # no", "1_000", "0.3keV", "é", "\t1"]

    def break_likelihood(self, study):
        """Puts a fault into what only likelihoods have."""
        bins = study["bins"]
        key, value = self.draw.choice([
            ("counts", self.draw.choice([[1] * (bins + 1), [], [0.5] * bins, [-1] * bins, ["x"] * bins, 3,
                                         [Text("1e16")] * bins, {"table": "none.csv"}, {"table": "table.csv"}])),
            ("interval", self.draw.choice([{"test": "one-sided"}, {"test": "feldman-cousins", "method": "asymptotic"},
                                           {"toys": 200}, {"method": "toys", "toys": 99}, {"power_constraint": 0.6},
                                           {"power_constraint": 0}, {"test": "cls", "power_constraint": 0.16}, "upper",
                                           {"test": "cls", "unbounded": "true"}, {"unbounded": "yes"},
                                           {"method": "toys", "toys": 100, "seed": -1},
                                           {"method": "toys", "toys": 100, "unbounded": "true"}])),
            ("uncertainties", self.draw.choice([{"flux": "free"}, {"flux": {"b9": "3 %"}}, {"flux": {"b8": 3}},
                                                {"exposure": "free"}, {"exposure": 0.02}, {"efficiency": "-1 %"},
                                                {"sin2_theta12": 0.9}, {"sin2_theta12": "2 %"}, {"dm2_21": -1}, []])),
            ("joint", self.draw.choice([[], [{"name": "j"}], [{"name": "j", "of": ["a"]}], [{"of": ["a", "b c"]}],
                                        [{"name": "a", "of": ["a", "b c"]}], [{"name": "j", "of": ["a", "a"]}],
                                        [{"name": "j", "of": ["a", "z"]}], {"name": "j", "of": ["a", "b c"]},
                                        [{"name": "j", "of": ["a", "b c"], "counts": [1]}],
                                        [{"name": "j", "of": ["a", "b c"]}, {"name": "k", "of": ["j", "a"]}],
                                        [{"name": "j", "of": ["a", "b c"], "interval": {"test": "x"}}]])),
            ("sigma_scale", 2), ("fraction_in", "error"), ("statistic", "counts"), ("axes", {"statistic": ["poisson"]}),
            ("axes", {"bins": [bins, bins + 1]}),
            ("background", [{"flat": 1, "uncertainty": self.draw.choice(["5", "-5 %", "1e9 %", "%", "nan %", []])}])])
        study[key] = value

    def broken(self):
        """Text that is a valid study but for one fault or more; some happen to be valid still."""
        study = self.any()
        keys = list(study)
        kind = self.draw.randrange(9)
        key = self.draw.choice(keys)
        if study.get("statistic") == "poisson" and self.some(0.5):
            self.break_likelihood(study)
            kind = -1
        if kind == 0:
            study[key] = Text(self.draw.choice(self.BAD_VALUES))
        elif kind == 1:
            study[key + self.draw.choice("sx_")] = study.pop(key)
        elif kind == 2:
            study["threshold"], study["upper"] = study["upper"], study["threshold"]
        elif kind == 3:
            study["background"] = [self.draw.choice(["xenon", {"fraction": -1}, {"table": "none.csv"},
                                                     {"table": "broken.csv"}, {"flat": "x"}, {"flat": 1, "fraction": 1}])]
        elif kind == 4:
            study["curves"] = self.draw.choice([[], [{"bins": 1}], [{"name": "a"}, {"name": "a"}], "x", [[]]])
        elif kind == 5:
            study["axes"] = self.draw.choice([{}, {"bins": []}, {"mu_eff": [1]}, {"bins": [2, 1, 3]}, [1],
                                              {"exposure": {"from": 1, "to": 2}}, {"target": ["xenon", "xenon"]},
                                              {"target": {"from": 1, "to": 2, "points": 2}}])
        text = self.text(study)
        if kind >= 6:
            at = self.draw.randrange(len(text))
            text = {6: text[:at], 7: text[:at] + self.draw.choice('{}[]:,"\'&*!|>%@`#-?\n\t\x07') + text[at:],
                    8: text[:at] + text[at + self.draw.randint(1, 9):]}[kind]
        return text

    def text(self, study):
        return "".join(f"{key}: {flow(value)}\n" for key, value in study.items())


class Limits:
    """Results of a folder: an array over curves and axes for each."""

    def __init__(self, out):
        self.reach, self.axes, self.values = False, [], {}
        study = yaml.safe_load((out / "study.yaml").read_text("utf-8"))
        self.curves = study["curves"] + study.get("joint", [])
        members = {curve["name"]: curve for curve in self.curves}
        for curve in study.get("joint", []):
            curve.update(statistic="poisson", counts=members[curve["of"][0]].get("counts"))
        if (out / "limits.h5").exists():
            with h5py.File(out / "limits.h5") as file:
                names = [name for name in file if "DIMENSION_LIST" in file[name].attrs]
                solved = [name for name in names if "goal_mu_B" in file[name].attrs]
                self.reach = bool(solved)
                for name in names:
                    values = file[name][()]
                    if name == "expected":
                        self.values.update({member: values[..., k] for k, member in enumerate(BAND)})
                    else:
                        self.values["mu_eff" if name in solved else name] = values
                main = file[(solved or ["mu_eff"])[0]]
                self.axes = [file[main.attrs["DIMENSION_LIST"][k][0]].name.strip("/") for k in range(1, main.ndim)]
            return
        with open(out / "limits.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for name in rows[0] if rows else ():
            if name == "q0" or name == "significance" or name.endswith("_mu_B"):
                self.values[name.removesuffix("_mu_B")] = numpy.array([float(row[name]) for row in rows])

    def of(self, name, index):
        return self.values[name][index]

    def problem(self, failed):
        """What is wrong; of a run in which fits failed not what compares limits."""
        if not self.values or not self.values["mu_eff"].size:
            return "no limits"
        if len(self.values["mu_eff"]) != len(self.curves):
            return f"limits of {len(self.values['mu_eff'])} curves, there are {len(self.curves)}"
        for index, curve in enumerate(self.curves):
            limits = self.of("mu_eff", index)
            likely = curve["statistic"] == "poisson"
            below = str(curve.get("interval", {}).get("unbounded")).lower() == "true"
            bad = numpy.isinf(limits) if likely else numpy.isnan(limits) & (not self.reach)
            bad = bad | (limits < 0) & (not below or self.reach) | (limits == 0) & (not self.reach)
            if bad.any():
                return f"'{curve['name']}': limits that cannot be: {numpy.ravel(limits[bad])[:3]}"
            if likely and not self.reach and (problem := self.likelihood_problem(index, curve)):
                return f"'{curve['name']}': {problem}"
        return None if failed or self.reach else self.comparison_problem()

    def likelihood_problem(self, index, curve):
        """Results of one likelihood that are not in order."""
        interval = curve.get("interval", {})
        toys = interval.get("method") == "toys"

        def value(name):
            return self.of(name, index)

        def number(name):  # where nothing is excluded, everything is below the limit
            return numpy.where(numpy.isnan(value(name)), numpy.inf, value(name))

        def descends(low, high):
            return (low > high + 1e-6 * numpy.abs(high)).any()

        two_ended = interval["test"] in ("two-sided", "feldman-cousins")  # of others the lower limit is always 0
        pairs = [("lower", "mu_eff")] * two_ended
        if not toys:  # of some hundred toys the band is known no better than that
            pairs += list(zip(BAND, BAND[1:])) + [("best_fit", "mu_eff")] + [("lower", "best_fit")] * two_ended
        for low, high in pairs:
            known = ~numpy.isnan(value(low)) if low in ("lower", "best_fit") else True
            if descends(numpy.where(known, number(low), -numpy.inf), number(high)):
                return f"{low} {value(low)} above {high} {value(high)}"
        for name in ("q0", "significance"):
            if (value(name) < 0).any() or numpy.isinf(value(name)).any():
                return f"{name} is {value(name)}"
        constrained = interval.get("power_constraint", "none") != "none"
        if constrained and descends(number("unconstrained"), number("mu_eff")):
            return f"the power constraint lowers {value('unconstrained')} to {value('mu_eff')}"
        asimov = not curve.get("counts")
        if asimov and not toys and not numpy.allclose(value("mu_eff"), value("expected"), rtol=1e-6, atol=0,
                                                      equal_nan=True):
            return f"of what is expected the limit is {value('mu_eff')}, the expected one {value('expected')}"
        return None

    def comparison_problem(self):
        """Limits of what is expected without signal that are worse where more is known."""
        names = [curve["name"] for curve in self.curves]
        limits = numpy.where(numpy.isnan(self.values["mu_eff"]), numpy.inf, self.values["mu_eff"])
        exact = [curve["statistic"] == "poisson" and not curve.get("counts") and
                 curve["interval"]["method"] == "asymptotic" for curve in self.curves]

        def worse(better, other):
            return (limits[better] > limits[other] * (1 + 1e-6)).any()

        def alike(one, other):
            return all(exact[k] for k in (one, other)) and all(
                self.curves[one].get(key) == self.curves[other].get(key) for key in ("interval", "confidence_level"))
        for index, curve in enumerate(self.curves):
            for name in curve.get("of", ["all"] if curve["name"] == "all known" else []):
                other = names.index(name)
                if alike(index, other) and worse(index, other):
                    return f"'{curve['name']}' has {limits[index]}, worse than {limits[other]} of '{name}'"
        if "exposure" in self.axes:
            along = numpy.moveaxis(limits[exact], 1 + self.axes.index("exposure"), -1)
            if (along[..., 1:] > along[..., :-1] * (1 + 1e-6)).any():
                return f"a limit rises with exposure: {along}"
        return None


class Trial:
    def __init__(self, magnu, schema, keep):
        self.magnu, self.schema, self.keep, self.slow = magnu, jsonschema.Draft7Validator(schema), keep, 0
        self.unfitted = 0

    def run(self, seed):
        """(what failed or none, whether the study was taken, what only the program refused)"""
        studies = Studies(seed)
        good = seed % 2 == 0
        text = studies.text(studies.any()) if good else studies.broken()
        with tempfile.TemporaryDirectory(prefix="magnu-random-") as name:
            folder = pathlib.Path(name)
            (folder / "study.yaml").write_text(text, "utf-8")
            (folder / "table.csv").write_text("energy_keV,rate_per_tonne_year_keV\n0.001,2\n2000,1\n")
            (folder / "broken.csv").write_text("energy_keV,rate_per_tonne_year_keV\n5,2\n1,x\n")
            failure, taken, alone = self.judge(folder, text, good, studies.some(0.5))
        if failure and self.keep:
            (self.keep / f"{seed}.yaml").write_text(text, "utf-8")
        return failure and f"seed {seed}: {failure}", taken, alone

    def judge(self, folder, text, good, former):
        out = folder / "out"
        if former:
            out.mkdir()
            (out / "notes.txt").write_text("mine")
        before = self.files(folder)
        command = [self.magnu, "scan", "study.yaml", "--out", "out", "--threads", "1", "--backend", "cpu", "--verify"]
        run = subprocess.run(["timeout", "-k", "20", "100", *command], cwd=folder, capture_output=True)
        if run.returncode == 124:  # the direct evaluation of hardly any mixing; the stop left nothing
            self.slow += 1
            command[command.index("--verify")] = "--overwrite"
            run = subprocess.run(["timeout", "-k", "20", "100", *command], cwd=folder, capture_output=True)
        if run.returncode in (124, 137, -9):
            return "did not end within 100 seconds without --verify, or not when it was told to", False, None
        errors = run.stderr.decode("utf-8", "replace")
        last = errors.strip().splitlines()[-1][:200] if errors.strip() else "nothing"
        if run.returncode not in (0, 1, 2):
            return f"exit code {run.returncode}: {last}", False, None
        unfitted = run.returncode == 1 and last.count(UNFITTED) == 1 and self.may_fail(out)
        if good and run.returncode != 0 and not unfitted:
            return f"a valid study ends with {run.returncode}: {last} | {self.deviation(run.stdout)}", False, None
        longest = max(map(len, errors.splitlines()), default=0)
        if longest > LONGEST_LINE:
            return f"a message of {longest} characters: {errors[:100]!r}", False, None
        if any(ord(c) < 32 and c not in "\n\t" for c in errors):
            return f"control characters in a message: {errors[:200]!r}", False, None
        if run.returncode == 2:
            after = self.files(folder)
            if not former:
                after.pop(out, None)
            if after != before:
                return f"files left after an error: {sorted(map(str, after.keys() ^ before.keys()))}", False, None
            if not errors.strip():
                return "an error without a message", False, None
        stray = [path.name for path in folder.rglob(".*")]
        if stray:
            return f"left: {stray}", False, None
        if (run.returncode == 0 or unfitted) and (problem := self.limits(out, unfitted)):
            return problem, True, None
        if unfitted:
            self.unfitted += 1
        elif run.returncode == 1:
            return f"exit code 1: {last} | {self.deviation(run.stdout)}", False, None
        refusal = self.refusal(text)
        if run.returncode != 2 and refusal:
            return f"the schema refuses what the program takes: {refusal}", True, None
        return None, run.returncode != 2, last if run.returncode == 2 and refusal is None else None

    @staticmethod
    def files(folder):
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    @staticmethod
    def deviation(output):
        return " ".join(line for line in output.decode("utf-8", "replace").splitlines() if "fail" in line.lower())[:200]

    @staticmethod
    def limits(out, failed):
        """What is wrong with the limits of a folder."""
        if json.loads((out / "study.json").read_text("utf-8"))["status"] != "done":
            return "study.json does not say 'done'"
        return Limits(out).problem(failed)

    @staticmethod
    def may_fail(out):
        """Whether a fit may: of counts, which can lie far from what a model may be."""
        return (out / "study.yaml").exists() and "counts: [" in (out / "study.yaml").read_text("utf-8")

    def refusal(self, text):
        """What the schema says against a text; nothing where YAML 1.1 cannot read it at all."""
        try:
            problem = jsonschema.exceptions.best_match(self.schema.iter_errors(yaml.safe_load(text)))
        except (yaml.YAMLError, ValueError, RecursionError, TypeError):  # of keys of several types
            return None
        return problem and f"{'.'.join(map(str, problem.absolute_path))}: {problem.message[:150]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("magnu")
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("--count", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--strict", action="store_true")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    schema = json.loads((options.source / "configs/study.schema.json").read_text("utf-8"))
    trial = Trial(str(pathlib.Path(options.magnu).resolve()), schema, options.keep)
    end = time.monotonic() + 60 * options.minutes if options.minutes else math.inf
    most = options.count or (10**9 if options.minutes else 1000)
    done = taken = failures = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        while done < most and time.monotonic() < end:
            batch = range(options.seed + done, options.seed + min(done + 50, most))
            for failure, accepted, alone in pool.map(trial.run, batch):
                done += 1
                taken += accepted
                if failure:
                    failures += 1
                    print(failure, flush=True)
                elif options.strict and alone:
                    print(f"the program alone: {alone}", flush=True)
    print(f"{done} random studies, {taken} of them valid, {trial.slow} too slow to verify, "
          f"{trial.unfitted} with counts that were not fitted: {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
