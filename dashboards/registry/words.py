"""The texts that the technician's scripts write themselves."""

from dashboards.catalogue import Catalogue


def words_of_work(texts: Catalogue) -> dict[str, str]:
    """Return the texts that the scripts fill in themselves, by name."""
    return {key: texts.raw(f"work.script_{key}") for key in SCRIPT_KEYS}


SCRIPT_KEYS = (
    "kept",
    "all_sent",
    "sending",
    "offline",
    "login",
    "refused",
    "within",
    "beyond",
    "no_value",
    "progress",
    "taken",
    "sign_first",
    "name_first",
    "stale",
    "warming",
    "warmed",
    "not_warmed",
    "done",
    "open",
    "signed",
    "signed_kept",
)
"""Names of the texts, as `work.script_NAME`."""
