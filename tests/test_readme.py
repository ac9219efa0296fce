"""The README's commands: all are understood, and those that small data suffices for are run."""
import re
import shlex
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from commands import ROOT
from mmengine.registry import DefaultScope
from mmpretrain import get_model
from mmseg.registry import MODELS
from torchvision.models import mobilenet_v2

from mmseg_sympie import cli
from mmseg_sympie.demo.street import render_street
from mmseg_sympie.io.config import forget_pretrained, load_config

README = (ROOT / 'README.md').read_text()

# What the README leaves to the reader, filled in.
PLACEHOLDERS = {
    'CONFIG': 'configs/demo_sympie.py', 'WEIGHTS': 'checkpoints/demo.pth', 'NEW': 'new.py',
    'my_config.py': 'configs/demo.py', 'my_weights.pth': 'checkpoints/demo.pth', 'FOLDER': 'page',
    'PHOTOS': 'data/photos_ccby', 'PHOTO': 'data/photos_ccby/0.png', 'A': 'report/without',
    'B': 'report/with', 'IMAGES_OR_VIDEOS': 'data/photos_ccby', 'FRAMES': 'data/camvid/train',
    'VIDEO_OR_FRAMES': 'data/camvid/train', 'IN': 'checkpoints/enhancer.pth', 'KIND': 'enhancer',
    'WHICH': 'torchvision:mobilenet_v2:checkpoints/mobilenet_v2-b0353104.pth'}

# What would take long, made short; the first that begins a command counts.
SHORTER = {
    'benchmark.py enhancer': ['--sizes', '64x64', '--repeats', '1'],
    'benchmark.py corruptions': ['--size', '32x32', '--batch-size', '2', '--repeats', '1'],
    'benchmark.py pretraining': ['--batch-size', '3', '--repeats', '1'],
    'benchmark.py smoothing': ['--every', '1', '2', '--repeats', '1'],
    'test_classifier.py': ['--limit', '2', '--corruptions', 'fog', '--severities', '1'],
    'render_scenes.py': ['--train', '4', '--val', '3', '--seed', '5'],
    'release.py': ['--limit', '2'],
    'rank_filters.py': ['--limit', '1', '--severities', '1', '--layers', 'conv1.conv'],
    'train.py configs/sympie': [
        '--cfg-options', 'train_cfg.max_iters=1', 'train_cfg.val_interval=1',
        'train_dataloader.batch_size=3', 'train_dataloader.sampler.batch_size=3',
        'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
        'val_dataloader.dataset.limit=1', 'val_dataloader.num_workers=0',
        'val_dataloader.persistent_workers=False'],
    'train.py': ['--cfg-options', 'train_cfg.max_iters=1', 'train_cfg.val_interval=10',
                 'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0',
                 'train_dataloader.persistent_workers=False'],
}

# Understood but not run here, and why.
ONLY_UNDERSTOOD = {
    '--device cuda': 'needs a GPU',
    'sympie_resnet50_imagenet': 'needs ImageNet',
    'sympie_matched': 'needs Cityscapes and the published ESPNetv2',
    'espnetv2': 'needs published files: tests/test_espnetv2.py',
    '--resume': 'needs an interrupted run: tests/test_pretraining.py',
    '_onnx.py': 'takes long: tests/test_export.py',
    'attach.py CONFIG': 'that config has an enhancer: my_config.py has none',
    'finetune_mobilenetv2_photos/trained.pth': 'needs a whole training',
    'work_dirs/0.5.pth': 'needs a whole pretraining',
    'darken night contrast': 'takes long: the table of tools has a smaller one',
    'visualize.py': 'looks for a report in work_dirs: tests/test_visualize.py',
    'check_zoo.py': 'takes half an hour: tests/test_attach.py has two families',
    'release.py work_dirs': 'needs a whole pretraining, for which IN stands',
    'convert_checkpoint.py': 'needs published files: tests/test_checkpoints.py has small ones',
    'prepare_cityscapes.py': 'needs Cityscapes: tests/test_tools.py has a small one',
    '--compare': 'is what the fixture demo_comparison runs',
    '--format-only': 'needs a test split: tests/test_tools.py',
}


def commands(text: str) -> list:
    """Every `python tools/...` of the text in its order, as lists of arguments."""
    blocks = re.findall(r'```\w*\n(.*?)```', text, re.DOTALL)
    lines = [line for block in blocks for line in re.sub(r'\\\n\s*', ' ', block).splitlines()]
    inline = re.findall(r'`([^`]+)`', re.sub(r'```.*?```', '', text, flags=re.DOTALL))
    found = [re.sub(r'\s+', ' ', line.split(' #')[0]).strip() for line in lines + inline]
    found = [line for line in found if line.startswith('python tools/')]
    # In brackets, in capitals: what may be left out.
    return [shlex.split(re.sub(r'\[([A-Z ]+)\]', r'\1', line))[1:]
            for line in dict.fromkeys(found)]


def filled_in(command: list) -> list:
    own = {**PLACEHOLDERS, 'OUT': f'out_{Path(command[0]).stem}'}
    return [own.get(word, word) for word in command]


