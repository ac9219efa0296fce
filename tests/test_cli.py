"""The command `sympie`, its help and its speed; and that importing the package changes nothing."""
import json
import re
import subprocess
import sys
from importlib import metadata

import pytest
from commands import ROOT, tool

import mmseg_sympie
from mmseg_sympie import cli
from mmseg_sympie.cli import COMMANDS, convert_checkpoint, main, render_scenes, train, visualize
from mmseg_sympie.runtime.version import check_mmseg

HEAVY = {'torch', 'numpy', 'mmengine', 'mmcv', 'mmseg', 'cv2', 'PIL', 'matplotlib', 'numba'}
TOOLS = sorted(path.stem for path in (ROOT / 'tools').glob('*.py'))


@pytest.mark.slow
@pytest.mark.parametrize('name', TOOLS)
def test_every_tool_has_help_with_an_example(name):
    done = subprocess.run([sys.executable, f'tools/{name}.py', '--help'], cwd=ROOT, text=True,
                          capture_output=True)
    assert done.returncode == 0 and f'usage: {name}.py' in done.stdout
    assert 'Example:' in done.stdout and f'python tools/{name}.py' in done.stdout


@pytest.mark.parametrize('command', COMMANDS)
def test_help_says_what_was_typed(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, '--help'])
    text = capsys.readouterr().out
    assert stopped.value.code == 0 and text.startswith(f'usage: sympie {command} ')
    assert f'\n    sympie {command}' in text and 'tools/' not in text


def test_the_list_of_commands(capsys):
    with pytest.raises(SystemExit):
        main(['--help'])
    listed = re.findall(r'^  ([a-z-]+) {2,}[A-Z]\S+ ', capsys.readouterr().out, re.M)
    assert listed == list(COMMANDS)
    named = {cli._command_of(name) for name in TOOLS}
    assert named <= set(COMMANDS)  # what a tool does, a command does
    with pytest.raises(SystemExit) as stopped:
        main(['tset'])
    assert stopped.value.code == 2 and "'tset'" in capsys.readouterr().err


MODULES_AFTER = '''
import json, sys
from mmseg_sympie.cli import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    print(json.dumps([stop.code, sorted({name.split('.')[0] for name in sys.modules})]))
'''


@pytest.mark.slow
@pytest.mark.parametrize('arguments', [
    ['--help'], ['nonsense'], ['test'], ['test', 'x', '--cfg-options', 'a'],
    ['test', 'x', '--cfg-options', 'a=[1,(2,3)]', '--nonsense'], ['benchmark', 'enhancer', '--x'],
    ['corrupt', 'x', '--out', 'y', '--crop', '-1'], ['enhance', '--device', 'cpu'],
    ['export', '--output', 'x'], ['run-onnx'], ['predict'], ['demo', '--nonsense']])
def test_help_and_mistakes_need_no_heavy_import(arguments):
    done = subprocess.run([sys.executable, '-c', MODULES_AFTER, *arguments], cwd=ROOT, text=True,
                          capture_output=True)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == (0 if arguments == ['--help'] else 2)
    assert not HEAVY & set(modules)


@pytest.mark.slow
def test_choices_are_those_of_the_modules():
    from mmseg_sympie.corruptions.tree import SAVING
    from mmseg_sympie.deepcorrect.priority import MEASURES
    from mmseg_sympie.engine import resume
    from mmseg_sympie.engine.conversion import CONVERTERS
    from mmseg_sympie.engine.scenes import SEEDS_PER_SPLIT
    from mmseg_sympie.evaluation.panels import KINDS
    from mmseg_sympie.export.segmentor import OUTPUTS
    from mmseg_sympie.io import video_names
    assert tuple(CONVERTERS) == convert_checkpoint.KINDS and KINDS == visualize.KINDS
    assert train.NEWEST == resume.NEWEST
    assert render_scenes.MOST_SCENES == SEEDS_PER_SPLIT - 1
    choices = {action.dest: action.choices for name in ('corrupt', 'export', 'rank_filters')
               for action in actions_of(name)}
    assert tuple(choices['format']) == tuple(SAVING) and tuple(choices['output']) == OUTPUTS
    assert list(choices['error']) == list(MEASURES)
    assert all(suffix in tool('enhance', '--help') for suffix in video_names.SUFFIXES)


