"""Each stored notebook as a page: both themes, a narrow window, no kernel, HTML.

The HTML that nbconvert makes has JupyterLab's own style sheets, so outputs look as they do there.
One lesson is opened in JupyterLab itself, and at full length every lesson is.
Screenshots as in test_journeys.py.
"""

import pytest

from course_utils.authoring.course import here

pytestmark = pytest.mark.browser

LESSONS = [source.name[:2] for source in here().sources()]
SHORT = ("21",)  # tables, pictures and a widget, on one of the shorter pages
WIDGET = "cu.widgets.explore("


@pytest.mark.parametrize("lesson", LESSONS)
def test_page(page, stored, lesson, long):
    """Legible in both themes and in 800 pixels; with no kernel, a widget shows its figure."""
    opened = stored(lesson)
    looks = [("lab", "dark", 1280), ("lab", "light", 800), ("classic", "", 800)]
    for template, theme, width in looks if long or lesson in SHORT else looks[:2]:
        page.set_viewport_size({"width": width, "height": 900})
        opened.convert(template, theme)
        assert opened.cut_off() == []
        assert opened.faults(*(["color-contrast"] if theme == "dark" else [])) == []
        for place in opened.places(WIDGET):
            assert opened.outputs_in_html(place).locator("img").count() == 1
        assert described(page.locator("img"))


@pytest.mark.parametrize("lesson", LESSONS)
def test_page_in_jupyterlab(page, notebook, lesson, long):
    """The same in JupyterLab, where its kernel is shut down."""
    if not long and lesson not in SHORT:
        pytest.skip("of all lessons only at full length: make browser-test")
    opened = notebook(lesson)
    for theme, width in (("Dark", 1280), ("Light", 800)):
        opened.theme(theme)
        opened.resize(width, height=1800)
        opened.tour(f"{theme}, {width}")
        assert opened.cut_off() == []
        assert opened.faults("color-contrast") == []

    opened.menu("Kernel", "Shut Down Kernel")
    page.get_by_text("No Kernel").first.wait_for()
    for place in opened.places(WIDGET):
        opened.at(place).scroll_into_view_if_needed()
        opened.shot("without a kernel", opened.at(place))
        assert opened.at(place).locator(".jp-OutputArea-output img").count() == 1
    assert described(page.locator(".jp-OutputArea-output img"))


def described(pictures):
    """Whether there are pictures, and each has alt text of some length."""
    alts = pictures.evaluate_all("found => found.map(picture => picture.alt)")
    return len(alts) > 3 and all(len(alt) > 20 for alt in alts)
