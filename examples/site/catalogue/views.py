# SPDX-License-Identifier: Apache-2.0
"""The pages of an ordinary site: a list, an item, a form, files."""

import hashlib

from django.contrib import messages
from django.http import FileResponse
from django.shortcuts import get_object_or_404, redirect, render

from .forms import EntryForm, UploadForm
from .models import Entry, Upload, Whale


def index(request):
    return render(request, "catalogue/index.html", {"whales": Whale.objects.all()})


def whale(request, slug):
    return render(
        request, "catalogue/whale.html", {"whale": get_object_or_404(Whale, slug=slug)}
    )


def guestbook(request):
    form = EntryForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Thank you. Your entry is in the book.")
        return redirect("guestbook")
    return render(
        request, "catalogue/guestbook.html", {"form": form, "entries": Entry.objects.all()[:50]}
    )


def files(request):
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        upload = keep(form.cleaned_data["file"])
        messages.success(request, f"Received {upload.name}, {upload.size} bytes.")
        return redirect("files")
    return render(
        request, "catalogue/files.html", {"form": form, "uploads": Upload.objects.all()[:50]}
    )


def keep(file):
    """The digest is taken of what arrived, so a test can compare it with what was sent."""
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return Upload.objects.create(
        file=file, name=file.name, size=file.size, sha256=digest.hexdigest()
    )


def download(request, pk):
    """FileResponse hands the file to wsgi.file_wrapper: the server sends it, not Python."""
    upload = get_object_or_404(Upload, pk=pk)
    # The path, not upload.file.open(): from a FieldFile, whose name is relative to
    # MEDIA_ROOT, Django 3.2 cannot tell the Content-Length.
    response = FileResponse(
        open(upload.file.path, "rb"), as_attachment=True, filename=upload.name
    )
    response["X-SHA256"] = upload.sha256
    return response
