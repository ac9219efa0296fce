"""The tools as a user calls them, on small rendered scenes and real files."""
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import golden
import numpy as np
import pytest
import torch
from cityscapesscripts.helpers.labels import name2label
from commands import ENVIRONMENT, ROOT, scene_options, tool
from PIL import Image

from mmseg_sympie.evaluation import read_report

pytestmark = pytest.mark.slow  # each starts a process


@pytest.mark.parametrize('name', sorted(path.stem for path in (ROOT / 'tools').glob('*.py')))
def test_every_tool_has_help_with_an_example(name):
    text = tool(name, '--help')
    assert 'Example:' in text and f'python tools/{name}.py' in text


# tools/test.py

def test_compare_without_and_with(scenes, demo_segmentor, tmp_path):
    output = tool('test', 'configs/demo_meanmatch.py', demo_segmentor, '--compare', '--out',
                  tmp_path, *scene_options(scenes))
    for text in ('without enhancer', 'with enhancer', 'difference', '95% interval', 'classes gain',
                 'By class and condition'):
        assert text in output
    without, with_ = read_report(tmp_path / 'without'), read_report(tmp_path / 'with')
    assert set(without['scores']) == {'all', 'fog', 'night', 'rain', 'snow'}
    assert without['scores']['all']['images'] == 12
    # The two runs differ in the enhancer, and the comparison says by how much.
    comparison = json.loads((tmp_path / 'compare.json').read_text())
    difference = with_['scores']['all']['miou'] - without['scores']['all']['miou']
    assert comparison['conditions']['all']['miou']['difference'] == pytest.approx(difference)
    assert difference != 0
    details = with_['details']
    assert details['data_preprocessor']['enhancer']['type'] == 'MeanMatch'
    assert len(details['checkpoint_sha256']) == 64 and 'torch' in details['versions']
    assert 'configs/demo_meanmatch.py' in details['command'] and details['date']
    # tools/compare.py on the same two reports finds the same
    again = tool('compare', tmp_path / 'without', tmp_path / 'with', '--out', tmp_path / 'again')
    assert f'{difference:+.2f}' in again
    assert (tmp_path / 'again/compare.png').is_file()
    by_file = tool('compare', tmp_path / 'without/report.json', tmp_path / 'with/report.json')
    assert f'{difference:+.2f}' in by_file


def test_enhancer_by_options_alone(scenes, demo_segmentor, enhancer_checkpoint, tmp_path):
    tool('test', 'configs/demo.py', demo_segmentor, '--out', tmp_path, '--cfg-options',
         f'data_root={scenes}', 'model.data_preprocessor.type=mmseg_sympie.SyMPIEDataPreprocessor',
         f'model.data_preprocessor.checkpoint={enhancer_checkpoint}',
         'test_dataloader.dataset.conditions=[fog]')
    details = read_report(tmp_path)['details']
    assert len(details[f'sha256 of {enhancer_checkpoint}']) == 64


def test_a_config_with_another_evaluator_gets_a_report(scenes, demo_segmentor, tmp_path):
    tool('test', 'configs/demo_meanmatch.py', demo_segmentor, '--compare', '--out', tmp_path,
         '--cfg-options', f'data_root={scenes}', 'test_evaluator.type=IoUMetric',
         'test_dataloader.dataset.conditions=[fog]')
    assert (tmp_path / 'compare.json').is_file()