ISOLATION = '''
import importlib, pkgutil, sys, json
import mmengine.registry, mmseg.registry, mmseg.models, mmseg.datasets, mmpretrain.models
from mmengine.runner import CheckpointLoader
def state():
    registries = {f'{module.__name__}.{name}': sorted(each.module_dict)
                  for module in (mmengine.registry, mmseg.registry)
                  for name, each in vars(module).items()
                  if isinstance(each, mmengine.registry.Registry)}
    return dict(registries=registries,
                loaders={prefix: loader.__module__
                         for prefix, loader in CheckpointLoader._schemes.items()},
                print_log=mmengine.print_log.__module__)
before = state()
import mmseg_sympie
names = [info.name for info in pkgutil.walk_packages(mmseg_sympie.__path__, 'mmseg_sympie.')]
for name in names:
    if name != 'mmseg_sympie.__main__' and 'triton_' not in name:
        importlib.import_module(name)
print(json.dumps([len(names), before == state()]))
'''


@pytest.mark.slow
def test_importing_every_module_changes_nothing_outside():
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', ISOLATION], cwd=ROOT, text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    number, unchanged = json.loads(done.stdout.splitlines()[-1])
    assert number > 100 and unchanged


@pytest.mark.slow
def test_the_package_itself_is_light_and_lazy():
    code = ('import sys, mmseg_sympie; print(sorted(sys.modules)); '
            'print(mmseg_sympie.registry.SCOPE)')
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, text=True, capture_output=True)
    modules, scope = done.stdout.splitlines()[0], done.stdout.splitlines()[-1]
    assert not any(f"'{name}'" in modules for name in HEAVY) and scope == 'mmseg_sympie'
    for name in mmseg_sympie.__all__:
        assert getattr(mmseg_sympie, name) is not None and name in dir(mmseg_sympie)
    assert callable(mmseg_sympie.attach)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        mmseg_sympie.nothing  # noqa: B018


@pytest.mark.parametrize('found,message', [
    ({}, 'none is installed'),
    ({'mmsegmentation': '0.30.0'}, '1.0 or newer, found mmsegmentation 0.30.0')])
def test_mmsegmentation_that_is_missing_or_old(monkeypatch, found, message):
    def installed(name):
        if name not in found:
            raise metadata.PackageNotFoundError(name)
        return found[name]

    monkeypatch.setattr(metadata, 'version', installed)
    with pytest.raises(ImportError, match=message):
        check_mmseg()


SCOPE = '''
from mmengine.config import Config
from mmengine.registry import DefaultScope, MODELS
from mmengine.utils import import_modules_from_strings
cfg = Config(dict(custom_imports=dict(imports=['mmseg_sympie']),
                  model=dict(type='mmseg_sympie.MeanMatch', target=90)))
import_modules_from_strings(**cfg.custom_imports)
print(MODELS.build(cfg.model))
'''


@pytest.mark.slow
def test_mmengine_finds_the_scope_by_itself():
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', SCOPE], cwd=ROOT, text=True,
                          capture_output=True)
    assert 'MeanMatch' in done.stdout, done.stderr


@pytest.mark.parametrize('typed,meant', [('enhanse', 'enhance'), ('export-onnx', 'export')])
def test_a_mistyped_command_is_answered(typed, meant, capsys):
    with pytest.raises(SystemExit):
        cli.main([typed, 'a.png'])
    assert f"no command '{typed}': did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.slow
def test_repeated_messages_are_left_out(tmp_path):
    done = subprocess.run([sys.executable, 'tools/check_zoo.py', '--families', 'nothing', '--out',
                           str(tmp_path)], cwd=ROOT, text=True, capture_output=True)
    assert done.stdout == '' and done.stderr.startswith('Error: Unknown families nothing')
    code = ('import warnings, mmseg_sympie, mmengine; mmseg_sympie.load_enhancer(device="cpu"); '
            'print(mmengine.print_log.__module__, warnings.showwarning.__module__)')
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, text=True, capture_output=True)
    assert (done.stdout, done.stderr) == ('mmengine.logging.logger warnings\n', '')


def actions_of(name):
    parser = cli.CommandParser()
    cli._module(name).add_arguments(parser)
    return parser._actions
