"""Writes the few shapes of TOML that a configuration has; always the same text for the same.

Pure. Texts are basic strings, escaped as JSON escapes them, which TOML reads alike.
"""

import json
import re
from collections.abc import Mapping, Sequence

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def table_text(header: str, values: Mapping[str, object]) -> str:
    """Return one table: its header (`[[modbus]]`) and a line for each value that is known."""
    lines = [f"{_key(k)} = {_value(v)}" for k, v in values.items() if v is not None]
    return "\n".join([header, *lines, ""])


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    # DEL is no control character to JSON, but is one to TOML.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case Sequence():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            raise TypeError(f"{type(value).__name__} has no place in a configuration")
