"""Field jobs over the registry: worked out on its rows, applied in one change with the record.

`prepare` reads and writes nothing; the person signs the document it returns; `apply` works the
job out again inside the transaction and refuses when the document is no longer the same. A
record that is there already is left as it is, so that a phone may send it twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from device_registry.channels import channels_ever
from device_registry.commissioning.document import Signature, check_signatures, sha256_of
from device_registry.jobs.catalogue import job_named
from device_registry.jobs.errors import JobOutdatedError
from device_registry.jobs.plan import Answers, Known, Values
from device_registry.jobs.record import Heading, Prepared, prepare
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore

SITE_KINDS: Final = ("point", "sensor", "place", "gateway", "facility")
MAX_ROWS: Final = 10_000
"""Of one kind at one site; a hall of a large wholesaler has some hundreds of points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One job to be done at one site."""

    job: str
    site: str
    answers: Answers
    heading: Heading


class Reader(Protocol):
    """What both the store and a change of it can do."""

    def find(
        self, kind: str, *, where: Mapping[str, object] | None = None, limit: int = 200
    ) -> list[Row]:
        """Return current rows."""

    def get(self, kind: str, id_: str, /) -> Row | None:
        """Return a current row."""

    def ever(self, kind: str, *, where: Mapping[str, object]) -> list[Row]:
        """Return every version, current or not, with these values."""


def prepare_job(store: RegistryStore, order: Order) -> Prepared:
    """Return the plan and the document to sign; nothing is written.

    Raises:
        UnknownJobError: there is no such job.
        JobRefusedError: an input is missing, or something speaks against the job.
    """
    return _prepare(store, order)


def apply_job(
    store: RegistryStore,
    actor: Actor,
    order: Order,
    signatures: tuple[Signature, ...],
    at_ms: int,
) -> Row:
    """Apply a signed job in one change and return its change record.

    Raises:
        JobOutdatedError: the registry changed since the document was signed.
        NotSignedError: a part has not signed, or signed without a name.
        JobRefusedError, UnknownJobError: as `prepare_job`.
        IllegalTransitionError, InvalidFieldsError: the registry refuses a row; nothing changed.
    """
    job, record_id = job_named(order.job), order.heading.id
    signed = {s.document_sha256 for s in signatures}
    with store.change(actor, f"{order.job} {record_id}", at_ms) as change:
        there = change.get("change_record", record_id)
        if there is not None and {there.text("sha256")} == signed:
            return there
        prepared = _prepare(change, order)
        digest = sha256_of(prepared.document)
        if signed and digest not in signed:
            raise JobOutdatedError(order.job, record_id)
        check_signatures(prepared.document, signatures, job.signers)
        for put in prepared.plan.puts:
            change.put(put.kind, put.id, **put.fields)
        return _keep(change, order, prepared, signatures)


def _keep(
    change: Change, order: Order, prepared: Prepared, signatures: tuple[Signature, ...]
) -> Row:
    return change.put(
        "change_record",
        order.heading.id,
        site=order.site,
        job=order.job,
        document={
            "record": dict(prepared.document),
            "signatures": [s.document() for s in signatures],
        },
        sha256=sha256_of(prepared.document),
        signed_by=", ".join(s.name for s in signatures),
    )


def _prepare(reader: Reader, order: Order) -> Prepared:
    known = known_of(reader, order.site, order.heading.at_ms)
    return prepare(job_named(order.job), order.answers, known, order.heading)


def known_of(reader: Reader, site: str, at_ms: int) -> Known:
    """Return what jobs look at of a site, on the day of `at_ms` there."""
    rows: dict[str, dict[str, Values]] = {
        kind: _values(reader.find(kind, where={"site": site}, limit=MAX_ROWS))
        for kind in SITE_KINDS
    }
    sensors = list(rows["sensor"])
    found = reader.find("calibration", where={"sensor": sensors}, limit=MAX_ROWS)
    rows["calibration"] = _values(found)
    row = reader.get("site", site)
    zone = ZoneInfo(row.text("timezone")) if row is not None else UTC
    today = datetime.fromtimestamp(at_ms / 1000, tz=zone).date()
    return Known(
        site=site, rows=rows, today=today, channels=channels_ever(reader, rows["gateway"])
    )


def _values(rows: list[Row]) -> dict[str, Values]:
    return {row.id: row.values for row in rows}
