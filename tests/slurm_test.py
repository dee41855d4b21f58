"""scripts/submit on a real Slurm of two nodes: whatever is killed, the results are the bytes of one run.

usage: slurm_test.py MAGNU SOURCE
Everything lies in one scratch folder and is stopped by recorded process ids. Exits with 77 where
Slurm is not installed or cannot be started.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

MAGNU, SOURCE = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
SKIPPED = 77
USER = 65534  # nobody
UNSHARE = ["unshare", "--uts", "--mount", "sh", "-c"]  # a node sees a host name of its own
FAST = ["--set", "axes.oscillation.sin2_theta12.points=60", "--set", "axes.oscillation.dm2_21.points=40"]
SLOW = """\
name: slow
channel: electron
bins: 10
axes:
  oscillation.sin2_theta12: {from: 0.2, to: 0.45, points: 10}
  exposure: [1 tonne year, 10 tonne year, 100 tonne year]
"""
POINTS = 12000  # a minute on one processor
DIRECT = ["--set", f"axes.oscillation.sin2_theta12.points={POINTS}", "--evaluation", "direct"]

CONF = """\
ClusterName=magnu
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={ports[0]}
SlurmctldPidFile={dir}/slurmctld.pid
SlurmdPidFile={dir}/slurmd.%n.pid
SlurmdSpoolDir={dir}/spool.%n
StateSaveLocation={dir}/state
SlurmctldLogFile={dir}/slurmctld.log
SlurmdLogFile={dir}/slurmd.%n.log
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={dir}/munge/socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=1
SlurmctldTimeout=30
SlurmdTimeout=5
KillWait=5
ReturnToService=2
JobRequeue=1
MaxArraySize=101
GresTypes=gpu
NodeName=n1 NodeHostname=n1 NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 Gres=gpu:1 State=UNKNOWN
NodeName=n2 NodeHostname=n2 NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=60 DefaultTime=60 State=UP
"""


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def until(what, condition, timeout=120):
    end = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < end, f"{what}: not within {timeout} s"
        time.sleep(0.1)
    return value


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Cluster:
    """munged, slurmctld and two slurmd, each with a host name of its own."""

    def __init__(self, folder):
        self.dir, self.started = folder, {}
        for name in "munge", "state", "spool.n1", "spool.n2":
            (folder / name).mkdir(mode=0o755)
        (folder / "munge/key").write_bytes(os.urandom(128))
        (folder / "munge/key").chmod(0o400)
        (folder / "slurm.conf").write_text(CONF.format(dir=folder, host=socket.gethostname(), ports=free_ports(3)))
        (folder / "hosts").write_text(f"127.0.0.1 localhost n1 n2 {socket.gethostname()}\n")
        (folder / "gres.conf").write_text("NodeName=n[1-2] Name=gpu File=/dev/null\n")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM")}
        self.environment["SLURM_CONF"] = str(folder / "slurm.conf")
        self.start("munged", "munged", "--foreground", "--key-file", "munge/key", "--socket", f"{folder}/munge/socket",
                   "--pid-file", f"{folder}/munge/pid", "--log-file", f"{folder}/munge/log",
                   "--seed-file", f"{folder}/munge/seed", "--force")
        self.wait("munge", lambda: (folder / "munge/socket").exists())
        self.start("slurmctld", "slurmctld", "-D")
        self.start_node("n1")
        self.start_node("n2")
        self.wait("the nodes", self.ready)

    def start_node(self, name):
        self.start(name, *UNSHARE, f"hostname {name} && mount --bind hosts /etc/hosts && exec slurmd -D -N {name}")

    def start(self, name, *command):
        with open(self.dir / f"{name}.out", "a") as out:
            self.started[name] = subprocess.Popen(command, cwd=self.dir, env=self.environment, stdin=subprocess.DEVNULL,
                                                  stdout=out, stderr=out, start_new_session=True)

    def wait(self, what, condition):
        end = time.monotonic() + 30
        while not condition():
            gone = [name for name, process in self.started.items() if process.poll() is not None]
            if gone or time.monotonic() > end:
                self.stop()
                for log in self.dir.glob("*.out"):
                    print(log.name, log.read_text()[-2000:])
                skip(f"Slurm does not start: {what}; ended: {gone}")
            time.sleep(0.1)

    def ready(self):
        seen = self.ask("sinfo", "-h", "-N", "-o", "%N %T", check=False)
        return seen.count("idle") == 2

    def ask(self, *command, user=0, check=True, timeout=60):
        drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        done = subprocess.run([*drop, *command], env=self.environment, cwd=self.dir, text=True, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def processes(self, **wanted):
        """Pids of this Slurm's jobs with these variables, and the programs' names."""
        found = {}
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                pairs = dict(p.split("=", 1) for p in (entry / "environ").read_text(errors="replace").split("\0") if "=" in p)
                if pairs.get("SLURM_CONF") == self.environment["SLURM_CONF"] and all(
                        pairs.get(k) == str(v) for k, v in wanted.items()):
                    found[int(entry.name)] = (entry / "comm").read_text().strip()
            except (OSError, ValueError):
                continue
        return found

    def kill_node(self, name):
        """slurmd, the steps it began and all of their processes, as a power cut would."""
        jobs = self.processes(SLURMD_NODENAME=name)
        steps = set()
        for pid in jobs:
            try:
                parent = int(re.search(r"PPid:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])
                if pathlib.Path(f"/proc/{parent}/comm").read_text().startswith("slurmstepd"):
                    steps.add(parent)
            except OSError:
                continue
        for pid in [self.started[name].pid, *steps, *jobs]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.started.pop(name).wait()

    def stop(self):
        self.ask("scancel", "--state=PENDING", "-u", "root", check=False)
        for pid in self.processes(SLURM_JOB_UID=0) | self.processes(SLURM_JOB_UID=USER):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for name in sorted(self.started, reverse=True):  # slurmctld before munged
            self.started[name].terminate()
            try:
                self.started[name].wait(10)
            except subprocess.TimeoutExpired:
                self.started[name].kill()
                self.started[name].wait()


class Run:
    """A folder that scripts/submit works on."""

    def __init__(self, cluster, name, study, shards, *options, user=0):
        self.cluster, self.user, self.shards = cluster, user, shards
        self.out = cluster.dir / "runs" / name
        self.out.mkdir(parents=True)
        os.chown(self.out, user, user)
        self.command = ["/usr/bin/python3", str(cluster.dir / "bin/submit"), str(study), "--shards", str(shards), "--out",
                        str(self.out), *options]

    def submit(self, *more):
        return self.cluster.ask(*self.command, *more, user=self.user)

    def jobs(self):
        """Of the last submission: array and merge."""
        return self.array, self.merge

    def begin(self, *more):
        text = self.submit(*more)
        found = re.findall(r"^job (\d+): (.*)", text, re.M)
        self.merge = found[-1][0]
        self.array = found[0][0] if len(found) == 2 else None
        self.said = text
        return self

    def manifest(self, shard):
        try:
            text = (self.out / f"shards/{shard:05}-of-{self.shards:05}/manifest.json").read_text()
            return json.loads(text[:text.rindex("}") + 1])
        except FileNotFoundError:
            return None

    def sealed(self, shard):
        manifest = self.manifest(shard)
        return sum(s["count"] for s in manifest["segments"]) if manifest else 0

    def size(self, shard):
        manifest = self.manifest(shard)
        return manifest["end"] - manifest["first"]

    def progressing(self, among=None):
        """A shard that has sealed something, and more than a tenth but less than half of its part."""
        for shard in among or range(1, self.shards + 1):
            if self.manifest(shard) and 0.1 * self.size(shard) < self.sealed(shard) < 0.5 * self.size(shard):
                worker = self.worker(shard)
                if worker:
                    return shard, worker
        return None

    def worker(self, shard):
        """Pid of the program that computes a shard."""
        for pid, name in self.cluster.processes(SLURM_ARRAY_JOB_ID=self.array, SLURM_ARRAY_TASK_ID=shard).items():
            if name == "magnu":
                return pid
        return None

    def state(self, job):
        text = self.cluster.ask("scontrol", "show", "job", "-o", job, check=False)
        return re.findall(r"JobState=(\w+)", text)

    def wait_merge(self, timeout=240):
        until(f"merge of {self.out.name}", lambda: self.state(self.merge)[0] not in ("PENDING", "RUNNING", "COMPLETING"), timeout)
        return self.state(self.merge)[0]

    def logs(self):
        return "".join(f"--- {p.name}\n{p.read_text()}" for p in sorted((self.out / "batch").glob("*.log")))

    def expect_bytes(self, reference):
        for name in "limits.h5", "limits.csv":
            assert (self.out / name).read_bytes() == (reference / name).read_bytes(), f"{self.out}: {name} differs"

    def finish(self, reference):
        state = self.wait_merge()
        assert state == "COMPLETED", f"{state}\n{self.logs()}"
        self.expect_bytes(reference)

    def resumed(self, shard):
        """Detectors that stood when the program began, in each try of a task of the array."""
        text = (self.out / f"batch/{self.array}_{shard}.log").read_text()
        return [int(n) for n in re.findall(r"goes on at (\d+) of", text)]


def whole_array(cluster, reference):
    """1: as an ordinary user, 8 shards on two nodes, merge included."""
    run = Run(cluster, "plain", cluster.dir / "configs/oscillation-map.yaml", 8, *FAST, user=USER).begin()
    run.finish(reference)
    hosts = {run.manifest(i)["host"] for i in range(1, 9)}
    assert hosts == {"n1", "n2"}, hosts
    assert "all is there" in run.submit()
    shutil.rmtree(run.out / "shards")  # no longer needed
    assert "all is there" in run.submit()
    for other in ("--set", "bins=12"), ("--isa=default",), ("--surface",):
        refused = cluster.ask(*run.command, *other, user=USER, check=False)
        assert refused.startswith("submit: ") and ("another study" in refused or "other options" in refused), refused

    # 5: a shard that is missing or damaged is all that is submitted.
    (run.out / "limits.h5").unlink()
    run.begin().finish(reference)
    shutil.rmtree(run.out / "shards/00003-of-00008")
    (run.out / "limits.h5").unlink()
    for other in ("--isa=default",), ("--surface",), ("--evaluation=direct",):
        assert "other options" in cluster.ask(*run.command, *other, user=USER, check=False)
    assert "1 task for 1 of 8 shards" in run.begin().said, run.said
    run.finish(reference)
    values = run.out / "shards/00005-of-00008/values.bin"
    data = bytearray(values.read_bytes())
    data[1000] ^= 1
    values.write_bytes(data)
    (run.out / "limits.h5").unlink()
    assert f"shard 5/8  broken" in cluster.ask(str(MAGNU), "status", str(run.out), "--checksums")
    assert "1 task for 1 of 8 shards" in run.begin().said, run.said
    run.finish(reference)

    # What else sbatch is asked for.
    dry = Run(cluster, "gpu", cluster.dir / "configs/oscillation-map.yaml", 8).submit("--gpus", "1", "--dry-run")
    script = cluster.dir / "dry.sh"
    script.write_text("#!/bin/bash\n" + dry.split("#!/bin/bash\n")[1])
    assert "--gres=gpu:1" in dry and "--backend=cuda" in dry
    assert "to start at" in cluster.ask("sbatch", "--test-only", str(script))
    folded = Run(cluster, "folded", cluster.dir / "configs/oscillation-map.yaml", 150, *FAST).submit("--dry-run")
    assert "--array=1-75" in folded and "fold=2" in folded, folded
    for limit, ahead in ("2", 24), ("10:00", 120), ("1-0", 120):
        assert f"--signal=B:USR1@{ahead}" in run.submit("--time", limit, "--dry-run")


def queued_only(cluster, reference):
    """What is queued binds as what is there does; what came to nothing does not."""
    study = cluster.dir / "configs/oscillation-map.yaml"
    run = Run(cluster, "queued", study, 8, *FAST).begin("--", "--hold")
    assert "no shard has begun" in cluster.ask(str(MAGNU), "status", str(run.out))

    def refused(*command):
        said = cluster.ask("/usr/bin/python3", str(cluster.dir / "bin/submit"), *map(str, command), "--out", str(run.out),
                           check=False)
        assert said.startswith("submit: ") and f"scancel {run.array}" in said, said
        return said

    assert "8 shards are queued" in refused(study, "--shards", 16, *FAST)
    assert "another study is queued" in refused(cluster.dir / "slow.yaml", "--shards", 8)
    assert "other options" in refused(study, "--shards", 8, *FAST, "--isa", "default")
    assert "nothing to submit: 8 tasks" in run.submit()
    cluster.ask("scancel", run.array)
    until("the merge goes with it", lambda: run.state(run.merge)[0] == "CANCELLED")
    assert not run.manifest(1)

    # Tasks that fail before they have any values: the next may be other ones.
    fake = cluster.dir / "bin/fails"
    fake.write_text(f'#!/bin/sh\n[ "$1" != scan ] || exit 2\nexec {cluster.dir}/bin/magnu "$@"\n')
    fake.chmod(0o755)
    cluster.environment["MAGNU"] = str(fake)
    run.begin()
    cluster.environment["MAGNU"] = str(cluster.dir / "bin/magnu")
    assert run.wait_merge() == "CANCELLED"
    assert "failed  exit code 2" in cluster.ask(str(MAGNU), "status", str(run.out))
    run.command[run.command.index("--shards") + 1] = "4"
    run.begin().finish(reference)


def killed_worker(cluster, reference):
    """2: kill -9 of a worker, then submit again."""
    run = Run(cluster, "killed", cluster.dir / "slow.yaml", 8, *DIRECT, "--checkpoint-every=0.1s").begin()
    first = run.array
    assert "nothing to submit" in run.submit()
    shard, pid = until("a shard halfway", run.progressing)
    os.kill(pid, signal.SIGKILL)
    had, all_of_it = run.sealed(shard), run.size(shard)
    assert 0 < had < all_of_it and not run.manifest(shard)["finished"], "the kill came after the end"
    until("the array ends", lambda: not cluster.ask("squeue", "-h", "-j", first, check=False).strip().startswith(first)
          or "Invalid" in cluster.ask("squeue", "-h", "-j", first, check=False), 240)
    assert run.wait_merge() == "CANCELLED"
    assert not (run.out / "limits.h5").exists()
    others = {i: run.manifest(i) for i in range(1, 9) if i != shard}
    assert all(m["finished"] for m in others.values())
    assert run.sealed(shard) == had
    assert "1 task for 1 of 8 shards" in run.begin().said, run.said
    run.finish(reference)
    assert others == {i: run.manifest(i) for i in others}, "other shards were touched"
    assert run.resumed(shard) == [had], (run.resumed(shard), had)


def killed_node_and_warning(cluster, reference):
    """3: a node dies. 4: the signal ahead of the time limit. Both in one run."""
    run = Run(cluster, "requeued", cluster.dir / "slow.yaml", 8, *DIRECT, "--checkpoint-every=0.1s").begin()
    shard, pid = until("a shard halfway", lambda: run.progressing(range(1, 8)))
    node = next(n for n in ("n1", "n2") if pid in cluster.processes(SLURMD_NODENAME=n))
    cluster.kill_node(node)
    at_kill = run.sealed(shard)
    assert 0 < at_kill < run.size(shard) and not run.manifest(shard)["finished"], "the kill came after the end"
    until("the node is missed", lambda: "down" in cluster.ask("sinfo", "-h", "-n", node, "-o", "%T"), 60)
    cluster.start_node(node)

    # The last task of an array goes by the array's own id.
    last, pid = until("the last shard halfway", lambda: run.progressing([8]), 300)
    assert pid in cluster.processes(SLURM_JOB_ID=run.array), "another task has the array's id"
    # What Slurm sends by itself ahead of the limit. scancel would send it again and again.
    sender = subprocess.Popen(["scancel", "--signal=USR1", "--batch", f"{run.array}_{last}"], env=cluster.environment)
    until("the program stops", lambda: not pathlib.Path(f"/proc/{pid}").exists())
    at_warning = run.sealed(last)
    sender.kill()
    sender.wait()
    assert 0 < at_warning < run.size(last), "the signal came after the end"
    run.finish(reference)
    assert run.resumed(last) == [at_warning], (run.resumed(last), at_warning)
    assert run.resumed(shard) == [at_kill], (run.resumed(shard), at_kill)
    log = (run.out / f"batch/{run.array}_{last}.log").read_text()
    assert "stopped by USR1" in log and f"task {run.array}_{last} goes back into the queue" in log, log


def cancelled(cluster):
    """4: what was cancelled stays so, with what it had."""
    run = Run(cluster, "cancelled", cluster.dir / "slow.yaml", 2, *DIRECT, "--checkpoint-every=0.1s").begin()
    shard, pid = until("a shard on its way", lambda: next(
        ((i, p) for i in (1, 2) if run.sealed(i) and (p := run.worker(i))), None))
    cluster.ask("scancel", run.array)
    until("the program stops", lambda: not pathlib.Path(f"/proc/{pid}").exists())
    assert run.wait_merge() == "CANCELLED"
    until("the array ends", lambda: set(run.state(run.array)) == {"CANCELLED"})
    time.sleep(8)  # a requeue would be back by now
    assert set(run.state(run.array)) == {"CANCELLED"}, run.state(run.array)
    assert 0 < run.sealed(shard) < run.size(shard)
    assert not (run.out / f"shards/{shard:05}-of-00002/.lock").exists()
    assert f"shard {shard}/2  stopped" in cluster.ask(str(MAGNU), "status", str(run.out))


def begin_without_progress(cluster):
    """A program that stops at once, always."""
    fake = cluster.dir / "bin/stops"
    fake.write_text(f'#!/bin/sh\n[ "$1" != scan ] || {{ echo try; exit 99; }}\nexec {cluster.dir}/bin/magnu "$@"\n')
    fake.chmod(0o755)
    cluster.environment["MAGNU"] = str(fake)
    run = Run(cluster, "stuck", cluster.dir / "slow.yaml", 1).begin()
    cluster.environment["MAGNU"] = str(cluster.dir / "bin/magnu")
    return run


def end_without_progress(run):
    assert run.wait_merge() == "CANCELLED"
    assert run.state(run.array) == ["FAILED"], run.state(run.array)
    log = (run.out / f"batch/{run.array}_1.log").read_text()
    assert log.count("try\n") == 3 and "no progress in three tries" in log, log
    status = run.cluster.ask(str(MAGNU), "status", str(run.out))
    assert f"shard 1/1  failed  no progress in three tries: see batch/{run.array}_1.log" in status, status


def main():
    missing = [p for p in ("slurmctld", "slurmd", "munged", "sbatch", "unshare", "setpriv") if not shutil.which(p)]
    if missing:
        skip(f"not installed: {', '.join(missing)} (packages slurm-wlm and munge)")
    if os.getuid() != 0:
        skip("a Slurm of one's own is started by root")
    if subprocess.run([*UNSHARE, "mount --bind /dev/null /etc/hosts"], capture_output=True).returncode:
        skip("no host names of one's own here (unshare)")
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="magnu-slurm-", dir="/tmp"))
    scratch.chmod(0o755)
    cluster = None
    passed = False
    try:
        (scratch / "bin").mkdir()
        shutil.copy(MAGNU, scratch / "bin/magnu")
        shutil.copy(SOURCE / "scripts/submit", scratch / "bin/submit")
        shutil.copytree(SOURCE / "configs", scratch / "configs")
        (scratch / "slow.yaml").write_text(SLOW)
        clock = time.monotonic()

        def said(what):
            nonlocal clock
            print(f"{time.monotonic() - clock:6.1f} s  {what}", flush=True)
            clock = time.monotonic()

        cluster = Cluster(scratch)
        cluster.environment["MAGNU"] = str(scratch / "bin/magnu")
        said("a Slurm of two nodes started")
        cluster.ask("bin/magnu", "-q", "scan", "configs/oscillation-map.yaml", *FAST, "--out", "fast")
        whole_array(cluster, scratch / "fast")
        said("1, 5: an ordinary user's array over two nodes; a missing and a damaged shard")
        queued_only(cluster, scratch / "fast")
        said("what is queued, or came to nothing")
        stuck = begin_without_progress(cluster)
        cluster.ask("bin/magnu", "-q", "scan", "slow.yaml", *DIRECT, "--out", "slow", timeout=300)
        processor = json.loads((scratch / "slow/study.json").read_text())
        said(f"one run for reference, {processor['threads']} threads, {processor['wall_seconds']:.0f} s")
        end_without_progress(stuck)
        said("no progress in three tries")
        killed_worker(cluster, scratch / "slow")
        said("2: a worker killed, submitted again")
        killed_node_and_warning(cluster, scratch / "slow")
        said("3, 4: a node killed; the warning signal")
        cancelled(cluster)
        said("4: scancel stays cancelled")
        passed = True
    finally:
        if cluster:
            cluster.stop()
        if passed or not os.environ.get("MAGNU_KEEP"):
            shutil.rmtree(scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
