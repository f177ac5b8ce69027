#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server that speaks MongoDB's protocol, for trying the site out: SecantusDB, with its options
(--port, --storage-path), and with one thing mended. In $project and $addFields a nested field,
{"page": {"title": 1}}, is for MongoDB the same as {"page.title": 1}. SecantusDB 0.7 takes it
for a new value of "page" (in $project, beside a computed field); django-mongodb-backend writes
its select_related() so."""

import sys

from secantus import aggregate, cli


def flat(spec, path=""):
    """The same fields by their dotted names; expressions, {"$add": …}, stay whole."""
    fields = {}
    for name, value in spec.items():
        nested = isinstance(value, dict) and value and not next(iter(value)).startswith("$")
        fields |= flat(value, f"{path}{name}.") if nested else {path + name: value}
    return fields


def with_flat_fields(stage):
    return lambda document, spec, variables: stage(document, flat(spec), variables)


aggregate._project_one = with_flat_fields(aggregate._project_one)
aggregate._add_fields_one = with_flat_fields(aggregate._add_fields_one)

if __name__ == "__main__":
    sys.exit(cli.main())
