# SPDX-License-Identifier: Apache-2.0
"""What drive.py asks for, in Starlette."""

import asyncio
import contextlib

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute

done = []


@contextlib.asynccontextmanager
async def lifespan(app):
    yield {"pool": "made at start"}


async def hello(request):
    return PlainTextResponse(f"hello {request.query_params.get('name')}")


async def state(request):
    return PlainTextResponse(request.state.pool)


async def echo(request):
    return JSONResponse({"size": len(await request.body()), "method": request.method})


async def stream(request):
    async def parts():
        for number in range(20):
            yield f"part {number}\n"
            await asyncio.sleep(0.001)
    return StreamingResponse(parts())


async def file(request):
    return FileResponse(__file__)


def threaded(request):
    return PlainTextResponse("from a thread")


async def fails(request):
    raise ValueError("as asked")


async def later(request):
    return PlainTextResponse(str(len(done)), background=BackgroundTask(done.append, 1))


async def socket(ws):
    if ws.query_params.get("deny"):
        return await ws.close(4403)
    await ws.accept(subprotocol="chat" if "chat" in ws.scope["subprotocols"] else None)
    async for text in ws.iter_text():
        if text == "leave":
            return await ws.close(4001, "as asked")
        await ws.send_text(text)


class Mark(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["x-mark"] = "middleware"
        return response


application = Starlette(lifespan=lifespan, routes=[
    Route("/", hello), Route("/state", state), Route("/echo", echo, methods=["POST", "PUT"]),
    Route("/stream", stream), Route("/file", file), Route("/threaded", threaded),
    Route("/fails", fails), Route("/later", later), WebSocketRoute("/socket", socket)])
application.add_middleware(Mark)
