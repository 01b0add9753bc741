"""Judges batches as the cloud judged them: sender, signature, body, place in the chain."""

from dataclasses import dataclass, replace
from hashlib import sha256

from evidence import cose
from evidence.batch import BatchHeaderCache, Body, Enrolled, decode_body
from evidence.chain import (
    Action,
    BatchHead,
    ChainState,
    Finding,
    FindingDetail,
    Verdict,
    apply,
    judge,
)
from evidence.chain_state import Run
from evidence.errors import WireError
from evidence.succession import as_own, hear, names_only_own
from evidence.trust import Trust
from evidence.verifier.report import Check, Noted, Place, Report
from evidence.verifier.signatures import SignatureQueue

_TOLD_AT_THE_END = frozenset({Finding.BACKLOG, Finding.LOSS, Finding.DUPLICATE})
_TAKEN = "the chain holds another batch for this place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """A batch that could be read; its signature may still be on its way."""

    sender: Enrolled
    head: BatchHead
    place: Place

    @property
    def body(self) -> Body:
        """Return what the batch says."""
        return self.head.body


class BatchAudit:
    """Reads batches and has their signatures verified."""

    def __init__(self, trust: Trust, signatures: SignatureQueue) -> None:
        self._signatures = signatures
        self._senders = BatchHeaderCache()
        for gateway in trust.gateways:
            for key in gateway.keys:
                self._senders.enrol(gateway.id, gateway.site, key)

    def read(self, data: bytes, place: Place) -> Audited | None:
        """Return the batch, None (and an offence) when it is none of a trusted gateway."""
        try:
            envelope = cose.parse1(data)
            sender = self._sender(envelope.protected)
            place = place._replace(gateway=sender.gateway)
            body = decode_body(envelope.payload)
        except WireError as error:
            self._signatures.offence(str(error), place)
            return None
        place = place._replace(epoch=body.epoch.hex(), seq=body.seq)
        self._signatures.verify(sender.key, envelope, place)
        head = BatchHead(body, sha256(data).digest())
        return Audited(sender=sender, head=head, place=place)

    def _sender(self, protected: bytes) -> Enrolled:
        sender = self._senders.find(protected)
        if sender is None:
            kid = cose.read_header(protected).kid.hex()
            raise WireError("profile", f"key {kid} is not pinned in trust.toml")
        return sender


class ChainAudit:
    """The chains of all keys, over all logs of an archive."""

    def __init__(self, check: Check, report: Report) -> None:
        self._check = check
        self._report = report
        self._chains: dict[bytes, ChainState] = {}
        self._again: dict[bytes, ChainState] = {}  # what this log holds after a lost one
        self._gateways: dict[bytes, str] = {}

    def follow(self, batch: Audited, recv_ms: int, claimed_lo: int | None = None) -> None:
        """Judge a batch in its turn and enter it.

        Args:
            batch: as it was read.
            recv_ms: when the cloud received it.
            claimed_lo: what its leaf claims to prove; None when there is no leaf.
        """
        kid = batch.sender.kid
        chain = self._chains.setdefault(kid, ChainState())
        self._gateways[kid] = batch.sender.gateway
        said, batch = batch.body, self._own(chain, batch)
        self._check.examined += 1
        run = _older_run(chain, batch.body)
        if run is not None:
            self._follow_again(run, batch, recv_ms, claimed_lo)
            return
        verdict = judge(chain, batch.head, b"", recv_ms)
        for detail in verdict.findings:
            if detail.finding not in _TOLD_AT_THE_END:
                self._note(kid, detail)
        self._enter(chain, verdict, batch, claimed_lo)
        if batch.body is not said:
            hear(said, self._others(batch.sender))

    def _own(self, chain: ChainState, batch: Audited) -> Audited:
        """Return the batch as its key's chain judges it: without what another key signed."""
        if names_only_own(chain, batch.body):
            return batch
        own = as_own(chain, batch.body, self._others(batch.sender))
        if own is batch.body:
            return batch
        return replace(batch, head=BatchHead(own, batch.head.sha256))

    def _others(self, sender: Enrolled) -> list[ChainState]:
        return [
            chain
            for kid, chain in self._chains.items()
            if kid != sender.kid and self._gateways[kid] == sender.gateway
        ]

    def start_new_log(self) -> None:
        """Go on in the log that follows."""
        self._again.clear()
        for chain in self._chains.values():
            chain.start_new_log()

    def note_gaps(self) -> None:
        """Report what is missing in the end: losses, and what a gateway may still hold."""
        for kid, chain in self._chains.items():
            for gap in chain.gaps():
                finding = Finding.LOSS if gap.lost else Finding.BACKLOG
                self._note(
                    kid, FindingDetail(finding=finding, epoch=gap.epoch, lo=gap.lo, hi=gap.hi)
                )

    @property
    def gateways(self) -> int:
        """Return how many gateways were met."""
        return len(set(self._gateways.values()))

    def _follow_again(
        self, run: Run, batch: Audited, recv_ms: int, claimed_lo: int | None
    ) -> None:
        """Judge a batch that an older log holds: after a lost log gateways send again.

        Of the older ones the ends of each run are remembered; between them the batches that are
        stored again must follow each other.
        """
        ends = {run.lo: run.first.sha256, run.hi: run.last.sha256}
        known = ends.get(batch.body.seq)
        if known is not None and known != batch.head.sha256:
            self._check.fail(_TAKEN, batch.place)
            return
        again = self._again.setdefault(batch.sender.kid, ChainState())
        self._enter(again, judge(again, batch.head, b"", recv_ms), batch, claimed_lo)

    def _enter(
        self, chain: ChainState, verdict: Verdict, batch: Audited, claimed_lo: int | None
    ) -> None:
        if verdict.action is not Action.STORE:
            self._check.fail(_TAKEN, batch.place)
            return
        if claimed_lo is not None and claimed_lo < verdict.run_lo:
            message = f"its leaf claims seq {claimed_lo} on, the log holds {verdict.run_lo} on"
            self._check.fail(message, batch.place)
        apply(chain, batch.head)

    def _note(self, kid: bytes, detail: FindingDetail) -> None:
        parts = [f"by {detail.amount}"] if detail.amount else []
        parts += [f"other {detail.other.hex()}"] if detail.other else []
        self._report.note(
            Noted(
                finding=str(detail.finding),
                gateway=self._gateways[kid],
                epoch=detail.epoch.hex(),
                lo=detail.lo,
                hi=detail.hi,
                detail=", ".join(parts),
            )
        )


def _older_run(chain: ChainState, body: Body) -> Run | None:
    """Return the run that holds this place in a log before the present one."""
    state = chain.epochs.get(body.epoch)
    run = state.run_at(body.seq) if state is not None else None
    return run if run is not None and body.seq < run.proof_lo else None
