# SPDX-License-Identifier: Apache-2.0
from django.urls import path

from . import demo_views, views

urlpatterns = [
    path("", views.index, name="index"),
    path("whales/<slug:slug>/", views.whale, name="whale"),
    path("guestbook/", views.guestbook, name="guestbook"),
    path("files/", views.files, name="files"),
    path("files/<int:pk>/", views.download, name="download"),
    path("stream/", demo_views.stream, name="stream"),
    path("slow/", demo_views.slow, name="slow"),
    path("burn/", demo_views.burn, name="burn"),
    path("crash/", demo_views.crash, name="crash"),
    path("server/", demo_views.server, name="server"),
    path("server.json", demo_views.server_json, name="server-json"),
    path("health", demo_views.health, name="health"),
]
