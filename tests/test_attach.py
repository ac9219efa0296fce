"""Putting an enhancer in front of any config: attach, tools/attach.py, tools/check_zoo.py."""
import json
import subprocess
import sys

import pytest
import torch
from commands import ROOT
from mmengine.config import Config
from mmengine.model import BaseDataPreprocessor, ImgDataPreprocessor
from mmseg.registry import MODELS

import mmseg_sympie
from mmseg_sympie import cli
from mmseg_sympie.errors import InputError
from mmseg_sympie.io.config import load_config
from mmseg_sympie.registry import MODELS as OWN_MODELS

SEG = dict(type='SegDataPreProcessor', mean=[10.0, 20.0, 30.0], std=[2.0, 4.0, 5.0],
           bgr_to_rgb=True, test_cfg=dict(size_divisor=32))
MEAN_MATCH = dict(type='MeanMatch', target=100)


@OWN_MODELS.register_module()
class OwnPreprocessor(ImgDataPreprocessor):
    """A user's data preprocessor."""


def config(preprocessor, pipeline=(dict(type='LoadImageFromFile'),)):
    model = dict(type='EncoderDecoder')
    if preprocessor is not None:
        model['data_preprocessor'] = preprocessor
    return Config(dict(model=model, test_dataloader=dict(dataset=dict(pipeline=list(pipeline)))))


def enhanced(preprocessor, grey=50, side=40, **kwargs):
    """A grey image through the data preprocessor that `attach` makes of one."""
    built = MODELS.build(mmseg_sympie.attach(config(preprocessor),
                                             **kwargs).model.data_preprocessor)
    image = torch.full((3, side, side), grey, dtype=torch.uint8)
    return built, built(dict(inputs=[image], data_samples=[None]))['inputs']


@pytest.mark.slow
def test_the_original_is_not_changed_and_everything_else_stays():
    cfg = config(dict(SEG, test_cfg=None))
    built, found = enhanced(cfg.model.data_preprocessor, enhancer=MEAN_MATCH)
    assert cfg.model.data_preprocessor.type == 'SegDataPreProcessor'
    assert found[0, :, 0, 0].tolist() == pytest.approx([45, 20, 14])


@pytest.mark.parametrize('kind', ['mmseg_sympie.OwnPreprocessor', OwnPreprocessor])
def test_a_preprocessor_of_the_users(kind):
    built, found = enhanced(dict(type=kind, mean=[10.0], std=[2.0], pad_size_divisor=16),
                            enhancer=MEAN_MATCH)
    assert isinstance(built, OwnPreprocessor)
    assert found.shape == (1, 3, 48, 48) and found[0, 0, 0, 0] == pytest.approx(45)
    assert (found[..., 40:, :] == 0).all()


def test_no_preprocessor_at_all():
    built, found = enhanced(None, enhancer=MEAN_MATCH)
    assert isinstance(built, BaseDataPreprocessor)
    assert found[0].mean() == pytest.approx(100)


@pytest.mark.slow
def test_a_users_preprocessor_normalises_the_enhanced_image(enhancer_checkpoint):
    """The same image leaves, with a real enhancer, whatever does the normalising."""
    settings = dict(mean=[10.0, 20.0, 30.0], std=[2.0, 4.0, 5.0], bgr_to_rgb=True)
    found = [enhanced(dict(settings, type=kind), grey=80, checkpoint=enhancer_checkpoint)[1]
             for kind in ('SegDataPreProcessor', 'mmseg_sympie.OwnPreprocessor')]
    assert (found[0] - found[1]).abs().max() < 1e-4
    assert (found[0][0, 0] - (80 - 10) / 2).abs().max() > 0.1


def test_a_model_inside_a_tta_model(enhancer_checkpoint):
    cfg = Config(dict(model=dict(type='SegTTAModel', module=config(SEG).model)))
    attached = mmseg_sympie.attach(cfg, checkpoint=enhancer_checkpoint).model
    assert attached.module.data_preprocessor.type == 'mmseg_sympie.SyMPIEDataPreprocessor'
    assert attached.module.data_preprocessor.checkpoint == enhancer_checkpoint
    assert 'data_preprocessor' not in attached


