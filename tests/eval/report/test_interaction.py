"""The page in a real browser: it sorts, filters, shows and hides, tells values, and tests ears."""

import json
import re

import pytest


def column(browser, body, number):
    rows = f"[...document.querySelectorAll('table.scores tbody.{body} tr.score')]"
    return browser.run(f"{rows}.map(row => row.cells[{number}].dataset.key)")


def heading(number):
    return f"table.scores thead th:nth-child({number + 1}) button"


def test_table_sorts_on_click(browser):
    before = column(browser, "denoiser", 0)
    for number in (2, 5):
        browser.click(heading(number))
        for body in ("denoiser", "oracle"):
            values = [float(value) for value in column(browser, body, number)]
            assert values == sorted(values, reverse=True)
        browser.click(heading(number))
        values = [float(value) for value in column(browser, "denoiser", number)]
        assert values == sorted(values)
    browser.click(heading(0))
    assert column(browser, "denoiser", 0) == sorted(before)
    assert browser.run("document.querySelector('table.scores th').ariaSort") == "ascending"
    assert browser.run("document.querySelectorAll('table.scores th[aria-sort=none]').length") == 5
    assert browser.run("document.querySelector('table.scores tbody.oracle tr').className") == "heading"


def test_headings_sort_by_the_keyboard(browser):
    browser.run(f"document.querySelector('{heading(2)}').focus()")
    browser.press("Enter")
    values = [float(value) for value in column(browser, "denoiser", 2)]
    assert values == sorted(values, reverse=True)
    browser.run("document.activeElement.blur()")


def test_other_tables_sort_by_number_and_by_name(browser):
    cells = "[...document.querySelectorAll('table.tails tbody tr')].map(row => row.cells[{}].textContent.trim())"
    browser.click("table.tails thead th:nth-child(3) button")
    shares = [float(text.split()[0]) for text in browser.run(cells.format(2))]
    assert shares == sorted(shares, reverse=True)
    browser.click("table.tails thead th:nth-child(1) button")
    names = browser.run(cells.format(0))
    assert names == sorted(names)


def set_filter(browser, name, value):
    browser.run(
        f"""(() => {{
          const field = document.querySelector('form.filters').{name};
          field.value = {json.dumps(value)};
          field.dispatchEvent(new Event('input', {{bubbles: true}}));
        }})()"""
    )


def choose(browser, selector, value):
    browser.run(
        f"""(() => {{
          const field = document.querySelector({json.dumps(selector)});
          field.value = {value};
          field.dispatchEvent(new Event('change'));
        }})()"""
    )


def show_all(browser):
    browser.click("form.filters button[type=reset]")
    browser.until("document.querySelector('form.filters output').textContent === 'all 60 items'")


def printed(browser, entry, metric):
    """Mean, improvement and coverage as they stand in the table."""
    cell = f'document.querySelector(\'tr.score[data-entry="{entry}"] td[data-metric="{metric}"]\')'
    found = browser.run(f"['.mean', '.delta b', '.coverage'].map(part => {cell}.querySelector(part)?.textContent)")
    mean, delta, coverage = found
    return float(mean), float(delta.replace("−", "-")), coverage


