# SPDX-License-Identifier: Apache-2.0
"""Images for tests, made by packaging/container without a registry: on a root tree of this
machine's release of Debian, with the server of the build directory packed as a wheel.
MONODON_PORTABLE names a directory with another wheel. All is kept in build/containers."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from support.paths import APPS, BUILD, ROOT

CACHE = BUILD / "containers"
WHEELS = CACHE / "wheels"
BASE = "localhost/monodon-tests/base"
RECIPE = ROOT / "packaging/container"
# Limits that a container inherits here, since raising them takes rights of the whole machine.
LIMITS = ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4096:4096"]
PODMAN = ["podman", "--root", str(CACHE / "storage"), "--runroot", str(CACHE / "run"),
          "--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]


def run(*command, **options):
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def podman(*arguments, **options):
    # Its monitor leaves a file where it was started, if the kernel kills somebody for memory.
    return run(*PODMAN, *arguments, cwd=CACHE, **options)


def alone():
    """One run at a time makes what all of them keep. Held until the file is closed."""
    CACHE.mkdir(parents=True, exist_ok=True)
    lock = (CACHE / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def base():
    """A Python on Debian, as python:slim is one; with the libraries of a server that was
    compiled here. mmdebstrap makes it the first time (a minute)."""
    release = re.search(r"(?m)^VERSION_CODENAME=(.*)$", Path("/etc/os-release").read_text())[1]
    tree = CACHE / f"{release}.tar"
    if not tree.exists():
        draft = tree.with_suffix(".draft")
        packages = ["python3", "python3-venv", *libraries()]
        with draft.open("wb") as file:
            subprocess.run(["mmdebstrap", "--quiet", "--variant=apt", "--format=tar",
                            f"--include={','.join(packages)}", release, "-"],
                           stdout=file, check=True)
        draft.rename(tree)
    if subprocess.run([*PODMAN, "image", "exists", BASE], check=False).returncode != 0:
        podman("import", tree, BASE)
    return BASE


def libraries():
    """The packages of the shared libraries that the build needs."""
    programs = [BUILD / "cli/monodon", BUILD / "metrics/monodon-exporter"]
    paths = [line.split()[2] for line in run("ldd", *programs).splitlines()
             if re.match(r"\s+lib(fmt|yaml-cpp|prometheus-cpp)", line)]
    found = [run("dpkg", "-S", os.path.realpath(path)).split(":")[0] for path in paths]
    return sorted(set(found))


def wheel():
    """The server as pip installs it, and Django beside it."""
    shutil.rmtree(WHEELS, ignore_errors=True)
    WHEELS.mkdir(parents=True)
    if given := os.environ.get("MONODON_PORTABLE"):
        found, = Path(given).glob(f"monodon-*_{os.uname().machine}.whl")
        shutil.copy(found, WHEELS)
    else:
        stage = CACHE / "stage"
        shutil.rmtree(stage, ignore_errors=True)
        (stage / "licences").mkdir(parents=True)
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet",
            env=os.environ | {"DESTDIR": str(stage)})
        program, = stage.rglob("bin/monodon")
        if program.parent != stage / "usr/bin":  # another prefix
            shutil.copytree(program.parents[1], stage / "usr", dirs_exist_ok=True)
        run(sys.executable, ROOT / "packaging/portable/wheel", stage, stage / "licences",
            os.uname().machine, WHEELS)
    run(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--only-binary", ":all:", "--dest", WHEELS, "django >= 4.2")


def requirement():
    """The wheel for pip. By its sum, a new one is not taken from the cache of layers."""
    found, = WHEELS.glob("monodon-*.whl")
    return f"file:///wheels/{found.name}#sha256={hashlib.sha256(found.read_bytes()).hexdigest()}"


def offline():
    """Options of a build that asks nobody for anything."""
    return [*LIMITS, "--network=none", "-v", f"{WHEELS}:/wheels:ro",
            "--build-arg", f"BASE={base()}", "--build-arg", "PIP_NO_INDEX=1",
            "--build-arg", "PIP_FIND_LINKS=/wheels"]


def site_image(tag, code, settings=""):
    """By the recipe, as users build theirs: `code` is mysite.py, beside traffic_site.py."""
    context = CACHE / "contexts" / tag.replace(":", "-")
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    for name in ("Containerfile", ".containerignore"):
        shutil.copy(RECIPE / name, context)
    recipe = (RECIPE / "monodon.yaml").read_text(encoding="utf-8")
    context.joinpath("monodon.yaml").write_text(
        recipe.replace("mysite.wsgi:", "mysite:") + settings, encoding="utf-8")
    context.joinpath("requirements.txt").write_text("", encoding="utf-8")
    context.joinpath("mysite.py").write_text(code, encoding="utf-8")
    shutil.copy(APPS / "traffic_site.py", context)
    name = f"localhost/monodon-tests/{tag}"
    podman("build", "-q", "-t", name, *offline(), "--build-arg", f"MONODON={requirement()}",
           context)
    return name


def example_image():
    """`make image`, without a network."""
    tag = "localhost/monodon-tests/demo"
    builder = " ".join(PODMAN)
    options = [word for word in offline() if not word.startswith(f"{WHEELS}:")]
    options.remove("-v")
    run(RECIPE / "build", tag, *options,
        env=os.environ | {"WHEELS": str(WHEELS), "BUILDER": builder})
    return tag
