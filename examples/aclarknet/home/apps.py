# SPDX-License-Identifier: Apache-2.0
from django.apps import AppConfig

from aclarknet import object_ids


class HomeConfig(AppConfig):
    name = "home"

    def ready(self):
        object_ids.teach()