def command_of(arguments: list) -> tuple[str, list]:
    """The module in `mmseg_sympie/cli` behind a tool, and its arguments."""
    name = Path(arguments[0]).stem
    return ('export' if name == 'export_onnx' else name), arguments[1:]


def on_the_cpu(arguments: list) -> list:
    """A tool refuses a GPU that is not there as soon as it reads its options."""
    return ['cpu' if word == 'cuda' else word for word in arguments]


def test_the_commands_are_found():
    text = ("Type `python tools/a.py\n  'x[2]'`.\n"
            '```\npython tools/b.py \\\n   [C D]   # why\ncd x\n```\n')
    assert commands(text) == [['tools/b.py', 'C', 'D'], ['tools/a.py', 'x[2]']]
    assert len(commands(README)) > 30


@pytest.mark.parametrize('command', commands(README), ids=' '.join)
def test_a_command_is_understood(command, monkeypatch):
    """The tool knows the options, and the configs are there and take the changes."""
    monkeypatch.chdir(ROOT)
    args = cli.parse_args(*command_of(on_the_cpu(filled_in(command))))
    for word in command:
        if word.startswith('configs/') and word.endswith('.py'):
            assert Path(word).is_file(), word
    if command[0] in ('tools/test.py', 'tools/train.py'):
        assert load_config(args.config, args.cfg_options).model


@pytest.fixture(scope='module')
def prepared(tmp_path_factory, scenes, demo_segmentor, demo_comparison, enhancer_checkpoint):
    """A folder like the project's, with little data and untrained weights."""
    root = tmp_path_factory.mktemp('prepared')
    for name in ('configs', 'tools', 'mmseg_sympie'):
        (root / name).symlink_to(ROOT / name)
    (root / 'report').symlink_to(demo_comparison)
    (root / 'data').mkdir()
    for name in ('demo', 'acdc'):  # The demo's scenes come in ACDC's tree.
        (root / 'data' / name).symlink_to(scenes)
    for name in ('photos_ccby', 'imagenet_samples'):
        folder = root / 'data' / name
        folder.mkdir()
        for index in range(2):
            cv2.imwrite(str(folder / f'{index}.png'), render_street(index, 256, 256).image)
        (folder / 'labels.csv').write_text('file,label\n0.png,0\n1.png,1\n')
    for split, names in (('train', ('0006R0_1', '0016E5_1', '0001TP_1', '0001TP_2')),
                         ('test', ('Seq05VD_1',))):
        for folder in (split, f'{split}annot'):
            (root / 'data/camvid' / folder).mkdir(parents=True)
        for index, name in enumerate(names):
            scene = render_street(index, 360, 480)
            cv2.imwrite(str(root / f'data/camvid/{split}/{name}.png'), scene.image[..., ::-1])
            cv2.imwrite(str(root / f'data/camvid/{split}annot/{name}.png'),
                        np.minimum(scene.label, 11))
    checkpoints = root / 'checkpoints'
    checkpoints.mkdir()
    (checkpoints / 'demo.pth').symlink_to(demo_segmentor)
    (checkpoints / 'enhancer.pth').symlink_to(enhancer_checkpoint)
    torch.manual_seed(0)
    torch.save(mobilenet_v2().state_dict(), checkpoints / 'mobilenet_v2-b0353104.pth')
    for name in ('mobilenetv2', 'efficientnet_lite0'):
        with DefaultScope.overwrite_default_scope('mmseg'):
            cfg = load_config(str(ROOT / f'configs/{name}_camvid.py'))
            forget_pretrained(cfg.model)
            torch.save(MODELS.build(cfg.model).state_dict(), checkpoints / f'{name}_camvid.pth')
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            cfg = load_config(str(ROOT / f'configs/classifiers/{name}.py'))
            for path in (root / cfg.load_from, checkpoints / f'{name}_imagenet.pth'):
                torch.save(get_model(cfg).state_dict(), path)
    return root


def one_of_each_kind() -> list:
    """Of the commands that differ in nothing but configs and values, the first."""
    able = [command for command in commands(README)
            if not any(part in ' '.join(command) for part in ONLY_UNDERSTOOD)]
    able.sort(key=lambda command: 'CONFIG' not in command)  # a small one
    kinds = {}
    for command in able:
        kind = command[0], *(word.split('=')[0] for word in command if re.search('^--|=', word))
        kinds.setdefault(('photos' in ' '.join(command), *kind), command)
    return list(kinds.values())


def shortened(command: list) -> list:
    text = ' '.join(command).removeprefix('tools/')
    extra = next((words for start, words in SHORTER.items() if text.startswith(start)), [])
    if extra[:1] == ['--cfg-options'] and '--cfg-options' in command:
        extra = extra[1:]
    return [*command, *extra]


@pytest.mark.parametrize('command', one_of_each_kind(), ids=' '.join)
def test_a_command_runs(command, prepared, monkeypatch):
    monkeypatch.chdir(prepared)
    arguments = shortened(filled_in(command))
    monkeypatch.setattr(sys, 'argv', arguments)
    cli.run(*command_of(arguments))
