# SPDX-License-Identifier: Apache-2.0
import threading

from django.db import connections


def close_clients(worker=None):
    """For pre_fork (or post_fork, which passes the worker). A MongoClient has sockets and
    threads, and neither survives a fork. Django's connection.close() leaves it open, for the
    next request of the same process; this closes it, and the next query opens a new one."""
    for connection in connections.all(initialized_only=True):
        connection.close_pool()
    # They are told to end by now, and take up to half a second.
    for thread in threading.enumerate():
        if thread.name.startswith("pymongo_"):
            thread.join(10)