def test_class_names_beyond_the_locale(scenes, demo_segmentor, tmp_path):
    config = tmp_path / 'german.py'
    config.write_text(
        f"_base_ = ['{ROOT}/configs/demo.py']\n"
        'test_dataloader = dict(dataset=dict(_delete_=True, type="BaseSegDataset", data_root="", '
        'data_prefix=dict(img_path="rgb_anon/fog/val", seg_map_path="gt/fog/val"), '
        'img_suffix="_rgb_anon.png", seg_map_suffix="_gt_labelTrainIds.png", test_mode=True, '
        'metainfo=dict(classes=("道路", *map(str, range(18))), palette=[[0, 0, 0]] * 19), '
        'pipeline=[dict(type="LoadImageFromFile"), dict(type="LoadAnnotations"), '
        'dict(type="PackSegInputs")]))\n', encoding='utf-8')
    environment = {**ENVIRONMENT, 'LC_ALL': 'C', 'PYTHONCOERCECLOCALE': '0', 'PYTHONUTF8': '0'}
    outcome = subprocess.run(
        [sys.executable, 'tools/test.py', config, demo_segmentor, '--out', tmp_path / 'out',
         *scene_options(scenes)], cwd=ROOT, capture_output=True, timeout=300, env=environment)
    assert outcome.returncode == 0, outcome.stderr
    assert b'?' in outcome.stdout  # what the terminal cannot show
    assert read_report(tmp_path / 'out')['classes'][0] == '道路'
    for name in ('report.csv', 'report.md'):
        assert '道路' in (tmp_path / 'out' / name).read_text(encoding='utf-8')
    assert (tmp_path / 'out/report.png').is_file()


def test_everything_missing_is_named_at_once(tmp_path):
    output = tool('test', 'configs/deeplabv2_acdc_sympie.py', '--out', tmp_path, fails=True)
    for text in ('segmentor checkpoint checkpoints/deeplabv2_cityscapes.pth does not exist',
                 'ACDC: the folder data/acdc does not exist',
                 'rgb_anon/{condition}/{split}/{sequence}/*_rgb_anon.png',
                 'acdc.vision.ee.ethz.ch'):
        assert text in output


@pytest.mark.parametrize('config,branches,checkpoint', [
    ('deeplabv2_acdc_sympie', 4, 'deeplabv2_cityscapes'),
    ('deeplabv2_acdc_published_protocol', 2, 'deeplabv2_published')])
def test_no_further_arguments_where_everything_is_in_its_place(
        scenes, tmp_path, config, branches, checkpoint):
    from mmseg_sympie.models import DeepLabV2Head, DeepLabV2ResNet
    (tmp_path / 'data').mkdir()
    (tmp_path / 'checkpoints').mkdir()
    (tmp_path / 'data/acdc').symlink_to(scenes)
    segmentor = torch.nn.ModuleDict(dict(backbone=DeepLabV2ResNet(), decode_head=DeepLabV2Head(
        in_channels=2048, num_classes=19, num_branches=branches)))
    torch.save(segmentor.state_dict(), tmp_path / f'checkpoints/{checkpoint}.pth')
    result = subprocess.run([sys.executable, ROOT / 'tools/test.py', ROOT / f'configs/{config}.py'],
                            cwd=tmp_path, capture_output=True, text=True, timeout=300,
                            env=ENVIRONMENT)
    assert result.returncode == 0, result.stderr
    report = read_report(tmp_path / f'work_dirs/{config}')
    assert 'sha256 of the shipped enhancer' in report['details']
    assert [report['scores'][name]['images'] for name in ('all', 'fog', 'snow')] == [12, 3, 3]


def test_compare_attaches_the_default_where_there_is_no_enhancer(scenes, demo_segmentor, tmp_path):
    output = tool('test', 'configs/demo.py', demo_segmentor, '--compare', '--out', tmp_path,
                  '--cfg-options', f'data_root={scenes}')
    assert 'configs/demo.py has no enhancer; attached: SyMPIE.' in output
    assert (tmp_path / 'compare.md').is_file()


def test_output_folder_is_checked_before_the_run(scenes, demo_segmentor, tmp_path):
    blocked = tmp_path / 'file'
    blocked.write_text('')
    output = tool('test', 'configs/demo.py', demo_segmentor, '--out', blocked / 'out',
                  *scene_options(scenes), fails=True)
    assert 'Cannot write' in output and 'Choose another folder' in output


