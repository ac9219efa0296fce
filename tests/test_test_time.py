"""Averaging with the original, alpha-BN and TENT around a small trained segmentor."""
import copy

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmseg.registry import MODELS
from torch import nn

from mmseg_sympie.engine.panels import build_test_set
from mmseg_sympie.engine.segmentor_weights import load_segmentor
from mmseg_sympie.errors import InputError
from mmseg_sympie.models.test_time import MixedBatchNorm2d, mix_batch_norm


@pytest.fixture
def image(demo_config):
    return pseudo_collate([build_test_set(demo_config)[3]])


def build(cfg, weights, kind=None, enhancer=None, **kwargs):
    model = copy.deepcopy(cfg.model)
    model.data_preprocessor.update(type='mmseg_sympie.SyMPIEDataPreprocessor', enhancer=enhancer)
    if kind:
        model = dict(type=f'mmseg_sympie.{kind}', module=model, **kwargs)
    model = MODELS.build(model)
    load_segmentor(model, weights)
    return model.eval()


def classes(model, data):
    with torch.no_grad():
        return model.test_step(copy.deepcopy(data))[0].pred_sem_seg.data.squeeze()


def test_mixed_statistics_by_hand():
    """Running mean 0 and variance 1; the batch's are 10 and 4: a quarter is 2.5 and 1.75."""
    norm = MixedBatchNorm2d(nn.BatchNorm2d(1, eps=0), 0.25)
    found = norm(torch.tensor([8.0, 12.0]).view(1, 1, 1, 2))
    wanted = [5.5 / 1.75 ** 0.5, 9.5 / 1.75 ** 0.5]
    assert found.flatten().tolist() == pytest.approx(wanted)
    # Each image by itself, whatever is beside it.
    both = norm(torch.tensor([[8.0, 12.0], [0.0, 0.0]]).view(2, 1, 1, 2))
    assert both[0].flatten().tolist() == pytest.approx(wanted) and both[1].isfinite().all()
    model = nn.Sequential(nn.BatchNorm2d(2), nn.Sequential(nn.Conv2d(2, 2, 1), nn.SyncBatchNorm(2)))
    keys = list(model.state_dict())
    assert len(mix_batch_norm(model, 0.1)) == 2 and list(model.state_dict()) == keys


@pytest.mark.slow
def test_no_share_of_the_image_changes_nothing(demo_config, demo_segmentor, image):
    plain = classes(build(demo_config, demo_segmentor), image)
    found = classes(build(demo_config, demo_segmentor, 'AlphaBN', alpha=0.0), image)
    assert (found == plain).float().mean() > 0.9999
    other = classes(build(demo_config, demo_segmentor, 'AlphaBN', alpha=0.5), image)
    assert (other == plain).float().mean() < 0.99


def test_averaging_is_that_of_the_probabilities(demo_config, demo_segmentor, image):
    enhancer = dict(type='MeanMatch', target=200)
    probabilities = []
    for each in (None, enhancer):
        with torch.no_grad():
            sample = build(demo_config, demo_segmentor, enhancer=each).test_step(
                copy.deepcopy(image))[0]
        probabilities.append(sample.seg_logits.data.softmax(dim=0))
    wanted = sum(probabilities).argmax(dim=0)
    model = build(demo_config, demo_segmentor, 'AverageWithOriginal', enhancer)
    assert torch.equal(classes(model, image), wanted)
    assert len(model.module.data_preprocessor.enhancers) == 1  # put back
    assert (probabilities[0].argmax(0) != wanted).any()
    with pytest.raises(InputError, match='has no enhancer'):
        classes(build(demo_config, demo_segmentor, 'AverageWithOriginal'), image)


@pytest.mark.slow
def test_tent_lowers_the_entropy_by_norm_parameters_alone(demo_config, demo_segmentor, image):
    model = build(demo_config, demo_segmentor, 'TENT', lr=1e-2)
    before = {key: value.clone() for key, value in model.module.state_dict().items()}

    def entropy():
        sample = model.test_step(copy.deepcopy(image))[0]
        return torch.special.entr(sample.seg_logits.data.softmax(0)).sum(0).mean().item()

    found = [entropy() for _ in range(4)]
    assert found[3] < found[0]
    changed = {key for key, value in model.module.state_dict().items()
               if not torch.equal(value, before[key])}
    norms = {name for name, module in model.module.named_modules()
             if isinstance(module, MixedBatchNorm2d)}
    assert changed and {key.rpartition('.')[0] for key in changed} <= norms
    assert not any('running' in key for key in changed)


@pytest.mark.parametrize('alpha', [-0.1, 1.1, np.nan])
def test_alpha_is_a_share(demo_config, demo_segmentor, alpha):
    with pytest.raises(InputError, match='share from 0 to 1'):
        build(demo_config, demo_segmentor, 'AlphaBN', alpha=alpha)
