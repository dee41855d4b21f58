"""Memory does not grow with a study: many times the detectors, at most a fifth more.

usage: memory_test.py MAGNU SOURCE
"""
import os
import subprocess
import sys
import tempfile


def peak(*command):
    """The most memory [KiB] that a command held."""
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return usage.ru_maxrss


def main():
    magnu, source = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        def scan(name, study, *axes, set=()):
            settings = [word for s in (*set, *(f"axes.{a}" for a in axes)) for word in ("--set", s)]
            return peak(magnu, "-q", "scan", f"{source}/configs/{study}.yaml", "--threads", "2", "--csv-limit", "0",
                        "--out", f"{folder}/{name}", *settings)

        detectors = [scan("million", "design-map"), scan("millions", "design-map", "exposure.points=820")]
        pairs = [scan("pairs", "oscillation-map", "oscillation.sin2_theta12.points=10"),
                 scan("more", "oscillation-map", "oscillation.sin2_theta12.points=200")]
        bins = [scan(f"thresholds {n}", "quick", f"threshold={{from: 1 keV, to: 20 keV, points: {n}}}", set=["bins=10000"])
                for n in (120, 480)]
    for small, large in detectors, pairs, bins:
        assert large <= 1.2 * small, f"{small} KiB, then {large} KiB"
    return 0


if __name__ == "__main__":
    sys.exit(main())
