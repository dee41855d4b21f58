"""Includes point down only: core < statistics < physics < experiment < scan < io < main, and in io study < results < run."""
import pathlib
import re
import sys

LAYERS = ["core", "statistics", "physics", "experiment", "scan", "io/study", "io/results", "io/run"]


def layer(path: str) -> int:
    for level, name in enumerate(LAYERS):
        if f"/{name}/" in path:
            return level
    return len(LAYERS)  # main


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    faults = []
    files = [f for top in ("include", "host", "kernels") for f in (root / top).rglob("*.*")]
    for file in files:
        name = "/" + file.relative_to(root).as_posix()
        own = LAYERS.index("scan") if name.startswith("/kernels/") else layer(name)
        for number, line in enumerate(file.read_text().splitlines(), 1):
            found = re.match(r'#include "(magnu/[^"]+)"', line)
            if found and found[1] != "magnu/version.hpp" and layer("/" + found[1]) > own:
                faults.append(f"{name[1:]}:{number}: {found[1]} lies above")
            if "yaml-cpp" in line and line.startswith("#include") and "/io/" not in name:
                faults.append(f"{name[1:]}:{number}: only the io layer knows yaml-cpp")
            if re.match(r"#include <(spdlog|fmt|yaml-cpp)", line) and name.startswith("/kernels/"):
                faults.append(f"{name[1:]}:{number}: not in what nvcc compiles")
    print("\n".join(faults) or f"{len(files)} files, includes point down only")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
