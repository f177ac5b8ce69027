# SPDX-License-Identifier: Apache-2.0
from django.db import models
from django.urls import reverse


class Whale(models.Model):
    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(unique=True)
    species = models.CharField("scientific name", max_length=80)
    length_m = models.DecimalField("length (m)", max_digits=4, decimal_places=1)
    mass_t = models.DecimalField("mass (t)", max_digits=5, decimal_places=1)
    dive_m = models.PositiveIntegerField("deepest dive (m)")
    waters = models.CharField(max_length=120)
    about = models.TextField()

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("whale", args=[self.slug])


class Entry(models.Model):
    """One line of the guest book."""

    author = models.CharField("your name", max_length=60)
    text = models.TextField("what you saw", max_length=1000)
    written = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-written", "-pk"]
        verbose_name_plural = "entries"

    def __str__(self):
        return f"{self.author}, {self.written:%Y-%m-%d %H:%M}"


class Upload(models.Model):
    file = models.FileField(upload_to="uploads/")
    name = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    received = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-received", "-pk"]

    def __str__(self):
        return self.name
