"""Pages escape what people wrote, hold no inline script, and show every state."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from dashboards.models import (
    CheckView,
    CountsView,
    Lang,
    Name,
    NoticePage,
    Overview,
    PageModel,
    PointPage,
    ProofPage,
    Series,
    SitePage,
)
from dashboards.render import render
from tests.support.pages import FakePages, proof_of, two_pharmacies

NOW_MS = 1_795_363_200_000


def source() -> FakePages:
    return two_pharmacies(lambda: NOW_MS)


def models() -> dict[str, PageModel]:
    pages = source()
    overview = pages.overview()
    site = overview.sites[0]
    shown = site.points[0]
    series = pages.series(shown.id, NOW_MS - 3_600_000, NOW_MS, 1500)
    proof = proof_of(NOW_MS - 5000, 5.2)
    return {
        "overview": overview,
        "site": SitePage(
            now_ms=NOW_MS, site=site, alarms=overview.alarms, counts=overview.counts
        ),
        "point": PointPage(
            now_ms=NOW_MS,
            site=site,
            point=shown,
            alarms=overview.alarms,
            range_s=3600,
            series=series,
        ),
        "proof": ProofPage(
            now_ms=NOW_MS, site=site, point=shown, t_ms=NOW_MS - 5000, proof=proof
        ),
        "no proof": ProofPage(
            now_ms=NOW_MS, site=site, point=shown, t_ms=NOW_MS - 5000, proof=None
        ),
        "notice": NoticePage(now_ms=NOW_MS, message="not_found"),
    }


class Inspector(HTMLParser):
    """Collects what a strict content security policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if "style" in named or any(name.startswith("on") for name in named):
            self.refused.append(f"<{tag} {named}>")
        if tag == "script" and "src" not in named and named.get("type") != "application/json":
            self.refused.append("inline script")
        if tag == "style" or (named.get("href") or "").startswith("javascript:"):
            self.refused.append(f"<{tag}>")
        if named.get("id"):
            self.ids.append(named["id"] or "")


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("name", list(models()))
def test_every_page_renders_without_anything_inline(name: str, lang: Lang) -> None:
    html = render(models()[name], lang, "Asia/Shanghai")
    inspector = Inspector()
    inspector.feed(html)
    assert inspector.refused == []
    assert len(inspector.ids) == len(set(inspector.ids))
    assert f'<html lang="{lang}">' in html
    assert "{{" not in html


def test_what_people_wrote_is_escaped_everywhere() -> None:
    evil = Name(zh='<script>alert("1")</script>', en="</script><img src=x onerror=alert(1)>")
    hostile: list[PageModel] = []
    for model in models().values():
        if isinstance(model, PointPage | ProofPage):
            hostile.append(replace(model, point=replace(model.point, name=evil)))
        elif isinstance(model, Overview):
            hostile.append(replace(model, sites=(replace(model.sites[0], name=evil),)))
    assert len(hostile) == 4
    for model in hostile:
        for lang in Lang:
            html = render(model, lang, "UTC")
            assert "<script>alert" not in html
            assert "<img src=x" not in html


def test_the_verdict_is_whole_only_when_it_is() -> None:
    def verdict(counts: CountsView) -> str:
        model = replace(source().overview(), counts=counts)
        html = render(model, Lang.EN, "UTC")
        found = re.search(r'class="verdict">.*?<span>(.*?)</span>', html, re.DOTALL)
        assert found
        return found[1]

    whole = CountsView(
        readings_stored=6, batches=2, verified=2, duplicates_refused=5, refused=1
    )
    assert verdict(whole) == "0 lost, 0 duplicated, all verified"
    assert verdict(replace(whole, missing=3)) == "3 batches on their way, 0 lost"
    assert verdict(replace(whole, lost=1)) == "1 lost, 0 duplicated, 0 not verified"
    assert verdict(replace(whole, duplicated=1)) == "0 lost, 1 duplicated, 0 not verified"
    assert verdict(replace(whole, verified=1)) == "0 lost, 0 duplicated, 1 not verified"


