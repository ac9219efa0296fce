"""The report as a page: its numbers and pictures, and how it behaves in a browser."""
import base64
import json
import re
import shutil
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mmseg_sympie.evaluation import ImageScore, make_report, read_report
from mmseg_sympie.evaluation.html import write_page
from mmseg_sympie.evaluation.panels import Correction, Panel

HOSTILE = '<b>&"\'$x'
PALETTE = [[128, 64, 128], [70, 130, 180]]


class Table(HTMLParser):
    """The cells of the rows of a page's table by class, as text."""

    def __init__(self, page: str):
        super().__init__()
        self.rows, self.cell = [], None
        self.feed(page[page.index('By class and condition'):].partition('</table>')[0])

    def handle_starttag(self, tag, attributes):
        if tag == 'tr':
            self.rows.append([])
        elif tag in ('td', 'th'):
            self.rows[-1].append('')
            self.cell = True

    def handle_endtag(self, tag):
        if tag in ('td', 'th'):
            self.cell = None

    def handle_data(self, data):
        if self.cell:
            self.rows[-1][-1] += data


def addresses(page: str):
    return re.findall(r'(?:src|href)="([^"]*)"', page)


def pictures(page: str, alt: str):
    """The decoded images of a page with such an alternative text."""
    found = re.findall(rf'<img src="data:image/\w+;base64,([^"]*)" alt="{alt}"', page)
    return [Image.open(BytesIO(base64.b64decode(each))) for each in found]


@pytest.fixture(scope='module')
def page(demo_comparison) -> str:
    return (demo_comparison / 'page/index.html').read_text()


@pytest.fixture
def small_report():
    """Two classes, one of them with a name that would break a page that does not escape."""
    images = [ImageScore('/d/1.png', HOSTILE, np.array([[6, 2], [1, 1]]))]
    return {**make_report(images, ('road', HOSTILE), dict(command=HOSTILE, date='2026-11-22')),
            'images': images}


@pytest.fixture
def panel():
    labels = np.zeros((20, 30), np.uint8)
    labels[:, 20:], labels[:5] = 1, 255
    image = np.full((20, 30, 3), 100, np.uint8)
    return Panel(f'/d/{HOSTILE}.png', HOSTILE, (0, 1), [image, image], [labels % 2] * 2, labels,
                 [None, None])


def test_page_needs_no_network(page):
    assert all(address.startswith('data:') for address in addresses(page)) and addresses(page)
    assert 'http://' not in page and 'https://' not in page and 'url(' not in page
    assert len(page) < 5_000_000
    assert 'name="viewport"' in page and 'prefers-color-scheme: dark' in page


def test_table_has_the_numbers_of_the_comparison(page, demo_comparison):
    comparison = json.loads((demo_comparison / 'compare.json').read_text())
    rows = {row[0]: row[1:] for row in Table(page).rows}
    assert list(rows)[2:] == [*comparison['classes'], 'mean', 'mean of occurring classes']
    for name in comparison['classes']:
        wanted = []
        for result in comparison['conditions'].values():
            change = result['class_iou'][name]
            wanted += [change['without'], change['with'], change['difference']]
        found = [None if cell == '-' else float(cell) for cell in rows[name][1:]]
        assert found == [value if value is None else pytest.approx(value, abs=0.0051)
                         for value in wanted]
    gains = [result['miou']['difference'] for result in comparison['conditions'].values()]
    assert rows['mean'][3::3] == [f'{gain:+.2f}' for gain in gains]
    pixels = read_report(demo_comparison / 'with')['scores']['all']['class_pixels']
    assert float(rows['sky'][0]) == pytest.approx(
        100 * pixels['sky'] / sum(pixels.values()), abs=0.0051)


def test_page_shows_images_of_each_condition_in_the_palette(page, demo_comparison):
    images = read_report(demo_comparison / 'with')['images']
    shown = {name: min(3, sum(image.condition == name for image in images))
             for name in ('night', 'fog', 'rain', 'snow')}
    kinds = re.findall(r'class="kind">(\w+) &middot; (\w+)<', page)
    assert [condition for condition, _ in kinds] == [
        name for name, count in shown.items() for _ in range(count)]
    assert [kind for _, kind in kinds[:shown['night']]] == ['best', 'median', 'worst'][
        :shown['night']]
    assert page.count('type="range"') == 2 * len(kinds)
    truth = pictures(page, 'truth')
    assert len(truth) == len(pictures(page, 'enhanced')) == len(kinds)
    colours = {colour for picture in truth for colour in
               map(tuple, np.asarray(picture.convert('RGB')).reshape(-1, 3).tolist())}
    assert {(128, 64, 128), (70, 130, 180), (0, 0, 0)} <= colours  # road, sky, void
    assert 'rgb(128 64 128)' in page