@pytest.mark.parametrize('cfg,message', [
    (Config(dict(a=1)), 'no model'),
    (config(dict(SEG, type='mmseg_sympie.SyMPIEDataPreprocessor')), 'an enhancer already'),
    (config(dict(SEG, mean=[1.0] * 4, std=[1.0] * 4)), 'means for 4 channels'),
    (config(SEG, [dict(type='LoadSingleRSImageFromFile')]), 'LoadSingleRSImageFromFile loads'),
    (config(SEG, [dict(type='LoadImageFromFile', color_type='grayscale')]), "'grayscale'"),
    (config(SEG, [dict(type='LoadImageFromFile'),
                  dict(type='TestTimeAug', transforms=[[dict(type='Normalize')]])]),
     'take Normalize out'),
])
def test_what_cannot_be_done_is_refused_with_the_reason(cfg, message):
    with pytest.raises(InputError, match=message):
        mmseg_sympie.attach(cfg)


def test_a_preprocessor_at_the_top_of_the_config():
    cfg = Config(dict(model=dict(type='EncoderDecoder'), data_preprocessor=SEG))
    attached = mmseg_sympie.attach(cfg, enhancer=MEAN_MATCH).model.data_preprocessor
    assert attached == dict(SEG, type='mmseg_sympie.SyMPIEDataPreprocessor', enhancer=MEAN_MATCH)


def test_mmpretrain_names_its_preprocessor_nowhere():
    cfg = Config(dict(default_scope='mmpretrain', model=dict(type='ImageClassifier'),
                      data_preprocessor=dict(mean=[1.0] * 3, std=[2.0] * 3, to_rgb=True)))
    attached = mmseg_sympie.attach(cfg).model.data_preprocessor
    assert attached.type == 'mmseg_sympie.SyMPIEClsDataPreprocessor' and attached.to_rgb


def test_names_are_looked_up_in_the_scope_of_the_config():
    cfg = config(dict(type='DetDataPreprocessor'))
    cfg.default_scope = 'mmdet'
    attached = mmseg_sympie.attach(cfg).model.data_preprocessor
    assert attached == dict(type='mmseg_sympie.EnhancedDataPreprocessor',
                            behind='mmdet.DetDataPreprocessor')


def test_channel_order_of_a_preprocessor_that_passes_its_arguments_on():
    @OWN_MODELS.register_module(force=True)
    class Passing(ImgDataPreprocessor):
        def __init__(self, extra=1, **kwargs):
            super().__init__(**kwargs)

    built, _ = enhanced(dict(type='mmseg_sympie.Passing', rgb_to_bgr=True), enhancer=MEAN_MATCH)
    assert built.channel_order == 'rgb'


def test_a_preprocessor_with_a_forward_of_its_own_normalises_itself(enhancer_checkpoint):
    @OWN_MODELS.register_module(force=True)
    class Stubborn(ImgDataPreprocessor):
        def forward(self, data, training=False):
            return dict(inputs=(torch.stack(list(data['inputs'])) - self.mean) / self.std)

    settings = dict(mean=[10.0, 20.0, 30.0], std=[2.0, 4.0, 5.0])
    found = [enhanced(dict(settings, type=kind), checkpoint=enhancer_checkpoint)[1]
             for kind in ('SegDataPreProcessor', 'mmseg_sympie.Stubborn')]
    assert (found[0] - found[1]).abs().max() < 1e-4


def test_unknown_preprocessor():
    with pytest.raises(InputError, match="no data preprocessor 'nowhere.Nothing'"):
        enhanced(dict(type='nowhere.Nothing'))


def tool(name, *args, fails=False):
    outcome = subprocess.run([sys.executable, f'tools/{name}.py', *map(str, args)], cwd=ROOT,
                             capture_output=True, text=True)
    assert (outcome.returncode != 0) == fails, outcome.stdout + outcome.stderr
    return outcome.stdout + outcome.stderr


@pytest.mark.slow
def test_tool_writes_a_config_that_inherits(tmp_path):
    (tmp_path / 'my').mkdir()
    base = tmp_path / 'my/model.py'
    base.write_text(f'model = dict(data_preprocessor={SEG!r})\n')
    output = tool('attach', base, '--mean-match', 90, '--out', tmp_path / 'new.py')
    assert 'enhancers=(MeanMatch)' in output
    assert "_base_ = ['./my/model.py']" in (tmp_path / 'new.py').read_text()
    new = load_config(str(tmp_path / 'new.py')).model.data_preprocessor
    assert new.enhancer == dict(type='MeanMatch', target=90.0)
    assert new.mean == SEG['mean'] and new.test_cfg.size_divisor == 32
    again = tool('attach', tmp_path / 'new.py', '--out', tmp_path / 'newer.py', fails=True)
    assert 'an enhancer already' in again and not (tmp_path / 'newer.py').exists()
    assert 'is the config itself' in tool('attach', base, '--out', base, fails=True)


