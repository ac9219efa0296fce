"""Parameters re-used from frame to frame."""
import json
import subprocess
import sys

import golden
import pytest
import torch
from commands import ROOT
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from mmseg_sympie.data_preprocessor import SyMPIEDataPreprocessor
from mmseg_sympie.demo.street import render_street
from mmseg_sympie.enhancer import NEM, SyMPIE, WarpParameters
from mmseg_sympie.enhancer.adjustment import Adjustment
from mmseg_sympie.enhancer.backends import thumbnail_and_mean
from mmseg_sympie.enhancer.colour_map import ColourMap
from mmseg_sympie.enhancer.fast import FastSyMPIE, PixelFormat
from mmseg_sympie.enhancer.pretrained import convert_published_enhancer
from mmseg_sympie.enhancer.smoother import ParameterSmoother
from mmseg_sympie.errors import InputError

GOLDEN = convert_published_enhancer(golden.published_enhancer(), 'golden')


class Counter:
    """Predicts the number of the call."""

    measure = staticmethod(thumbnail_and_mean)

    def __init__(self):
        self.calls = 0

    def predict_apart(self, seen):
        self.calls += 1
        parameters = WarpParameters(*(torch.full_like(part, self.calls)
                                      for part in WarpParameters.identity()[:3]))
        return parameters, Adjustment(ColourMap(torch.eye(3)[None], torch.zeros(1, 3)))


def shifts(smoother, *greys):
    return [smoother(torch.full((1, 3, 4, 4), float(grey))).shift[0, 0].item() for grey in greys]


def test_predicted_every_third_frame_and_half_of_the_old_kept():
    smoother = ParameterSmoother(Counter(), every=3, momentum=0.5)
    # 1; halfway to 2, three times; halfway to 3
    assert shifts(smoother, *[100] * 8) == [1, 1, 1, 1.5, 1.75, 1.875, 2.4375, 2.71875]
    assert smoother.predictions == 3


def test_brightness_is_kept_while_contrast_falls():
    """Each frame is stretched about its mean, and so is what is halfway from 2 to 20 times."""
    fast = FastSyMPIE(SyMPIE(NEM().state_dict(), min_contrast_255=50).eval(), 'rgb')
    smoother = ParameterSmoother(fast, every=1, momentum=0.5, scene_change_255=100)
    pattern = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)) - 0.5
    for contrast in (80, 8):
        frame = 150 + contrast * pattern
        enhanced = fast(frame, PixelFormat('rgb'), smoother(frame))
    assert enhanced.mean().item() == pytest.approx(150, abs=0.5)
    assert enhanced.std().item() > 3 * frame.std().item()


def test_a_scene_change_is_predicted_at_once_and_not_smoothed():
    smoother = ParameterSmoother(Counter(), every=4, momentum=0.5, scene_change_255=20)
    assert shifts(smoother, 100, 119, 138, 160, 160, 160, 160, 160) == [1, 1, 1, 2, 2, 2, 2, 2.5]


@pytest.mark.parametrize('first', [0, 2])
def test_a_scene_after_darkness_is_predicted_at_once(first):
    """Their grey levels are close, but not after what a dark frame is brightened by."""
    scene = torch.from_numpy(render_street(0, 96, 128).image.transpose(2, 0, 1) // 6)[None]
    settings = dict(source='cityscapes')
    after = SyMPIEDataPreprocessor(**settings, smoothing=dict(every=8))
    after(dict(inputs=[torch.full_like(scene[0], first)], data_samples=[None]))
    alone = SyMPIEDataPreprocessor(**settings)
    wanted, found = (preprocessor(dict(inputs=[scene[0]], data_samples=[None]))['inputs']
                     for preprocessor in (alone, after))
    torch.testing.assert_close(found, wanted)


def test_a_frame_of_another_size_is_predicted_at_once():
    smoother = ParameterSmoother(Counter(), every=100)
    smoother(torch.full((1, 3, 4, 4), 100.0))
    assert smoother(torch.full((1, 3, 4, 8), 100.0)).shift[0, 0] == 2


def test_another_video_starts_anew():
    smoother = ParameterSmoother(Counter(), every=100)
    shifts(smoother, 100, 100)
    smoother.forget()
    assert shifts(smoother, 100, 100) == [2, 2]


@pytest.mark.parametrize('wrong', [dict(every=0), dict(every=1.5), dict(momentum=1),
                                   dict(momentum=-0.1), dict(scene_change_255=0)])
def test_numbers_out_of_range(wrong):
    with pytest.raises(InputError, match='momentum from 0 to below 1'):
        ParameterSmoother(Counter(), **wrong)


def test_preprocessor_uses_it_in_testing_alone():
    preprocessor = SyMPIEDataPreprocessor(checkpoint=GOLDEN, size=(60, 80), smoothing=dict(
        every=2, momentum=0, scene_change_255=1000))
    plain = SyMPIEDataPreprocessor(checkpoint=GOLDEN)
    frames = torch.stack([golden.image_255(60, 80, phase=phase) for phase in range(3)])
    found = preprocessor(dict(inputs=list(frames), data_samples=[None] * 3))['inputs']
    assert preprocessor.smoother.predictions == 2
    wanted = plain.enhance(frames)
    for index in (0, 2):
        assert (found[index] - wanted[index]).abs().max() < 1e-2
    fast = FastSyMPIE(SyMPIE(GOLDEN).eval(), 'bgr')
    reused = fast(frames[1:2], plain.output_format, fast.predict(frames[:1]))
    assert (found[1] - reused[0]).abs().max() < 1e-2 < (found[1] - wanted[1]).abs().max()
    preprocessor.enhance(frames)
    samples = [SegDataSample(gt_sem_seg=PixelData(data=torch.zeros(1, 60, 80).long()))
               for _ in frames]
    preprocessor(dict(inputs=list(frames), data_samples=samples), training=True)
    assert preprocessor.smoother.predictions == 2


@pytest.mark.slow
def test_benchmark(tmp_path):
    for number in range(4):
        Image.fromarray(golden.image_255(40, 50, phase=number / 20).permute(1, 2, 0).numpy()).save(
            tmp_path / f'a{number}.png')
    outcome = subprocess.run(
        [sys.executable, 'tools/benchmark.py', 'smoothing', str(tmp_path), '--prefix', 'a',
         '--every', '1', '4', '--out', str(tmp_path / 'out')], cwd=ROOT, capture_output=True,
        text=True)
    assert outcome.returncode == 0, outcome.stderr
    measured = json.loads((tmp_path / 'out/smoothing.json').read_text())['measured']
    assert measured['1']['predictions'] == 4 and measured['4']['predictions'] == 1
    assert measured['1']['flicker'] > measured['4']['flicker'] == 0


def test_it_needs_sympie_applied_once():
    for enhancer in (dict(type='MeanMatch'), dict(type='SyMPIE', iterations=2), None):
        with pytest.raises(InputError, match='SyMPIE as last enhancer, applied once'):
            SyMPIEDataPreprocessor(enhancer=enhancer, smoothing=dict(every=2))
