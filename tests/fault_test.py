"""Runs that are killed, damaged or out of disk end up with the bytes of one run, or say what to do.

usage: fault_test.py MAGNU [KILLS]
KILLS: how many runs are killed at random moments (20). Exits with 77 where a part could not be tried.
"""
import json
import os
import pathlib
import random
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

MAGNU = str(pathlib.Path(sys.argv[1]).resolve())
KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 20
SKIPPED = 77
STUDY = """\
name: fault
channel: electron
bins: 4
curves: [{name: a}, {name: b, background: [darwin]}]
axes:
  oscillation.sin2_theta12: {from: 0.2, to: 0.45, points: 40}
  exposure: {from: 1 tonne year, to: 100 tonne year, points: 50, spacing: log}
"""
SLOW = ["--evaluation", "direct", "--threads", "1", "--checkpoint-every", "0.01s"]
LARGE = ["--set", "axes.exposure.points=20000", "--set", "axes.oscillation.sin2_theta12.points=20"]  # 6.4 MB


def magnu(*words, code=0, cwd=None, environment=None):
    done = subprocess.run([MAGNU, *map(str, words)], text=True, capture_output=True, timeout=300, cwd=cwd,
                          env=environment and {**os.environ, **environment})
    assert done.returncode == code, f"{words}: {done.returncode} where {code} was expected\n{done.stderr}"
    return done.stdout + done.stderr


def start(*words, environment=None):
    return subprocess.Popen([MAGNU, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                            env=environment and {**os.environ, **environment})


def until(condition, timeout=60):
    end = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.002)
    return value


def manifest_of(folder, name="manifest.json"):
    """The manifest, which must be whole at any moment; none before the first seal."""
    try:
        text = (folder / name).read_text()
    except FileNotFoundError:
        return None
    manifest = json.loads(text[:text.rindex("}") + 1])
    assert re.fullmatch(r"\n[0-9a-f]{16}\n", text[text.rindex("}") + 1:]), "cut short"
    return manifest


def sealed(folder, name="manifest.json"):
    manifest = manifest_of(folder, name)
    return sum(s["count"] for s in manifest["segments"]) if manifest else 0


def same(out, reference):
    for name in "limits.h5", "limits.csv":
        assert (out / name).read_bytes() == (reference / name).read_bytes(), f"{out}: {name} differs"


def kills(folder, chance, whole, command, name, remove, length, right=None):
    """Runs a command that takes `length` seconds killed with -9 at a random moment, again and again until
    it is done. Whenever `whole` is there it must be `right`. Returns how many kills hit it and how often it
    went on from something."""
    hits = resumed = 0
    remove()
    while True:
        before = sealed(folder, name)
        resumed += before > 0
        process = start(*command)
        try:
            process.wait(chance.uniform(0.1, 0.9) * length)
        except subprocess.TimeoutExpired:
            process.kill()
        error = process.communicate()[1]
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, error
        hits += 1
        if right and whole.exists():
            assert whole.read_bytes() == right, "a file under its final name is not what it will be"
        if (folder / "study.json").exists() and not (folder / name).exists():
            break  # all is in place: it was killed while it told the user
        after = sealed(folder, name)
        assert after >= before, "sealed work was lost"
        length *= 1.1  # it ends some time, on a slow machine too
    return hits, resumed


def again(times, once):
    """Does something `times` times, and until kills have hit it and left sealed work to go on from: where they fall
    is left to chance, that they fall there is not."""
    done = hits = resumed = 0
    while done < times or hits <= times / 2 or resumed <= times / 4:
        assert done < 10 * times + 10, f"of {done} tries {hits} were hit and {resumed} began with sealed work"
        more = once()
        done, hits, resumed = done + 1, hits + more[0], resumed + more[1]
    return f"done {done} times, killed {hits} times, {resumed} tries began with sealed work"


