"""A registry file loads whole, or is refused with every mistake's line and remedy."""

from pathlib import Path

import pytest

import device_registry.load as module
from device_registry.errors import RegistryFileError
from device_registry.load import load_registry
from domain.profiles.model import PointClass
from domain.quantity import Quantity
from tests.support.registry_file import GATEWAY_KEY, OTHER_KEY, REGISTRY

FRIDGE_LINE = 24
"""Where the first `[[point]]` of the registry starts."""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "registry.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(tmp_path: Path, text: str) -> RegistryFileError:
    with pytest.raises(RegistryFileError) as caught:
        load_registry(written(tmp_path, text))
    return caught.value


def test_a_correct_file_loads(tmp_path: Path) -> None:
    registry = load_registry(written(tmp_path, REGISTRY))
    assert [t.id for t in registry.tenants] == ["chs"]
    assert registry.sites[0].timezone == "Asia/Shanghai"
    assert [g.heartbeat_s for g in registry.gateways] == [30, 60]
    fridge = registry.point("gw-chs-001", 1)
    assert fridge is not None
    assert (fridge.id, fridge.name_zh, fridge.unit) == ("fridge-1-t", "1 号冰箱 温度", "Cel")
    assert (fridge.quantity, fridge.point_class) == (
        Quantity.TEMPERATURE,
        PointClass.COMPLIANCE,
    )


def test_the_example_in_the_documentation_is_correct_but_for_its_key(tmp_path: Path) -> None:
    doc = module.__doc__ or ""
    example = "\n".join(line.removeprefix("    ") for line in doc.splitlines()[4:])
    text = example.replace("ed25519:BASE64", GATEWAY_KEY.public.to_text())
    assert len(load_registry(written(tmp_path, text)).points("chs-001")) == 1


