# SPDX-License-Identifier: Apache-2.0
"""What stands in for an object of Gunicorn's, and says so where it has less."""


import sys


class Missing(AttributeError):
    """Of Gunicorn's objects, what these stand-ins do not have."""


class StandIn:
    # What isinstance() takes it for, once the site has imported the module: the first of
    # these names that is there.
    stands_for = ()

    @property
    def __class__(self):
        for name in self.stands_for:
            module, _, kind = name.rpartition(".")
            if found := getattr(sys.modules.get(module), kind, None):
                return found
        return type(self)

    def __init__(self, **known):
        vars(self).update(known)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        what = type(self).__name__.lstrip("_")
        raise Missing(f"{name}: is not there: Monodon has no {what} of Gunicorn's, only a "
                      "stand-in for it")
