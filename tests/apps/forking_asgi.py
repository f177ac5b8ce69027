# SPDX-License-Identifier: Apache-2.0
"""As forking.py, for an event loop: /?how=HOW&does=WHAT&when=WHEN

The child is made in the first step of the request's task, or (when=later) in one that
the loop takes; does=wait lets it wait for its client, as if it were the worker.
"""

import asyncio
import os
import sys
import urllib.parse

from forking import WAYS, ended


async def leave(does, receive):
    if does == "exit":
        sys.exit(3)
    if does == "raise":
        raise ValueError("a mistake in a child")
    if does == "wait":
        await receive()
        await receive()
    return b"from the child"


async def application(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    asked = dict(urllib.parse.parse_qsl(scope["query_string"].decode()))
    body = str(os.getpid()).encode()
    if asked:
        if asked["when"] == "later":
            await asyncio.sleep(0.001)
        child = WAYS[asked["how"]]()
        if child == 0 and asked["does"] == "return":
            return
        body = str(ended(child)).encode() if child else await leave(asked["does"], receive)
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
