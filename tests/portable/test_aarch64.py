# SPDX-License-Identifier: Apache-2.0
"""The .deb of aarch64 under QEMU's emulation of programs: serves, reloads, ends. QEMU of Debian
13, since that of 12 cannot adopt orphans (PR_SET_CHILD_SUBREAPER), which the server tells. Nothing
of this machine is changed: the kernel knows QEMU in a user namespace only (Linux 6.7)."""

import os
import subprocess

import pytest
from conftest import FOUND, SOURCE, unpack
from trees import CACHE, alone

APPLICATION = """
import platform

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    size = len(environ["wsgi.input"].read())
    return [f"{VERSION} {platform.machine()} {size}".encode()]
"""
# Debian 12 for aarch64 below the package, with QEMU for its programs.
INSIDE = r"""
mount -t tmpfs -o mode=0755 tmpfs /mnt
cd /mnt
mkdir known upper work root
mount -t binfmt_misc none known
printf '%s' ':aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:'"$1:F" \
  > known/register
mount -t overlay -o "lowerdir=$2:$3,upperdir=upper,workdir=work,userxattr" none root
mkdir -p root/proc root/dev root/srv/app root/run
mount -t proc none root/proc
mount --rbind /dev root/dev
printf '%s' "$4" > root/srv/app/code.py
exec chroot root /bin/sh -ec "$5"
"""
# Run by the emulated shell.
SMOKE = r"""
export PATH=/usr/bin:/bin LC_ALL=C.UTF-8
cd /srv/app
new() { { echo "VERSION = $1"; cat code.py; } > app.new; mv app.new app.py; }
ask() { curl -sS -m 60 --unix-socket /run/site.sock "$@" http://localhost/; echo; }
new 1
monodon serve --bind unix:/run/site.sock --metrics-bind off --runtime-directory /run/monodon \
  app:application 2> /run/log &
server=$!
trap 'cat /run/log >&2' EXIT
until [ -S /run/site.sock ]; do kill -0 $server; sleep 0.1; done
ask
head -c 3000000 /dev/zero > body
ask --data-binary @body
new 2
monodon reload --control /run/monodon/control.sock > /dev/null
ask
new 'nowhere_to_be_found'
! monodon reload --control /run/monodon/control.sock > /dev/null 2>&1
ask
kill $server
wait $server
echo ended with $?
"""


def tree(name, *options):
    """Packages unpacked, none configured, since nothing can run them here."""
    made = CACHE / name
    with alone(name):
        if not made.is_dir():
            draft = CACHE / f"{name}.draft"
            subprocess.run(["rm", "-rf", draft], check=True)
            subprocess.run(["mmdebstrap", "--quiet", "--variant=extract",
                            '--aptopt=Acquire::Check-Valid-Until "false"', *options, draft],
                           check=True)
            draft.rename(made)
    return made


@pytest.fixture(scope="module")
def emulated(tmp_path_factory):
    packages = [path for path in FOUND if path.name.endswith("_arm64.deb")]
    if not packages:
        pytest.skip('no package of aarch64: make portable ARCHITECTURES="x86_64 aarch64"')
    possible = subprocess.run([SOURCE / "tests/e2e/possible"], capture_output=True, text=True,
                              check=False)
    if possible.returncode != 0:
        pytest.skip(possible.stdout.strip())
    root = tree("arm64", "--architectures=arm64",
                "--include=python3,libc6,curl,dash,coreutils,ca-certificates", "bookworm")
    qemu = tree("qemu", "--include=qemu-user", "trixie") / "usr/bin/qemu-aarch64"
    files = unpack(packages[0], tmp_path_factory.mktemp("arm64") / "root")

    def run(commands):
        return subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork",
             "--kill-child", "sh", "-ec", INSIDE, "sh", qemu, files, root, APPLICATION,
             commands],
            capture_output=True, text=True, timeout=300, check=False,
            env={"PATH": os.environ["PATH"]})

    return run


def test_the_package_for_aarch64_serves_reloads_and_ends(emulated):
    done = emulated(SMOKE)
    assert done.stdout.splitlines() == [
        "1 aarch64 0", "1 aarch64 3000000", "2 aarch64 0", "2 aarch64 0", "ended with 0",
    ], done.stdout + done.stderr
