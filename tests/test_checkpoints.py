"""Weight files: what is loaded, and what is refused with which message."""
import pickle
import zipfile

import golden
import numpy as np
import pytest
import torch
from commands import ROOT
from mmengine.logging import HistoryBuffer
from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader, load_checkpoint
from mmseg.apis import MMSegInferencer, inference_model, init_model
from torch import nn

from mmseg_sympie.datasets.street_scenes import CITYSCAPES_METAINFO
from mmseg_sympie.enhancer import NEM, SyMPIE
from mmseg_sympie.enhancer.pretrained import (
    SHIPPED,
    SHIPPED_MATCHED,
    convert_published_enhancer,
)
from mmseg_sympie.errors import InputError
from mmseg_sympie.io.checkpoints import (
    read_checkpoint,
    read_mmengine_checkpoints_safely,
    unwrap_state_dict,
    with_dataset_meta,
)
from mmseg_sympie.io.files import sha256


@pytest.fixture(autouse=True)
def safe_loader(tools_leave_nothing_behind):
    """MMEngine's loader as our commands set it."""
    read_mmengine_checkpoints_safely()


def hidden_code(path) -> None:
    """A checkpoint that plants `eval` into an object on the allow-list by way of `getattr`."""
    def text(value: str) -> bytes:
        return b'X' + len(value).to_bytes(4, 'little') + value.encode()

    def call_getattr(owner: bytes, name: str) -> bytes:
        return b'cbuiltins\ngetattr\n' + owner + text(name) + b'\x86R'

    builtins = call_getattr(b'cbuiltins\ngetattr\n', '__self__')
    evaluate = call_getattr(builtins, 'eval')
    code = (b'\x80\x02cmmengine.logging.history_buffer\nHistoryBuffer\n)R}'
            + text('__setstate__') + evaluate + b'sb' + text("print('hidden code ran')") + b'b.')
    torch.save({'a': torch.zeros(1)}, path.with_suffix('.plain'))
    with zipfile.ZipFile(path.with_suffix('.plain')) as plain:
        entries = {name: plain.read(name) for name in plain.namelist()}
    with zipfile.ZipFile(path, 'w') as crafted:
        for name, content in entries.items():
            crafted.writestr(name, code if name.endswith('data.pkl') else content)


class RunsCode:
    def __reduce__(self):
        return (print, ('code from a checkpoint ran',))


def refused(path, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        SyMPIE(str(path))


def test_missing_file(tmp_path):
    refused(tmp_path / 'none.pth', 'none.pth does not exist')


@pytest.mark.parametrize('keep', [0, 1, 100, 5000, 200_000, -100, -1])
@pytest.mark.parametrize('zipped', [True, False])
def test_truncated_file(tmp_path, keep, zipped):
    path = tmp_path / 'short.pth'
    torch.save(NEM().state_dict(), path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:keep])
    refused(path, 'truncated or not a PyTorch file')


