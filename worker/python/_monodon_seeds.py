# SPDX-License-Identifier: Apache-2.0
"""Generators of the module `random` that nobody has seeded on purpose: forked, they would
give the same numbers in every worker. CPython seeds anew after a fork the global one alone.
"""

import functools
import os
import random
import time
import weakref

_MANY_BITS = 1 << 64  # a seed of more was the system's, not somebody's choice
_AROUND_NOW = 3600  # seconds
_UNITS = (1, 10**3, 10**6, 10**9)  # of a clock, in a second


class Seeds:
    def __init__(self):
        """Before the application is imported: looks at each seed from now on."""
        self._generators = {}  # by id: they need not be hashable
        self._originals = {name: getattr(random.Random, name) for name in ("seed", "setstate")}
        for name, function in self._originals.items():
            setattr(random.Random, name, self._watched(function))

    def end_watch(self):
        """After the application is imported; before the fork, so that no worker has to
        write to what all share."""
        for name, function in self._originals.items():
            if getattr(random.Random, name) is not function:
                setattr(random.Random, name, function)

    def in_worker(self):
        """Numbers differ from those of other workers from now on."""
        self.end_watch()
        for reference in self._generators.values():
            if (generator := reference()) is not None:
                random.Random.seed(generator)
        self._generators.clear()

    def _watched(self, function):
        @functools.wraps(function)
        def watch(generator, *arguments, **named):
            result = function(generator, *arguments, **named)
            by_system = function.__name__ == "seed" and _is_of_the_system(
                arguments[0] if arguments else named.get("a"))
            if by_system:
                self._generators[id(generator)] = weakref.ref(generator)
            else:
                self._generators.pop(id(generator), None)
            return result
        return watch


def _is_of_the_system(seed):
    """Another import of the same code would have had another one."""
    if isinstance(seed, (bytes, bytearray)):
        return len(seed) >= _MANY_BITS.bit_length() // 8
    if isinstance(seed, (int, float)):
        now = time.time()
        return (seed >= _MANY_BITS or seed == os.getpid() or
                any(abs(seed / unit - now) < _AROUND_NOW for unit in _UNITS))
    return seed is None