def test_first_words_say_what_was_tested_on_what(page):
    title = re.search('<title>(.*)</title>', page)[1]
    assert title.endswith('without and with SyMPIE on synthetic scenes')
    sentence = re.search('<header>.*?<p>(.*?)</p>', page, re.DOTALL)[1]
    assert 'DeepLabV2Head on MobileNetV2' in sentence and 'The scenes are synthetic' in sentence
    assert 'SyMPIE' in sentence and 'night' in sentence


def test_correction_in_numbers_and_curves(small_report, panel, tmp_path):
    """A gain of 2 about ImageNet's mean: 2 v less 124, 116 and 104."""
    kernel = np.eye(25)[12].reshape(5, 5)
    correction = Correction(2 * np.eye(3), np.zeros(3), kernel)
    panel = panel._replace(variants=['none', 'x'], corrections=[None, correction])
    write_page(tmp_path / 'i.html', {'none': small_report, 'x': small_report},
               [('best', panel)], PALETTE, 'x')
    page = (tmp_path / 'i.html').read_text()
    for name, offset in zip('RGB', (-124, -116, -104)):
        assert f'<th scope="row">{name}</th><td>1.00</td><td>2.00</td><td>{offset}</td>' in page
    points = re.findall('<polyline class="R" points="([^"]*)"', page)
    assert len(points) == 1 and points[0].startswith('0,255 ') and points[0].endswith(' 255,0')


@pytest.mark.parametrize('runs', [1, 2, 4])
def test_numbers_of_any_number_of_runs(small_report, runs, tmp_path):
    reports = {'none': small_report, **{f'run {index}': small_report for index in range(1, runs)}}
    write_page(tmp_path / 'i.html', reports)
    page = (tmp_path / 'i.html').read_text()
    assert '<article>' not in page
    headers = Table(page).rows[1]
    assert headers == {1: ['class', 'pixels %', 'IoU', 'accuracy', 'IoU', 'accuracy'],
                       2: ['class', 'pixels %', *['without', 'with', 'change'] * 2],
                       4: ['class', 'pixels %', *reports, *reports]}[runs]


def test_everything_is_escaped(small_report, panel, tmp_path):
    write_page(tmp_path / 'index.html', {HOSTILE: small_report}, [('best', panel)], PALETTE)
    page = (tmp_path / 'index.html').read_text()
    assert '<b>&' not in page
    rows = Table(page).rows
    assert rows[0][2] == HOSTILE and rows[3][0] == HOSTILE
    # Of one model: IoU road 6 / 9, accuracy 6 / 8, share 8 / 10.
    assert rows[2][:4] == ['road', '80.00', '66.67', '75.00']
    assert [path.name for path in tmp_path.iterdir()] == ['index.html']


def test_pictures_are_small_and_keep_their_labels(small_report, panel, tmp_path):
    large = panel._replace(images=[np.zeros((1000, 2000, 3), np.uint8)] * 2,
                           truth=np.kron(panel.truth, np.ones((50, 66), np.uint8)))
    large = large._replace(predictions=[large.truth % 2] * 2)
    write_page(tmp_path / 'x.html', {'x': small_report}, [('best', large)], PALETTE)
    page = (tmp_path / 'x.html').read_text()
    truth, = pictures(page, 'truth')
    assert truth.size == (720, 364)
    assert truth.convert('RGB').getpixel((5, 300)) == (128, 64, 128)
    assert truth.convert('RGB').getpixel((700, 300)) == (70, 130, 180)
    assert truth.convert('RGB').getpixel((5, 5)) == (0, 0, 0)


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    """Headless Chromium that keeps a log of its console."""
    webdriver = pytest.importorskip('selenium.webdriver', reason='selenium is not installed')
    programs = [shutil.which('chromium'), shutil.which('chromedriver')]
    if not all(programs):
        pytest.skip('chromium and chromedriver (Debian: chromium, chromium-driver) are not there')
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in ('headless', 'no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run',
                 'disable-background-networking', 'disable-component-update', 'disable-sync',
                 f'user-data-dir={tmp_path_factory.mktemp("chromium")}'):
        options.add_argument(f'--{flag}')
    options.set_capability('goog:loggingPrefs', dict(browser='ALL'))
    driver = webdriver.Chrome(options, webdriver.ChromeService(programs[1]))
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, demo_comparison):
    """The page in a window of 1280x900."""
    def resize(width: int, mobile: bool) -> None:
        browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', dict(
            width=width, height=900, deviceScaleFactor=1, mobile=mobile))

    browser.resize = resize
    resize(1280, False)
    browser.get((demo_comparison / 'page/index.html').as_uri())
    yield browser
    assert browser.get_log('browser') == []


