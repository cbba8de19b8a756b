"""A cluster of one node on this machine: munged, slurmctld and slurmd with all their files in one folder."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

DAEMONS = ("munged", "slurmctld", "slurmd")
"""From Debian's munge and slurm-wlm (debian-packages.txt)."""

PATIENCE = 60
"""Seconds until a daemon has to answer."""

GPUS = 2
"""That SLURM is told of; there is no device behind them, and jobs find none."""


class Unusable(Exception):
    """Why no cluster can be started here."""


def folders() -> str:
    """Where daemons are: on Debian outside the path of a user."""
    return os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


@contextmanager
def cluster(folder: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Starts a cluster and yields the environment in which SLURM's commands find it; Unusable where it does not start.

    The node says that it has four cores, some memory and two GPUs, whatever is true. There is no accounting.
    """
    if missing := [name for name in DAEMONS if shutil.which(name, path=folders()) is None]:
        raise Unusable(f"needs {', '.join(missing)} (debian-packages.txt)")
    if os.geteuid():
        raise Unusable("needs root, as slurmd starts jobs for other users")
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir(parents=True)
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o600)
    for number in range(GPUS):  # files in place of devices
        (folder / f"gpu{number}").touch()
    (folder / "gres.conf").write_text(f"AutoDetect=off\nName=gpu File={folder}/gpu[0-{GPUS - 1}]\n")
    (folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
    (folder / "slurm.conf").write_text(settings(folder))
    conf = f"SLURM_CONF={folder}/slurm.conf"
    # The plug-in starts `srun` without SLURM's variables, this one among them.
    srun = folder / "bin" / "srun"
    srun.write_text(f'#!/bin/sh\nexec env {conf} {shutil.which("srun")} "$@"\n')
    srun.chmod(0o755)
    variables = {**environment, "SLURM_CONF": f"{folder}/slurm.conf"}
    variables["PATH"] = os.pathsep.join([str(srun.parent), variables["PATH"]])
    files = ("key-file", "socket", "log-file", "seed-file")
    munge = [f"--{name}={folder}/munge.{name.partition('-')[0]}" for name in files]
    started: list[subprocess.Popen] = []

    def start(name: str, *arguments: str) -> None:
        log = (folder / f"{name}.out").open("w")
        command = [shutil.which(name, path=folders()) or name, *arguments]
        started.append(subprocess.Popen(command, stdout=log, stderr=log, env=variables))

    try:
        start("munged", "--foreground", "--force", f"--pid-file={folder}/munge.pid", *munge)
        wait_for(lambda: (folder / "munge.socket").exists(), folder)
        start("slurmctld", "-D")
        start("slurmd", "-D", "-N", NODE)
        wait_for(lambda: "idle" in asked(variables, "sinfo", "--noheader", "--format=%T"), folder)
        yield variables
    finally:
        # Without cgroups SLURM loses sight of what a killed shell has started.
        for process in psutil.process_iter(["environ"]):
            if (process.info["environ"] or {}).get("SLURM_CONF") == variables["SLURM_CONF"]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        for daemon in reversed(started):
            daemon.terminate()
        for daemon in started:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


NODE = "birds"


def settings(folder: Path) -> str:
    """slurm.conf: memory and cores are counted, processes followed by their parents, nothing is accounted."""
    return f"""\
ClusterName=camagain
SlurmctldHost={socket.gethostname()}(127.0.0.1)
SlurmUser=root
SlurmctldPort={free_port()}
SlurmdPort={free_port()}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu
ReturnToService=2
NodeName={NODE} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 CPUs=4 RealMemory=64000 Gres=gpu:{GPUS}
PartitionName=main Nodes={NODE} Default=YES MaxTime=INFINITE State=UP
"""


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def asked(environment: Mapping[str, str], *command: str) -> str:
    """What one of SLURM's commands prints; the empty string where it fails."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    return done.stdout if done.returncode == 0 else ""


def wait_for(condition, folder: Path) -> None:
    """Waits for a daemon; Unusable with what all of them said."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            said = [path.read_text(errors="replace")[-1000:] for path in sorted(folder.glob("*.out"))]
            raise Unusable("the daemons did not start: " + " | ".join(filter(None, said)))
        time.sleep(0.2)
