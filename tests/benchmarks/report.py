#!/usr/bin/env python3
"""Runs the benchmarks, the yardsticks in Python and the program, and prints one table of it all.

    report.py --build DIR [--quick] [--filter REGEX] [--json FILE]

Figures are medians of repetitions that take turns and together last a second or more.  One-thread
figures are processor time, those of several threads and of the program wall time.  See
docs/benchmarks.md.
"""
import argparse
import functools
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SETS = {"default": "SSE2", "v3": "AVX2", "v4": "AVX-512"}
FLOPS_PER_CELL = 2  # one multiply-add
CHANNELS = {"electron": "electrons", "nuclear": "nuclei"}


def run_benchmarks(build: Path, quick: bool, chosen: str) -> tuple[dict, dict]:
    """Medians by name: seconds and counters; and where and on what they were measured."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [build / "tests/benchmarks/magnu_bench", f"--benchmark_out={out.name}",
                   f"--benchmark_filter={chosen}"]
        if quick:
            command += ["--quick", "--benchmark_min_time=0.001"]
        else:
            command += ["--benchmark_min_time=0.25", "--benchmark_repetitions=9",
                        "--benchmark_enable_random_interleaving=true",
                        "--benchmark_report_aggregates_only=true"]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"report.py: magnu_bench failed: {done.stderr.strip()}")
        text = out.read() or b'{"context": {}, "benchmarks": []}'  # empty where nothing matches
        report = json.loads(text)
    medians = {}
    for entry in report["benchmarks"]:
        if entry.get("aggregate_name", "median") != "median":
            continue
        name = entry["run_name"]
        wall = name.endswith("/real_time")
        entry["seconds"] = (entry["real_time"] if wall else entry["cpu_time"]) * 1e-9
        medians[name.removesuffix("/real_time")] = entry
    return medians, report["context"]


PACKAGES = "numpy", "scipy", "pyyaml", "threadpoolctl"  # of the yardstick
RACERS = "jax", "pyhf"  # and of the race of toys, which goes on without those that it lacks


def say(text: str) -> None:
    print(f"report.py: {text}", file=sys.stderr, flush=True)


def pip_install(python: Path, packages: tuple[str, ...]) -> list:
    return [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--no-cache-dir", "--timeout", "20", "--retries", "1", *packages]  # fmt: skip


def problem_of(command: list) -> str:
    """Why a command failed; empty where it did not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        return "" if done.returncode == 0 else (done.stderr + done.stdout).strip() or "it failed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)


@functools.cache
def yardstick_python(build: Path, quick: bool) -> tuple[str, str]:
    """A Python with a current NumPy, in an environment in the build folder, and how to call it; the
    one that runs this where none can be made, and for a smoke test, which measures nothing."""
    folder = build / "yardstick-environment"
    python = folder / "bin/python"
    own = [python, "-c", "import " + ", ".join(PACKAGES).replace("pyyaml", "yaml")]
    ready = lambda: python.exists() and subprocess.run(own, capture_output=True).returncode == 0
    if ready():
        return str(python), "environment of the benchmark"
    if quick:
        return sys.executable, "the system's, in a smoke test"
    say(f"making {folder} with the current {', '.join(PACKAGES)}")
    shutil.rmtree(folder, ignore_errors=True)
    why = ""
    for command in ([sys.executable, "-m", "venv", folder], pip_install(python, PACKAGES)):
        why = problem_of(command)
        if why:
            break
    if not why and ready():
        return str(python), "environment of the benchmark"
    shutil.rmtree(folder, ignore_errors=True)
    say(f"no current NumPy: {why.splitlines()[-1] if why else 'it does not import'}")
    say("the yardstick runs the system's NumPy instead, which is older and may be slower")
    return sys.executable, "the system's: no current one could be installed"


