"""Features of compressed frames: bitrates, distances, tables, and the tool."""
import csv
import json
import math
from fractions import Fraction
from functools import partial

import cv2
import golden
import numpy as np
import pytest
import torch
import torchvision
from commands import call

from mmseg_sympie.errors import InputError

av = pytest.importorskip('av')
from mmseg_sympie.benchmarks.compression import (  # noqa: E402
    ORIGINAL,
    Compressed,
    Distances,
    Rate,
    compare,
    compress,
    compression_rows,
    feature_extractor,
    write_results,
)
from mmseg_sympie.io.video import read_frames  # noqa: E402


def moving(count, height=64, width=96):
    return [golden.image_255(height, width, phase=number / 4)[None].round().byte()
            for number in range(count)]


def grey(level, count=3):
    return [torch.full((1, 3, 32, 48), level, dtype=torch.uint8)] * count


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    """NAME:WEIGHTS of a MobileNetV2 with fixed random weights, and the network."""
    torch.manual_seed(3)
    model = torchvision.models.mobilenet_v2(weights=None).eval()
    path = tmp_path_factory.mktemp('network') / 'weights.pth'
    torch.save(model.state_dict(), path)
    return f'mobilenet_v2:{path}', model


@pytest.mark.parametrize('size', [(64, 96), (63, 95)])
def test_rates_are_those_of_the_file(tmp_path, size):
    fps, reached, psnr = Fraction(25, 2), {}, {}
    for crf in (12, 36):
        found = compress(moving(10, *size), tmp_path / f'{crf}.mp4', Rate(crf=crf), fps)
        with av.open(str(found.file)) as container:
            stream = container.streams.video[0]
            packets = [packet.size for packet in container.demux(stream)]
            assert stream.average_rate == fps
        assert found.frames == 10
        assert found.kbit_s == pytest.approx(sum(packets) * 8 / 1000 / (10 / 12.5),
                                             rel=0.01)
        frames = torch.cat(list(read_frames(found.file)))
        assert frames.shape == (10, 3, *size)
        reached[crf] = found.kbit_s
        psnr[crf] = -10 * math.log10(
            (frames.double() - torch.cat(moving(10, *size))).square().mean() / 255**2)
    assert reached[12] > 2 * reached[36]
    assert psnr[12] > psnr[36] + 5


def test_bitrates_are_aimed_at(tmp_path):
    few, many = (compress(moving(60), tmp_path / 'a.mp4', Rate(kbit_s=kbit_s), Fraction(30)).kbit_s
                 for kbit_s in (40, 160))
    # Short clips end before x264 has caught up.
    assert 20 < few < 60 and 80 < many < 240


def test_distances_by_hand(tmp_path):
    # Grey 0, 85, 170 and 255 are coded without rounding: 16 + 219 / 255 * grey is whole.
    versions = {'brighter': compress(grey(170), tmp_path / 'a.mp4', Rate(crf=1), Fraction(30))}
    measured = compare(grey(160), versions, enhance=lambda image: image.float() - 5,
                       features=lambda image: image.float() / 10)
    # 10 levels off, 5 once darkened by 5; the original itself is then 5 off.
    brighter = measured['brighter']
    assert brighter == pytest.approx((100, 1, 0.25))
    assert brighter.psnr == pytest.approx(28.1308, abs=1e-4)  # 10 log10(255^2 / 100)
    assert brighter.change == pytest.approx(-75)
    assert measured[ORIGINAL] == pytest.approx((0, 0, 0.25))
    assert measured[ORIGINAL].psnr is None and measured[ORIGINAL].change is None
    # What the enhancer gives is clamped: 255 is 95 above the original.
    measured = compare(grey(160), versions, lambda image: image.float() + 200,
                       lambda image: image.float() / 10)
    assert measured['brighter'].features_enhanced == pytest.approx(9.5**2)


def test_distances_are_means_over_frames(tmp_path):
    version = compress([*grey(85, 1), *grey(170, 1)], tmp_path / 'a.mp4', Rate(crf=1),
                       Fraction(30))
    measured = compare(grey(85, 2), dict(a=version), lambda image: image.float(),
                       lambda image: image.float())
    assert measured['a'] == pytest.approx((3612.5,) * 3, rel=0.02)  # 0 and 85^2


def test_features_are_those_before_the_classifier(network):
    text, model = network
    image = golden.image_255(70, 90)[None]
    mean, std = torch.tensor([.485, .456, .406]), torch.tensor([.229, .224, .225])
    standardised = (image / 255 - mean[:, None, None]) / std[:, None, None]
    with torch.no_grad():
        wanted = model.features(standardised)
        found = feature_extractor(text, 'cpu')(image.round().byte())
    assert found.shape == (1, 1280, 3, 3)
    assert (found - wanted).abs().max() < 0.02 * wanted.abs().max()


def test_networks_that_do_not_fit(tmp_path):
    torch.save(torchvision.models.shufflenet_v2_x0_5(weights=None).state_dict(), tmp_path / 'm.pth')
    with pytest.raises(InputError, match='no part called features'):
        feature_extractor(f'shufflenet_v2_x0_5:{tmp_path / "m.pth"}', 'cpu')
    with pytest.raises(InputError, match='no model'):
        feature_extractor('vgg99:x.pth', 'cpu')


