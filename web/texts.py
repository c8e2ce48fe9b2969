"""What the page's modules say, by key, in the language that is asked for. The template has texts of its own."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TEXTS: dict[str, Promise] = {
    "coach": _("Coach"),
    "coach_is": _("Coach: {name}"),
    "you_said": _("You said"),
    "send": _("Send"),
    "stop": _("Stop"),
    "copy": _("Copy"),
    "copied": _("Copied"),
    "edit": _("Edit"),
    "retry": _("Try again"),
    "regenerate": _("Regenerate"),
    "why": _("Why"),
    "versions": _("Versions"),
    "version_before": _("Earlier version"),
    "version_after": _("Later version"),
    "version_of": _("Version {number} of {count}"),
    "version_use": _("Use this one"),
    "version_shown": _("Shown now"),
    "compare": _("Compare"),
    # Under an answer that is not, or not wholly, there.
    "reconnecting": _("The connection is lost. Coming back to your coach …"),
    "offline": _("You are offline. What you send goes out when you are back."),
    "stopping": _("Stopping …"),
    "stopped": _("You stopped this answer."),
    "interrupted": _("This answer was interrupted."),
    "truncated": _("This answer was cut off: it had reached its greatest length."),
    "declined": _("Your coach did not want to answer this."),
    "failed": _("There is no answer to this yet."),
    # Sessions.
    "untitled": _("Untitled"),
    "no_sessions": _("What you talk about will be listed here."),
    "nothing_found": _("Nothing found."),
    "rename": _("Rename"),
    "rename_of": _("Rename “{title}”"),
    "delete": _("Delete"),
    "delete_of": _("Delete “{title}”"),
    "delete_question": _("Delete “{title}” with all that was said in it?"),
    "clear": _("Clear"),
    "clear_question": _("Delete all messages of this chat? The chat itself stays."),
    # Memory.
    "memory_is": _("What your coach knows of you from earlier talks. All of it is yours to correct and to erase."),
    "memory_empty": _("Nothing yet. What you tell your coach about goals, records or habits will appear here."),
    "memory_paused": _("Paused: nothing is learned and nothing is recalled."),
    "told_here": _("Added here"),
    "pin": _("Pin"),
    "correct": _("Correct"),
    "erase": _("Erase"),
    "forget": _("Forget"),
    "forget_question": _("Forget everything about “{topic}”?"),
    "forget_all_question": _("Forget everything that is remembered of you?"),
    "health_question": _("Without your consent, everything remembered about your health is erased. Go on?"),
    "kind_injury": _("Injury"),
    "kind_goal": _("Goal"),
    "kind_preference": _("Preference"),
    "kind_record": _("Record"),
    "kind_schedule": _("Schedule"),
    "kind_health": _("Health"),
    "kind_person": _("Person"),
    "kind_other": _("Other"),
    # Why this answer.
    "why_coach": _("Coach"),
    "why_version": _("{name}, version {version}"),
    "why_brain": _("Brain"),
    "why_history": _("From this chat"),
    "why_turns": _("Earlier questions and answers: {count}"),
    "why_facts": _("Remembered facts"),
    "why_none": _("None"),
    "why_recalled": _("From earlier chats"),
    "why_quotes": _("Quotes: {count}"),
    "why_summary": _("Summary"),
    "why_yes": _("A summary stood for what was said before."),
    "why_tokens": _("Tokens in → out"),
    "forgotten": _("Forgotten since."),
    # Errors, by code.
    "error_provider_config": _("Your coach is not set up properly. The operator has to look."),
    "error_provider_quota": _("Your coach has used up what it may say for now. The operator has to look."),
    "error_context_too_long": _("This chat has grown too long. Begin a new one."),
    "error_provider_busy": _("Your coach is very busy. Try again in a moment."),
    "error_provider_timeout": _("Your coach took too long. Try again."),
    "error_provider_error": _("Your coach could not be reached. Try again."),
    "error_provider_interrupted": _("Your coach broke off. Try again."),
    "error_empty_reply": _("Your coach said nothing. Try again."),
    "error_not_saved": _("The answer could not be stored just now. It is tried again."),
    "error_server_stopping": _("The server restarted in the middle. Try again."),
    "error_server_restarted": _("The server restarted in the middle. Try again."),
    "error_session_deleted": _("This chat was deleted."),
    "error_not_found": _("This is no longer there."),
    "error_turn_in_progress": _("Your coach is still answering in this chat."),
    "error_too_many_turns": _("That is a lot at once. Try again in a moment."),
    "error_server_busy": _("It is very busy here. Try again in a moment."),
    "error_database_unavailable": _("Nothing can be stored right now. Try again in a moment."),
    "error_too_large": _("This message is too long."),
    "error_internal": _("Something went wrong here. Try again."),
}


def kinds() -> list[tuple[str, str]]:
    """Those of what is remembered, by name, with their texts; the least special one first."""
    found = [(key.removeprefix("kind_"), str(text)) for key, text in TEXTS.items() if key.startswith("kind_")]
    return found[::-1]


def translated() -> dict[str, str]:
    """All of them, in the language that is active."""
    return {key: str(text) for key, text in TEXTS.items()}
