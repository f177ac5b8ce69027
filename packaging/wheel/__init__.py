# SPDX-License-Identifier: Apache-2.0
"""Monodon, an application server, as one Python package."""
