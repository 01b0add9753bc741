"""The page on which calibration certificates come in bulk."""

from collections.abc import Collection
from dataclasses import dataclass

from dashboards.catalogue import catalogue
from dashboards.models import Lang, Name
from dashboards.render import render_template
from dashboards.wording import Wording, zone_or_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatesPage:
    """A form for a package, and what was found in the last one."""

    now_ms: int
    csrf: str
    title: Name
    hint: Name
    package: Name
    apply: Name
    send: Name
    template: Name
    told: Name | None = None
    """What was done, or would be."""
    problems: tuple[Name, ...] = ()
    query: str = ""


def render_certificates(
    model: CertificatesPage, lang: Lang, tz: str, menu: Collection[str]
) -> str:
    """Return the whole page for `model`, with what the viewer may use in its `menu`.

    Times are in the IANA time zone `tz`.
    """
    wording = Wording(catalogue(lang), zone_or_utc(tz), model.now_ms)
    more = {"query": model.query, "tab": "registry", "menu": menu}
    return render_template("registry/certificates.html", model, wording, tz, more)