@pytest.mark.parametrize('given, source, said', [
    ([], 'cityscapes', True), (['--enhancer', 'GreyWorld+SourceMatch'], 'cityscapes', True),
    (['--enhancer', 'SourceMatch', '--source', 'camvid'], 'camvid', False),
    (['--enhancer', 'GreyWorld'], None, False),
    (['--enhancer', 'SyMPIE:source=None'], None, False)])
def test_tool_attaches_an_enhancer_with_the_source_that_it_takes(
        tmp_path, monkeypatch, capsys, given, source, said):
    monkeypatch.setattr(sys, 'argv', ['attach', str(ROOT / 'configs/espnetv2_acdc.py'), '--out',
                                      str(tmp_path / 'new.py'), *given])
    cli.run('attach')
    new = load_config(str(tmp_path / 'new.py')).model.data_preprocessor
    assert new.get('source') == source
    assert ('assumed from the type of the test data' in capsys.readouterr().out) == said


@pytest.mark.parametrize('out', ['base.py', 'child.py', 'link.py'])
def test_tool_does_not_write_over_what_it_inherits_from(tmp_path, monkeypatch, out):
    (tmp_path / 'base.py').write_text(f'model = dict(data_preprocessor={SEG!r})\n')
    (tmp_path / 'child.py').write_text("_base_ = ['./base.py']\n")
    (tmp_path / 'link.py').symlink_to('base.py')
    before = (tmp_path / out).read_text()
    monkeypatch.setattr(sys, 'argv', ['attach', str(tmp_path / 'child.py'), '--force', '--out',
                                      str(tmp_path / out)])
    with pytest.raises(SystemExit, match='the config itself, or one that it inherits from'):
        cli.run('attach')
    assert (tmp_path / out).read_text() == before


def test_a_child_in_a_folder_that_is_a_link(tmp_path, monkeypatch):
    (tmp_path / 'base.py').write_text(f'model = dict(data_preprocessor={SEG!r})\n')
    (tmp_path / 'real/deep/er').mkdir(parents=True)
    (tmp_path / 'link').symlink_to('real/deep/er')
    monkeypatch.setattr(sys, 'argv', ['attach', str(tmp_path / 'base.py'), '--out',
                                      str(tmp_path / 'link/new.py')])
    cli.run('attach')
    assert load_config(str(tmp_path / 'link/new.py')).model.data_preprocessor.mean == SEG['mean']


def test_what_cannot_be_built_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['attach', str(ROOT / 'configs/espnetv2_acdc.py'), '--out',
                                      str(tmp_path / 'new/deep.py'), '--mean-match', 'nan'])
    with pytest.raises(SystemExit, match='a mean on 0..255, got nan'):
        cli.run('attach')
    assert not (tmp_path / 'new').exists()


def test_a_checkpoint_is_attached_without_a_source_and_the_tool_says_so(
        tmp_path, monkeypatch, capsys, enhancer_checkpoint):
    monkeypatch.setattr(sys, 'argv', ['attach', str(ROOT / 'configs/espnetv2_acdc.py'), '--out',
                                      str(tmp_path / 'new.py'), '--checkpoint',
                                      str(enhancer_checkpoint)])
    cli.run('attach')
    assert 'Source: none, because a checkpoint' in capsys.readouterr().out


def test_tool_keeps_the_source_of_a_preprocessor_of_ours_and_assumes_none(
        tmp_path, monkeypatch, capsys):
    preprocessor = dict(SEG, type='mmseg_sympie.SyMPIEDataPreprocessor', enhancer=None,
                        source='camvid')
    (tmp_path / 'base.py').write_text(f'model = dict(data_preprocessor={preprocessor!r})\n')
    monkeypatch.setattr(sys, 'argv', ['attach', str(tmp_path / 'base.py'), '--out',
                                      str(tmp_path / 'new.py')])
    cli.run('attach')
    assert load_config(str(tmp_path / 'new.py')).model.data_preprocessor.source == 'camvid'
    assert 'Source:' not in capsys.readouterr().out


@pytest.mark.parametrize('enhancer', [None, [], ()])
def test_a_preprocessor_of_ours_without_an_enhancer_gets_one(enhancer):
    preprocessor = dict(SEG, type='mmseg_sympie.SyMPIEDataPreprocessor', enhancer=enhancer)
    found = mmseg_sympie.attach(config(preprocessor), 'GreyWorld').model.data_preprocessor
    assert found.type == preprocessor['type'] and found.enhancer == [dict(type='GreyWorld')]


