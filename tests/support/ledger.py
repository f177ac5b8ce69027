# SPDX-License-Identifier: Apache-2.0
"""The application's own book: which requests began and ended in it, in which process.

Written by tests/apps/gates.py with O_APPEND, one short line a record, so that lines of
several processes never mix.
"""

import collections

Entry = collections.namedtuple("Entry", "what id pid")


class Ledger:
    def __init__(self, path):
        self._path = path

    def entries(self, what=None):
        try:
            with open(self._path, encoding="ascii") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return []
        found = [Entry(*line.split(" ")) for line in lines]
        return [entry for entry in found if what is None or entry.what == what]

    def ids(self, what):
        return [entry.id for entry in self.entries(what)]

    def clear(self):
        open(self._path, "w", encoding="ascii").close()


def judge(answered, ledger):
    """Compares what clients got with what ran; an empty list when all is well.

    `answered` maps the id of every request to the status of a complete answer, or None
    where there was none. Nothing may be answered that did not run to its end, nothing
    may run twice.
    """
    started, ended = ledger.ids("start"), ledger.ids("end")
    wrong = [f"{i} ran twice" for i, n in collections.Counter(started).items() if n > 1]
    for identity, status in answered.items():
        if status == 200 and identity not in ended:
            wrong.append(f"{identity} was answered 200 and did not run to its end")
        if status is not None and 400 <= status < 500 and identity in started:
            wrong.append(f"{identity} was refused with {status} and ran")
    wrong += [f"{i} ran and nobody sent it" for i in started if i not in answered]
    return wrong
