"""Short messages through whatever the operator has: one HTTP request per message.

Every provider of short messages in China wants templates and signatures of its own; a small
adapter of the operator's turns this request into theirs.
"""

from collections.abc import Mapping
from typing import Final

import httpx

TIMEOUT_S: Final = 10.0


class WebhookSms:
    """Posts `{"phone": "+86…", "code": "123456"}`, or `text`, with a bearer token."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def send_code(self, phone: str, code: str) -> None:
        """Send a code; OSError unless the adapter answers 2xx."""
        self._post({"phone": phone, "code": code})

    def send_text(self, phone: str, text: str) -> None:
        """Send a sentence; OSError as above."""
        self._post({"phone": phone, "text": text})

    def _post(self, message: Mapping[str, str]) -> None:
        try:
            httpx.post(
                self._url,
                json=message,
                headers={"Authorization": f"Bearer {self._token}"},
                timeout=TIMEOUT_S,
            ).raise_for_status()
        except httpx.HTTPError as error:
            raise OSError(f"{self._url}: {error}") from error
