# SPDX-License-Identifier: Apache-2.0
"""A Debian with a systemd of its own, in a container, as long as a test session."""

import subprocess
import time
from pathlib import Path

ENVIRONMENT = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]


def wait_until(question, seconds=30, what=""):
    """Asks until the answer is true; returns it."""
    end = time.monotonic() + seconds
    while True:
        if answer := question():
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s: {what or question}")
        time.sleep(0.05)


class Machine:
    def __init__(self, tree, stage, name):
        self.console = Path(f"{tree}.console.log")
        self.leader = 0
        with self.console.open("w") as console:
            # An overlay in memory over the tree, a network of its own with only
            # loopback (its nginx takes port 80), no systemd-machined needed.
            self.process = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "-D", str(tree), "--volatile=overlay",
                 "--private-network", "--register=no", "--keep-unit", f"--machine={name}",
                 "--console=pipe", f"--bind-ro={stage}:/stage", "--boot"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
            )
        try:
            self.leader = wait_until(self._find_leader, 30, "systemd in the container")
            wait_until(self._is_up, 60, f"boot, see {self.console}")
        except BaseException:
            self.stop()
            raise

    def _find_leader(self):
        if self.process.poll() is not None:
            raise RuntimeError("systemd-nspawn ended: " + self.console.read_text())
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return int(child)
        return 0

    def _is_up(self):
        state = self.run("systemctl is-system-running", check=False)
        return state.stdout.strip() in ("running", "degraded")

    def run(self, command, check=True, timeout=60):
        """Runs a shell command inside, as root."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-a", "--", *ENVIRONMENT, "sh", "-c", command],
            capture_output=True, text=True, timeout=timeout, cwd="/",
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def out(self, command, **options):
        return self.run(command, **options).stdout.strip()

    def start(self, command):
        """Starts a shell command inside and returns its Popen, with pipes."""
        return subprocess.Popen(
            ["nsenter", "-t", str(self.leader), "-a", "--", *ENVIRONMENT, "sh", "-c", command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
        )

    def show(self, unit, name):
        return self.out(f"systemctl show --value -p {name} {unit}")

    def stop(self):
        if self.leader and self.process.poll() is None:
            self.run("systemctl poweroff", check=False)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            # SIGTERM makes systemd-nspawn end its container, SIGKILL would leave it.
            self.process.terminate()
            self.process.wait(20)