def run_python(python: str, script: str, *arguments, quick: bool) -> dict:
    """The JSON that a script beside this one prints."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    command = [python, HERE / script, *arguments] + ["--quick"] * quick
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode:
        sys.exit(f"report.py: {script} failed or disagrees with magnu by more than 1e-5")
    return json.loads(done.stdout)


def run_yardstick(build: Path, quick: bool) -> dict:
    """What numpy_yardstick.py prints, and whose NumPy it ran."""
    python, whose = yardstick_python(build, quick)
    found = run_python(python, "numpy_yardstick.py", build / "magnu", quick=quick)
    return found | {"whose": whose}


def run_race(build: Path, quick: bool) -> dict:
    """What toy_race.py prints, and why it lacks what it lacks."""
    python, _ = yardstick_python(build, quick)
    why = "a smoke test installs nothing" if quick else ""
    if Path(python).is_relative_to(build):
        for package in RACERS:
            if not quick and problem_of([python, "-c", f"import {package}"]):
                say(f"installing {package} beside")
                why = problem_of(pip_install(Path(python), (package,))) or why
    else:
        why = why or "the system's Python is left as it is"
    with tempfile.NamedTemporaryFile(suffix=".json") as model:
        subprocess.run([build / "tests/benchmarks/magnu_bench", "--write-toys", model.name],
                       check=True)  # fmt: skip
        found = run_python(python, "toy_race.py", model.name, quick=quick)
    return found | {"why": why.splitlines()[-1] if why else ""}


# Whole runs of the program: study and what else, settings that make it last a second or more, those
# that make it a smoke test, what its results are counted in, and how often it runs.
POISSON = "design-map, poisson"
PART = 4  # of the 41 exposures
PROGRAMS = {
    "paper": ([], ["mu_eff.points=11"], "curves", 21, 7),
    "design-map": (["axes.exposure.points=2000"], ["axes.exposure.points=3"], "detectors",
                   2000 * 35 * 41 * 9 * 2, 7),
    POISSON: (["statistic=poisson", f"axes.exposure.points={PART}"],
              ["statistic=poisson", "axes.exposure.points=2", "axes.threshold.points=2",
               "axes.background.flat.points=2"], "detectors", PART * 35 * 41 * 9 * 2, 3),
    "oscillation-map": ([], ["axes.oscillation.dm2_21.points=3"], "pairs", 200_000, 7),
}  # fmt: skip


def run_programs(build: Path, quick: bool, threads: int) -> dict[str, dict[int, float]]:
    """Median wall seconds of `magnu scan` by study and number of threads, in turns."""
    medians = {}
    for name, (large, small, _, _, rounds) in PROGRAMS.items():
        study = name.split(",")[0]
        settings = [word for value in (small if quick else large) for word in ("--set", value)]
        times = {n: [] for n in (1, 2) if n <= threads}
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(1 if quick else rounds):
                for n, list_ in times.items():
                    shutil.rmtree(folder + "/out", ignore_errors=True)  # replacing costs, too
                    before = time.perf_counter()
                    subprocess.run([build / "magnu", "-q", "scan", ROOT / f"configs/{study}.yaml",
                                    *settings, "--backend", "cpu", "--threads", str(n),
                                    "--csv-limit", "0", "--out", folder + "/out"],
                                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
                    list_.append(time.perf_counter() - before)
        medians[name] = {n: statistics.median(list_) for n, list_ in times.items()}
    return medians


class Table:
    """Rows (what, figure, unit, ratio, asked), and the same with numbers for --json."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, ...]] = []
        self.figures: list[dict] = []

    def add(self, what: str, figure: float, unit: str, ratio: float | None = None, to: str = "",
            at_most: float | None = None, at_least: float | None = None,
            of_ratio: bool = False, note: str = "") -> None:
        """`ratio` to something; `at_most`, `at_least` are asked of the figure or of the ratio;
        `note` is on what is asked."""
        percent = to.startswith("of ")
        number = (lambda x: f"{100 * x:.0f} %") if percent else (lambda x: f"{x:.2f} x")
        asked, judged = "-", ratio if of_ratio else figure
        bound = at_most if at_most is not None else at_least
        if bound is not None:
            met = judged <= bound if at_most is not None else judged >= bound
            asked = "<= " if at_most is not None else ">= "
            asked += number(bound) if of_ratio else f"{bound:g}"
            asked += ("" if met else ", missed") + note
        written = f"{figure:.1e}" if abs(figure) < 1e-3 else f"{figure:.3g}"
        self.rows.append((what, written, unit, f"{number(ratio)} {to}" if to else "-", asked))
        self.figures.append({"what": what, "figure": figure, "unit": unit, "ratio": ratio,
                             "ratio_to": to, "asked": asked})  # fmt: skip

    def __str__(self) -> str:
        return aligned([("what", "figure", "unit", "ratio to what", "asked"), *self.rows], "<><<<")


def aligned(rows: list[tuple[str, ...]], how: str) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(how))]
    lines = ["  ".join(f"{cell:{h}{w}}" for cell, h, w in zip(row, how, widths)).rstrip()
             for row in rows]
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(lines)


