# SPDX-License-Identifier: Apache-2.0
"""A Debian with a systemd of its own, in a container, as long as a test session."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

ENVIRONMENT = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]
# An overlay in memory over the tree, in a mount namespace that ends with the machine. (The
# overlays that systemd-nspawn makes do not outlive a reboot of the machine.)
OVERLAY = """
tree=$1; shift
mount -t tmpfs -o mode=0755 tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o "lowerdir=$tree,upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/root
status=133  # how systemd-nspawn says that the machine wants to boot again
while [ $status = 133 ]; do status=0; "$@" || status=$?; done
exit $status
"""


def wait_until(question, seconds=30, what=""):
    """Asks until the answer is true; returns it."""
    end = time.monotonic() + seconds
    while True:
        if answer := question():
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s: {what or question}")
        time.sleep(0.05)


def unified(tree):
    """systemd 258 and newer boot with version 2 of control groups only, which this machine may
    not have mounted."""
    found = [re.search(r"-(\d+)", path.name) for folder in ("usr/lib", "lib")
             for path in (tree / folder).glob("**/systemd/libsystemd-shared-*.so")]
    newest = max((int(match[1]) for match in found if match), default=0)
    return {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"} if newest >= 258 else {}


def children(pid):
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(child) for child in listed.split()]


def name_of(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:
        return ""


class Machine:
    def __init__(self, tree, stage, name):
        self.console = Path(f"{tree}.console.log")
        self.leader = 0
        with self.console.open("w") as console:
            # A network of its own with only loopback (its nginx takes port 80), no
            # systemd-machined needed.
            self.process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-ec", OVERLAY, "sh", str(tree),
                 "systemd-nspawn", "--quiet", "-D", "/mnt/root",
                 "--private-network", "--register=no", "--keep-unit", f"--machine={name}",
                 "--console=pipe", f"--bind-ro={stage}:/stage", "--boot"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
                env={**os.environ, **unified(Path(tree))},
            )
        try:
            self._await_boot()
        except BaseException:
            self.stop()
            raise

    def _await_boot(self):
        self.leader = wait_until(self._find_leader, 30, "systemd in the container")
        wait_until(self._is_up, 60, f"boot, see {self.console}")

    def _find_leader(self):
        if self.process.poll() is not None:
            raise RuntimeError("systemd-nspawn ended: " + self.console.read_text())
        for nspawn in children(self.process.pid):
            for child in children(nspawn):
                if name_of(child) == "systemd":
                    return child
        return 0

    def _is_up(self):
        state = self.run("systemctl is-system-running", check=False)
        return state.stdout.strip() in ("running", "degraded")

    def run(self, command, check=True, timeout=60):
        """Runs a shell command inside, as root."""
        done = subprocess.run(
            self.words(command), capture_output=True, text=True, timeout=timeout, cwd="/",
            start_new_session=True,  # a kill of its group is not one of ours
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def out(self, command, **options):
        return self.run(command, **options).stdout.strip()

    def words(self, command):
        """A shell command inside as a command outside; more words are its $0, $1, ..."""
        return ["nsenter", "-t", str(self.leader), "-a", "--", *ENVIRONMENT, "sh", "-c", command]

    def start(self, command):
        """Starts a shell command inside and returns its Popen, with pipes."""
        return subprocess.Popen(self.words(command), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True, cwd="/")

    def show(self, unit, name):
        return self.out(f"systemctl show --value -p {name} {unit}")

    def reboot(self):
        before = self.leader
        self.run("systemctl reboot", check=False)
        wait_until(lambda: self._find_leader() not in (0, before), 60, "the next boot")
        self._await_boot()

    def stop(self):
        if self.leader and self.process.poll() is None:
            self.run("systemctl poweroff", check=False)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            # SIGTERM makes systemd-nspawn end its container, SIGKILL would leave it.
            for nspawn in children(self.process.pid):
                os.kill(nspawn, signal.SIGTERM)
            self.process.wait(20)
