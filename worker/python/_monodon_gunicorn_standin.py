# SPDX-License-Identifier: Apache-2.0
"""What stands in for an object of Gunicorn's, and says so where it has less."""


class Missing(AttributeError):
    """Of Gunicorn's objects, what these stand-ins do not have."""


class StandIn:
    def __init__(self, **known):
        vars(self).update(known)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        what = type(self).__name__.lstrip("_")
        raise Missing(f"{name}: is not there: Monodon has no {what} of Gunicorn's, only a "
                      "stand-in for it")