def test_an_enhancer_by_name_and_statistics_as_an_object():
    source = mmseg_sympie.enhancer.load_source('camvid')
    found = mmseg_sympie.attach(config(SEG), 'SourceMatch', source=source)
    assert MODELS.build(found.model.data_preprocessor).enhancers[0].source == source


@pytest.mark.parametrize('arguments, message', [
    (['espnetv2_acdc'], 'Wanted a config, as mmengine.config.Config.fromfile'),
    ([config(SEG), 'GreyWord'], 'did you mean GreyWorld'),
    ([config(SEG), ['GreyWorld']], 'must be a name such as'),
    ([config(SEG), None, None, 'Cityscapes'], 'no source statistics named .Cityscapes'),
    ([Config(dict(model=None))], 'wanted dict.* for the model'),
    ([config('SegDataPreProcessor')], 'wanted dict.* for the model and its data_preprocessor')])
def test_arguments_of_attach(arguments, message):
    with pytest.raises(InputError, match=message):
        mmseg_sympie.attach(*arguments)


LAZY = f'''
from mmseg.models import SegDataPreProcessor
model = dict(data_preprocessor={{**{SEG!r}, 'type': SegDataPreProcessor}})
'''


@pytest.mark.parametrize('out', ['new.py', 'below/new.py', 'my/new.py'])
def test_a_config_in_pythons_style_gets_a_child_in_it(tmp_path, monkeypatch, capsys, out):
    (tmp_path / 'my').mkdir()
    (tmp_path / 'my/model.py').write_text(LAZY)
    attach_tool(monkeypatch, tmp_path / 'my/model.py', '--mean-match', '90', '--out',
                tmp_path / out)
    assert 'enhancers=(MeanMatch)' in capsys.readouterr().out
    new = load_config(str(tmp_path / out)).model.data_preprocessor
    assert new.mean == SEG['mean'] and new.enhancer == dict(type='MeanMatch', target=90.0)
    assert 'read_base' in (tmp_path / out).read_text()


def attach_tool(monkeypatch, *args):
    monkeypatch.setattr(sys, 'argv', ['tools/attach.py', *map(str, args)])
    cli.run('attach')


@pytest.mark.parametrize('base,out,message', [
    ('model.py', 'new', r'new is no Python file: wanted \S*new.py'),
    ('model.py', 'new.yaml', 'is no Python file'), ('model.py', 'there.py', 'exists.*--force'),
    ('my-lazy.py', 'new.py', 'my-lazy.py is no name that Python can import')])
def test_tool_refuses_to_write(tmp_path, monkeypatch, base, out, message):
    (tmp_path / 'model.py').write_text(f'model = dict(data_preprocessor={SEG!r})\n')
    (tmp_path / 'my-lazy.py').write_text(LAZY)
    (tmp_path / 'there.py').write_text('mine = True\n')
    with pytest.raises(SystemExit, match=message):
        attach_tool(monkeypatch, tmp_path / base, '--mean-match', 90, '--out', tmp_path / out)
    assert (tmp_path / 'there.py').read_text() == 'mine = True\n'
    assert sorted(path.name for path in tmp_path.iterdir()) == ['model.py', 'my-lazy.py',
                                                                 'there.py']
    attach_tool(monkeypatch, tmp_path / 'model.py', '--mean-match', 90, '--force', '--out',
                tmp_path / 'there.py')
    assert 'MeanMatch' in (tmp_path / 'there.py').read_text()


@pytest.mark.slow
def test_zoo_of_two_families(tmp_path):
    output = tool('check_zoo', '--families', 'fcn', 'segformer', '--out', tmp_path)
    assert 'training step 2 of 2 families' in output
    outcome = json.loads((tmp_path / 'zoo.json').read_text())['families']['segformer']
    assert outcome == {'config': outcome['config'], 'builds without': 'yes', 'builds with': 'yes',
                       'keys unchanged': 'yes', 'identity: same logits': 'yes',
                       'enhancer runs': 'yes', 'training step': 'yes'}
    assert 'Unknown families nothing' in tool('check_zoo', '--families', 'nothing', fails=True)


@pytest.mark.slow
def test_a_config_imports_modules_from_the_current_folder(tmp_path):
    """Called as a script, whose own folder is the first that Python looks in."""
    (tmp_path / 'own_enhancers.py').touch()
    (tmp_path / 'own.py').write_text(
        f"_base_ = [{str(ROOT / 'configs/espnetv2_cityscapes.py')!r}]\n"
        "custom_imports = dict(imports=['own_enhancers'])\n")
    done = subprocess.run([sys.executable, ROOT / 'tools/attach.py', 'own.py', '--out', 'new.py'],
                          cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'new.py').is_file()
