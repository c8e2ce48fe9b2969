from django.apps import AppConfig
from django.db.models.signals import post_migrate


class IdentityConfig(AppConfig):
    name = "identity"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from identity import walls  # noqa: PLC0415 — the models are there now

        post_migrate.connect(walls.build, dispatch_uid="identity.walls")
