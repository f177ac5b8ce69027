# SPDX-License-Identifier: Apache-2.0
"""Something to look at. Figures are of large adults, rounded."""

from django.db import migrations

# name, slug, species, length m, mass t, deepest dive m, waters, about
WHALES = [
    ("Narwhal", "narwhal", "Monodon monoceros", "5.0", "1.6", 1800, "Arctic, Atlantic side",
     "The unicorn of the sea: the tusk of the male is a tooth, wound to the left, and "
     "grows up to three metres. Narwhals spend the winter under close pack ice and "
     "breathe at cracks that they share."),
    ("Beluga", "beluga", "Delphinapterus leucas", "4.5", "1.5", 1000, "Arctic and subarctic",
     "White, and so talkative that sailors heard it through the hull and called it the "
     "canary of the sea. The nearest relative of the narwhal."),
    ("Blue whale", "blue-whale", "Balaenoptera musculus", "30.0", "173.0", 500, "All oceans",
     "The largest animal there has ever been. Its heart beats as seldom as twice a "
     "minute while it dives."),
    ("Sperm whale", "sperm-whale", "Physeter macrocephalus", "18.0", "57.0", 2000,
     "All deep oceans",
     "Hunts squid in the dark by clicks louder than any other sound an animal makes, "
     "and sleeps upright."),
    ("Humpback whale", "humpback-whale", "Megaptera novaeangliae", "16.0", "36.0", 600,
     "All oceans",
     "Males sing for hours; a new song spreads from group to group across the Pacific "
     "within two years."),
    ("Bowhead whale", "bowhead-whale", "Balaena mysticetus", "18.0", "90.0", 580, "Arctic",
     "Breaks half a metre of ice with its head. Harpoon points of the nineteenth "
     "century have been found in living animals: they pass two hundred years."),
    ("Cuvier's beaked whale", "cuviers-beaked-whale", "Ziphius cavirostris", "7.0", "3.1",
     2992, "All deep oceans",
     "Holds the record of all mammals for depth, and for a dive of 222 minutes."),
    ("Orca", "orca", "Orcinus orca", "9.0", "6.0", 1087, "All oceans",
     "A dolphin, strictly. Families keep their own dialects and their own ways to hunt, "
     "taught by grandmothers."),
]
FIELDS = ["name", "slug", "species", "length_m", "mass_t", "dive_m", "waters", "about"]


def fill(apps, schema_editor):
    whale = apps.get_model("catalogue", "Whale")
    for row in WHALES:
        values = dict(zip(FIELDS, row))
        whale.objects.get_or_create(slug=values.pop("slug"), defaults=values)


def empty(apps, schema_editor):
    slugs = [row[FIELDS.index("slug")] for row in WHALES]
    apps.get_model("catalogue", "Whale").objects.filter(slug__in=slugs).delete()


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0001_initial")]
    operations = [migrations.RunPython(fill, empty)]