def test_the_states_of_links_and_points_are_words_and_icons() -> None:
    html = render(source().overview(), Lang.ZH, "UTC")
    for status, word in {
        "alarm": "报警",
        "prealarm": "预警",
        "silent": "网关失联",
        "missing": "数据缺失",
        "returned": "已恢复未确认",
        "backlog": "断网补传中",
        "ok": "正常",
        "never": "暂无数据",
    }.items():
        assert re.search(
            rf'chip is-{status}".*?href="#i-{status}".*?<span>{word}</span>', html, re.DOTALL
        ), status
    assert "断网补传：待补 12 个数据包" in html
    assert "补传发现" in html


def test_a_hole_reaches_the_chart_as_a_hole() -> None:
    model = models()["point"]
    assert isinstance(model, PointPage)
    series = Series(times=[1, 2, 3], values=[5.0, None, 6.0])
    html = render(replace(model, series=series), Lang.EN, "UTC")
    found = re.search(r'id="chart-data">(.*?)</script>', html)
    assert found
    data = json.loads(found[1])
    assert data["values"] == [5.0, None, 6.0]
    assert {(x["direction"], x["severity"], x["value"]) for x in data["limits"]} == {
        ("high", "alarm", 8.0),
        ("low", "alarm", 2.0),
        ("high", "prealarm", 7.5),
        ("low", "prealarm", 2.5),
    }


def test_the_language_switch_stays_on_the_page() -> None:
    pages = models()
    assert 'href="?range=3600&amp;lang=en"' in render(pages["point"], Lang.ZH, "UTC")
    assert f'href="?t={NOW_MS - 5000}&amp;lang=zh-CN"' in render(pages["proof"], Lang.EN, "UTC")
    assert 'href="?lang=en"' in render(pages["overview"], Lang.ZH, "UTC")


def test_a_failed_check_is_never_introduced_as_proven() -> None:
    model = models()["proof"]
    assert isinstance(model, ProofPage)
    assert model.proof is not None
    good = render(model, Lang.EN, "UTC")
    assert "cannot have been changed" in good
    checks = (*model.proof.checks[:1], CheckView(name="inclusion", ok=False))
    bad = render(replace(model, proof=replace(model.proof, checks=checks)), Lang.EN, "UTC")
    assert "cannot have been changed" not in bad
    assert "A check has failed" in bad


def test_a_chart_without_its_store_says_that_recording_goes_on() -> None:
    model = models()["point"]
    assert isinstance(model, PointPage)
    empty = replace(model, series=Series(times=(), values=()), is_available=False)
    assert "时序数据暂时不可用；记录和报警不受影响。" in render(empty, Lang.ZH, "UTC")


def test_nobody_claims_to_know_what_a_silent_gateway_holds() -> None:
    pages = [
        render(
            Overview(now_ms=0, sites=(), alarms=(), counts=CountsView(silent=n)), Lang.EN, "UTC"
        )
        for n in (0, 2)
    ]
    assert ["may hold more: 2" in page for page in pages] == [False, True]
    assert ["0 still at the gateways" in page for page in pages] == [True, False]


def test_sites_that_the_first_page_leaves_out_are_named_with_the_way_to_them() -> None:
    page = Overview(now_ms=0, sites=(), alarms=(), counts=CountsView(), more=7)
    shown = render(page, Lang.ZH, "UTC")
    assert "另有 7 个站点未在此显示" in shown
    assert 'href="/registry?show=sites"' in shown
    assert "more-sites" not in render(replace(page, more=0), Lang.ZH, "UTC")


def test_alarms_that_the_first_page_leaves_out_are_counted() -> None:
    every = source().overview()
    assert every.alarms
    shown = render(replace(every, more_alarms=1200), Lang.ZH, "UTC")
    assert "另有 1,200 条较不紧急的报警未在此显示" in shown
    assert f">{1200 + len(every.alarms):,}</span>" in shown