def overflow(browser) -> int:
    return browser.execute_script('const page = document.documentElement;'
                                  'return page.scrollWidth - page.clientWidth')


def column(browser, index: int):
    """The texts of a column of the table's body, as they stand on the page."""
    return browser.execute_script(
        'return [...document.querySelector("thead ~ tbody").rows].map(row =>'
        ' row.cells[arguments[0]].textContent)', index)


def test_slider_is_moved_by_pointer_and_by_key(opened):
    from selenium.webdriver import ActionChains, Keys
    stage, image, control = (opened.find_element('css selector', f'.slider {part}')
                             for part in ('.stage', '.after', 'input'))

    def cut() -> float:
        return float(re.search(r'([\d.]+)%', image.value_of_css_property('clip-path'))[1])

    assert cut() == 50
    width = stage.size['width']
    opened.execute_script('arguments[0].scrollIntoView({block: "center"})', stage)
    ActionChains(opened).move_to_element(stage).click_and_hold().move_by_offset(
        round(0.3 * width), 0).release().perform()
    assert cut() == pytest.approx(80, abs=1)
    before = cut()
    ActionChains(opened).move_to_element(stage).perform()  # without a pressed button
    assert cut() == before
    control.send_keys(Keys.ARROW_LEFT)
    assert cut() == before - 1
    assert control.size['height'] >= 24
    handle = opened.execute_script(
        'return getComputedStyle(arguments[0].querySelector(".handle"), "::after").width',
        opened.find_element('css selector', '.slider'))
    assert float(handle.removesuffix('px')) >= 24


def test_headers_sort_by_click_and_by_key(opened, demo_comparison):
    from selenium.webdriver import Keys
    comparison = json.loads((demo_comparison / 'compare.json').read_text())
    changes = {name: change['difference'] for name, change
               in comparison['conditions']['all']['class_iou'].items()}
    known = sorted((name for name in changes if changes[name] is not None),
                   key=lambda name: -changes[name])
    unknown = [name for name in changes if changes[name] is None]
    header = opened.find_elements('css selector', 'thead tr:nth-child(2) th')[4]
    button = header.find_element('css selector', 'button')
    assert button.text == 'change' and column(opened, 0) == comparison['classes']
    button.click()
    assert header.get_attribute('aria-sort') == 'descending'
    values = [changes[name] for name in column(opened, 0) if changes[name] is not None]
    assert values == [changes[name] for name in known]
    button.send_keys(Keys.ENTER)
    assert header.get_attribute('aria-sort') == 'ascending'
    values = [changes[name] for name in column(opened, 0)]
    assert values == [changes[name] for name in known[::-1]] + [None] * len(unknown)
    opened.find_element('css selector', 'thead tr:nth-child(2) th button').click()
    assert column(opened, 0) == sorted(comparison['classes'])


def test_page_fits_a_phone(opened):
    assert overflow(opened) == 0
    top = {name: opened.find_element('css selector', f'.{name}').rect['y']
           for name in ('first', 'cards')}
    assert top['cards'] < top['first']
    opened.resize(390, True)
    assert overflow(opened) == 0
    top = {name: opened.find_element('css selector', f'.{name}').rect['y']
           for name in ('first', 'cards')}
    assert top['first'] < top['cards'] < top['first'] + 1000
    table = opened.find_element('css selector', '.scroll')
    assert table.get_property('scrollWidth') > table.get_property('clientWidth')
    assert not opened.find_element('css selector', 'dl').is_displayed()
    opened.find_element('css selector', 'summary').click()
    assert 'configs/demo_sympie.py' in opened.find_element('css selector', 'details').text
    assert overflow(opened) == 0