def killed_shard(scratch, reference, chance):
    out = scratch / "shards"
    parts = {}
    for i in 1, 2, 3:
        begun = time.monotonic()
        magnu("scan", "s.yaml", "--shard", f"{i}/3", "--out", out, *SLOW, cwd=scratch)
        length = time.monotonic() - begun
        parts[i] = (out / f"shards/0000{i}-of-00003/values.bin").read_bytes()
    folder = out / "shards/00002-of-00003"

    def once():
        counts = kills(folder, chance, folder / "values.bin",
                       ["scan", scratch / "s.yaml", "--shard", "2/3", "--out", out, *SLOW], "manifest.json",
                       lambda: shutil.rmtree(folder), length)
        assert (folder / "values.bin").read_bytes() == parts[2]
        assert sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) == ["manifest.json", "values.bin"]
        return counts

    said = again(KILLS, once)
    magnu("merge", out)
    same(out, reference)
    return f"a shard {said}"


def killed_run(scratch, reference, chance):
    out = scratch / "whole"
    begun = time.monotonic()
    magnu("scan", scratch / "s.yaml", "--out", out, *SLOW)
    length = time.monotonic() - begun

    def once():
        counts = kills(out, chance, out / "limits.h5", ["scan", scratch / "s.yaml", "--resume", "--out", out, *SLOW],
                       ".checkpoint", lambda: shutil.rmtree(out, ignore_errors=True), length,
                       (reference / "limits.h5").read_bytes())
        same(out, reference)
        assert not (out / ".checkpoint").exists() and not (out / ".limits.h5.part").exists()
        return counts

    return f"an unsharded run {again(KILLS // 4, once)}"


def ended_between_names(scratch, reference):
    """Values that have their name in a run that has not: --resume takes them up, merge joins again."""
    out = scratch / "named"
    process = start("scan", scratch / "s.yaml", "--out", out, *SLOW)
    until(lambda: (out / ".lock").exists())
    (out / "study.json").mkdir()  # the last file cannot get its name
    assert "study.json" in process.communicate()[1] and process.returncode == 1
    (out / "study.json").rmdir()
    assert manifest_of(out, ".checkpoint")["finished"] and (out / "limits.h5").exists()
    assert "unfinished run" in magnu("scan", scratch / "s.yaml", "--out", out, *SLOW, code=2)
    assert "goes on at 4000 of 4000" in magnu("scan", scratch / "s.yaml", "--out", out, "--resume", *SLOW)
    same(out, reference)

    out = scratch / "named-merge"
    magnu("scan", "s.yaml", "--shard", "1/1", "--out", out, *SLOW, cwd=scratch)
    magnu("merge", out)
    (out / "study.json").unlink()
    magnu("merge", out)
    same(out, reference)
    return "values with their name in a run without its own"


def killed_merge(scratch, reference, chance):
    """No file under a final name is ever less than whole."""
    out = scratch / "merge-kill"
    for i in 1, 2:
        magnu("scan", "s.yaml", "--shard", f"{i}/2", "--out", out, "--set", "axes.exposure.points=2000", cwd=scratch)
    start_of_merge = time.monotonic()
    magnu("merge", out, "--csv-limit", "1000000")
    length = time.monotonic() - start_of_merge
    right = (out / "limits.h5").read_bytes()
    for name in "limits.h5", "limits.csv", "study.json":
        (out / name).unlink()
    hits = 0
    for _ in range(10):
        process = start("merge", out, "--csv-limit", "1000000", "--overwrite")
        try:
            process.wait(chance.uniform(0, length))
        except subprocess.TimeoutExpired:
            process.kill()
            hits += 1
        process.communicate()
        if (out / "limits.h5").exists():
            assert (out / "limits.h5").read_bytes() == right
    magnu("merge", out, "--overwrite")
    assert (out / "limits.h5").read_bytes() == right
    return f"a merge killed {hits} times"


