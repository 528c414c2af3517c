"""The page as leadership opens it: in a real browser, with and without JavaScript, nothing loaded."""

import re
import shutil

import pytest

from publish.release import current_release

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("Chromium is absent: the page was NOT looked at (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(request, browser, published):
    context = browser.new_context(java_script_enabled=request.param, viewport={"width": 390, "height": 844})
    opened = context.new_page()
    opened.requests = []
    opened.problems = []
    opened.on("request", lambda each: opened.requests.append(each.url))
    opened.on("console", lambda each: opened.problems.append(each.text))
    opened.goto((current_release(published.releases) / "index.html").as_uri())
    yield opened
    context.close()


@pytest.mark.parametrize(("today", "is_old"), [("2025-04-10", False), ("2025-04-13", True)])
def test_a_page_that_no_newer_one_followed_says_so(browser, copy_of_published, today, is_old):
    opened = browser.new_page()
    opened.clock.set_fixed_time(f"{today}T12:00:00Z")
    opened.goto((current_release(copy_of_published.releases) / "index.html").as_uri())
    assert opened.locator("#stale").is_visible() is is_old
    assert "a newer one is due by 11 April 2025" in opened.locator("header").inner_text()
    opened.close()


def test_the_page_loads_nothing_and_complains_about_nothing(page):
    assert len(page.requests) == 1
    assert page.problems == []


def test_each_primary_outcome_has_a_verdict_and_those_with_periods_a_picture(page):
    cards = page.locator(".cards article.card")
    assert cards.count() == 3
    for name in ("Engagement", "Goals met", "Retention"):
        assert page.locator(".cards article.card", has_text=name).locator(".word").inner_text().strip()
    for metric, says in (("engagement_score", "by period since"), ("goals_met_share", "by period since")):
        picture = page.locator(f"section#{metric} svg[role=img]")
        box = picture.bounding_box()
        assert box["width"] > 250 and box["height"] > 80
        assert says in picture.get_attribute("aria-label")


def test_the_first_screen_answers_the_question_in_few_words(page):
    text = page.locator("#front").inner_text()
    assert len(text.split()) <= 450
    assert page.locator("#answer .big").inner_text() in ("Scale it up", "Not yet", "Stop")
    for said in ("Certainty", "of the plan", "Money.", "worth having from", "Reasons to doubt", "What would change"):
        assert said in text, said
    assert page.locator("#front article.card svg").count() == 6  # the effect and the levels of three outcomes
    assert page.locator("#answer").bounding_box()["y"] < 300  # seen at once on a phone


def test_the_first_screen_is_one_printed_side(browser, published, tmp_path):
    opened = browser.new_page()
    opened.goto((current_release(published.releases) / "index.html").as_uri())
    opened.add_style_tag(content="main > :not(header, #front) { display: none; }")
    printed = opened.pdf(format="A4", margin=dict.fromkeys(("top", "bottom", "left", "right"), "12mm"))
    opened.close()
    assert len(re.findall(rb"/Type\s*/Page[^s]", printed)) == 1


def test_the_whole_page_is_few_printed_sides_and_few_tables(browser, published):
    opened = browser.new_page()
    opened.goto((current_release(published.releases) / "index.html").as_uri())
    assert opened.locator("table").count() <= 16
    printed = opened.pdf(format="A4", prefer_css_page_size=True)
    opened.close()
    assert len(re.findall(rb"/Type\s*/Page[^s]", printed)) <= 6


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_folded_or_unfolded(browser, published, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(bypass_csp=True, viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened = context.new_page()
    opened.goto((current_release(published.releases) / "index.html").as_uri())
    for is_open in (False, True):
        opened.evaluate("is_open => document.querySelectorAll('details').forEach(d => d.open = is_open)", is_open)
        found = Axe().run(opened)
        assert found.violations_count == 0, found.generate_report()
    context.close()


def test_every_link_leads_somewhere(page, published):
    release = current_release(published.releases)
    links = {link.get_attribute("href") for link in page.locator("a").all()}
    assert {"#front", "#decisions", "#methods"} <= links and "csv/pub_estimates.csv" in links
    for link in links:
        if link.startswith("#"):
            assert page.locator(f'[id="{link[1:]}"]').count() == 1, link
        else:
            assert (release / link).is_file(), link


def test_on_a_phone_no_number_is_hidden_by_scrolling(page):
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    widest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('td, th')].map(e => e.getBoundingClientRect().right))"
    )
    assert widest <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_nothing_sticks_out_on_a_phone(page):
    assert page.locator("main").bounding_box()["width"] <= 390
    for picture in page.locator("svg[role=img]").all():
        box = picture.bounding_box()
        assert box["x"] + box["width"] <= 390


def test_what_is_not_shown_and_where_it_comes_from_is_said(page):
    text = page.locator("main").inner_text()
    assert "is shown of fewer than 10 people" in text
    assert "rows a figure is not shown" in text
    assert "parallel trends" in text
    assert "survey: 4 file(s), about" in text
    assert "E00000" not in text and "Person" not in text
