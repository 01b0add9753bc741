"""What the checks of a commissioning found, as the pages show it. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from dashboards.models import Name
from dashboards.registry.models import Cell, Tone
from dashboards.registry.work_models import Finding as Shown
from domain.gsp.finding import Finding, Level, Words
from domain.gsp.phrases import Phrases

PACKAGES: Final = ("domain.gsp", "device_registry.commissioning")
TONES: Final[Mapping[Level, Tone]] = {
    Level.PASS: Tone.OK,
    Level.WARN: Tone.WARN,
    Level.REFUSE: Tone.BAD,
}
_NONE: Final = Words(zh="", en="")


def shown(
    findings: Iterable[Finding], names: Mapping[str, Words] | None = None
) -> tuple[Shown, ...]:
    """Return findings as sentences; those about something in `names` say its name first."""
    phrases = Phrases(*PACKAGES)
    return tuple(_shown(phrases, f, (names or {}).get(f.about, _NONE)) for f in findings)


def _shown(phrases: Phrases, finding: Finding, about: Words) -> Shown:
    zh, en = (phrases.finding(finding, lang) for lang in ("zh-CN", "en"))
    return Shown(
        cell=Cell(
            name=Name(
                zh=f"{about.zh}：{zh}" if about.zh else zh,
                en=f"{about.en}: {en}" if about.en else en,
            )
        ),
        tone=TONES[finding.level],
    )
