"""The page in a real browser: it plays, stays within its window, and asks nobody for anything."""

import pytest


def test_every_sound_and_picture_decodes(browser):
    durations = browser.run(
        """Promise.all([...document.querySelectorAll('audio')].map(a => fetchless(a)))
        function fetchless(a) {
          const copy = new Audio(a.src);
          return new Promise(done => {
            copy.onloadedmetadata = () => { const d = copy.duration; copy.src = ''; done(d); };
            copy.onerror = () => done(copy.src ? -1 : 0);
          });
        }"""
    )
    assert len(durations) >= 4 * 6
    assert durations == pytest.approx([2.0] * len(durations), abs=0.02)
    assert browser.run("[...document.images].every(i => i.complete && i.naturalWidth > 100)")


SOUND = "document.querySelectorAll('.player:nth-of-type(1) audio')[{}]"


def test_one_sound_plays_and_switching_keeps_the_place(browser):
    first, second = SOUND.format(0), SOUND.format(1)
    browser.click(".player:nth-of-type(1) .tile:nth-child(1) .picture", share=0.5)
    browser.until(f"{first}.currentTime > 1.05 && !{first}.paused")
    assert browser.run(f"{first}.currentTime") < 1.95
    browser.click(".player:nth-of-type(1) .tile:nth-child(2) .play")
    browser.until(f"{second}.currentTime > 1.05")
    assert browser.run(f"{first}.paused")
    browser.click(".player:nth-of-type(2) .tile:nth-child(1) .play")
    browser.until("document.querySelectorAll('.player:nth-of-type(2) audio')[0].currentTime > 0")
    assert browser.run("[...document.querySelectorAll('audio')].filter(a => !a.paused).length") <= 1
    browser.run("[...document.querySelectorAll('audio')].forEach(a => a.pause())")


def test_keys_switch_and_pause(browser):
    browser.click(".player:nth-of-type(1) .tile:nth-child(1) .picture", share=0.1)
    browser.until(f"{SOUND.format(0)}.currentTime > 0.2")
    browser.press("3")
    browser.until(f"{SOUND.format(2)}.currentTime > 0.2 && {SOUND.format(0)}.paused")
    browser.run("document.activeElement.blur()")
    browser.press(" ")
    browser.until(f"{SOUND.format(2)}.paused")
    assert 0.2 < browser.run(f"{SOUND.format(2)}.currentTime") < 2


def test_quick_switches_leave_one_playing_and_no_error(browser):
    rejected = "window.rejected = []; addEventListener('unhandledrejection', e => rejected.push(String(e.reason)))"
    browser.run(rejected)
    browser.run(
        """for (const player of document.querySelectorAll('.player'))
             for (const button of player.querySelectorAll('.play')) button.click()"""
    )
    browser.until("[...document.querySelectorAll('audio')].filter(a => !a.paused).length === 1")
    browser.run("[...document.querySelectorAll('audio')].forEach(a => a.pause())")
    browser.run("new Promise(done => setTimeout(done, 200))")
    assert browser.run("window.rejected") == []


def test_legend_brings_out_one_series(browser):
    browser.run("document.querySelector('#snr .legend li:nth-child(3) button').focus()")
    lit = browser.run("[...document.querySelectorAll('#snr .lit')].map(e => e.dataset.series)")
    assert set(lit) == {"2"}
    assert len(lit) == 5
    browser.run("document.activeElement.blur()")
    assert browser.run("document.querySelectorAll('.lit').length") == 0


def test_a_number_typed_into_a_field_starts_no_sound(browser):
    browser.click(".player:nth-of-type(1) .tile:nth-child(1) .play")
    browser.until(f"{SOUND.format(0)}.currentTime > 0")
    browser.run("document.querySelector('[name=snr_from]').focus()")
    browser.press("2")
    assert browser.run(f"{SOUND.format(1)}.paused")
    browser.run("document.activeElement.blur()")
    browser.click("form.filters button[type=reset]")
    browser.run("[...document.querySelectorAll('audio')].forEach(a => a.pause())")


STICKING_OUT = """[...document.querySelectorAll('.plot > svg')].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  const beside = t => t.left < box.left - 1 || t.right > box.right + 1;
  const out = t => beside(t) || t.top < box.top - 1 || t.bottom > box.bottom + 1;
  const texts = [...svg.querySelectorAll('text')];
  return texts.filter(text => out(text.getBoundingClientRect())).map(text => text.textContent);
})"""

OVERLAPPING = """[...document.querySelectorAll('.plot > svg')].flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  const meet = (s, t) => s.left < t.right && t.left < s.right && s.top + 2 < t.bottom && t.top + 2 < s.bottom;
  const under = ([, s], i) => texts.slice(i + 1).filter(([, t]) => meet(s, t));
  return texts.flatMap((one, i) => under(one, i).map(other => `${one[0]} | ${other[0]}`));
})"""


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_sticks_out_of_the_window(browser, width):
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    try:
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run(STICKING_OUT) == []
    finally:
        browser.call("Emulation.clearDeviceMetricsOverride")


def test_labels_do_not_overlap(browser):
    assert browser.run(OVERLAPPING) == []


def test_no_request(browser):
    requests = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in requests if not url.startswith(("data:", "file:"))] == []
    assert len([url for url in requests if url.startswith("file:")]) == 1
