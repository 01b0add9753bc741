"""The status of a gateway in a few lines for people. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

STALE_MS: Final = 180_000
"""No running gateway leaves its status alone for this long."""


def status_lines(status: Mapping[str, object], age_ms: int) -> Iterator[str]:
    """Yield the lines that `coldwarden-gateway status` prints."""
    recorder, outbox, uplink, clock = (
        _part(status, name) for name in ("recorder", "outbox", "uplink", "clock")
    )
    if age_ms >= STALE_MS:
        yield f"STOPPED   or stuck: this was written {age_ms // 60_000} min ago; run: doctor"
    yield (
        f"{status.get('gateway')} at {status.get('site')}, version {status.get('version')}, "
        f"up {status.get('uptime_s')} s, seen {age_ms // 1000} s ago"
    )
    sync = "synchronised" if clock.get("sync") else "NOT synchronised"
    yield f"clock     {sync}, within {clock.get('err_ms')} ms"
    yield (
        f"recorded  {recorder.get('readings')} readings in {recorder.get('batches')} batches, "
        f"{recorder.get('unsealed')} not sealed yet"
    )
    told = _part(status, "configuration")
    if told.get("version"):
        reason = f": {told['reason']}" if told.get("reason") else ""
        yield f"told      configuration {told['version']} is {told.get('stage')}{reason}"
    yield f"alarms    {recorder.get('alarms')} stand"
    for reason, count in _part(recorder, "dropped").items():
        yield f"DROPPED   {count} ({reason})"
    yield (
        f"outbox    {_mib(outbox.get('used_bytes'))} of {_mib(outbox.get('max_bytes'))} MiB, "
        f"{outbox.get('unreceipted')} of {outbox.get('held')} batches without a receipt, "
        f"{outbox.get('refused')} refused"
    )
    yield (
        f"link      {uplink.get('link')} by {uplink.get('way')}, "
        f"{uplink.get('in_flight')} in flight, {uplink.get('waiting')} wait"
        + (f"; {uplink['last_error']}" if uplink.get("last_error") else "")
    )
    for name, source in _part(status, "sources").items():
        yield from _source_lines(name, source if isinstance(source, Mapping) else {})


def _source_lines(name: object, source: Mapping[str, object]) -> Iterator[str]:
    shown = "runs"
    if "is_up" in source:
        shown = "up" if source["is_up"] else "DOWN"
    fault = f": {source['fault']}" if source.get("fault") else ""
    yield f"source    {name} {shown}{fault}"
    devices = source.get("devices")
    for device in devices if isinstance(devices, list) else ():
        if isinstance(device, Mapping) and device.get("fault"):
            yield f"DEVICE    {device.get('name')}: {device['fault']}"


def _part(whole: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = whole.get(name)
    return part if isinstance(part, Mapping) else {}


def _mib(size: object) -> int:
    return size >> 20 if isinstance(size, int) else 0
