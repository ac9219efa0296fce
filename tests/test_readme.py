"""The commands of README and docs/: all are understood; what small data suffices for is run."""
import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain import get_model
from mmseg.registry import MODELS
from torchvision.models import mobilenet_v2

from mmseg_sympie import cli
from mmseg_sympie.demo.street import render_street
from mmseg_sympie.io.config import forget_pretrained, load_config

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / 'README.md', *sorted(page for page in (ROOT / 'docs').rglob('*.md')
                                     if not page.name.endswith('.in.md'))]
TEXT = '\n'.join(page.read_text() for page in PAGES)

# What the pages leave to the reader, filled in.
PLACEHOLDERS = {
    'CONFIG': 'configs/demo_sympie.py', 'WEIGHTS': 'checkpoints/demo.pth', 'NEW': 'new.py',
    'my_config.py': 'configs/demo.py', 'my_weights.pth': 'checkpoints/demo.pth', 'FOLDER': 'page',
    'PHOTOS': 'data/photos_ccby', 'PHOTO': 'data/photos_ccby/0.png',
    'night.jpg': 'data/photos_ccby/0.png', 'photos': 'data/photos_ccby', 'A': 'report/without',
    'B': 'report/with', 'IMAGES_OR_VIDEOS': 'data/photos_ccby', 'FRAMES': 'data/camvid/train',
    'VIDEO_OR_FRAMES': 'data/camvid/train', 'IN': 'checkpoints/enhancer.pth', 'KIND': 'enhancer',
    'WHICH': 'torchvision:mobilenet_v2:checkpoints/mobilenet_v2-b0353104.pth'}

# What would take long, made short; the first that begins a command counts.
SHORTER = {
    'demo': ['--val', '1', '--data', 'rendered', '--out', 'demo_report'],
    'benchmark enhancer': ['--sizes', '64x64', '--repeats', '1'],
    'benchmark corruptions': ['--size', '32x32', '--batch-size', '2', '--repeats', '1'],
    'benchmark pretraining': ['--batch-size', '3', '--repeats', '1'],
    'benchmark smoothing': ['--every', '1', '2', '--repeats', '1'],
    'test-classifier': ['--limit', '2', '--corruptions', 'fog', '--severities', '1'],
    'render-scenes': ['--train', '4', '--val', '3', '--seed', '5'],
    'release': ['--limit', '2'],
    'rank-filters': ['--limit', '1', '--severities', '1', '--layers', 'conv1.conv'],
    'train configs/sympie': [
        '--cfg-options', 'train_cfg.max_iters=1', 'train_cfg.val_interval=1',
        'train_dataloader.batch_size=3', 'train_dataloader.sampler.batch_size=3',
        'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
        'val_dataloader.dataset.limit=1', 'val_dataloader.num_workers=0',
        'val_dataloader.persistent_workers=False'],
    'train configs/finetune_mobilenetv2_photos': [
        '--cfg-options', 'train_cfg.max_iters=1', 'train_cfg.val_interval=10',
        'train_dataloader.batch_size=2', 'train_dataloader.sampler.batch_size=2',
        'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False'],
    'train': ['--cfg-options', 'train_cfg.max_iters=1', 'train_cfg.val_interval=10',
              'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0',
              'train_dataloader.persistent_workers=False'],
}

# Understood but not run here, and why.
ONLY_UNDERSTOOD = {
    '--device cuda': 'needs a GPU',
    'sympie_resnet50_imagenet': 'needs ImageNet',
    'sympie_matched': 'needs Cityscapes and the published ESPNetv2',
    'weights/sympie.pth': 'would write over the weights that ship',
    'espnetv2': 'needs published files: tests/test_espnetv2.py',
    '--resume': 'needs an interrupted run: tests/test_pretraining.py',
    'export': 'takes long: tests/test_export.py',
    'run-onnx': 'needs an ONNX file: tests/test_export.py',
    'video.mp4': 'needs a video: tests/test_video.py',
    '/trained.pth': 'needs a whole training',
    'configs/deepcorrect': 'needs a whole ranking: tests/test_deepcorrect_training.py',
    '--keep-freed-memory': 'changes malloc for the tests after it',
    'work_dirs/0.5.pth': 'needs a whole pretraining',
    'darken night contrast': 'takes long: the table of commands has a smaller one',
    'resnet18:WEIGHTS': 'takes long: the table of commands has a smaller one',
    'visualize': 'looks for a report in work_dirs: tests/test_visualize.py',
    'check-zoo': 'takes half an hour: tests/test_attach.py has two families',
    'release work_dirs': 'needs a whole pretraining, for which IN stands',
    'convert-checkpoint': 'needs published files: tests/test_checkpoints.py has small ones',
    'prepare-cityscapes': 'needs Cityscapes: tests/test_tools.py has a small one',
    '--compare': 'is what the fixture demo_comparison runs',
    '--format-only': 'needs a test split: tests/test_tools.py',
}


