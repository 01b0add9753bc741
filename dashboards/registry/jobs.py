"""The pages of field jobs: which there are, and the form of one, step by step."""

from collections.abc import Collection
from dataclasses import dataclass

from dashboards.catalogue import catalogue
from dashboards.models import Lang, Name
from dashboards.registry.models import Cell
from dashboards.render import render_template
from dashboards.wording import Wording, zone_or_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLink:
    """A job that can be done here, or the record of one that was."""

    name: Name
    href: str
    who: str = ""
    at_ms: int = 0
    """0 for a job that is still to be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsPage:
    """The field jobs of a site, its change records and its labels."""

    now_ms: int
    site: str
    site_name: Name
    title: Name
    records_title: Name
    labels_title: Name
    jobs: tuple[JobLink, ...]
    records: tuple[JobLink, ...]
    labels: tuple[JobLink, ...]
    notices: tuple[Cell, ...] = ()
    """What keeps gateways from being told what was changed."""
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInput:
    """One thing to give."""

    name: str
    label: Name
    shape: str
    """text, number, date, choice, yes or photo."""
    is_required: bool
    value: str = ""
    options: tuple[tuple[str, Name], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """One step and what is to be done."""

    title: Name
    how: Name
    inputs: tuple[JobInput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """The form of one job at one site."""

    now_ms: int
    csrf: str
    site: str
    site_name: Name
    record: str
    """Id that the change record will have: sent twice, the job is done once."""
    title: Name
    sign: Name
    steps: tuple[JobStep, ...]
    problems: tuple[Name, ...] = ()
    query: str = ""


def render_jobs(model: JobsPage | JobPage, lang: Lang, tz: str, menu: Collection[str]) -> str:
    """Return the whole page for `model`, with what the viewer may use in its `menu`.

    Times are in the IANA time zone `tz`.
    """
    wording = Wording(catalogue(lang), zone_or_utc(tz), model.now_ms)
    name = "work/jobs.html" if isinstance(model, JobsPage) else "work/job.html"
    more = {"query": model.query, "tab": "work", "menu": menu}
    return render_template(name, model, wording, tz, more)