def test_full_disk_is_found_before_the_run(tmp_path, monkeypatch):
    if not Path('/dev/full').exists():
        pytest.skip('no /dev/full on this system')
    import mmseg_sympie.io.files as files
    monkeypatch.setattr(files.tempfile, 'TemporaryFile', lambda dir: open('/dev/full', 'wb'))
    with pytest.raises(OSError, match='Cannot write 10 MiB .*No space left on device.*make room'):
        files.check_writable(tmp_path)


@pytest.mark.parametrize('damage,message', [
    (lambda state: {key: value for key, value in state.items() if 'conv1' not in key},
     'keys are missing'),
    (lambda state: {**state, 'decode_head.branches.0.bias': torch.zeros(7)},
     'has shape (7,), wanted (19,)'),
    (lambda state: {**state, 'decode_head.branches.0.bias': torch.full((19,), torch.nan)},
     'holds NaN or infinity'),
])
def test_segmentor_checkpoint_that_does_not_fit(scenes, demo_segmentor, tmp_path, damage, message):
    path = tmp_path / 'wrong.pth'
    torch.save(damage(torch.load(demo_segmentor, weights_only=True)['state_dict']), path)
    output = tool('test', 'configs/demo.py', path, '--out', tmp_path / 'out',
                  *scene_options(scenes), fails=True)
    assert message in output and str(path) in output


def test_damaged_image_in_the_middle_stops_the_run_and_is_named(scenes, demo_segmentor, tmp_path):
    root = shutil.copytree(scenes, tmp_path / 'scenes')
    broken = sorted(root.glob('rgb_anon/night/val/*/*.png'))[1]
    broken.write_bytes(broken.read_bytes()[:500])
    output = tool('test', 'configs/demo.py', demo_segmentor, '--out', tmp_path / 'out',
                  *scene_options(root), fails=True)
    assert f'Error: Cannot read {broken}' in output and 'truncated' in output
    assert not (tmp_path / 'out/report.json').exists()
    assert 'Stopped after 4 of 12 images' in output  # the first batch; fog is three of them
    partial = read_report(tmp_path / 'out/partial')
    assert partial['details']['partial'] == 'PARTIAL: 4 of 12 images'