def commands(text: str) -> list:
    """Every `sympie ...` and `python tools/...` of the text, as [command, arguments...]."""
    blocks = re.findall(r'```\w*\n(.*?)```', text, re.DOTALL)
    lines = [line for block in blocks for line in re.sub(r'\\\n\s*', ' ', block).splitlines()]
    inline = re.findall(r'`([^`]+)`', re.sub(r'```.*?```', '', text, flags=re.DOTALL))
    lines += [text for text in inline if len(text.split()) > 2]  # others are names of commands
    found = [re.sub(r'\s+', ' ', line.split(' #')[0]).strip() for line in lines]
    found = [re.sub(r'^python tools/(\w+)\.py', _as_command, line) for line in found]
    # In brackets, in capitals: what may be left out.
    return [shlex.split(re.sub(r'\[([A-Z ]+)\]', r'\1', line))[1:]
            for line in dict.fromkeys(found) if line.startswith('sympie ')]


def _as_command(tool) -> str:
    return 'sympie ' + {'export_onnx': 'export'}.get(tool[1], tool[1].replace('_', '-'))


def filled_in(command: list) -> list:
    own = {**PLACEHOLDERS, 'OUT': f'out_{command[0]}'}
    return [own.get(word, word) for word in command]


def on_the_cpu(arguments: list) -> list:
    """A command refuses a GPU that is not there as soon as it reads its options."""
    return ['cpu' if word == 'cuda' else word for word in arguments]


def parsed(command: list):
    """The arguments of a command, as it reads them."""
    name, *arguments = command
    return cli.parse_args(name.replace('-', '_'), arguments, f'sympie {name}')


def test_the_commands_are_found():
    text = ("Type `python tools/a_b.py\n  'x[2]'` and `sympie a`.\n"
            '```\npython tools/export_onnx.py \\\n   [C D]   # why\nsympie e f\ncd x\n```\n')
    assert commands(text) == [['export', 'C', 'D'], ['e', 'f'], ['a-b', 'x[2]']]
    assert len(commands(TEXT)) > 60
    assert {command[0] for command in commands(TEXT)} == set(cli.COMMANDS)


@pytest.mark.parametrize('command', commands(TEXT), ids=' '.join)
def test_a_command_is_understood(command, monkeypatch):
    """The command knows the options, and the configs are there and take the changes."""
    monkeypatch.chdir(ROOT)
    args = parsed(on_the_cpu(filled_in(command)))
    for word in command:
        if word.startswith('configs/') and word.endswith('.py'):
            assert Path(word).is_file(), word
    if command[0] in ('test', 'train', 'predict'):
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
    able = [command for command in commands(TEXT)
            if not any(part in ' '.join(command) for part in ONLY_UNDERSTOOD)]
    able.sort(key=lambda command: 'CONFIG' not in command)  # a small one
    kinds = {}
    for command in able:
        kind = command[0], *(word.split('=')[0] for word in command if re.search('^--|=', word))
        kinds.setdefault(('photos' in ' '.join(command), *kind), command)
    return list(kinds.values())


def shortened(command: list) -> list:
    text = ' '.join(command)
    extra = next((words for start, words in SHORTER.items() if text.startswith(start)), [])
    if extra[:1] == ['--cfg-options'] and '--cfg-options' in command:
        extra = extra[1:]
    return [*command, *extra]


@pytest.mark.slow
@pytest.mark.parametrize('command', one_of_each_kind(), ids=' '.join)
def test_a_command_runs(command, prepared, monkeypatch):
    monkeypatch.chdir(prepared)
    command = shortened(filled_in(command))
    try:
        cli.execute(command[0].replace('-', '_'), parsed(command))
    except SystemExit as stop:
        assert not stop.code, stop.code
