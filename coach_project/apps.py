from django.contrib.admin.apps import AdminConfig


class CoachAdmin(AdminConfig):
    """Django's admin, with our site in place of its own."""

    default_site = "coach_project.admin_site.CoachAdminSite"