def test_frames_of_a_folder(tmp_path):
    for name, level in (('b_2.png', 2), ('b_1.png', 1), ('a_9.png', 9)):
        cv2.imwrite(str(tmp_path / name), np.full((8, 10, 3), level, np.uint8))
    (tmp_path / 'b.txt').write_text('no frame')
    assert [int(frame.max()) for frame in read_frames(tmp_path)] == [9, 1, 2]
    assert [int(frame.max()) for frame in read_frames(tmp_path, 'b')] == [1, 2]
    with pytest.raises(InputError, match="start with 'c'"):
        list(read_frames(tmp_path, 'c'))
    cv2.imwrite(str(tmp_path / 'b_3.png'), np.zeros((8, 12, 3), np.uint8))
    with pytest.raises(InputError, match='b_3.png has .8, 12. pixels and b_1.png .8, 10.'):
        list(read_frames(tmp_path, 'b'))


def test_tables(tmp_path):
    versions = {'CRF 40': Compressed(tmp_path / 'a', 51.4, 7), 'CRF 20': Compressed(
        tmp_path / 'b', 412.6, 7)}
    measured = {ORIGINAL: Distances(0, 0, 0.5), 'CRF 40': Distances(65.025, 2, 1),
                'CRF 20': Distances(6.5025, 0.2, 0.3)}
    rows = compression_rows(measured, versions)
    assert rows[1:] == [['CRF 40', '51', '30.00', '2', '1', '-50.00'],
                        ['CRF 20', '413', '40.00', '0.2', '0.3', '+50.00'],
                        [ORIGINAL, '-', '-', '0', '0.5', '-']]
    write_results(tmp_path, 'title', measured, versions)
    numbers = json.loads((tmp_path / 'compression.json').read_text())['measured']
    assert numbers['CRF 40'] == dict(kbit_s=51.4, psnr_db=pytest.approx(30), feature_mse=2,
                                     feature_mse_enhanced=1, change_percent=-50)
    lines = list(csv.DictReader((tmp_path / 'compression.csv').open()))
    assert [(line['x264'], line['kbit_s']) for line in lines] == [
        (ORIGINAL, ''), ('CRF 40', '51.4'), ('CRF 20', '412.6')]
    assert '| CRF 40 | 51 | 30.00 | 2 | 1 | -50.00 |' in (tmp_path / 'compression.md').read_text()
    assert cv2.imread(str(tmp_path / 'compression.png')).std() > 5


compression = partial(call, 'video_compression')


@pytest.mark.slow
def test_tool(tmp_path, network, enhancer_checkpoint, capsys):
    frames = tmp_path / 'frames'
    frames.mkdir()
    for number, frame in enumerate(moving(4)):
        cv2.imwrite(str(frames / f'x_{number}.png'), frame[0].permute(1, 2, 0).numpy()[..., ::-1])
    cv2.imwrite(str(frames / 'other.png'), np.zeros((9, 9, 3), np.uint8))
    compression(frames, '--prefix', 'x_', '--crf', 20, 45, '--network', network[0],
         '--checkpoint', enhancer_checkpoint, '--out', tmp_path / 'out')
    numbers = json.loads((tmp_path / 'out/compression.json').read_text())['measured']
    assert list(numbers) == [ORIGINAL, 'CRF 20', 'CRF 45']
    assert 0 < numbers['CRF 20']['feature_mse'] < numbers['CRF 45']['feature_mse']
    assert numbers[ORIGINAL]['feature_mse'] == 0 < numbers[ORIGINAL]['feature_mse_enhanced']
    assert f'{numbers["CRF 45"]["psnr_db"]:.2f}' in capsys.readouterr().out
    assert len(list(read_frames(tmp_path / 'out/crf_45.mp4'))) == 4
    assert (tmp_path / 'out/compression.png').stat().st_size > 1000

    compression(tmp_path / 'out/crf_20.mp4', '--bitrates', 100, '--network', network[0],
         '--mean-match', 110, '--out', tmp_path / 'again')
    assert '30 frames a second, mobilenet_v2, MeanMatch, target 110.0' in capsys.readouterr().out
    assert (tmp_path / 'again/kbit_s_100.mp4').is_file()


@pytest.mark.parametrize('source,options,message', [
    ('.', ('--out', '.'), 'is the folder of the originals'),
    ('no.mp4', ('--out', 'out'), 'no.mp4 does not exist'),
    ('x.mp4', ('--out', 'out'), 'x.mp4 cannot be read as a video'),
    ('.', ('--out', 'out', '--fps', '0'), 'have to be above 0'),
    ('.', ('--out', 'out', '--bitrates', '-5'), 'have to be above 0'),
    ('.', ('--out', 'out', '--prefix', 'y'), "no images with names that start with 'y'"),
    ('.', ('--out', 'out', '--network', 'mobilenet_v2'), 'neither a file nor one of')])
def test_tool_refuses_before_it_starts(tmp_path, monkeypatch, network, source, options,
                                       message):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite('x.png', np.zeros((8, 8, 3), np.uint8))
    (tmp_path / 'x.mp4').write_text('no video')
    with pytest.raises((InputError, OSError), match=message):
        compression(source, '--network', network[0], *options)
    assert not list(tmp_path.rglob('out/*'))


def test_real_frames(tmp_path, real_data):
    frames = list(read_frames(real_data / 'camvid/test', 'Seq05VD_f000'))
    versions = {crf: compress(frames, tmp_path / f'{crf}.mp4', Rate(crf=crf), Fraction(1))
                for crf in (18, 38)}
    measured = compare(frames, versions, lambda image: image.float(), lambda image: image.float())
    assert measured[18].psnr > 37 and measured[38].psnr < 33
    assert measured[18].features_enhanced == measured[18].features == measured[18].pixels
    assert versions[18].kbit_s > 4 * versions[38].kbit_s
