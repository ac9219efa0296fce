"""Where `tools/train.py --resume` goes on, and what it refuses."""
import pytest
import torch

from mmseg_sympie.engine.resume import NEWEST, checkpoint_to_resume
from mmseg_sympie.errors import InputError

WHOLE = dict(meta=dict(iter=1, epoch=0), state_dict=dict(weight=torch.ones(1)), optimizer={},
             message_hub={})


def save(folder, *names, content=WHOLE):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        torch.save(content, folder / name)


def record(folder, path):
    (folder / 'last_checkpoint').write_text(f'{path}\n')


@pytest.mark.parametrize('names,last,wanted', [
    (['iter_800.pth', 'iter_1600.pth', 'iter_90.pth'], None, 'iter_1600.pth'),   # not by letters
    (['iter_800.pth', 'iter_1600.pth'], 'iter_800.pth', 'iter_1600.pth'),        # an interruption
    (['iter_800.pth', 'iter_1600.pth'], '/gone/iter_1600.pth', 'iter_1600.pth'),  # moved
    (['iter_800.pth'], '/gone/iter_1600.pth', 'iter_800.pth'),
    (['epoch_9.pth', 'epoch_10.pth'], None, 'epoch_10.pth'),
    (['iter_2.pth', 'best_mIoU_iter_9.pth', 'enhancer.pth', '._iter_5.pth'], None, 'iter_2.pth'),
    (['step-7.pth'], '/gone/step-7.pth', 'step-7.pth')])
def test_the_newest_in_the_work_dir(tmp_path, names, last, wanted):
    save(tmp_path, *names)
    if last:
        record(tmp_path, last)
    assert checkpoint_to_resume(tmp_path, NEWEST) == tmp_path / wanted


def test_checkpoints_in_another_folder(tmp_path):
    save(tmp_path / 'disk', 'iter_2.pth', 'iter_4.pth')
    (tmp_path / 'work').mkdir()
    record(tmp_path / 'work', tmp_path / 'disk/iter_2.pth')
    assert checkpoint_to_resume(tmp_path / 'work', NEWEST) == tmp_path / 'disk/iter_4.pth'
    save(tmp_path / 'work', 'iter_1.pth')  # The folder was copied, and went on by itself.
    assert checkpoint_to_resume(tmp_path / 'work', NEWEST) == tmp_path / 'work/iter_1.pth'


def test_nothing_saved_yet(tmp_path):
    assert checkpoint_to_resume(tmp_path, NEWEST) is None
    assert checkpoint_to_resume(tmp_path / 'not_there', NEWEST) is None


def test_a_file_by_name(tmp_path):
    save(tmp_path / 'work', 'iter_4.pth')
    save(tmp_path / 'other', 'iter_2.pth')
    wanted = tmp_path / 'other/iter_2.pth'
    assert checkpoint_to_resume(tmp_path / 'work', str(wanted)) == wanted
    with pytest.raises(FileNotFoundError, match='training checkpoint nowhere.pth does not exist'):
        checkpoint_to_resume(tmp_path / 'work', 'nowhere.pth')


def test_what_it_cannot_go_on_from(tmp_path):
    save(tmp_path, 'iter_2.pth', 'epoch_1.pth')
    with pytest.raises(InputError, match='by step .* and by epoch .* name the one to go on from'):
        checkpoint_to_resume(tmp_path, NEWEST)
    save(tmp_path / 'gone')
    record(tmp_path / 'gone', '/elsewhere/run/step-2.pth')
    with pytest.raises(InputError, match='names /elsewhere/run/step-2.pth, which is neither there'):
        checkpoint_to_resume(tmp_path / 'gone', NEWEST)
    save(tmp_path / 'weights', 'iter_2.pth', content=dict(state_dict={}, meta={}))
    with pytest.raises(InputError, match='it has no optimizer, message_hub.*load_from='):
        checkpoint_to_resume(tmp_path / 'weights', NEWEST)
    save(tmp_path / 'cut', 'iter_2.pth', 'iter_4.pth')
    path = tmp_path / 'cut/iter_4.pth'
    path.write_bytes(path.read_bytes()[:300])  # Interrupted while it was written.
    with pytest.raises(InputError, match='iter_4.pth .* is truncated.*an earlier one: --resume'):
        checkpoint_to_resume(tmp_path / 'cut', NEWEST)
