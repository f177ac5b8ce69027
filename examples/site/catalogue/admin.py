# SPDX-License-Identifier: Apache-2.0
from django.contrib import admin

from .models import Entry, Upload, Whale


@admin.register(Whale)
class WhaleAdmin(admin.ModelAdmin):
    list_display = ["name", "species", "length_m", "mass_t", "dive_m"]
    search_fields = ["name", "species"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin):
    list_display = ["author", "written"]


@admin.register(Upload)
class UploadAdmin(admin.ModelAdmin):
    list_display = ["name", "size", "received"]
    readonly_fields = ["size", "sha256"]
