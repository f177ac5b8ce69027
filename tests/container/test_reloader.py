# SPDX-License-Identifier: Apache-2.0
"""The chart's sidecar, beside a server as in a pod: containers of their own with two volumes in
common, of which one is laid out as the kubelet lays out a ConfigMap."""

import os
import subprocess

import pytest
from containers import HARDENED, Container
from images import LIMITS, PODMAN, podman
from support.paths import ROOT
from support.traffic import Traffic
from support.until import until

SCRIPT = (ROOT / "packaging/kubernetes/monodon/files/reloader.sh").read_text(encoding="utf-8")
SETTINGS = ("application: {application}\nbind: 0.0.0.0:8000\nmetrics_bind: 0.0.0.0:9117\n"
            "workers: 2\nthreads: {threads}\n")


class ConfigMap:
    """Each version is a directory; `..data` is a link to it that is replaced in one step."""

    def __init__(self, directory):
        self.directory, self.version = directory, 0
        directory.mkdir()
        self.write(threads=4)
        directory.joinpath("monodon.yaml").symlink_to("..data/monodon.yaml")

    def write(self, threads, application="mysite:application"):
        self.version += 1
        made = self.directory / f"..{self.version}"
        made.mkdir()
        made.joinpath("monodon.yaml").write_text(
            SETTINGS.format(threads=threads, application=application), encoding="utf-8")
        draft = self.directory / "..draft"
        draft.symlink_to(made.name)
        os.replace(draft, self.directory / "..data")


@pytest.fixture
def pod(image, tmp_path):
    """(ConfigMap, container of the server, what the sidecar prints)"""
    settings = ConfigMap(tmp_path / "settings")
    run = tmp_path / "run"
    run.mkdir()
    run.chmod(0o777)
    tmp_path.chmod(0o755)
    common = ["-v", f"{settings.directory}:/etc/monodon:ro", "-v", f"{run}:/run/monodon",
              "--env=RUNTIME_DIRECTORY=/run/monodon/server",
              "--env=MONODON_RUNTIME_DIRECTORY=/run/monodon/server"]
    sidecar = f"{tmp_path.name}-reloader"
    # It comes first, as in the pod.
    podman("run", "--detach", "--name", sidecar, "--network=none", *LIMITS, *HARDENED, *common,
           "--entrypoint=sh", image, "-c", SCRIPT)
    try:
        with Container(image, *HARDENED, *common, workers=None,
                       arguments=["-c", "/etc/monodon/monodon.yaml"]) as server:
            yield settings, server.await_ready(), lambda: subprocess.run(
                [*PODMAN, "logs", sidecar], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, check=True).stdout
    finally:
        podman("rm", "--force", "--time=0", sidecar)


def test_changed_settings_are_reloaded_and_refused_ones_told(pod):
    settings, server, said = pod
    with Traffic(server.address, may_close=True) as traffic:
        settings.write(threads=7)
        until(lambda: server.metric("monodon_threads") == 14, said, 40)
        settings.write(threads=7, application="nothing_of_that_name:application")
        until(lambda: "Not taken over" in said(), said, 40)
        assert "nothing_of_that_name" in said()
        settings.write(threads=5)
        until(lambda: server.metric("monodon_threads") == 10, said, 40)
    assert traffic.clean, traffic.report
    assert said().count("The settings have changed") == 3


def test_it_ends_at_once_when_it_is_told_to(image):
    name = f"monodon-{os.getpid()}-alone"
    podman("run", "--detach", "--name", name, "--network=none", *LIMITS, "--entrypoint=sh", image,
           "-c", SCRIPT)
    try:
        podman("stop", "--time=20", name)
        assert podman("inspect", "--format={{.State.ExitCode}}", name).strip() == "0"
    finally:
        podman("rm", "--force", "--time=0", name)
