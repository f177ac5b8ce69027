# SPDX-License-Identifier: Apache-2.0
from django.shortcuts import render

from .models import HomePage


def search(request):
    """Published pages that hold every word of ?q=."""
    query = request.GET.get("q", "")
    found = HomePage.objects.live().search(query) if query else HomePage.objects.none()
    return render(request, "home/search.html", {"query": query, "found": found})
