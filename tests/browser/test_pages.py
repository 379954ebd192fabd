"""Each stored notebook as a page: both themes, a narrow window, no kernel, HTML.

In a real JupyterLab and a real browser; screenshots as in test_journeys.py.
"""

import pytest

from course_utils.authoring.course import here

pytestmark = pytest.mark.browser

LESSONS = [source.name[:2] for source in here().sources()]
WIDGET = "cu.widgets.explore("


@pytest.mark.parametrize("lesson", LESSONS)
def test_page(page, notebook, lesson):
    """Legible in both themes and in 800 pixels; with no kernel, a widget shows its figure."""
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

    for template in ("lab", "classic"):
        opened.convert(template)
        for place in opened.places(WIDGET):
            assert opened.outputs_in_html(place).locator("img").count() == 1
        assert opened.faults() == []
        assert described(page.locator("img"))


def described(pictures):
    """Whether there are pictures, and each has alt text of some length."""
    alts = pictures.evaluate_all("found => found.map(picture => picture.alt)")
    return len(alts) > 3 and all(len(alt) > 20 for alt in alts)
