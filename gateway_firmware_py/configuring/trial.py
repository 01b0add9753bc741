"""Which configuration is in force, which is on trial, and when a trial ends well or badly.

Pure. Used by `gateway_firmware_py.configuring.applying`, which keeps every state durable before
it acts on it, so a crash between two steps finds one of two legal states.

```mermaid
stateDiagram-v2
    [*] --> Settled
    Settled --> OnTrial: a newer version that can be read
    Settled --> Settled: one that cannot, or is not newer (refused)
    OnTrial --> Settled: polled and linked again (applied)
    OnTrial --> Settled: not in time, or the program keeps ending (rolled back)
```
"""

from dataclasses import dataclass, replace
from typing import Final

from evidence.configuration import Stage, Standing

MAX_STARTS: Final = 3
"""So often the program may begin anew during one trial; then the configuration is to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One configuration: its number and its hash."""

    number: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What worked when the trial began, and must work again for it to end well."""

    polled: bool
    linked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """`current` is in force, None: the file's own sources; `previous` was before it.

    `refused` is what was said of the last version that is not in force.
    """

    current: Version | None = None
    previous: Version | None = None
    refused: Standing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTrial:
    """`version` is tried; `previous` comes back if it fails. `starts` of the program so far."""

    version: Version
    previous: Version | None
    before: Before
    starts: int = 0


Kept = Settled | OnTrial


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A version to try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Nothing to try: the cloud is to hear this, perhaps again."""

    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a trial waits for a first reading and for the cloud; it lasts `least_ms`."""

    least_ms: int = 5_000
    poll_ms: int = 120_000
    link_ms: int = 900_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What has worked since the trial began, `after_ms` ago."""

    polled: bool
    linked: bool
    after_ms: int


def consider(kept: Kept, offered: Version) -> Take | Say:
    """Return what to do with an offer; the same offer may come any number of times."""
    for known in _known(kept):
        if (known.version, known.sha256) == (offered.number, offered.sha256):
            return Say(standing=known)
    newest = max((known.version for known in _known(kept)), default=-1)
    if offered.number <= newest:
        reason = f"version {newest} is known here already, and versions only rise"
        return Say(standing=_refusal(offered, reason))
    if isinstance(kept, OnTrial):  # one after the other: the cloud offers it again
        return Say(standing=standing_on_trial(kept))
    return Take()


def refuse(kept: Settled, offered: Version, reason: str) -> Settled:
    """Return the state after an offer that cannot work: nothing else changes."""
    return replace(kept, refused=_refusal(offered, reason))


def begin(kept: Settled, version: Version, before: Before) -> OnTrial:
    """Return the state in which `version` is tried."""
    return OnTrial(version=version, previous=kept.current, before=before)


def started(kept: Kept) -> Kept:
    """Return the state after the program began; a trial does not outlast many beginnings."""
    match kept:
        case OnTrial(starts=starts) if starts >= MAX_STARTS:
            return roll_back(kept, f"the gateway ended {starts} times under it")
        case OnTrial():
            return replace(kept, starts=kept.starts + 1)
        case Settled():
            return kept


def judge(trial: OnTrial, seen: Seen, patience: Patience) -> Kept:
    """Return the trial as it stands, ended well, or rolled back with the reason."""
    no_poll = trial.before.polled and not seen.polled
    no_link = trial.before.linked and not seen.linked
    if not no_poll and not no_link:
        if seen.after_ms < patience.least_ms:
            return trial
        return Settled(current=trial.version, previous=trial.previous)
    if no_poll and seen.after_ms >= patience.poll_ms:
        return roll_back(trial, f"no point gave a value within {patience.poll_ms // 1000} s")
    if no_link and seen.after_ms >= patience.link_ms:
        return roll_back(
            trial, f"the cloud could not be reached within {patience.link_ms // 1000} s"
        )
    return trial


def roll_back(trial: OnTrial, reason: str) -> Settled:
    """Return the state with what was in force before the trial."""
    return Settled(current=trial.previous, refused=_refusal(trial.version, reason))


def in_force(kept: Kept) -> Version | None:
    """Return the version by which the gateway runs now, None for the file's own sources."""
    return kept.version if isinstance(kept, OnTrial) else kept.current


def standing(kept: Kept) -> Standing | None:
    """Return what every STATE event says, None when there is no configuration to speak of."""
    match kept:
        case OnTrial():
            return standing_on_trial(kept)
        case Settled(current=current, refused=refused):
            return refused if current is None else _applied(current)


def standing_on_trial(trial: OnTrial) -> Standing:
    """Return what is said of the version on trial."""
    version = trial.version
    return Standing(version=version.number, sha256=version.sha256, stage=Stage.TRIAL)


def _known(kept: Kept) -> list[Standing]:
    match kept:
        case OnTrial(previous=previous):
            known = [standing_on_trial(kept)]
            return [*known, _applied(previous)] if previous is not None else known
        case Settled(current=current, refused=refused):
            known = [refused] if refused is not None else []
            return [*known, _applied(current)] if current is not None else known


def _applied(version: Version) -> Standing:
    return Standing(version=version.number, sha256=version.sha256, stage=Stage.APPLIED)


def _refusal(version: Version, reason: str) -> Standing:
    return Standing(
        version=version.number, sha256=version.sha256, stage=Stage.ROLLED_BACK, reason=reason
    )