def signals(scratch, reference):
    command = ["scan", "s.yaml", *SLOW]
    for name, to_send in ("TERM", signal.SIGTERM), ("INT", signal.SIGINT), ("USR1", signal.SIGUSR1):
        out = scratch / f"stop-{name}"
        folder = out / "shards/00001-of-00001"
        process = subprocess.Popen([MAGNU, *command, "--shard", "1/1", "--out", out], cwd=scratch, stderr=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, text=True)
        until(lambda: sealed(folder))
        process.send_signal(to_send)
        error = process.communicate()[1]
        assert process.returncode == 99 and f"stopped by {name}" in error, (process.returncode, error)
        had = sealed(folder)
        assert 0 < had < 4000 and not (folder / ".lock").exists()
        assert "shard 1/1  stopped" in magnu("status", out)
        said = magnu(*command, "--shard", "1/1", "--out", out, cwd=scratch)
        assert f"goes on at {had} of 4000" in said, said
        magnu("merge", out)
        same(out, reference)

    out = scratch / "stop-whole"
    process = start("scan", scratch / "s.yaml", *SLOW, "--out", out)
    until(lambda: sealed(out, ".checkpoint"))
    assert f"process {process.pid} on" in magnu("status", out)
    process.terminate()
    assert process.wait() == 99 and not (out / "limits.h5").exists()
    process.communicate()
    assert re.search(r"stopped .*\ngo on with: .* --resume\n", magnu("status", out))
    had = sealed(out, ".checkpoint")
    assert "--resume" in magnu(*command, "--out", out, cwd=scratch, code=2)
    assert sealed(out, ".checkpoint") == had
    assert "another run: evaluation fast here, direct there" in magnu("scan", "s.yaml", "--resume", "--out", out,
                                                                       cwd=scratch, code=2)
    # --resume is advised only where it works.
    said = magnu(*command, "--out", out, cwd=scratch, code=2)
    assert "--resume goes on with it" in said, said
    said = magnu(*command, "--set", "bins=5", "--out", out, cwd=scratch, code=2)
    assert "of another study is here" in said and "'bins: 5' here" in said and "--resume" not in said, said
    said = magnu("scan", "s.yaml", "--out", out, cwd=scratch, code=2)
    assert "of another kind is here" in said and "evaluation" in said and "--resume" not in said, said
    part = (out / ".limits.h5.part").read_bytes()
    assert "'bins: 4' there, 'bins: 5' here" in magnu(*command, "--resume", "--set", "bins=5", "--out", out,
                                                      cwd=scratch, code=2)
    magnu(*command, "--resume", "--set", "axes.exposure=[1 t yr]", "--out", out, cwd=scratch, code=2)
    assert (out / ".limits.h5.part").read_bytes() == part, "a refused --resume changed what another run left"
    magnu(*command, "--resume", "--out", out, cwd=scratch)
    same(out, reference)

    # What a stop advises is a command of the shell, with all that makes the study what it is.
    shutil.rmtree(out)
    process = start("scan", scratch / "s.yaml", *SLOW, "--set", "name=it's $5", "--set", "curves.a.threshold=2 keV",
                    "--out", out)
    until(lambda: sealed(out, ".checkpoint"))
    process.terminate()
    advice = process.communicate()[1].rpartition("go on with: ")[2]
    assert process.returncode == 99 and "curves.a.threshold=2 keV" in advice, advice
    had = sealed(out, ".checkpoint")
    said = subprocess.run(advice, shell=True, capture_output=True, text=True, check=True).stderr
    assert f"goes on at {had} of 4000" in said, said

    # A study without axes keeps out of a folder where a run is under way, or unfinished.
    (scratch / "plain.yaml").write_text("name: plain\nbins: 4\n")
    out = scratch / "shared"
    process = start("scan", scratch / "s.yaml", *SLOW[:-1], "60s", "--set", "bins=8000", "--set", "accuracy=1e-12",
                    "--out", out)
    until(lambda: (out / ".lock").exists())
    assert "scan  running" in magnu("status", out)
    assert f"process {process.pid}" in magnu("scan", scratch / "plain.yaml", "--out", out, code=2)
    process.kill()
    process.communicate()
    assert "stopped before it sealed anything" in magnu("status", out)
    magnu("scan", scratch / "plain.yaml", "--out", out)
    assert not [f.name for f in out.iterdir() if f.name.startswith(".")], list(out.iterdir())
    out = scratch / "replaced"
    magnu("scan", scratch / "plain.yaml", "--out", out)
    process = start("scan", scratch / "s.yaml", *SLOW, "--overwrite", "--out", out)
    until(lambda: sealed(out, ".checkpoint"))
    process.terminate()
    error = process.communicate()[1]
    assert "go on with: " in error and "--overwrite" in error and error.endswith(" --resume\n"), error
    assert process.returncode == 99
    assert "unfinished run" in magnu("scan", scratch / "plain.yaml", "--out", out, code=2)
    had = sealed(out, ".checkpoint")
    said = magnu(*command, "--overwrite", "--resume", "--out", out, cwd=scratch)
    assert f"goes on at {had} of 4000" in said, said
    same(out, reference)

    # One that does not come to a good place: rows that take seconds. A second SIGINT ends it. The two are far enough
    # apart not to arrive as one.
    out = scratch / "twice"
    process = start("scan", scratch / "s.yaml", *SLOW, "--set", "bins=8000", "--set", "accuracy=1e-12", "--out", out)
    until(lambda: (out / ".lock").exists())
    for _ in range(2):
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130, process.returncode
    return "exit codes 99 and 130"


