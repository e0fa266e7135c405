"""The page in a real browser: it plays, fits the window, and asks for nothing but the sounds beside it."""

import pytest


@pytest.fixture(scope="module")
def browser(tmp_path_factory, preview, start_browser):
    browser = start_browser(tmp_path_factory.mktemp("profile"))
    try:
        browser.open(preview.folder / "out" / "index.html")
        yield browser
    finally:
        browser.close()


def test_every_sound_and_picture_decodes(browser, preview):
    durations = browser.run(
        """Promise.all([...document.querySelectorAll('audio')].map(audio => new Promise(done => {
          const copy = new Audio(audio.src);
          copy.onloadedmetadata = () => done(copy.duration);
          copy.onerror = () => done(-1);
        })))"""
    )
    shown = [figure for item in preview.good for group in item.groups for figure in group.figures]
    assert durations == pytest.approx([1.0] * sum(bool(figure.audio) for figure in shown), abs=1e-3)
    assert browser.run("[...document.images].every(i => i.complete && i.naturalWidth > 50)")
    assert browser.run("document.images.length") == sum(bool(figure.picture) for figure in shown)


def test_a_click_plays_and_the_line_moves_in_all_pictures(browser):
    browser.click(".player .tile .picture", share=0.4)
    sound = "document.querySelector('audio')"
    browser.until(f"{sound}.currentTime > 0.45")
    lefts = browser.run(
        "[...document.querySelector('.tiles').querySelectorAll('.head')].map(head => parseFloat(head.style.left))"
    )
    assert min(lefts) > 40
    browser.run(f"{sound}.pause()")


@pytest.mark.parametrize("width", [1600, 1280, 390])
def test_nothing_sticks_out_of_the_window(browser, width):
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    try:
        assert browser.run("document.documentElement.scrollWidth") <= width
    finally:
        browser.call("Emulation.clearDeviceMetricsOverride")


def test_no_error_and_no_request_but_for_the_sounds(browser, preview):
    requests = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event["method"] == "Network.requestWillBeSent"
    ]
    own = (preview.folder / "out").resolve().as_uri()
    assert [url for url in requests if not url.startswith(("data:", f"{own}/"))] == []
    troubles = [
        event["params"]
        for event in browser.events
        if event["method"] in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
    ]
    assert troubles == []
