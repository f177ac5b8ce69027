# SPDX-License-Identifier: Apache-2.0
"""What a worker tells of its late imports, which of them can be made early, and what is
said of those that cannot be made any more.
"""

import importlib
import os
import subprocess
import sys
import time

import pytest

from conftest import runtime

learning = runtime.beside("_monodon_learning")


@pytest.fixture(name="package")
def fixture_package(tmp_path, monkeypatch):
    """Writes modules of the package `store`; they are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "store").mkdir()

    def write(**modules):
        for name, text in modules.items():
            (tmp_path / "store" / f"{name}.py").write_text(text)
        importlib.invalidate_caches()

    write(__init__="")
    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "store"]:
        del sys.modules[name]


def is_own(file):
    return f"{os.sep}store{os.sep}" in file


def test_a_worker_tells_each_module_once_and_whose_it_is(package):
    package(late="")
    learner = learning.Learner(is_own)
    assert learner.news() == ([], [])
    importlib.import_module("store.late")
    importlib.import_module("colorsys")
    lines, newer = learner.news()
    assert lines == ["!store", "!store.late", "colorsys"]
    assert newer == []
    assert learner.news() == ([], [])


def test_what_cannot_be_imported_by_its_name_is_not_told(package):
    learner = learning.Learner(is_own)
    sys.modules["store.made"] = type(sys)("store.made")  # from nowhere
    sys.modules["store.alias"] = importlib.import_module("store")  # by another name
    sys.modules["store.none"] = None
    assert learner.news() == (["!store"], [])


def test_a_file_that_is_newer_than_the_zygote_is_told(package, tmp_path):
    package(late="")
    learner = learning.Learner(is_own)
    os.utime(tmp_path / "store" / "late.py", (time.time() + 99,) * 2)
    importlib.import_module("store.late")
    assert learner.news()[1] == [f"store.late ({tmp_path}/store/late.py)"]


TRIALS = {
    "good": ("x = 1", True),
    "broken": ("def broken(:", False),
    "thread": ("import threading\n"
               "threading.Thread(target=threading.Event().wait, daemon=True).start()", False),
    "lock": ("import fcntl\nf = open(__file__ + '.lock', 'w')\n"
             "fcntl.flock(f, fcntl.LOCK_EX)", False),
    "slow": ("import time\ntime.sleep(2.1)", False),
    "large": ("x = b'x' * (80 << 20)", False),
    "leaves": ("raise SystemExit(3)", False),
    "good_after_all": ("x = 1", True),
}
TRY = """
import sys
sys.path[:0] = [{tests!r}, {here!r}]
from conftest import runtime
for name in {names!r}:
    print(name, runtime.can_be_imported_early("!store." + name), flush=True)
import os
os._exit(0)
"""


def test_only_what_is_cheap_and_leaves_nothing_can_be_imported_early(package, tmp_path):
    package(**{name: text for name, (text, _) in TRIALS.items()})
    script = TRY.format(tests=os.path.dirname(__file__), here=str(tmp_path),
                        names=list(TRIALS))
    # A parent that once was large must not hide what an import takes.
    peak = b"x" * (200 << 20)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          timeout=60, check=True)
    del peak
    said = dict(line.split() for line in done.stdout.splitlines())
    assert said == {name: str(good) for name, (_, good) in TRIALS.items()}


@pytest.mark.parametrize("line, text, refuse, broken, told", [
    ("!store.late", "x = 1", True, 0, 0),
    ("!store.late", "1/0", True, 1, 0),
    ("!store.late", "1/0", False, 0, 1),
    ("store.late", "1/0", True, 0, 1),
    ("!store.late", "import no_such_module", True, 1, 0),
    ("!store.gone", "", True, 0, 0),
    ("!store.gone.deeper", "", True, 0, 0),
    ("gone_as_a_whole.late", "", True, 0, 0),
])
def test_what_cannot_be_imported_any_more_is_judged(package, line, text, refuse, broken, told):
    package(late=text)
    both = learning.import_early([line], refuse)
    assert (len(both[0]), len(both[1])) == (broken, told), both
    for text in both[0] + both[1]:
        assert text.startswith("store.late, which the serving code has imported")
        assert "Traceback" in text