POINT = REGISTRY[REGISTRY.index("[[point]]") : REGISTRY.index('[[point]]\nid = "fridge-1-c')]


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (
            ('id = "fridge-1-compressor"', 'id = "fridge-1-t"'),
            FRIDGE_LINE + 11,
            "duplicate point id 'fridge-1-t'; the first one is at line 25; rename one",
        ),
        (
            ('gateway = "gw-chs-001"\nchannel = 2', 'gateway = "gw-x"\nchannel = 2'),
            FRIDGE_LINE + 13,
            "unknown gateway 'gw-x'; known: gw-chs-001, gw-chs-002",
        ),
        (
            ('"CN_COLD_2_8"', '"CN_COLD"'),
            FRIDGE_LINE + 8,
            "unknown rule pack 'CN_COLD'; use one of: CN_AMBIENT_10_30, CN_COLD_2_8",
        ),
        (
            ('"CN_COLD_2_8"', '"CN_COLD_2_8"\nunit = "[degF]"'),
            FRIDGE_LINE + 9,
            "unit '[degF]' does not measure temperature; use UCUM 'Cel'",
        ),
        (
            ('quantity = "temperature"', 'quantity = "heat"'),
            FRIDGE_LINE + 7,
            "unknown quantity 'heat'; use one of temperature, humidity",
        ),
        (
            ('"temperature"\nrule_pack = "CN_COLD_2_8"', '"humidity"\nrule_pack = "US_FRIDGE"'),
            FRIDGE_LINE + 8,
            "US_FRIDGE sets no limit for humidity; use a pack that does",
        ),
        (
            ('rule_pack = "CN_COLD_2_8"\n', ""),
            FRIDGE_LINE,
            'a compliance point needs one; add rule_pack = "CN_COLD_2_8"',
        ),
        (
            ("channel = 2", "channel = 1"),
            FRIDGE_LINE + 14,
            "is at line 24 too; a channel is one",
        ),
        (("channel = 1", 'channel = "1"'), FRIDGE_LINE + 4, "got '1'; write channel = a whole"),
        (("channel = 1\n", ""), FRIDGE_LINE, "missing; write channel = a whole number"),
        (("channel = 1\n", "channel = true\n"), FRIDGE_LINE + 4, "got True"),
        (
            ('site = "chs-001"\nkeys', 'site = "nowhere"\nkeys'),
            15,
            "unknown site 'nowhere'; known: chs-001",
        ),
        (
            ('id = "gw-chs-002"', 'id = "GW 2"'),
            20,
            "'GW 2' cannot be an id; use 4 to 32 of a-z",
        ),
        (
            (OTHER_KEY.public.to_text(), "ed25519:AAAA"),
            22,
            "'ed25519:AAAA' is not a public key; paste the line that",
        ),
        (
            (OTHER_KEY.public.to_text(), GATEWAY_KEY.public.to_text()),
            22,
            "same key as at line 16; every gateway has a key of its own",
        ),
        (('keys = ["', 'keys = "'), 1, "mend the TOML there"),
        (
            ("heartbeat_s = 30", "heartbeat_s = 0"),
            17,
            "got 0; write heartbeat_s = a whole number",
        ),
        (("heartbeat_s = 30", "heart = 30"), 17, "unknown setting; use one of id, site, keys"),
        (('"Asia/Shanghai"', '"Asia/Nowhere"'), 11, "unknown time zone 'Asia/Nowhere'; use an"),
        (('"Asia/Shanghai"', '"../etc/passwd"'), 11, "unknown time zone '../etc/passwd'"),
        (('name_zh = "人民路店"\n', ""), 6, 'missing; add name_zh = "..."'),
        (('name_zh = "人民路店"', "name_zh = 7"), 9, "expected a text, got 7"),
        (('tenant = "chs"', 'tenant = ""'), 8, 'missing; add tenant = "..."'),
        (("[[tenant]]", "[tenant]"), 1, "expected a list of tables; write [[tenant]]"),
        (("[[tenant]]", "[[tenants]]"), 1, "unknown section 'tenants'; use [[tenant]]"),
        (
            ('class = "equipment"', 'class = "toy"'),
            42,
            "unknown class 'toy'; use one of compli",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_remedy(
    tmp_path: Path, change: tuple[str, str], line: int, message: str
) -> None:
    assert change[0] in REGISTRY
    error = refusal(tmp_path, REGISTRY.replace(change[0], change[1], 1))
    named = [shown for shown in str(error).splitlines() if message in shown]
    assert named, str(error)
    if message != "mend the TOML there":
        assert named[0].startswith(f"{error.file}:{line}: "), named[0]


def test_a_gateway_at_another_site_is_refused(tmp_path: Path) -> None:
    other = (
        '[[site]]\nid = "b"\ntenant = "chs"\nname_zh = "b"\nname_en = "b"\ntimezone = "UTC"\n'
    )
    text = REGISTRY.replace("[[gateway]]", other + "[[gateway]]", 1)
    text = text.replace('site = "chs-001"\ngateway', 'site = "b"\ngateway', 1)
    assert "gateway 'gw-chs-001' is at site 'chs-001', not 'b'" in str(refusal(tmp_path, text))


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = REGISTRY.replace('"Asia/Shanghai"', '"Mars"').replace("channel = 2", "channel = 1")
    error = refusal(tmp_path, text)
    assert [p.line for p in error.problems] == [11, 38]


def test_an_entry_written_inline_is_checked_too(tmp_path: Path) -> None:
    text = 'tenant = [{id = "a", name_zh = "a", name_en = "a"}, {id = "a", name_zh = "a"}]\n'
    error = refusal(tmp_path, text)
    assert {p.line for p in error.problems} == {1}
    assert "duplicate tenant id 'a'" in str(error)


def test_entries_that_are_not_tables_are_refused(tmp_path: Path) -> None:
    assert "expected a list of tables" in str(refusal(tmp_path, "\npoint = [1, 2]\n"))


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryFileError, match="No such file"):
        load_registry(tmp_path / "none.toml")
    (tmp_path / "registry.toml").write_bytes(b"\xff")
    with pytest.raises(RegistryFileError, match="not UTF-8"):
        load_registry(tmp_path / "registry.toml")