FILTERS = {
    "snr": ({"snr_from": "0", "snr_to": "10"}, lambda items: items["snr_db"].between(0, 10)),
    "noise": (
        {"noise_class": "<script>alert(1)</script>"},
        lambda items: items["noise_class"].str.startswith("<"),
    ),
    "room": ({"room": "yes"}, lambda items: items["room"].notna()),
    "speaker": ({"speaker": "speaker 2"}, lambda items: items["speaker"] == "speaker 2"),
    "two": ({"room": "no", "snr_from": "5"}, lambda items: items["room"].isna() & (items["snr_db"] >= 5)),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_average_what_is_left(browser, scored, name):
    corpus, scores = scored
    fields, keeps = FILTERS[name]
    for field, value in fields.items():
        if field in ("noise_class", "speaker"):
            levels = sorted(corpus.items[field].unique())
            value = str(levels.index(value))
        set_filter(browser, field, value)
    kept = set(corpus.items.loc[keeps(corpus.items), "item"])
    inside = scores[scores["item"].isin(kept) & (scores["metric"] == "pesq_wb")]
    wide = inside.pivot(index="item", columns="denoiser", values="value")
    common = wide.dropna()
    index = {entry: k for k, entry in enumerate(browser.run("DATA.entries.map(entry => entry.name)"))}
    for denoiser in ("wiener", "net"):
        mean, delta, coverage = printed(browser, index[denoiser], 0)
        assert mean == pytest.approx(common[denoiser].mean(), abs=0.0051)
        assert delta == pytest.approx((common[denoiser] - common["noisy"]).mean(), abs=0.0051)
        assert coverage == f"{wide[denoiser].notna().sum()}/{len(kept)}"
    assert browser.run("document.querySelector('form.filters output').textContent").startswith(
        f"{len(kept)} of 60"
    )
    visible = "[...document.querySelectorAll('table.scores .interval')].filter(e => e.offsetParent).length"
    assert browser.run(visible) == 0
    assert browser.run("document.querySelectorAll('#snr .band').length") == 0
    show_all(browser)
    assert browser.run(visible) > 0
    assert browser.run("document.querySelectorAll('#snr .band').length") > 0


def test_no_item_left_is_no_error(browser):
    set_filter(browser, "snr_from", "99")
    assert browser.run("document.querySelector('table.scores .mean').textContent") == "–"
    assert browser.run("document.querySelector('form.filters output').textContent").startswith("0 of 60")
    show_all(browser)


def test_means_computed_here_are_those_of_the_page(browser):
    differences = browser.run(
        """DATA.metrics.flatMap((_, m) => DATA.entries.map((_, e) => {
          const mean = meanOf(m, e);
          const told = DATA.overall[m][e][0];
          if (told === null) return Number.isNaN(mean) ? 0 : 1;
          return Math.abs(mean - told) / Math.max(1, Math.abs(told));
        }))"""
    )
    assert max(differences) < 1e-4


def test_metrics_are_chosen_for_tables_and_plots(browser):
    browser.click("form.filters [name=metric][value='1']")
    assert browser.run("document.querySelectorAll('#snr .plot').length") == 4
    assert browser.run("document.querySelector('table.scores th[data-metric=\"1\"]').hidden")
    browser.click("form.filters [name=metric][value='1']")
    assert browser.run("document.querySelectorAll('#snr .plot').length") == 5


def test_names_show_and_hide_everywhere(browser):
    count = """['snr', 'noise'].map(
      id => document.querySelectorAll(`#${id} .plot:first-child .series[data-series='1']`).length)"""
    assert browser.run(count) == [1, 1]
    browser.click("#snr .legend button[data-series='1']")
    assert browser.run(count) == [0, 0]
    assert browser.run("document.querySelector('#room .legend button[data-series=\"1\"]').ariaPressed") == "false"
    browser.click("#noise .legend button[data-series='1']")
    assert browser.run(count) == [1, 1]


def test_plots_tell_their_values_to_pointer_and_keys(browser, scored):
    corpus, scores = scored
    figure = "document.querySelector('#snr .plot')"
    browser.run(f"{figure}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    box = f"{figure}.querySelector('svg').getBoundingClientRect()"
    left, top, width, height = browser.run(f"(b => [b.left, b.top, b.width, b.height])({box})")
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=left + 0.95 * width, y=top + height / 2)
    browser.until(f"{figure}.classList.contains('told')")
    text = browser.run(f"{figure}.querySelector('.tip').innerText")
    assert text.startswith("15 dB, 12 items")
    wide = scores[scores["metric"] == "pesq_wb"].pivot(index="item", columns="denoiser", values="value").dropna()
    mean = wide.loc[wide.index.isin(corpus.items.loc[corpus.items["snr_db"] == 15, "item"]), "wiener"].mean()
    assert re.search(rf"wiener\s+{mean:.2f}\s+\[", text)
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=2, y=2)
    browser.run(f"{figure}.focus()")
    for _ in range(2):
        browser.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight")
    browser.until(f"{figure}.querySelector('.tip').innerText.startsWith('0 dB')")
    browser.run("document.activeElement.blur()")


def test_quality_over_cost_draws_the_front(browser):
    assert browser.run("document.querySelectorAll('#cost .plot').length") == 5
    assert (
        browser.run("document.querySelector('#cost span.front').textContent")
        == "by PESQ-WB (MOS-LQO): gate, wiener, net."
    )
    marks = "document.querySelectorAll('#cost .plot:first-child > svg .series').length"
    assert browser.run(marks) == 4
    choose(browser, "#cost select", 1)
    assert browser.run(marks) == 2


def test_worst_items_lead_to_their_players(browser):
    assert browser.run("document.querySelector('#worst select').selectedOptions[0].textContent") == "net"
    assert browser.run("document.querySelector('table.worst caption').textContent") == "6 of 57 items"
    links = browser.run("[...document.querySelectorAll('#worst a')].map(a => a.getAttribute('href'))")
    assert all(browser.run(f"document.querySelector('{link}').className") == "player" for link in links)
    choose(browser, "#worst select", 0)
    gains = browser.run(
        "[...document.querySelectorAll('table.worse tbody tr')].map(row => row.cells[5].textContent)"
    )
    assert gains
    assert all(gain.startswith(("−", "+0.000")) for gain in gains)


def test_blind_test_counts_right_answers(browser):
    browser.click(".player:nth-of-type(2) button.blind")
    told = "document.querySelector('.abx output').textContent"
    assert browser.run("[...document.querySelectorAll('.abx [name=a] option')].map(o => o.textContent)")[:2] == [
        "clean",
        "noisy",
    ]
    browser.click(".abx [data-play=a]")
    browser.until("blind.sounds.a.currentTime > 0.3")
    browser.click(".abx [data-play=x]")
    browser.until("blind.sounds.a.paused && !blind.sounds.x.paused && blind.sounds.x.currentTime > 0.3")
    assert browser.run("blind.sounds.x.src === blind.sounds[blind.isA ? 'a' : 'b'].src")
    assert browser.run("blind.sounds.a.src !== blind.sounds.b.src")
    for _ in range(6):  # whoever knows the answer is right six times: p = 1 / 64
        browser.click(f".abx [data-answer={'a' if browser.run('blind.isA') else 'b'}]")
    assert browser.run(told).endswith("6 of 6 right, p = 0.016: the two can be told apart.")
    assert browser.run("blind.sounds.x.paused")
    browser.click(f".abx [data-answer={'b' if browser.run('blind.isA') else 'a'}]")
    assert browser.run(told).startswith("Wrong, X was ")
    assert browser.run(told).endswith("6 of 7 right, p = 0.063.")  # (1 + 7) / 128
    assert browser.run(
        "Array.from({length: 60}, () => { tossCoin(); return blind.isA; }).filter(Boolean).length"
    ) in range(10, 51)
    browser.click(".abx [data-close]")
    assert browser.run("document.querySelectorAll('.abx').length") == 0
