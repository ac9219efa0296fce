"""Files named by an address, from a server in this process."""
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from commands import call
from PIL import Image

from mmseg_sympie.errors import InputError
from mmseg_sympie.io.downloads import local_file


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder; for short.pth, less than is announced."""

    def end_headers(self):
        self.server.asked.append(self.path)
        super().end_headers()

    def send_header(self, keyword, value):
        more = 9 if keyword == 'Content-Length' and 'short' in self.path else 0
        super().send_header(keyword, str(int(value) + more) if more else value)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    (tmp_path / 'served').mkdir()
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path / 'hub'))
    with ThreadingHTTPServer(('127.0.0.1', 0),
                             partial(Handler, directory=tmp_path / 'served')) as running:
        running.asked = []
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def address(server, name: str) -> str:
    return f'http://127.0.0.1:{server.server_port}/{name}'


def test_a_file_is_downloaded_once(server, tmp_path):
    for name in ('a.pth', 'b/a.pth'):
        (tmp_path / 'served' / name).parent.mkdir(exist_ok=True)
        torch.save(dict(name=name), tmp_path / 'served' / name)
        for _ in range(2):
            assert torch.load(local_file(address(server, name))) == dict(name=name)
    assert server.asked == ['/a.pth', '/b/a.pth']


@pytest.mark.parametrize('path', ['a.pth', 'C:/weights/a.pth', '/x/a b.pth', '~/a.pth'])
def test_a_path_stays_as_it_is(path):
    assert local_file(path) == path


@pytest.mark.parametrize('name,message', [
    ('missing.pth', '404'), ('short.pth', 'came'), ('page.html', 'no PyTorch file'),
    ('empty.pth', 'no PyTorch file'), ('cut.pth', 'not the whole of one')])
def test_what_is_not_whole_is_not_kept(server, tmp_path, name, message):
    torch.save(dict(name=name), tmp_path / 'served/short.pth')
    for other, content in (('page.html', b'<html>'), ('empty.pth', b''),
                           ('cut.pth', (tmp_path / 'served/short.pth').read_bytes()[:-30])):
        (tmp_path / 'served' / other).write_bytes(content)
    with pytest.raises(InputError, match=f'{name} cannot be downloaded: .*{message}'):
        local_file(address(server, name))
    assert not [path for path in (tmp_path / 'hub').rglob('*') if path.is_file()]


def test_a_command_takes_an_address(server, tmp_path, demo_segmentor):
    (tmp_path / 'served/demo.pth').write_bytes(Path(demo_segmentor).read_bytes())
    Image.new('RGB', (64, 48)).save(tmp_path / 'a.png')
    call('predict', tmp_path / 'a.png', '--config', 'demo_sympie', '--device', 'cpu', '--out',
         tmp_path / 'out', '--weights', address(server, 'demo.pth'))
    assert (tmp_path / 'out/labels/with/a.png').is_file() and server.asked == ['/demo.pth']


def test_what_is_no_address():
    with pytest.raises(InputError, match='cannot be downloaded'):
        local_file('http://[x')


def test_nobody_answers():
    with pytest.raises(InputError, match='cannot be downloaded: .*name the file'):
        local_file('http://127.0.0.1:9/weights.pth')
