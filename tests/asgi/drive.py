# SPDX-License-Identifier: Apache-2.0
"""Asks a site of tests/asgi over httpx and websockets, in the environment that has it.

    drive.py SOCKET FILE     FILE: what /file has to be

Raises where an answer is not as it has to be.
"""

import asyncio
import sys

import httpx
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus


def check(answer, status=200):
    assert answer.status_code == status, (answer.request.url, answer.status_code, answer.text)
    return answer


async def one_client(client, size):
    answer = check(await client.get("/", params={"name": f"ü {size}"}))
    assert answer.text == f"hello ü {size}"
    assert answer.headers["x-mark"] == "middleware"
    for method in ("POST", "PUT"):
        answer = check(await client.request(method, "/echo", content=b"x" * size))
        assert answer.json() == {"size": size, "method": method}

    async def pieces():
        for _ in range(10):
            yield b"y" * size
    answer = check(await client.post("/echo", content=pieces()))  # chunked
    assert answer.json()["size"] == 10 * size
    async with client.stream("GET", "/stream") as answer:
        lines = [line async for line in answer.aiter_lines()]
    assert lines == [f"part {number}" for number in range(20)]
    assert check(await client.get("/threaded")).text == "from a thread"


async def one_socket(path, number):
    async with unix_connect(path, "ws://site/socket", subprotocols=["other", "chat"],
                            max_size=None) as ws:
        assert ws.subprotocol == "chat"
        for size in (0, 1, 125, 126, 65535, 65536, 300_000):
            await ws.send("ü" * size)
            assert await ws.recv() == "ü" * size
        await ws.send(["in ", "pieces ", str(number)])
        assert await ws.recv() == f"in pieces {number}"
        await (await ws.ping())
        if number % 2:
            return
        await ws.send("leave")
        try:
            await ws.recv()
        except ConnectionClosed as closed:
            assert (closed.rcvd.code, closed.rcvd.reason) == (4001, "as asked"), closed
        else:
            raise AssertionError("it goes on")


async def sockets(path):
    await asyncio.gather(*(one_socket(path, number) for number in range(20)))
    try:
        async with unix_connect(path, "ws://site/socket?deny=1"):
            raise AssertionError("it was let in")
    except InvalidStatus as denied:
        assert denied.response.status_code == 403
    ws = await unix_connect(path, "ws://site/socket")
    ws.transport.abort()  # without a word


async def main(path, file):
    await sockets(path)
    transport = httpx.AsyncHTTPTransport(uds=path)
    async with httpx.AsyncClient(transport=transport, base_url="http://site",
                                 timeout=60) as client:
        with open(file, "rb") as expected:
            assert check(await client.get("/file")).content == expected.read()
        check(await client.get("/nowhere"), 404)
        check(await client.get("/fails"), 500)
        state = await client.get("/state")
        assert state.status_code == 404 or state.text == "made at start", state.text
        await asyncio.gather(*(one_client(client, size)
                               for size in (1, 1000, 65536, 65537, 300_000) * 4))
        # One whose client leaves in the middle costs nobody anything.
        async with client.stream("GET", "/stream") as answer:
            async for _ in answer.aiter_lines():
                break
        check(await client.get("/threaded"))


asyncio.run(main(*sys.argv[1:]))
print("as it has to be")