def times(over: dict | None, under: dict | None, counter: str, to: str) -> dict:
    """The ratio of two entries as keywords of Table.add; none where one is missing."""
    return dict(ratio=over[counter] / under[counter], to=to) if over and under else {}


def threads_text(n: int) -> str:
    return "1 thread" if n == 1 else f"{n} threads"


def by_threads(medians: dict, name: str) -> dict[int, dict]:
    """Entries NAME/THREADS by ascending number of threads."""
    found = {int(n.rsplit("/", 1)[1]): entry for n, entry in medians.items()
             if re.fullmatch(re.escape(name) + r"/\d+", n)}  # fmt: skip
    return dict(sorted(found.items()))


def machine_rows(table: Table, medians: dict) -> None:
    def add(what: str, unit: str, counter: str, name: str) -> None:
        for n, entry in by_threads(medians, name).items():
            one = medians.get(name + "/1") if n > 1 else None
            table.add(f"{what}, {threads_text(n)}", entry[counter] * 1e-9, unit,
                      **times(entry, one, counter, "1 thread"))

    for isa in SETS:
        add(f"FMA peak, {SETS[isa]}", "Gflop/s", "flops", f"machine/fma/{isa}")
    add("memory rate", "GB/s", "bytes", "machine/triad")


def fast_rows(table: Table, medians: dict, yardstick: dict) -> None:
    at = "8 components, 100 energies"
    for channel, off in CHANNELS.items():
        spectra = medians.get(f"fast/spectra/{channel}")
        point = medians.get(f"fast/shape_point/{channel}")
        steps = medians.get(f"fast/steps/{channel}")
        electrons = channel == "electron"
        if spectra:
            table.add(f"spectra off {off}, Pee given, {at}", spectra["seconds"] * 1e6, "us",
                      at_most=15 if electrons else None)
            table.add("  error met by the sum", spectra["error_total"], "relative",
                      at_most=1e-6)
            table.add("  error met by a component", spectra["error_component"], "relative",
                      at_most=1e-6)
        if point:
            table.add(f"shape point off {off}, Pee included", point["seconds"] * 1e6, "us",
                      **times(point, spectra, "seconds", "its spectra"),
                      at_most=100 if electrons else None)
        if steps and electrons:
            parts = {k.removeprefix("step "): v for k, v in steps.items() if k.startswith("step ")}
            parts["memory and the rest"] = steps["seconds"] - sum(parts.values())
            for name, seconds in sorted(parts.items(), key=lambda part: -part[1]):
                table.add("  " + name, seconds * 1e6, "us",
                          ratio=seconds / steps["seconds"], to="of the shape point")
    if entry := medians.get("threads/shape_points/1"):
        table.add("shape point of a study's axis, whole", entry["seconds"] / entry["points"] * 1e6,
                  "us")
    if "fast/build_flux" in medians:
        table.add("flux of a solar model built anew", medians["fast/build_flux"]["seconds"] * 1e6,
                  "us")
    spectra = medians.get("fast/spectra/electron")
    for name, form in yardstick.items():
        table.add(f"NumPy, {name}, {form['nodes']} nodes", form["seconds"] * 1e6, "us",
                  **times(form, spectra, "seconds", "magnu's spectra"))
        table.add("  deviation from magnu", form["error"], "relative", at_most=1e-5)
    if yardstick and spectra:
        best = min(form["seconds"] for form in yardstick.values())
        table.add("best of NumPy's forms", best * 1e6, "us", ratio=best / spectra["seconds"],
                  to="magnu's spectra", at_least=100, of_ratio=True)


def direct_rows(table: Table, medians: dict) -> None:
    for isa in SETS:
        for n, entry in by_threads(medians, f"direct/{isa}").items():
            peak = medians.get(f"machine/fma/{isa}/{n}")
            ratio = {}
            if peak:
                ratio = dict(ratio=FLOPS_PER_CELL * entry["cells"] / peak["flops"],
                             to="of FMA peak", at_least=0.5, of_ratio=True)
            table.add(f"direct, {SETS[isa]}, {threads_text(n)}, {entry['nodes']:.0f} nodes",
                      entry["cells"] * 1e-9, "Gcell/s", **ratio)


