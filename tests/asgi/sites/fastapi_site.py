# SPDX-License-Identifier: Apache-2.0
"""What drive.py asks for, in FastAPI."""

import asyncio
import contextlib

from fastapi import BackgroundTasks, FastAPI, Request, WebSocket
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse

done = []


@contextlib.asynccontextmanager
async def lifespan(app):
    app.state.pool = "made at start"
    yield


application = FastAPI(lifespan=lifespan)


@application.middleware("http")
async def mark(request, call_next):
    response = await call_next(request)
    response.headers["x-mark"] = "middleware"
    return response


@application.get("/")
async def hello(name: str):
    return PlainTextResponse(f"hello {name}")


@application.get("/state")
async def state(request: Request):
    return PlainTextResponse(request.app.state.pool)


@application.api_route("/echo", methods=["POST", "PUT"])
async def echo(request: Request):
    size = 0
    async for part in request.stream():
        size += len(part)
    return {"size": size, "method": request.method}


@application.get("/stream")
async def stream():
    async def parts():
        for number in range(20):
            yield f"part {number}\n"
            await asyncio.sleep(0.001)
    return StreamingResponse(parts())


@application.get("/file")
async def file():
    return FileResponse(__file__)


@application.get("/threaded")
def threaded():
    return PlainTextResponse("from a thread")


@application.get("/fails")
async def fails():
    raise ValueError("as asked")


@application.get("/later")
async def later(background: BackgroundTasks):
    background.add_task(done.append, 1)
    return PlainTextResponse(str(len(done)))


@application.websocket("/socket")
async def socket(ws: WebSocket, deny: bool = False):
    if deny:
        return await ws.close(4403)
    await ws.accept(subprotocol="chat" if "chat" in ws.scope["subprotocols"] else None)
    while True:  # the end is an exception of the framework's
        text = await ws.receive_text()
        if text == "leave":
            return await ws.close(4001, "as asked")
        await ws.send_text(text)
