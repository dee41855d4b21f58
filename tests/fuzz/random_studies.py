#!/usr/bin/python3
"""Random studies, half of them broken, through the whole program.

Usage: random_studies.py MAGNU SOURCE_DIR [--count N | --minutes M] [--seed S] [--jobs J] [--keep FOLDER]

Of each study: the exit code is a documented one; what is printed to standard error has no line longer than it takes
to say it; after an error no file is left, and none is changed; limits are positive; --verify passes; and
configs/study.schema.json refuses nothing that the program takes. What the schema takes may be refused by the program
alone where several keys must agree, or where a number is out of a range that the schema does not know: with --strict
those are printed. Exit code 1 where something did not hold; each failure is one line with the seed of its study.
"""
import argparse
import concurrent.futures
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
import yaml

LONGEST_LINE = 400
COMPONENTS = ["pp", "pep", "hep", "be7", "b8", "n13", "o15", "f17"]
TARGETS = ["argon", "germanium", "xenon"]
SOLVABLE = ["exposure", "background.flat", "background.fraction", "threshold"]


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
            "confidence_level": lambda: self.draw.choice([0.9, 0.95, self.log(1e-5, 0.99999)]),
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
                  "sigma_scale": (1e-2, 1e2), "confidence_level": (0.1, 0.999)}
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

    def broken(self):
        """Text that is a valid study but for one fault or more; some happen to be valid still."""
        study = self.valid()
        keys = list(study)
        kind = self.draw.randrange(9)
        key = self.draw.choice(keys)
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


class Trial:
    def __init__(self, magnu, schema, keep):
        self.magnu, self.schema, self.keep, self.slow = magnu, jsonschema.Draft7Validator(schema), keep, 0

    def run(self, seed):
        """(what failed or none, whether the study was taken, what only the program refused)"""
        studies = Studies(seed)
        good = seed % 2 == 0
        text = studies.text(studies.valid()) if good else studies.broken()
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
        if run.returncode in (124, 137):
            return "did not end within 100 seconds without --verify, or not when it was told to", False, None
        errors = run.stderr.decode("utf-8", "replace")
        last = errors.strip().splitlines()[-1][:200] if errors.strip() else "nothing"
        if run.returncode not in (0, 1, 2):
            return f"exit code {run.returncode}: {last}", False, None
        if good and run.returncode != 0:
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
        if run.returncode == 0 and (problem := self.limits(out)):
            return problem, True, None
        if run.returncode == 1:
            return f"exit code 1: {last} | {self.deviation(run.stdout)}", False, None
        refusal = self.refusal(text)
        if run.returncode == 0 and refusal:
            return f"the schema refuses what the program takes: {refusal}", True, None
        return None, run.returncode == 0, last if run.returncode == 2 and refusal is None else None

    @staticmethod
    def files(folder):
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    @staticmethod
    def deviation(output):
        return " ".join(line for line in output.decode("utf-8", "replace").splitlines() if "fail" in line.lower())[:200]

    @staticmethod
    def limits(out):
        """What is wrong with the limits of a folder."""
        if (out / "limits.h5").exists():
            with h5py.File(out / "limits.h5") as file:
                name = next(name for name in file if "DIMENSION_LIST" in file[name].attrs)
                values = file[name][()].ravel().tolist()
                reach = "goal_mu_B" in file[name].attrs
        else:
            rows = (out / "limits.csv").read_text("utf-8").splitlines()
            values, reach = [float(row.rsplit(",", 1)[1]) for row in rows[1:]], False
        if not values:
            return "no limits"
        wrong = [value for value in values if not (value > 0 or reach and (math.isnan(value) or value == 0))]
        if json.loads((out / "study.json").read_text("utf-8"))["status"] != "done":
            return "study.json does not say 'done'"
        return f"limits that are not positive: {wrong[:3]}" if wrong else None

    def refusal(self, text):
        """What the schema says against a text; nothing where YAML 1.1 cannot read it at all."""
        try:
            problem = jsonschema.exceptions.best_match(self.schema.iter_errors(yaml.safe_load(text)))
        except (yaml.YAMLError, ValueError, RecursionError):
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
    print(f"{done} random studies, {taken} of them valid, {trial.slow} too slow to verify: {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