def stops_without_axes(scratch, reference):
    """A stop is a stop everywhere: one line, exit code 99, nothing left behind."""
    much = 1 if KILLS > 4 else 40  # 4: with sanitizers, where all takes so much longer
    long = scratch / "long.yaml"
    long.write_text(f"name: long\nmu_eff: {{from: 1e-13, to: 1e-10, points: {30000000 // min(much, 3)}}}\n")
    slow = scratch / "slow.yaml"
    slow.write_text(f"name: slow\naccuracy: 1e-12\nmu_eff: {{from: 1e-13, to: 1e-10, points: {40001 // much}}}\n")
    many = scratch / "many.yaml"
    many.write_text("accuracy: 1e-12\ncurves:\n" + "".join(
        f"  - {{name: c{i}, oscillation: {{sin2_theta12: {0.2 + 1e-5 * i}}}}}\n" for i in range(6000 // (1 + much // 10))))
    map_ = scratch / "s.yaml"
    for what, command in {
            "direct": ["scan", slow, "--evaluation", "direct"],
            "verify": ["scan", slow, "--verify"],
            "writing": ["scan", long],
            "many curves": ["scan", many],
            "spectrum": ["spectrum", many],
    }.items():
        for seconds in 0.3, 0.8:
            folder = scratch / "nothing"
            folder.mkdir()
            process = subprocess.Popen([MAGNU, *command], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                       text=True)
            time.sleep(seconds)
            assert process.poll() is None, f"{what} takes less than {seconds} s here: give it more to do"
            process.send_signal(signal.SIGTERM)
            error = process.communicate()[1]
            assert process.returncode == 99, (what, process.returncode, error)
            *notes, last = error.splitlines()  # a program with CUDA and no device says so; progress
            assert last == "magnu: warning: stopped by TERM: run the same command again", (what, error)
            assert all(note.startswith("magnu: info: ") for note in notes), (what, error)
            assert not list(folder.iterdir()), (what, list(folder.iterdir()))
            folder.rmdir()
    # What stood there before stays.
    out = scratch / "stays"
    magnu("scan", slow, "--out", out)
    before = {f.name: f.read_bytes() for f in out.iterdir()}
    process = start("scan", long, "--out", out, "--overwrite")
    until(lambda: (out / ".lock").exists())
    process.send_signal(signal.SIGUSR1)
    assert process.wait() == 99 and {f.name: f.read_bytes() for f in out.iterdir()} == before
    # The verification of a study with axes, with values sealed and not.
    for sealing in [], SLOW:
        out = scratch / "verified"
        process = start("scan", map_, *(sealing or ["--set", "bins=2000", "--set", "accuracy=1e-12"]), "--verify", "--out",
                        out)
        if sealing:
            until(lambda: sealed(out, ".checkpoint") == 4000)
        else:
            until(lambda: (out / ".limits.h5.part").exists())
            time.sleep(0.3)
        process.terminate()
        error = process.communicate()[1]
        assert process.returncode == 99, (process.returncode, error)
        if not sealing and "all of them sealed; go on with:" in error:  # the scan was still under way
            shutil.rmtree(out)
            continue
        assert ("after 4000 of" if sealing else "same command again") in error.replace("detectors", "of"), error
        assert not (out / "limits.h5").exists()
        assert out.exists() == bool(sealing), list(out.iterdir())
    magnu("scan", map_, *SLOW, "--resume", "--verify", "--out", out)
    same(out, reference)
    return "all with exit code 99"


def stops_within_toys(scratch, reference):
    """A detector whose toys take long is given up, and what was sealed before it is kept."""
    study = scratch / "toys.yaml"
    study.write_text("name: toys\nchannel: electron\nthreshold: 1 keV\nstatistic: poisson\nbackground: [{flat: 8.2}]\n"
                     "interval: {test: upper, method: toys, toys: 200000000}\n"
                     "axes: {exposure: [0.1 tonne year, 1 tonne year]}\n")
    out = scratch / "toys"
    process = start("scan", study, "--out", out)
    until(lambda: (out / ".lock").exists())
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 99, (process.returncode, error)
    assert "at 0 of 2 detectors, all of them sealed; go on with:" in error and "--resume" in error, error
    return "a stop within the toys of a detector"


def damage(scratch, reference):
    """Merge names what is wrong with the command that mends it, and writes nothing."""
    sound = scratch / "sound"
    for i in range(1, 5):
        magnu("scan", "s.yaml", "--shard", f"{i}/4", "--out", sound, *SLOW, cwd=scratch)
    third = "shards/00003-of-00004"
    other = scratch / "other"
    magnu("scan", "s.yaml", "--shard", "3/4", "--out", other, *SLOW, "--set", "threshold=2 keV", cwd=scratch)

    plainer = scratch / "plainer"
    magnu("scan", "s.yaml", "--shard", "3/4", "--out", plainer, *SLOW, "--isa", "default", cwd=scratch)

    def flip(out):
        data = bytearray((out / third / "values.bin").read_bytes())
        data[777] ^= 4
        (out / third / "values.bin").write_bytes(data)

    def cut_values(out):
        os.truncate(out / third / "values.bin", 800)

    def cut_manifest(out):
        os.truncate(out / third / "manifest.json", 300)

    def change_manifest(out):
        text = (out / third / "manifest.json").read_text()
        (out / third / "manifest.json").write_text(text.replace('"finished": true', '"finished": true '))

    def of_another_study(out):
        shutil.rmtree(out / third)
        shutil.copytree(other / third, out / third)

    def of_another_instruction_set(out):
        shutil.rmtree(out / third)
        shutil.copytree(plainer / third, out / third)

    def missing(out):
        shutil.rmtree(out / third)

    def of_another_place(out):
        shutil.copytree(out / "shards/00002-of-00004", out / third, dirs_exist_ok=True)

    widest = re.search(r'"instruction_set": "(\w+)"', (sound / third / "manifest.json").read_text())[1]
    cases = [flip, cut_values, cut_manifest, change_manifest, of_another_study, missing, of_another_place]
    if widest != "default":
        cases.append(of_another_instruction_set)
        # A shard that no merge would take is not begun.
        said = magnu("scan", "s.yaml", "--shard", "4/4", "--out", plainer, *SLOW, cwd=scratch, code=2)
        assert f"instruction set {widest} here, default there" in said and str(plainer / "shards") in said, said
        assert sorted(p.name for p in (plainer / "shards").iterdir()) == ["00003-of-00004", "run.json", "study.yaml"]
    for case in cases:
        for former in False, True:
            out = scratch / "damaged"
            shutil.rmtree(out, ignore_errors=True)
            shutil.copytree(sound, out)
            if former:
                magnu("merge", out)
            case(out)
            before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
            said = magnu("merge", out, code=1)
            assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before, f"{case.__name__}: written"
            line = [text for text in said.splitlines() if "shard 3/4" in text]
            assert line and said.count("\n  shard ") == 1, f"{case.__name__}:\n{said}"
            assert re.search(r"compute it with: .*--shard 3/4", line[0]), said
        # What the message says mends it.
        if removed := re.search(r"; remove (\S+);", line[0]):
            assert case.__name__.startswith("of_"), case.__name__
            shutil.rmtree(removed[1])
        command = line[0].split("compute it with: ")[1].replace(shlex.quote(str(sound)), shlex.quote(str(out)))
        subprocess.run(command, shell=True, cwd=scratch, check=True, capture_output=True)
        magnu("merge", out)
        same(out, reference)

    out = scratch / "damaged"
    other_bins = ["scan", "s.yaml", "--shard", "1/4", "--set", "bins=5", "--out", out, *SLOW]
    assert "other settings: 'bins: 4' there, 'bins: 5' here" in magnu(*other_bins, cwd=scratch, code=2)
    for name in "study.json", "study.yaml", "limits.h5", "limits.csv", "kinematic_limits.csv":
        (out / name).unlink()
    assert "another study: 'bins: 4' there, 'bins: 5' here" in magnu(*other_bins, cwd=scratch, code=2)
    said = magnu("scan", "s.yaml", "--shard", "1/4", "--out", out, cwd=scratch, code=2)
    assert "direct here, fast there" in said or "direct" in said and "fast" in said, said

    # A folder whose only shard was removed.
    shutil.rmtree(plainer / third)
    magnu("scan", "s.yaml", "--shard", "3/4", "--out", plainer, *SLOW, "--isa", "default", cwd=scratch)
    return f"{len(cases)} kinds of damage"


def writers(scratch, reference):
    out = scratch / "writers"
    folder = out / "shards/00001-of-00001"
    command = ["scan", scratch / "s.yaml", "--shard", "1/1", "--out", out, *SLOW]
    first = start(*command)
    until(lambda: sealed(folder))
    said = magnu(*command, code=2)
    assert f"another run writes here: process {first.pid} on" in said, said
    assert f"process {first.pid} on" in magnu("status", out)
    first.kill()
    until(lambda: pathlib.Path(f"/proc/{first.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    assert json.loads((folder / ".lock").read_text())["pid"] == first.pid
    assert "which is gone, is removed" in magnu(*command)  # stale: the process is dead, reaped or not
    first.communicate()
    shutil.rmtree(out)

    # Two tasks of one job are two writers; a try of the same job before it was requeued is not.
    job = {"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": "0"}
    first = start(*command, environment=job)
    until(lambda: sealed(folder))
    assert "job 7" in magnu(*command, code=2, environment=job)
    first.kill()
    first.communicate()
    lock = json.loads((folder / ".lock").read_text())
    (folder / ".lock").write_text(json.dumps({**lock, "host": "elsewhere"}))
    said = magnu(*command, code=2, environment=job)
    assert "on elsewhere, job 7" in said and ".lock" in said, said
    magnu(*command, environment={**job, "SLURM_RESTART_COUNT": "1"})
    magnu("merge", out)
    same(out, reference)

    # The same pid again, another process: stale.
    (folder / ".lock").write_text(json.dumps({**lock, "pid": os.getpid(), "job": "", "started": "1"}))
    magnu(*command)

    # Many at once on a stale lock: one computes at a time.
    shutil.rmtree(folder)
    folder.mkdir()
    for _ in range(5):
        (folder / ".lock").write_text(json.dumps({**lock, "job": ""}))
        several = [start(*command) for _ in range(4)]
        until(lambda: sum(p.poll() is None for p in several) <= 1)
        assert sum(p.poll() is None for p in several) == 1, [p.communicate()[1] for p in several]
        for p in several:
            p.kill()
            p.communicate()
    return "two writers, stale locks"


def no_room(scratch, reference):
    """Files that may not grow beyond some size, as on a disk that is full at some moment."""
    out = scratch / "room"
    magnu("scan", "s.yaml", "--shard", "1/1", "--out", out, *SLOW, cwd=scratch)
    magnu("merge", out)
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    for size in 500, 1000, 2000, 4000, 8000, 16000, 32000:
        # Python leaves SIGXFSZ ignored: writing fails with EFBIG.
        done = subprocess.run([MAGNU, "merge", out], text=True, capture_output=True, restore_signals=False,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
        assert done.returncode == 1 and "free space" in done.stderr, (size, done.returncode, done.stderr)
        assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before, size
    same(out, reference)
    return "files that cannot grow"


class SmallDisk:
    """A tmpfs of some size; null where mounting is not allowed."""

    def __init__(self, folder, size):
        self.path = folder
        folder.mkdir(exist_ok=True)
        self.mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
                                      capture_output=True).returncode == 0

    def __enter__(self):
        return self.path if self.mounted else None

    def __exit__(self, *_):
        if self.mounted:
            subprocess.run(["umount", self.path], check=True)


def fill(folder, leave):
    """Takes all of a disk but `leave` bytes."""
    ballast = folder / "ballast"
    space = os.statvfs(folder)
    with open(ballast, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, space.f_bavail * space.f_frsize - leave))
    return ballast


def full_disk(scratch, reference):
    with SmallDisk(scratch / "disk", "24m") as disk:
        if disk is None:
            return None
        # In the middle of a shard: what was sealed stays, and it goes on from there.
        out = disk / "out"
        folder = out / "shards/00001-of-00001"
        large = ["scan", scratch / "s.yaml", *LARGE, "--shard", "1/1", "--out", out, "--chunk", "20000", "--threads", "1",
                 "--checkpoint-every", "0.0001s"]
        whole = scratch / "large"
        magnu("scan", "s.yaml", *LARGE, "--out", whole, cwd=scratch)
        process = start(*large)
        until(lambda: sealed(folder))
        process.send_signal(signal.SIGSTOP)
        room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        ballast = fill(disk, min(room, 500_000))
        process.send_signal(signal.SIGCONT)
        error = process.communicate()[1]
        assert process.returncode == 1, (process.returncode, error)
        assert "No space left" in error and "free space" in error, error
        had = sealed(folder)
        assert 0 < had < 800_000, "the disk was filled after the end"
        assert f"{had}"
        ballast.unlink()
        said = magnu(*large)
        assert f"goes on at {had} of 800000" in said, said

        # Of the merge: former results stay, then it works.
        magnu("merge", out)
        former = (out / "limits.h5").read_bytes()
        assert former == (whole / "limits.h5").read_bytes()
        ballast = fill(disk, 7_600_000)  # the file would fit, when it starts
        process = start("merge", out)
        until(lambda: process.poll() is not None or (out / ".limits.h5.part").exists())
        process.send_signal(signal.SIGSTOP)
        eater = disk / "more"
        try:
            with open(eater, "wb") as file:
                while True:
                    file.write(b"0" * 4096)
                    file.flush()
        except OSError:
            pass
        process.send_signal(signal.SIGCONT)
        error = process.communicate()[1]
        assert process.returncode == 1, (process.returncode, error)
        assert "limits.h5" in error and "free space" in error, error
        assert (out / "limits.h5").read_bytes() == former
        assert not list(out.glob(".*.part")), "left over"
        eater.unlink()
        assert "the disk has" in magnu("merge", out, code=1) if fill(disk, 1_000_000) else True
        (disk / "ballast").unlink()
        (out / "limits.h5").unlink()
        magnu("merge", out)
        assert (out / "limits.h5").read_bytes() == former

        # Of an unsharded run.
        shutil.rmtree(out)
        whole_run = ["scan", scratch / "s.yaml", *LARGE, "--out", out, "--chunk", "20000", "--threads", "1",
                     "--checkpoint-every", "0.0001s"]
        process = start(*whole_run)
        until(lambda: sealed(out, ".checkpoint"))
        process.send_signal(signal.SIGSTOP)
        had_at_least = sealed(out, ".checkpoint")
        ballast = fill(disk, 0)
        process.send_signal(signal.SIGCONT)
        error = process.communicate()[1]
        assert process.returncode == 1 and "free space" in error, (process.returncode, error)
        assert not (out / "limits.h5").exists()
        had = sealed(out, ".checkpoint")
        assert had_at_least <= had
        ballast.unlink()
        said = magnu(*whole_run, "--resume")
        assert f"goes on at {had} of 800000" in said, said
        assert (out / "limits.h5").read_bytes() == former
    return "a disk that fills up in a shard, a merge and a run"


def main():
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="magnu-fault-"))
    chance = random.Random(20080)
    code = 0
    try:
        (scratch / "s.yaml").write_text(STUDY)
        magnu("scan", "s.yaml", *SLOW, "--out", "reference", cwd=scratch)
        reference = scratch / "reference"
        cases = [(killed_shard, chance), (killed_run, chance), (ended_between_names,), (killed_merge, chance), (signals,),
                 (stops_without_axes,), (stops_within_toys,), (damage,), (writers,), (no_room,),
                 (full_disk,)]
        if KILLS <= 4:  # with sanitizers, which find the rest of the code in these
            cases = [(killed_shard, chance), (signals,), (damage,), (no_room,), (full_disk,)]
        for case, *more in cases:
            start_of_case = time.monotonic()
            said = case(scratch, reference, *more)
            if said is None:
                print("skipped: a full disk (no tmpfs may be mounted here)", flush=True)
                code = SKIPPED
            else:
                print(f"{time.monotonic() - start_of_case:6.1f} s  {said}", flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
