"""One entry of the audit trail with its proof as JSON: what is needed to check it elsewhere.

Pure. To check it without this server: decode `record` (SPEC.md section 9), which holds the
entry as canonical CBOR; compute its leaf and from that, along `path`, the root; compare with
the root that `checkpoint` names, and the checkpoint's signature with the log's key, known from
elsewhere than this document.
"""

from dataclasses import asdict

from dashboards.people.models import EntryProof
from device_registry.store.audit import AuditEntry, audit_leaf


def entry_document(entry: AuditEntry, proof: EntryProof | None) -> dict[str, object]:
    """Return the document; `proof` is null while no signed checkpoint covers the entry."""
    said = {
        "seq": entry.seq,
        "at_ms": entry.at_ms,
        "actor": entry.actor,
        "role": entry.role,
        "via": entry.via,
        "device": entry.device,
        "kind": entry.kind,
        "id": entry.id,
        "action": entry.action,
        "old": entry.old,
        "new": entry.new,
        "why": entry.why,
        "prev_hash": entry.prev_hash.hex(),
        "hash": entry.hash.hex(),
    }
    leaf = audit_leaf(entry).hex()
    return {"entry": said, "cbor": leaf, "proof": asdict(proof) if proof else None}
