# SPDX-License-Identifier: Apache-2.0
"""The packages under test.

For the release of this machine what is in the build directory is packed: a program that
was compiled for it, and is there already. For another release it is compiled in a tree of
that release, as packaging/deb does. MONODON_E2E_COMPILE=1 compiles for every release, =0 for
none: what is in the build directory then goes along with the libraries that the other
release has not under that name.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from trees import BUILD, CACHE, SOURCE, alone, run, tree

COMPILE = os.environ.get("MONODON_E2E_COMPILE", "")


def host_release():
    return re.search(r"(?m)^VERSION_CODENAME=(.*)$", Path("/etc/os-release").read_text())[1]


def compiles(release):
    return COMPILE == "1" or (COMPILE != "0" and release != host_release())


def package(release):
    """The .deb for a release; built anew only when something changed."""
    compiled = compiles(release)
    directory = CACHE / "packages" / (release if compiled else "prebuilt")
    state = directory / "made-of"
    now = sources() if compiled else installed()
    with alone(f"package-{directory.name}"):
        if not state.exists() or state.read_text() != now:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
            build(release, directory)
            state.write_text(now)
    return only(directory.glob("monodon_*.deb"))


def build(release, directory):
    asked = os.environ.get("DEB_BUILD_OPTIONS", "")
    environment = {**os.environ, "DEB_BUILD_OPTIONS": f"noautodbgsym {asked}".strip()}
    if COMPILE != "1":
        # Half the time of the compiler; as a release is built, if somebody asks for it.
        environment["DEB_CXXFLAGS_APPEND"] = "-O1 -g0"
    command = [SOURCE / "packaging/deb", directory]
    if not compiles(release):
        environment["MONODON_PREBUILT"] = str(BUILD)
        # Not what the package's own build sets: a prefix of a developer's choice.
        run("meson", "configure", BUILD, "--prefix=/usr", "--sysconfdir=/etc")
        run("ninja", "-C", BUILD, "server", stdout=subprocess.DEVNULL)
    elif release != host_release():
        command.append(tree(release, ["build-essential", "fakeroot", *build_dependencies(release)]))
    with (directory / "build.log").open("w") as log:
        done = subprocess.run(command, env=environment, stdout=log, stderr=log, check=False)
    if done.returncode != 0:
        tail = (directory / "build.log").read_text()[-4000:]
        raise RuntimeError(f"{command} failed:\n{tail}")


def rpm_package(directory, version=None):
    """An .rpm of what is in the build directory, for this machine's release."""
    environment = {**os.environ, "MONODON_PREBUILT": str(BUILD)}
    if version:
        environment["MONODON_VERSION"] = version
    made = CACHE / "packages/rpm"
    shutil.rmtree(made, ignore_errors=True)
    run(SOURCE / "packaging/rpm/build", made, env=environment, capture_output=True)
    directory.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(only(made.glob("*.rpm")), directory))


def other_version(package_file, version, directory):
    """The same package under another version."""
    unpacked = directory / version
    shutil.rmtree(unpacked, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    run("dpkg-deb", "--raw-extract", package_file, unpacked)
    control = unpacked / "DEBIAN/control"
    text = control.read_text()
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", text))
    made = directory / f"monodon_{version}.deb"
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "--build", unpacked, made,
        stdout=subprocess.DEVNULL)
    shutil.rmtree(unpacked)
    return made


def dependencies(package_file):
    """Names of the packages that it needs; of alternatives the first."""
    field = subprocess.run(["dpkg-deb", "-f", package_file, "Depends"],
                           capture_output=True, text=True, check=True).stdout
    return names(field)


def build_dependencies(release):
    control = (SOURCE / "packaging/debian/control").read_text()
    field = re.search(r"(?ms)^Build-Depends:(.*?)^\S", control)[1]
    # Of alternatives names() takes the first, which this release has not yet.
    replaced = {"systemd-dev": "systemd"} if release == "bookworm" else {}
    # What dh-sequence-... and debhelper-compat are provided by.
    kept = (n for n in names(field) if not n.startswith(("dh-", "debhelper")))
    return [*(replaced.get(name, name) for name in kept), "debhelper"]


def names(field):
    return [part.split()[0] for part in field.replace("\n", " ").split(",") if part.strip()]


def sources():
    """A fingerprint of every file that goes into a build."""
    listed = subprocess.run(["git", "-C", SOURCE, "ls-files", "-z"], capture_output=True,
                            check=True).stdout
    digest = hashlib.sha256()
    for name in sorted(filter(None, listed.split(b"\0"))):
        path = SOURCE / os.fsdecode(name)
        if not name.startswith((b"tests/", b"docs/", b"bench/")) and path.is_file():
            digest.update(name + b"\0" + path.read_bytes())
    return digest.hexdigest()


def installed():
    """A fingerprint of what the build directory has, and of the packaging."""
    seen = [BUILD / "cli/monodon", BUILD / "worker/native/monodon-native",
            *(SOURCE / "packaging").rglob("*"), *(SOURCE / "conf").rglob("*"),
            *(SOURCE / "worker/python").glob("*.py")]
    return "\n".join(f"{p} {p.stat().st_mtime_ns}" for p in sorted(seen) if p.is_file())


def only(found):
    found = list(found)
    assert len(found) == 1, found
    return found[0]
