"""What callers may rely on in the errors of the package."""

from pathlib import Path

from evidence.errors import CorruptError, EvidenceError, WireError


def test_a_wire_error_names_the_broken_rule_in_one_word() -> None:
    error = WireError("canonical", "map key at 7 is out of order")
    assert error.code == "canonical"
    assert str(error) == "map key at 7 is out of order"
    assert isinstance(error, EvidenceError)


def test_a_corrupt_file_is_named_with_the_place() -> None:
    error = CorruptError(Path("/a/b.seg"), 512, "checksum differs")
    assert (error.path, error.offset) == (Path("/a/b.seg"), 512)
    assert str(error) == "/a/b.seg at byte 512: checksum differs"
