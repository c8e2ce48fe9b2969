from django.apps import AppConfig


class BrainsConfig(AppConfig):
    name = "brains"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from brains import checks  # noqa: F401, PLC0415 — checks are registered once all apps are there
