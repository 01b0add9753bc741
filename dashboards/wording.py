"""How values, times, ages and states are written, in one language and one time zone.

Pure: every method returns text. The scripts write ages and times the same way, from the steps
and texts that `for_scripts` hands them.
"""

from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup, escape

from dashboards.catalogue import Catalogue
from dashboards.models import AlarmKind, AlarmView, Name, PointView
from domain.profiles.model import PointClass
from domain.quantity import Quantity
from domain.rules.model import Direction, Severity

SPAN_STEPS: Final = ((90, 1, "seconds"), (90 * 60, 60, "minutes"), (48 * 3600, 3600, "hours"))
"""(below how many seconds, divided by what, written how); beyond the last one in days."""
JUST_NOW_S: Final = 2
DAY_S: Final = 86_400
NO_VALUE: Final = "—"

_UNITS: Final = {"Cel": "°C", "1": "", "lx": "lx", "V": "V", "s": "s", "dB[mW]": "dBm"}
_WORDED: Final = frozenset({Quantity.DOOR, Quantity.MAINS})
_STATES: Final = (0, 1)
"""Values of a state that have a word; a controller may have others."""


def zone_or_utc(tz: str) -> tzinfo:
    """Return the time zone with this IANA name, UTC when there is none."""
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


class Wording:
    """Writes for one viewer."""

    def __init__(self, catalogue: Catalogue, zone: tzinfo, now_ms: int) -> None:
        self._catalogue = catalogue
        self._zone = zone
        self._now_ms = now_ms
        self.lang = catalogue.lang
        self.no_value = NO_VALUE

    def t(self, key: str, **values: object) -> str:
        """Return a text of the catalogue."""
        return self._catalogue.text(key, **values)

    def t_html(self, key: str, **values: object) -> Markup:
        """Return a text into which markup may be put; plain values are escaped."""
        return escape(self._catalogue.raw(key)).format(**values)

    def name(self, name: Name) -> str:
        """Return a name in the viewer's language."""
        return name.text(self.lang)

    def number(self, value: float | None, decimals: int) -> str:
        """Return a number with its decimals; a dash when there is none."""
        return NO_VALUE if value is None else f"{value:.{max(decimals, 0)}f}"

    def count(self, number: int) -> str:
        """Return a whole number with its thousands apart."""
        return f"{number:,}"

    def unit(self, quantity: Quantity | None, unit: str) -> str:
        """Return the unit as it is written beside a number."""
        if quantity in _WORDED:
            return ""
        if quantity is Quantity.HUMIDITY:
            return "%RH"
        return _UNITS.get(unit, unit)

    def amount(self, quantity: Quantity | None, value: float | None, decimals: int) -> str:
        """Return a value as it is written without its unit: a number, or a word for a door."""
        if quantity in _WORDED and value is not None:
            return self.t(f"value.{quantity}_{int(value != 0)}")
        if quantity is Quantity.STATE and value in _STATES:
            return self.t(f"value.{quantity}_{value:.0f}")
        return self.number(value, decimals)

    def reading(
        self, quantity: Quantity | None, value: float | None, decimals: int, unit: str
    ) -> str:
        """Return a value with its unit."""
        amount = self.amount(quantity, value, decimals)
        return f"{amount} {self.unit(quantity, unit)}".rstrip() if value is not None else amount

    def clock(self, at_ms: int) -> str:
        """Return the time of day, with the date when it is not today's."""
        at = datetime.fromtimestamp(at_ms / 1000, self._zone)
        today = datetime.fromtimestamp(self._now_ms / 1000, self._zone)
        shape = "%H:%M:%S" if at.date() == today.date() else "%Y-%m-%d %H:%M:%S"
        return at.strftime(shape)

    def moment(self, at_ms: int) -> str:
        """Return date and time of day, whatever day it is."""
        at = datetime.fromtimestamp(at_ms / 1000, self._zone)
        return at.strftime("%Y-%m-%d %H:%M:%S")

    def iso(self, at_ms: int) -> str:
        """Return the time for machines, in UTC."""
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def age(self, at_ms: int) -> str:
        """Return how long ago something was."""
        age_s = max(self._now_ms - at_ms, 0) // 1000
        return self.t("age.now") if age_s < JUST_NOW_S else self._span("age", age_s)

    def span(self, span_ms: int) -> str:
        """Return a length of time."""
        return self._span("span", max(span_ms, 0) // 1000)

    def permitted(self, point: PointView) -> str:
        """Return the range in which a point has no alarm."""
        low = point.limit(Direction.LOW, Severity.ALARM)
        high = point.limit(Direction.HIGH, Severity.ALARM)
        unit = self.unit(point.quantity, point.unit)
        texts = {
            side: f"{value:g} {unit}".rstrip()
            for side, value in (("low", low), ("high", high))
            if value is not None
        }
        shape = "both" if len(texts) == 2 else next(iter(texts), "none")
        if shape == "both":
            texts["low"] = f"{low:g}"
        return self.t(f"point.range_{shape}", **texts)

    def status(self, point: PointView) -> str:
        """Return the state of a point in a word or two."""
        if point.status != "ok":
            return self.t(f"status.{point.status}")
        if point.point_class is PointClass.EQUIPMENT:
            return self.t("status.unjudged")
        return self.t("status.in_order" if point.quantity in _WORDED else "status.ok")

    def what(self, alarm: AlarmView) -> str:
        """Return what an alarm is about."""
        if alarm.kind is not AlarmKind.LIMIT:
            return self.t(f"alarm_kind.{alarm.kind}")
        if alarm.quantity in _WORDED:
            return self.t(f"alarm_kind.{alarm.quantity}")
        threshold = self._threshold(alarm)
        kind = "limit" if alarm.severity is Severity.ALARM else "prealarm"
        return self.t(f"alarm_kind.{kind}_{alarm.direction}", threshold=threshold)

    def for_scripts(self) -> dict[str, object]:
        """Return what the scripts need to write the same."""
        return {
            "lang": self.lang.value,
            "justNowS": JUST_NOW_S,
            "steps": [*SPAN_STEPS, (None, DAY_S, "days")],
            "age": self._catalogue.under("age"),
            "live": self._catalogue.under("live"),
            "script": self._catalogue.under("script"),
            "value": self._catalogue.under("value"),
            "proof": {"passed": self.t("proof.passed"), "failed": self.t("proof.failed")},
            "noValue": NO_VALUE,
        }

    def _threshold(self, alarm: AlarmView) -> str:
        value = "" if alarm.threshold is None else f"{alarm.threshold:g}"
        return f"{value} {self.unit(alarm.quantity, alarm.unit)}".strip()

    def _span(self, section: str, span_s: int) -> str:
        for below_s, divisor, key in SPAN_STEPS:
            if span_s < below_s:
                return self.t(f"{section}.{key}", n=span_s // divisor)
        return self.t(f"{section}.days", n=span_s // DAY_S)