def likelihood_rows(table: Table, medians: dict, race: dict) -> None:
    for counts, asked in (("40", 3e6), ("4", 1e6)):
        sets = [isa for isa in SETS if f"toys/{counts}/{isa}" in medians]
        for isa in sets:
            entry = medians[f"toys/{counts}/{isa}"]
            judged = dict(at_least=asked, note=" (set for AVX-512)") if isa == sets[-1] else {}
            table.add(f"toys, 30 bins of {counts}, 12 parameters, {SETS[isa]}, 1 thread",
                      entry["fits"], "fits/s", **judged)  # fmt: skip
            for part, what in (("by_hand", "left to the general method"), ("failed", "failed")):
                table.add("  " + what, entry[part], "of toys")
    for n, entry in by_threads(medians, "belt").items():
        table.add(f"belt of 41 values of s, 10 000 toys each, {threads_text(n)}", entry["seconds"],
                  "s", at_most=0.3 if n == 2 else None)  # fmt: skip
        table.add("  fits, those for the band included", entry["fits"], "fits")
    whole = medians.get("limit/whole")
    if whole:
        table.add(f"limit with its band, 50 bins, {whole['parameters']:.0f} parameters",
                  whole["seconds"] * 1e6, "us", at_most=50)  # fmt: skip
    for part, what in (("likelihood", "its likelihood made"), ("fits", "its fits")):
        if entry := medians.get(f"limit/{part}"):
            table.add("  " + what, entry["seconds"] * 1e6, "us",
                      **times(entry, whole, "seconds", "of the whole"))
    race_rows(table, medians, race)


def race_rows(table: Table, medians: dict, race: dict) -> None:
    """toy_race.py's figures, and ours over them."""
    own = max((entry for name, entry in medians.items() if name.startswith("toys/40/")),
              key=lambda entry: entry["fits"], default=None)  # fmt: skip
    ours = lambda form: dict(ratio=own["fits"] / form["fits"], to="less than magnu's") if own else {}
    forms = race.get("forms", {})
    groups = {"pyhf": 4000, "batches": 3}
    for group in groups:
        for name, form in forms.items():
            if not name.startswith(group):
                continue
            table.add(f"{name}, 30 bins of 40", form["fits"], "fits/s", **ours(form))
            if form["deviation"] is not None:
                table.add("  deviation of its t", form["deviation"], "relative",
                          at_most=1e-5 if group == "batches" else None)  # fmt: skip
            for part, what in (("newton", "went on by Newton's method"),
                               ("at_zero", "best fit at s = 0"),
                               ("at_bound", "at a bound, left out"), ("failed", "failed")):
                if part in form:
                    table.add("  " + what, form[part], "of toys")
    for group, asked in groups.items():
        rates = [form["fits"] for name, form in forms.items() if name.startswith(group)]
        if rates and own:
            best = max(rates)
            table.add(f"toys, magnu over the fastest of {group}", own["fits"], "fits/s",
                      ratio=own["fits"] / best, to="that one", at_least=asked, of_ratio=True)


def program_rows(table: Table, programs: dict) -> None:
    for study, medians in programs.items():
        _, _, unit, count, _ = PROGRAMS[study]
        for n, seconds in sorted(medians.items()):
            config, *rest = study.split(", ")
            part = f", {PART} of 41 exposures" if study == POISSON else ""
            table.add(f"magnu scan configs/{config}.yaml{''.join(', ' + word for word in rest)}"
                      f"{part}, {threads_text(n)}", seconds, "s")  # fmt: skip
            if study == POISSON:  # all of it takes ten times as long, as each detector is fitted
                table.add("  all 41 exposures, in proportion", seconds * 41 / PART, "s",
                          at_most=60 if n == 2 else None)
            asked = dict(at_least=1e6) if (study, n) == ("design-map", 2) else {}
            if study != "paper":
                table.add("  whole program, output written", count / seconds, f"{unit}/s", **asked)


def thread_rows(table: Table, medians: dict, programs: dict) -> None:
    def add(what: str, one: float, two: float) -> None:
        table.add(f"{what}, 1 to 2 threads", one / two, "x", ratio=one / two / 2, to="of ideal",
                  at_least=1.9)

    for what, name in (("spectra, 100 000 energies", "threads/spectra"),
                       ("256 shape points of a study", "threads/shape_points"),
                       *((f"direct, {SETS[isa]}", f"direct/{isa}") for isa in SETS),
                       ("belt of toys", "belt")):
        if f"{name}/1" in medians and f"{name}/2" in medians:
            add(what, *(medians[f"{name}/{n}"]["seconds"] for n in (1, 2)))
    for study, seconds in programs.items():
        if 2 in seconds and study != "paper":  # 70 ms, most of it reading and writing
            add(f"whole program, {study}", seconds[1], seconds[2])


