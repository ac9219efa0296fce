"""Text in UTF-8 and JSON that every reader takes, whatever the locale and the values."""
import codecs
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from commands import ROOT

from mmseg_sympie.enhancer import SyMPIE
from mmseg_sympie.errors import InputError
from mmseg_sympie.io.files import plain, read_json, read_text, write_json, write_text

TEXT = 'Straße, 道路\n'


def strict(text: str):
    """JSON without NaN and Infinity, which are none."""
    def refuse(name):
        raise ValueError(name)
    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize('mark', [b'', codecs.BOM_UTF8])
def test_utf8_with_and_without_a_byte_order_mark(tmp_path, mark):
    (tmp_path / 'a.txt').write_bytes(mark + TEXT.encode())
    assert read_text(tmp_path / 'a.txt') == TEXT


@pytest.mark.parametrize('encoding,message', [
    ('utf-16', 'UTF-16'), ('utf-32', 'UTF-32'), ('latin-1', r'another encoding.*0xdf at 4'),
    ('cp1252', 'another encoding, such as Windows-1252')])
def test_another_encoding_is_named(tmp_path, encoding, message):
    path = tmp_path / 'a.csv'
    path.write_bytes('Straße\n'.encode(encoding))
    with pytest.raises(InputError, match=rf'a\.csv is in {message}.*wanted UTF-8'):
        read_text(path)


@pytest.mark.slow
def test_text_is_written_as_utf8_in_any_locale(tmp_path):
    program = (f'from mmseg_sympie.io.files import *; write_text("a.txt", {TEXT!a}); '
               f'assert read_text("a.txt") == {TEXT!a}; write_json("a.json", {[TEXT]!a})')
    subprocess.run([sys.executable, '-c', program], cwd=tmp_path, check=True, env=dict(
        PYTHONPATH=str(ROOT), LC_ALL='C', PYTHONCOERCECLOCALE='0', PYTHONUTF8='0'))
    assert (tmp_path / 'a.txt').read_bytes() == TEXT.encode()
    assert read_json(tmp_path / 'a.json') == [TEXT]


def test_a_file_name_in_no_encoding_gets_a_question_mark(tmp_path):
    write_text(tmp_path / 'a.txt', b'caf\xe9.png'.decode('utf-8', 'surrogateescape'))
    assert (tmp_path / 'a.txt').read_bytes() == b'caf?.png'


@pytest.mark.parametrize('value,wanted', [
    (float('nan'), None), (-np.inf, None), (np.float32('nan'), None), (np.float64(0.5), 0.5),
    (np.int64(3), 3), (True, True), (np.array([1.0, np.nan]), [1.0, None]),
    (torch.tensor([[2, 3]]), [[2, 3]]), ((1, (2,)), [1, [2]]), ({1: {'a': np.nan}},
                                                                {'1': {'a': None}}),
    (torch.Tensor, 'torch.Tensor'), (SyMPIE, 'mmseg_sympie.enhancer.sympie.SyMPIE'),
    ([plain], ['mmseg_sympie.io.files.plain']),
    (ROOT, str(ROOT))])
def test_whatever_is_given_becomes_valid_json(tmp_path, value, wanted):
    write_json(tmp_path / 'a.json', {'x': value})
    assert strict((tmp_path / 'a.json').read_text()) == {'x': wanted}


def test_json_that_is_none_is_named(tmp_path):
    (tmp_path / 'a.json').write_text('{"a": ')
    with pytest.raises(InputError, match='a.json is not JSON'):
        read_json(tmp_path / 'a.json')
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / 'b.json')
