"""Training correction units, or all weights, on images of which half are distorted."""
import copy
import json

import pytest
import torch
import torch.nn.functional as F
from commands import ROOT
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image
from torch import nn

from mmseg_sympie.corruptions.pools import ALL
from mmseg_sympie.deepcorrect import Corrections, DistortionTrainer
from mmseg_sympie.errors import InputError
from mmseg_sympie.io.checkpoints import read_checkpoint, read_mmengine_checkpoints_safely
from mmseg_sympie.io.config import load_config
from mmseg_sympie.pretraining.upstream import UpstreamModel
from mmseg_sympie.registry import MODELS


@MODELS.register_module(force=True)
class SmallClassifier(UpstreamModel):
    """Two convolutions and a head."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(nn.Sequential(
            nn.Conv2d(3, 6, 3, 2, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 8, 3),
            nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)))

    def logits(self, image):
        return self.model(image)


@pytest.fixture
def ranking(tmp_path) -> str:
    path = tmp_path / 'priority.json'
    path.write_text(json.dumps(dict(layers={'0': dict(order=[3, 1, 0, 5, 2, 4])})))
    return str(path)


@pytest.fixture
def photographs(tmp_path) -> str:
    """Eight flat photographs, two of each of four colours, which are the classes."""
    for index in range(8):
        folder = tmp_path / f'photos/{index % 4}'
        folder.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (32, 32), (60 * (index % 4), 90, 40 + index)).save(
            folder / f'{index}.png')
    return str(tmp_path / 'photos')


@pytest.fixture
def config(ranking, photographs, tmp_path) -> Config:
    cfg = load_config(str(ROOT / 'configs/deepcorrect_mobilenetv2_photos.py'))
    cfg.model.upstream = dict(type='mmseg_sympie.SmallClassifier')
    cfg.model.autocast, cfg.model.corrections = None, dict(ranking=ranking)
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False, batch_size=4)
    cfg.train_dataloader.sampler.batch_size = 4
    cfg.train_dataloader.dataset.sources[0].update(root=photographs, short_side_px=32, crop_px=24)
    cfg.optim_wrapper.optimizer.lr, cfg.param_scheduler = 0.1, None
    cfg.train_cfg.max_iters, cfg.default_hooks.checkpoint.interval = 4, 2
    cfg.work_dir, cfg.log_level = str(tmp_path / 'work'), 'ERROR'
    return cfg


def train(cfg: Config):
    runner = Runner.from_cfg(copy.deepcopy(cfg))
    runner.train()
    return runner.model, torch.load(f'{cfg.work_dir}/trained.pth', weights_only=True)


@pytest.mark.slow
def test_only_units_are_trained_and_saved(config, tmp_path):
    model, saved = train(config)
    untouched = SmallClassifier()
    for key, value in model.upstream[0].model.state_dict().items():
        assert torch.equal(value, untouched.model.state_dict()[key])
    # Half of six filters, the best three.
    assert saved['0.filters'].tolist() == [0, 1, 3]
    assert saved['0.body.7.weight'].abs().max() > 0 and saved['0.body.0.running_mean'].any()
    state = read_checkpoint(tmp_path / 'work/iter_4.pth')['state_dict']
    assert set(state) == {'step', *(f'trained.{key}' for key in saved)}
    # The file puts on the untouched classifier what was trained.
    Corrections.load(tmp_path / 'work/trained.pth').eval().attach(untouched.model)
    image = torch.rand(2, 3, 24, 24)
    model.eval()
    torch.testing.assert_close(untouched.logits(image), model.upstream[0].logits(image))
    plain = SmallClassifier().logits(image)
    assert (plain - untouched.logits(image)).abs().max() > 1e-4


@pytest.mark.slow
def test_resumed_training_goes_on_exactly(config, tmp_path):
    read_mmengine_checkpoints_safely()  # as our commands do
    wanted = train(config)[1]
    config.work_dir = str(tmp_path / 'stopped')
    half = copy.deepcopy(config)
    half.train_cfg.max_iters = 2
    train(half)
    config.resume = True
    found = train(config)[1]
    assert all(torch.equal(value, found[key]) for key, value in wanted.items())


@pytest.mark.slow
def test_fine_tuning_trains_all_weights(config):
    baseline = Config.fromfile(ROOT / 'configs/finetune_mobilenetv2_photos.py')
    config.model.corrections, config.model.l1 = baseline.model.corrections, baseline.model.l1
    model, saved = train(config)
    before = SmallClassifier().model.state_dict()
    assert set(saved) == set(before)
    assert not any(torch.equal(saved[key], value) for key, value in before.items())
    assert model.trained[4].training  # dropout, as in any training


@pytest.mark.slow
@pytest.mark.parametrize('broken,said', [('7.bias', 'the loss is nan'),
                                         ('1.running_var', '1.running_var holds NaN')])
def test_numbers_that_are_none_end_the_training(broken, said, config):
    config.model.corrections = None
    runner = Runner.from_cfg(config)
    runner.model.trained.state_dict()[broken][0] = torch.nan
    with pytest.raises(InputError, match=f'In step 1 .*{said}.*--resume'):
        runner.train()


def batch(size: int = 4) -> dict:
    generator = torch.Generator().manual_seed(5)
    return dict(inputs=torch.randint(256, (size, 3, 16, 16), generator=generator).byte(),
                source=torch.zeros(size, dtype=torch.long), target={0: torch.arange(size) % 4})


def trainer(ranking, **changes) -> DistortionTrainer:
    return DistortionTrainer(**{**dict(
        upstream=dict(type='mmseg_sympie.SmallClassifier'), corruptions=['darken'],
        severities=[3], corrections=dict(ranking=ranking)), **changes})


def test_half_of_a_batch_is_distorted(ranking):
    image = torch.rand(4, 3, 16, 16)
    distorted = trainer(ranking).distort(image)
    # Darken divides by the severity + 1.
    torch.testing.assert_close(distorted[:2], image[:2] / 4)
    assert torch.equal(distorted[2:], image[2:])


def test_losses_are_cross_entropy_and_the_sum_of_weights(ranking):
    model = trainer(ranking, l1=0.5, distorted_share=0)
    losses = model(**batch())
    scores = SmallClassifier().logits(batch()['inputs'].float() / 255)
    torch.testing.assert_close(losses['loss_task'], F.cross_entropy(scores, batch()['target'][0]))
    wanted = sum(value.abs().sum() for key, value in model.state_dict().items()
                 if key.startswith('trained.') and value.ndim == 4)
    torch.testing.assert_close(losses['loss_l1'], 0.5 * wanted)


def test_wrong_settings_are_named(ranking):
    for changes, message in (
            (dict(corruptions=['rust']), 'rust'), (dict(corruptions=[]), 'wanted some'),
            (dict(severities=[0]), '1 to 5'), (dict(autocast='float16'), 'float16'),
            (dict(distorted_share=2), 'from 0 to 1')):
        with pytest.raises(InputError, match=message):
            trainer(ranking, **changes)
    with pytest.raises(InputError, match='for training'):
        trainer(ranking)(**batch(), mode='predict')


@pytest.mark.parametrize('name', ['deepcorrect_mobilenetv2_photos', 'finetune_mobilenetv2_photos',
                                  'deepcorrect_mobilenetv2_camvid',
                                  'finetune_mobilenetv2_camvid'])
def test_shipped_configs_are_consistent(name):
    cfg = load_config(str(ROOT / f'configs/{name}.py'))
    assert cfg.train_dataloader.batch_size == cfg.train_dataloader.sampler.batch_size
    assert set(cfg.model.corruptions) <= set(ALL)
    assert cfg.param_scheduler[-1].end == cfg.train_cfg.max_iters
