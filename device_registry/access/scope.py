"""Where a right reaches: an organisation's subtree, within a region's, within a subject class.

Pure. The registry's store turns the same three rules into SQL, so what a query finds and
what `Scope.covers` says must agree: a change here is a change there.

A site is reached through its own organisation or through the authority that is competent
for it. The authority is looked up in a table with its validity, never assumed from the
region, so both paths stand in `Subject`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Where one thing of the registry belongs."""

    org_path: str
    """Ids of the organisations from the root down to its own, joined by "/"."""
    authority_path: str = ""
    """The same for the authority competent for it now; "" while no authority is named."""
    region: str = ""
    """Its region's code, 6 or 12 digits as registered."""
    subject_class: str = ""
    """What kind of firm it is, e.g. `wholesale`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a grant reaches; an empty part does not limit."""

    organisation: str = ""
    """Path of the organisation whose subtree is reached."""
    region: str = ""
    """Leading digits every region of the subtree shares, e.g. "5105" for a city."""
    subject_class: str = ""

    def covers(self, subject: Subject) -> bool:
        """Say whether `subject` lies within this scope in all three respects."""
        return (
            self._covers_organisation(subject)
            and subject.region.startswith(self.region)
            and self.subject_class in {"", subject.subject_class}
        )

    def contains(self, other: "Scope") -> bool:
        """Say whether nothing that `other` covers by its own words lies outside this scope."""
        return (
            (not self.organisation or is_path_within(other.organisation, self.organisation))
            and other.region.startswith(self.region)
            and self.subject_class in {"", other.subject_class}
        )

    def _covers_organisation(self, subject: Subject) -> bool:
        return (
            not self.organisation
            or is_path_within(subject.org_path, self.organisation)
            or is_path_within(subject.authority_path, self.organisation)
        )


def is_path_within(path: str, root: str) -> bool:
    """Say whether `path` is `root` or lies below it, comparing whole ids."""
    return path == root or path.startswith(f"{root}/")


EVERYWHERE = Scope()
"""The scope without a limit."""
