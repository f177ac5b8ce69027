# SPDX-License-Identifier: Apache-2.0
"""What drive.py asks for, in Django."""

import asyncio

from django.conf import settings

settings.configure(SECRET_KEY="of a test", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
                   DATA_UPLOAD_MAX_MEMORY_SIZE=None,
                   CHANNEL_LAYERS={"default": {
                       "BACKEND": "channels.layers.InMemoryChannelLayer"}},
                   MIDDLEWARE=["django.middleware.common.CommonMiddleware",
                               f"{__name__}.mark"])

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.http import (  # noqa: E402
    FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse)
from django.urls import path  # noqa: E402
from django.utils.decorators import sync_and_async_middleware  # noqa: E402

done = []


@sync_and_async_middleware
def mark(get_response):
    if asyncio.iscoroutinefunction(get_response):
        async def middleware(request):
            response = await get_response(request)
            response["x-mark"] = "middleware"
            return response
    else:
        def middleware(request):
            response = get_response(request)
            response["x-mark"] = "middleware"
            return response
    return middleware


async def hello(request):
    await asyncio.sleep(0)
    return HttpResponse(f"hello {request.GET['name']}")


async def echo(request):
    return JsonResponse({"size": len(request.body), "method": request.method})


async def stream(request):
    async def parts():
        for number in range(20):
            yield f"part {number}\n"
            await asyncio.sleep(0.001)
    return StreamingHttpResponse(parts())


def file(request):
    return FileResponse(open(__file__, "rb"))


def threaded(request):
    return HttpResponse("from a thread")


async def fails(request):
    raise ValueError("as asked")


urlpatterns = [path("", hello), path("echo", echo), path("stream", stream), path("file", file),
               path("threaded", threaded), path("fails", fails)]


class Echo(AsyncWebsocketConsumer):
    groups = ["everybody"]

    async def connect(self):
        if b"deny" in self.scope["query_string"]:
            return await self.close(4403)
        await self.accept("chat" if "chat" in self.scope["subprotocols"] else None)

    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "leave":
            return await self.close(4001, "as asked")
        await self.send(text_data)


application = ProtocolTypeRouter({
    "http": get_asgi_application(),
    "websocket": URLRouter([path("socket", Echo.as_asgi())])})