def test_interrupted_run_reports_what_is_done(scenes, demo_segmentor, tmp_path):
    code = ('import sys, mmseg_sympie.engine.segmentation as testing\n'
            'class Slow(testing.ProgressBar):\n'
            '    def after_test_iter(self, runner, batch_idx, **kwargs):\n'
            '        if batch_idx == 1:\n'
            '            print("two batches", flush=True)\n'
            '            import time; time.sleep(60)\n'
            'testing.ProgressBar = Slow\n'
            'sys.argv = ["tools/test.py", *sys.argv[1:]]\n'
            'import runpy; runpy.run_path("tools/test.py", run_name="__main__")\n')
    process = subprocess.Popen(
        [sys.executable, '-c', code, 'configs/demo.py', demo_segmentor, '--out', str(tmp_path),
         '--cfg-options', f'data_root={scenes}', 'test_dataloader.batch_size=2'],
        cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        # A shell has its background jobs ignore Ctrl-C, and so all that they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    for line in process.stdout:
        if 'two batches' in line:
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert 'Stopped after 4 of 12 images' in output and 'Traceback' not in output
    assert read_report(tmp_path / 'partial')['scores']['all']['images'] == 4
    assert not (tmp_path / 'report.json').exists()


def test_format_only_writes_one_zip(scenes, demo_segmentor, tmp_path):
    import zipfile
    root = shutil.copytree(scenes, tmp_path / 'scenes')
    for condition in ('fog', 'night', 'rain', 'snow'):
        (root / 'rgb_anon' / condition / 'val').rename(root / 'rgb_anon' / condition / 'test')
        for path in (root / 'rgb_anon' / condition / 'test').glob('*/*'):
            path.rename(path.with_name(f'{condition}_{path.name}'))
    tool('test', 'configs/demo.py', demo_segmentor, '--format-only', '--out', tmp_path / 'out',
         *scene_options(root))
    with zipfile.ZipFile(tmp_path / 'out/submission.zip') as archive:
        names = sorted(archive.namelist())
    assert len(names) == 12
    assert names[0] == 'fog_scenes_frame_000001_rgb_anon.png'


# tools/train.py

def test_train_a_few_steps_and_test_the_result(scenes, tmp_path):
    options = ['--cfg-options', f'data_root={scenes}', 'default_hooks.checkpoint.interval=2',
               'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0',
               'train_dataloader.persistent_workers=False',
               'train_dataloader.dataset.pipeline.3.crop_size=(64,96)',
               'train_dataloader.dataset.pipeline.2.scale=(160,96)', 'model.backbone.init_cfg=None']
    first, moved = tmp_path / 'first', tmp_path / 'moved'
    tool('train', 'configs/demo.py', '--work-dir', first, *options, 'train_cfg.max_iters=2')
    tool('test', 'configs/demo.py', first / 'iter_2.pth', '--out', tmp_path / 'out',
         '--cfg-options', f'data_root={scenes}', 'test_dataloader.dataset.conditions=[fog]')
    assert read_report(tmp_path / 'out')['scores']['fog']['images'] == 3
    # The folder is moved, its record lost, and the same command called again.
    first.rename(moved)
    (moved / 'last_checkpoint').unlink()
    before = (moved / 'iter_2.pth').read_bytes()
    output = tool('train', '--resume', 'configs/demo.py', '--work-dir', moved, *options,
                  'train_cfg.max_iters=4', 'default_hooks.logger.interval=1')
    assert f'Going on from {moved}/iter_2.pth' in output
    assert '[3/4]' in output and '[2/4]' not in output
    # The terminal shows the progress, the log file everything.
    assert str(moved) in output and 'System environment' not in output
    logs = [path.read_text() for path in moved.rglob('*.log')]
    assert logs and all('System environment' in log for log in logs)
    assert (moved / 'iter_2.pth').read_bytes() == before and (moved / 'iter_4.pth').is_file()


# tools/enhance.py

def test_enhance_a_folder_of_odd_images(enhancer_checkpoint, tmp_path):
    source = tmp_path / 'in'
    (source / 'sub').mkdir(parents=True)
    rgb = golden.image_255(90, 120).permute(1, 2, 0).numpy()
    cv2.imwrite(str(source / 'colour.png'), rgb[..., ::-1])
    cv2.imwrite(str(source / 'sub/grey.jpg'), rgb[..., 0])
    cv2.imwrite(str(source / 'alpha.png'), np.dstack([rgb, rgb[..., :1]]))
    cv2.imwrite(str(source / 'deep.png'), rgb[..., ::-1].astype(np.uint16) * 257)
    cv2.imwrite(str(source / 'dot.png'), rgb[:1, :1])
    output = tool('enhance', source, '--checkpoint', enhancer_checkpoint, '--out', tmp_path / 'out')
    assert '5 files enhanced' in output
    parameters = json.loads((tmp_path / 'out/parameters.json').read_text())
    assert np.shape(parameters['colour.png']['matrix']) == (3, 3)
    assert np.shape(parameters['sub/grey.png']['kernel']) == (5, 5)
    # The enhanced file is what the reference gives, to the nearest grey level, and the network may
    # have run in half precision.
    from mmseg_sympie.enhancer import SyMPIE
    with torch.no_grad():
        wanted = SyMPIE(enhancer_checkpoint).eval()(golden.image_255(90, 120)[None] / 255)[0] * 255
    found = np.asarray(Image.open(tmp_path / 'out/colour.png')).transpose(2, 0, 1)
    assert np.abs(found - wanted.numpy()).max() < 0.5 + 2e-3 * 255
    assert Image.open(tmp_path / 'out/panels/colour.jpg').size == (240, 90)
    assert np.abs(np.asarray(Image.open(tmp_path / 'out/deep.png')).astype(int)
                  - found.transpose(1, 2, 0)).max() <= 2  # 16 bit is the same picture


def test_enhance_one_image_by_mean_match(tmp_path):
    cv2.imwrite(str(tmp_path / 'dark.png'), np.full((6, 8, 3), 40, np.uint8))
    tool('enhance', tmp_path / 'dark.png', '--mean-match', 110, '--out', tmp_path / 'out')
    assert np.asarray(Image.open(tmp_path / 'out/dark.png')).mean() == 110
    parameters = json.loads((tmp_path / 'out/parameters.json').read_text())
    assert parameters['dark.png']['gain'] == pytest.approx(110 / 40)


def test_enhance_refuses_what_is_no_image(tmp_path):
    (tmp_path / 'empty').mkdir()
    assert 'neither an image nor a folder' in tool(
        'enhance', tmp_path / 'empty', '--mean-match', 110, '--out', tmp_path / 'o', fails=True)
    for content in (b'nothing', b''):
        (tmp_path / 'bad.png').write_bytes(content)
        assert 'bad.png cannot be read as an image' in tool(
            'enhance', tmp_path / 'bad.png', '--mean-match', 110, '--out', tmp_path / 'o',
            fails=True)


def test_enhance_keeps_originals_and_what_is_done(tmp_path):
    source = tmp_path / 'in'
    source.mkdir()
    for name in ('a.png', 'b.png'):
        cv2.imwrite(str(source / name), np.full((6, 8, 3), 40, np.uint8))
    output = tool('enhance', source, '--mean-match', 110, '--out', source, fails=True)
    assert 'folder of the originals' in output
    assert cv2.imread(str(source / 'a.png')).mean() == 40
    for _ in range(2):  # results below the input are not enhanced again
        assert '2 files enhanced' in tool('enhance', source, '--mean-match', 110, '--out',
                                          source / 'out')
    shutil.rmtree(source / 'out')
    (source / 'b.png').write_bytes(b'broken')
    assert '1 file enhanced' in tool('enhance', source, '--mean-match', 110,
                                     '--out', tmp_path / 'o', fails=True)
    assert list(json.loads((tmp_path / 'o/parameters.json').read_text())) == ['a.png']
    cv2.imwrite(str(source / 'a.jpg'), np.zeros((6, 8, 3), np.uint8))
    assert '1 file enhanced' in tool('enhance', source / 'a.jpg', '--mean-match', 110, '--out',
                                   tmp_path / 'one')
    output = tool('enhance', source / 'a.png', source / 'a.jpg', '--mean-match', 110, '--out',
                  tmp_path / 'o', fails=True)
    assert 'would both become a.png' in output


# tools/convert_checkpoint.py, tools/prepare_cityscapes.py, tools/benchmark.py

def test_convert_published_enhancer(tmp_path):
    published = tmp_path / 'published.pth'
    torch.save({'state_dict': {f'module.{key}': value for key, value
                               in golden.published_enhancer().items()}}, published)
    output = tool('convert_checkpoint', 'enhancer', published, tmp_path / 'own.pth')
    assert '4,671,141 parameters' in output and output.count('SHA-256') == 2
    from mmseg_sympie.enhancer import SyMPIE
    SyMPIE(tmp_path / 'own.pth')
    again = tool('convert_checkpoint', 'enhancer', tmp_path / 'own.pth', tmp_path / 'x.pth',
                 fails=True)
    assert 'first: backbone.0.weight' in again and 'first: stem.0.weight' in again
    assert not (tmp_path / 'x.pth').exists()


def test_convert_published_segmentor_and_imagenet_weights(tmp_path):
    from torchvision.models import mobilenet_v2
    for kind, state, entries in (('deeplabv2', golden.published_segmentor(), 322),
                                 ('mobilenetv2', mobilenet_v2().state_dict(), 306)):
        torch.save(state, tmp_path / 'published.pth')
        output = tool('convert_checkpoint', kind, tmp_path / 'published.pth', tmp_path / 'own.pth')
        assert f'{entries} entries' in output and output.count('SHA-256') == 2
        own = torch.load(tmp_path / 'own.pth', weights_only=True)
        assert ('meta' in own) == (kind == 'deeplabv2')
        if kind == 'deeplabv2':
            assert len(own['state_dict']) == entries
            meta = own['meta']['dataset_meta']
            assert meta['classes'][13] == 'car' and meta['palette'][0] == [128, 64, 128]


def test_prepare_cityscapes(tmp_path):
    folder = tmp_path / 'gtFine/val/ulm'
    folder.mkdir(parents=True)
    square = [[0, 0], [4, 0], [4, 4], [0, 4]]
    (folder / 'ulm_000000_000019_gtFine_polygons.json').write_text(json.dumps(dict(
        imgHeight=8, imgWidth=10, objects=[dict(label='car', polygon=square)])))
    assert '1 labels made, 0 were there' in tool('prepare_cityscapes', tmp_path)
    label = np.asarray(Image.open(folder / 'ulm_000000_000019_gtFine_labelTrainIds.png'))
    assert label[2, 2] == name2label['car'].trainId == 13 and label[7, 9] == 255
    assert '0 labels made, 1 were there' in tool('prepare_cityscapes', tmp_path)
    damaged = {'{"imgHeight":64,"imgWidth":128,"obj': 'is damaged: JSONDecodeError',
               json.dumps(dict(imgHeight=8, objects=[])): "is damaged: KeyError: 'imgWidth'",
               json.dumps(dict(imgHeight=8, imgWidth=10, objects=[
                   dict(label='kerb', polygon=square)])): "Label 'kerb' not known",
               json.dumps(dict(imgHeight=8, imgWidth=10, objects=[
                   dict(label='car', polygon=square[:1])])): 'is damaged',
               '[]': 'is damaged', '': 'is damaged'}
    names = [f'ulm_{index:06d}_000019_gtFine' for index in range(1, len(damaged) + 2)]
    for name, text in zip(names, damaged):
        (folder / f'{name}_polygons.json').write_text(text)
    (folder / f'{names[-1]}_polygons.json').write_text(json.dumps(dict(
        imgHeight=8, imgWidth=10, objects=[dict(label='car', polygon=square, note='Straße')]),
        ensure_ascii=False), encoding='utf-8-sig')
    output = tool('prepare_cityscapes', tmp_path, fails=True)
    assert '1 labels made, 1 were there' in output and 'no label from 6 of 8' in output
    assert 'USAGE' not in output
    for name, message in zip(names, damaged.values()):
        assert re.search(rf'{name}_polygons.json:? {message}', output), output
        assert not (folder / f'{name}_labelTrainIds.png').exists()
    assert (folder / f'{names[-1]}_labelTrainIds.png').is_file()
    assert 'Unpack gtFine_trainvaltest.zip' in tool('prepare_cityscapes', tmp_path / 'no',
                                                    fails=True)


def test_benchmark_of_the_enhancer(tmp_path):
    output = tool('benchmark', 'enhancer', '--sizes', '160x120', '96x80', '--batch-sizes', 2,
                  '--threads', 1, '--repeats', 1, '--segmentor', 'configs/demo.py',
                  '--out', tmp_path)
    for text in ('160x120', 'published / ours', 'forward pass of configs/demo.py',
                 'freed memory returned',
                 'network 1.01e+09, warp 1.74e+08'):
        assert text in output
    numbers = json.loads((tmp_path / 'enhancer.json').read_text())
    assert [cell['width'] for cell in numbers['measured']] == [160, 96]
    assert numbers['measured'][0]['ms_per_image']['warp, ours']['median'] > 0
    assert '| 96x80, batch 2 |' in (tmp_path / 'enhancer.md').read_text()
    assert (tmp_path / 'enhancer.png').stat().st_size > 10_000
