from django.contrib.admin.apps import AdminConfig
from django.db.backends.signals import connection_created

from coach_project import slow_queries


class CoachAdmin(AdminConfig):
    """Django's admin, with our site in place of its own."""

    default_site = "coach_project.admin_site.CoachAdminSite"

    def ready(self) -> None:
        super().ready()
        connection_created.connect(slow_queries.watch)