def test_damaged_bytes_never_end_in_another_error(tmp_path):
    path = tmp_path / 'damaged.pth'
    torch.save({'a': torch.zeros(4)}, path, _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(data)
        for position in generator.integers(0, len(data), 3):
            damaged[position] = generator.integers(256)
        path.write_bytes(damaged)
        try:
            unwrap_state_dict(read_checkpoint(path), path, 'x')
        except InputError:
            pass


def test_not_a_checkpoint_at_all(tmp_path):
    path = tmp_path / 'page.pth'
    path.write_text('<html>404 not found</html>')
    refused(path, 'truncated or not a PyTorch file')


def test_code_is_not_run(tmp_path, capfd):
    path = tmp_path / 'code.pth'
    torch.save({'state_dict': RunsCode()}, path)
    refused(path, r'object other than tensors, \S*print, which could run code')
    path.write_bytes(pickle.dumps({'state_dict': RunsCode()}))
    refused(path, 'not a PyTorch file')
    hidden_code(path)
    refused(path, 'could run code')
    assert 'ran' not in capfd.readouterr().out


def test_mmengine_does_not_run_code_either(tmp_path, capfd):
    path = tmp_path / 'code.pth'
    layer = nn.Conv2d(1, 1, 1)
    for save in (lambda: torch.save({'state_dict': RunsCode()}, path), lambda: hidden_code(path)):
        save()
        with pytest.raises(ValueError, match='could run code'):
            load_checkpoint(layer, str(path))
        with pytest.raises(ValueError, match='could run code'):
            PretrainedInit(checkpoint=str(path))(layer)
    assert 'ran' not in capfd.readouterr().out


def test_mmengine_still_reads_what_its_runner_saves(tmp_path):
    buffer = HistoryBuffer([0.5, 0.25], [1, 1])
    torch.save({'state_dict': {'weight': torch.ones(1, 1, 1, 1), 'bias': torch.zeros(1)},
                'message_hub': {'log_scalars': {'loss': buffer}}, 'meta': {}}, tmp_path / 'x.pth')
    found = load_checkpoint(nn.Conv2d(1, 1, 1), str(tmp_path / 'x.pth'))
    assert found['message_hub']['log_scalars']['loss'].mean() == 0.375


@pytest.mark.slow
@pytest.mark.parametrize('plain', [False, True])
def test_shipped_segmentor_in_mmsegs_own_interfaces(tmp_path, demo_segmentor, plain):
    found = read_checkpoint(demo_segmentor)
    assert set(found) == {'meta', 'state_dict'}
    assert found['meta']['dataset_meta'] == dict(
        classes=CITYSCAPES_METAINFO['classes'], palette=CITYSCAPES_METAINFO['palette'])
    path = demo_segmentor
    if plain:  # a state dict alone is taken too
        path = str(tmp_path / 'plain.pth')
        torch.save(found['state_dict'], path)
    config = str(ROOT / 'configs/demo_sympie.py')
    model = init_model(config, path, device='cpu')
    assert tuple(model.dataset_meta['classes']) == CITYSCAPES_METAINFO['classes']
    image = np.zeros((32, 64, 3), np.uint8)
    assert inference_model(model, image).pred_sem_seg.data.shape == (1, 32, 64)
    inferencer = MMSegInferencer(config, path, device='cpu')
    assert inferencer(image, show=False)['predictions'].shape == (32, 64)


@pytest.mark.parametrize('classes,has_meta', [(19, True), (11, False)])
def test_meta_only_where_the_head_has_the_classes(classes, has_meta):
    state = {'backbone.bn.weight': torch.zeros(19), 'decode_head.conv.bias': torch.zeros(classes),
             'decode_head.number': torch.tensor(19)}
    found = with_dataset_meta(state, CITYSCAPES_METAINFO)
    assert ('meta' in found) == has_meta
    assert unwrap_state_dict(found, 'x', 'x') == state
    assert with_dataset_meta(state, None) == state


def test_foreign_checkpoint_names_the_first_keys(tmp_path):
    path = tmp_path / 'foreign.pth'
    torch.save({'state_dict': {'backbone.conv1.weight': torch.zeros(1)}}, path)
    refused(path, r'missing \(first: stem.0.weight, .*unexpected \(first: backbone.conv1.weight\)'
                  '.*of a segmentor')


def test_something_else_than_a_state_dict(tmp_path):
    path = tmp_path / 'list.pth'
    torch.save([torch.zeros(3)], path)
    refused(path, 'not a state dict.*found list')


def test_published_file_says_how_to_convert_it(tmp_path):
    path = tmp_path / 'published.pth'
    torch.save(golden.published_enhancer(), path)
    refused(path, 'convert-checkpoint enhancer')


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_weights_that_are_not_finite(tmp_path, value):
    state = NEM().state_dict()
    state['blocks.1.conv2.bias'][3] = value
    path = tmp_path / 'diverged.pth'
    torch.save(state, path)
    refused(path, 'blocks.1.conv2.bias holds NaN or infinity')


def test_wrong_shape(tmp_path):
    state = NEM().state_dict()
    state['head.bias'] = torch.zeros(36)
    path = tmp_path / 'shape.pth'
    torch.save(state, path)
    refused(path, r'head.bias has shape \(36,\), wanted \(37,\)')


def test_half_precision_weights_run_in_float32(tmp_path):
    path = tmp_path / 'half.pth'
    torch.save({key: value.half() if value.is_floating_point() else value
                for key, value in NEM().state_dict().items()}, path)
    assert {parameter.dtype for parameter in SyMPIE(path).parameters()} == {torch.float32}


@pytest.mark.parametrize('wrap', [
    lambda state: state,
    lambda state: {f'module.{key}': value for key, value in state.items()},
    lambda state: {'state_dict': state, 'epoch': 3},
    lambda state: {'state_dict': {f'module.{key}': value for key, value in state.items()}},
])
def test_published_wrappings(tmp_path, wrap):
    path = tmp_path / 'published.pth'
    torch.save(wrap(golden.published_enhancer()), path)
    state = unwrap_state_dict(read_checkpoint(path, 'x'), path, 'x')
    converted = convert_published_enhancer(state, path)
    assert torch.equal(converted['head.bias'], golden.published_enhancer()['out.bias'])
    NEM().load_state_dict(converted, strict=True)


def test_converting_a_wrong_file_lists_keys():
    state = golden.published_enhancer()
    del state['backbone.3.conv1.weight']
    state['extra'] = torch.zeros(1)
    with pytest.raises(ValueError, match=r'first: backbone.3.conv1.weight\).*first: extra'):
        convert_published_enhancer(state, 'x.pth')


def test_shipped_weights_are_those_of_their_card():
    card = (SHIPPED.parent / 'README.md').read_text()
    for weights in (SHIPPED, SHIPPED_MATCHED):
        assert sha256(weights) in card
        assert weights.stat().st_size < 12e6
    shipped = SyMPIE()
    assert f'mean of {shipped.min_mean_255:g} that darker' in card
    assert f'contrast of {shipped.min_contrast_255:g} that flatter' in card


@pytest.mark.parametrize('map_location,device', [
    (None, 'cpu'), ('cpu', 'cpu'), ('meta', 'meta'), (torch.device('meta'), 'meta'),
    ({'cpu': 'meta'}, 'meta'), (lambda storage, location: storage, 'cpu')])
def test_mmengine_loads_to_the_device_that_is_asked_for(tmp_path, map_location, device):
    torch.save({'state_dict': {'weight': torch.ones(2)}}, tmp_path / 'a.pth')
    found = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'), map_location=map_location)
    assert found['state_dict']['weight'].device.type == device


@pytest.mark.skipif(torch.cuda.is_available(), reason='needs a machine without a GPU')
def test_a_device_that_is_not_there(tmp_path):
    torch.save({'weight': torch.ones(2)}, tmp_path / 'a.pth')
    with pytest.raises(InputError, match='a.pth cannot be loaded to cuda, which this machine'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'), map_location='cuda')
