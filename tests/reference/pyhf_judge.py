"""An independent check of magnu's likelihood limits: two models that pyhf can hold, by pyhf.

    pyhf_judge.py DRIVER

Their constraints are Gaussian in pyhf as well: a luminosity (a factor), histosys interpolated linearly (a pull that
shifts bins), and staterror (a factor for each bin). Compared are q~ and CLs at several s, and the limit by CLs.

Exit status: 0 all agree, 1 something deviates.
"""
import json
import subprocess
import sys

import numpy as np
import pyhf
from scipy import optimize

TOLERANCE = 1e-5
LINEAR = {"histosys": {"interpcode": "code0"}}


def shifted(name: str, nominal: list, shift: list) -> dict:
    high, low = np.add(nominal, shift), np.subtract(nominal, shift)
    return {"name": name, "type": "histosys", "data": {"hi_data": high.tolist(), "lo_data": low.tolist()}}


def models() -> list[tuple[str, dict, dict]]:
    """Name, what pyhf reads of channel and measurement, and the driver's problem."""
    signal, counts = [6, 3, 1.5, 0.8, 0.5, 0.3], [36, 33, 27, 27, 25, 29]
    solar, flat, tilt = [12, 9, 7, 6, 5, 4], [20.0] * 6, [1.5, 1, 0.5, -0.5, -1, -1.5]
    lumi = {"name": "lumi", "type": "lumi", "data": None}
    poi = {"name": "s", "type": "normfactor", "data": None}
    first = {"samples": [
        {"name": "signal", "data": signal, "modifiers": [poi, lumi]},
        {"name": "solar", "data": solar, "modifiers": [lumi]},
        {"name": "flat", "data": flat, "modifiers": [shifted("tilt", flat, tilt)]}]}  # fmt: skip
    none = [0.0] * 6
    problems = [("factor and pull", first, {
        "base": [solar, tilt, flat], "slope": [signal, none, none], "sigma": [0.1, 1, 0],
        "positive": [True, False, True], "nominal": [1, 0, 1], "counts": counts})]  # fmt: skip

    # An excess, two pulls of which one shifts the signal's own neighbours, and a background of few simulated events.
    signal, flat = [9, 5, 2, 1], [30.0, 20, 15, 10]
    counts, slope, bump, unknown = [56, 31, 15, 14], [2.0, 1, -1, -2], [0, 1.5, 1.5, 0], [3.0, 1.5, 2, 1]
    both = [shifted("slope", flat, slope), shifted("bump", flat, bump)]
    second = {"samples": [
        {"name": "signal", "data": signal, "modifiers": [poi, lumi]},
        {"name": "flat", "data": flat, "modifiers": both},
        {"name": "simulated", "data": [8.0, 4, 5, 3],
         "modifiers": [{"name": "few", "type": "staterror", "data": unknown}]}]}  # fmt: skip
    simulated = np.diag([8.0, 4, 5, 3])
    none = [0.0] * 4
    problems.append(("factors of bins", second, {
        "base": [none, slope, bump, *simulated.tolist(), flat],
        "slope": [signal] + [none] * 7, "sigma": [0.1, 1, 1, 3 / 8, 1.5 / 4, 2 / 5, 1 / 3, 0],
        "positive": [True, False, False] + [True] * 5, "nominal": [1, 0, 0] + [1] * 5, "counts": counts}))  # fmt: skip
    return problems


def main() -> int:
    driver = sys.argv[1]
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-13, maxiter=2000))
    failed = False
    for name, channel, problem in models():
        spec = {"channels": [{"name": "detector", **channel}],
                "parameters": [{"name": "lumi", "auxdata": [1.0], "sigmas": [0.1], "bounds": [[0, 10]], "inits": [1.0]},
                               {"name": "s", "bounds": [[0, 50]], "inits": [1.0]}]}  # fmt: skip
        model = pyhf.Model(spec, poi_name="s", modifier_settings=LINEAR)
        data = problem["counts"] + model.config.auxdata

        def cls(s: float) -> float:
            return float(pyhf.infer.hypotest(s, data, model, test_stat="qtilde"))

        def q(s: float) -> float:
            return float(pyhf.infer.test_statistics.qmu_tilde(
                s, data, model, model.config.suggested_init(), model.config.suggested_bounds(),
                model.config.suggested_fixed()))  # fmt: skip

        at = [0.5, 1.0, 2.0, 3.0, 4.0]
        done = subprocess.run([driver], input=json.dumps([{**problem, "test": "cls", "at": at}]), text=True, check=True,
                              stdout=subprocess.PIPE)  # fmt: skip
        result = json.loads(done.stdout)[0]
        pairs = [("limit", result["upper"], optimize.brentq(lambda s: cls(s) - 0.1, 0.1, 20, rtol=1e-10))]
        for fit in result["fits"]:
            own = 2 * (fit["nll"] - result["nll"]) if fit["s"] > result["s"] else 0
            pairs += [(f"CLs at {fit['s']}", fit["cls"], cls(fit["s"])), (f"q~ at {fit['s']}", own, q(fit["s"]))]
        # q~ is a difference of two numbers of order 10: 1e-7 of them where it is small.
        deviations = [abs(a - b) / max(abs(b), 0.01) for _, a, b in pairs]
        print(f"pyhf, {name}: limit {result['upper']:.7g}, {len(pairs)} numbers deviate by {max(deviations):.2g} at most")
        for (what, own, other), deviation in zip(pairs, deviations):
            if not (result["converged"] and deviation <= TOLERANCE):
                print(f"pyhf, {name}: {what} is {own!r}, pyhf has {other!r}")
                failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())
