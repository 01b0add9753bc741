"""Errors carry what was asked for and what would have worked."""

from domain.errors import UnknownPackError, UnknownProfileError


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    assert str(UnknownPackError("X", ("A", "B"))) == "unknown rule pack 'X'; use one of: A, B"
    profile = UnknownProfileError("X", ("A",))
    assert (profile.name, profile.known) == ("X", ("A",))
