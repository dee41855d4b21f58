"""Likelihood fits against MINUIT, their conditions of a minimum, and pyhf: the judges of tests/reference.

usage: minuit_test.py DRIVER BUILD [OPTIONS OF likelihood_judge.py]
Their packages go into an environment in the build folder. Exits with 77 where it cannot be made, as without a
network.
"""
import os
import pathlib
import shutil
import subprocess
import sys

SKIPPED = 77
PACKAGES = ["iminuit==2.33.0", "numpy==2.2.6", "pyhf==0.7.6", "scipy==1.15.3"]
JUDGES = pathlib.Path(__file__).resolve().parent / "reference"


def environment(build: pathlib.Path) -> tuple[pathlib.Path, str]:
    """Its Python, and why there is none."""
    folder = build / "judges-environment"
    python, made = folder / "bin/python", folder / "made-of"
    of = "\n".join([sys.version, *PACKAGES])
    if made.exists() and made.read_text() == of:
        return python, ""
    print(f"making {folder} with {', '.join(PACKAGES)}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    for command in ([sys.executable, "-m", "venv", folder],
                    [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir",
                     "--only-binary", ":all:", "--timeout", "20", "--retries", "2", *PACKAGES]):  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
            why = "" if done.returncode == 0 else (done.stderr + done.stdout).strip() or "it failed"
        except (OSError, subprocess.TimeoutExpired) as error:
            why = str(error)
        if why:
            shutil.rmtree(folder, ignore_errors=True)
            return python, why.splitlines()[-1]
    made.write_text(of)
    return python, ""


def main() -> int:
    driver, build = sys.argv[1], pathlib.Path(sys.argv[2])
    python, why = environment(build)
    if why:
        print(f"skipped: no environment with MINUIT: {why}")
        return SKIPPED
    # One thread: matrices are small. No packages of the system's Python.
    own = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {"OPENBLAS_NUM_THREADS": "1"}
    codes = [subprocess.run([python, JUDGES / judge, driver, *options], env=own).returncode
             for judge, options in (("likelihood_judge.py", sys.argv[3:]), ("pyhf_judge.py", []))]  # fmt: skip
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
