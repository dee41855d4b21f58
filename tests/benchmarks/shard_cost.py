#!/usr/bin/python3
"""What shards, checkpoints and merging cost a study, in processor time against one run without them.

usage: shard_cost.py MAGNU STUDY [--shards 16] [--rounds 3] [--set PATH=VALUE ...]
The study should run for a minute at least, on an otherwise idle machine; medians of the rounds.
"""
import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import tempfile
import time


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("magnu", type=pathlib.Path)
    parser.add_argument("study", type=pathlib.Path)
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--scratch", type=pathlib.Path, help="a folder with room for three times the results")
    return parser.parse_args()


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(*command):
    """Processor and wall time of a command that must succeed."""
    used, begun = processor_seconds(), time.monotonic()
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    return processor_seconds() - used, time.monotonic() - begun


def copied(source, target):
    """Wall time of a copy that has reached the disk, as merged files have."""
    begun = time.monotonic()
    subprocess.run(["cp", source, target], check=True)
    with open(target) as file:
        os.fsync(file.fileno())
    return time.monotonic() - begun


def main():
    options = parse()
    magnu = options.magnu.resolve()
    scan = [magnu, "-q", "scan", options.study.resolve(), *(word for s in options.settings for word in ("--set", s))]
    rounds = {name: [] for name in ("whole", "wall", "never", "shards", "merge", "copy")}
    with tempfile.TemporaryDirectory(dir=options.scratch) as name:
        scratch = pathlib.Path(name)
        for _ in range(options.rounds):
            one, many = scratch / "one", scratch / "many"
            cpu, wall = timed(*scan, "--out", one)
            rounds["whole"].append(cpu)
            rounds["wall"].append(wall)
            rounds["never"].append(timed(*scan, "--out", scratch / "never", "--checkpoint-every", "1000h")[0])
            rounds["shards"].append(sum(timed(*scan, "--shard", f"{i}/{options.shards}", "--out", many)[0]
                                        for i in range(1, options.shards + 1)))
            shutil.rmtree(scratch / "never")
            os.sync()
            rounds["merge"].append(timed(magnu, "-q", "merge", many)[1])
            os.sync()
            rounds["copy"].append(copied(many / "limits.h5", scratch / "copy"))
            assert (one / "limits.h5").read_bytes() == (many / "limits.h5").read_bytes()
            size = (one / "limits.h5").stat().st_size
            shutil.rmtree(one)
            shutil.rmtree(many)
            (scratch / "copy").unlink()
    m = {name: statistics.median(values) for name, values in rounds.items()}
    print(f"one run                          {m['whole']:8.2f} s processor, {m['wall']:.2f} s wall, {size / 1e6:.1f} MB")
    print(f"{options.shards:3} shards                       {m['shards']:8.2f} s processor, "
          f"{100 * (m['shards'] / m['whole'] - 1):+.1f} % (asked: at most +5 %)")
    print(f"one run that seals nothing       {m['never']:8.2f} s processor; checkpoints cost "
          f"{100 * (m['whole'] / m['never'] - 1):+.1f} % (asked: at most +1 %)")
    print(f"merge                            {m['merge']:8.2f} s wall, {m['merge'] / m['copy']:.2f} times cp "
          "(asked: at most 2 times)")


if __name__ == "__main__":
    main()
