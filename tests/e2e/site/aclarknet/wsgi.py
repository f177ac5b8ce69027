# SPDX-License-Identifier: Apache-2.0
"""The demo site under the name that the unit asks for."""

from demo.wsgi import application

__all__ = ["application"]