def cuda_rows(table: Table, medians: dict) -> None:
    for channel, off in CHANNELS.items():
        for kind, what in (("spectra", "spectra"), ("shape_point", "shape point")):
            if entry := medians.get(f"cuda/{kind}/{channel}"):
                cpu = medians.get(f"fast/{kind}/{channel}")
                table.add(f"CUDA, {what} off {off}", entry["seconds"] * 1e6, "us",
                          **times(entry, cpu, "seconds", "1 CPU thread's time"))
    if entry := medians.get("cuda/direct"):
        cpu = max((e for n, e in medians.items() if n.startswith("direct/")),
                  key=lambda e: e["cells"], default=None)  # fmt: skip
        table.add("CUDA, direct", entry["cells"] * 1e-9, "Gcell/s",
                  **times(entry, cpu, "cells", "the CPU's best"))


def growth(medians: dict) -> list[dict]:
    """Per axis: sizes, seconds and the exponent of a line through their logarithms."""
    axes: dict[str, list[tuple[int, float]]] = {}
    for name, entry in medians.items():
        if match := re.fullmatch(r"growth/(.+)/(\d+)", name):
            axes.setdefault(match[1], []).append((int(match[2]), entry["seconds"]))
    table = []
    for axis, points in sorted(axes.items()):
        points.sort()
        x, y = ([math.log(p[i]) for p in points] for i in (0, 1))
        slope = statistics.linear_regression(x, y).slope if len(set(x)) > 1 else math.nan
        table.append({"axis": axis, "sizes": [p[0] for p in points],
                      "seconds": [p[1] for p in points], "exponent": slope})  # fmt: skip
    return table


def growth_text(axes: list[dict]) -> str:
    rows = [("time against", "sizes", "times [ms]", "exponent")]
    for a in axes:
        rows.append((a["axis"], " ".join(f"{s}" for s in a["sizes"]),
                     " ".join(f"{1e3 * s:.3g}" for s in a["seconds"]), f"{a['exponent']:.2f}"))
    return aligned(rows, "<<<>")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="build folder with magnu_bench")
    parser.add_argument("--quick", action="store_true", help="small sizes, once: a smoke test")
    parser.add_argument("--filter", default="", metavar="REGEX",
                        help="only these of machine, fast, numpy, direct, program, threads, "
                             "growth, toys, belt, limit, race, cuda")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    chosen = lambda name: re.search(options.filter, name) is not None

    medians, context = run_benchmarks(options.build, options.quick, options.filter or ".")
    threads = int(context.get("threads", 1))
    yardstick = run_yardstick(options.build, options.quick) if chosen("numpy") else {}
    race = run_race(options.build, options.quick) if chosen("race") else {}
    programs = run_programs(options.build, options.quick, threads) if chosen("program") else {}

    table = Table()
    machine_rows(table, medians)
    fast_rows(table, medians, {form["form"]: form for form in yardstick.get("forms", [])})
    direct_rows(table, medians)
    likelihood_rows(table, medians, race)
    program_rows(table, programs)
    thread_rows(table, medians, programs)
    cuda_rows(table, medians)
    axes = growth(medians)

    if context:
        print(f"magnu {context['magnu']}, {context['date'][:10]}, {context['processor']}, "
              f"{threads_text(threads)}, {SETS[context['instruction_set']]}; load average "
              f"{context['load_avg'][0]:.1f}")  # fmt: skip
        print(f"CUDA device: {context['cuda']}")
    if yardstick:
        about = {key: yardstick[key] for key in ("numpy", "whose", "blas", "simd")}
        context["numpy"] = about
        print("NumPy {numpy} ({whose}); BLAS {blas}; vectors of its loops {simd}".format(**about))
    if race:
        context["race"] = race["versions"]
        text = ", ".join(f"{name} {version}" for name, version in race["versions"].items())
        print(f"race of toys: {text}")
        if race["missing"]:
            print(f"no lines of {', '.join(race['missing'])}: not installed; {race['why']}")
    print(f"\n{table}")
    if axes:
        print("\n" + growth_text(axes))
    if options.quick:
        print("\nquick: sizes and times too small to mean anything")
    if options.json:
        options.json.write_text(json.dumps(
            {"context": context, "quick": options.quick, "figures": table.figures, "growth": axes},
            indent=1) + "\n")  # fmt: skip


if __name__ == "__main__":
    main()
