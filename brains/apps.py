from django.apps import AppConfig


class BrainsConfig(AppConfig):
    name = "brains"
    default_auto_field = "django.db.models.BigAutoField"
