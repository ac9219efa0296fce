"""A batch of which each image is corrupted in its own way, by one thread or several."""
import pytest
import torch

from mmseg_sympie.corruptions import POOL, Draw, corrupt, cpu
from mmseg_sympie.corruptions.apply import CPU_PIXELS_AT_ONCE
from mmseg_sympie.errors import InputError
from mmseg_sympie.runtime.parallel import num_threads

NAMES = ['shot_noise', 'darken', 'snow', 'shot_noise', 'darken', 'glass_blur']
SEVERITY = torch.tensor([2, 3, 5, 0, 3, 1])


def batch(side=40):
    return torch.rand(6, 3, side, side, generator=torch.Generator().manual_seed(1))


def corrupted(image, threads=2, pool=POOL, names=NAMES):
    with num_threads(threads):
        result = corrupt(image, Draw(names, SEVERITY), pool, torch.Generator().manual_seed(0))
        assert torch.get_num_threads() == threads
    return result


# The second has several parts of one corruption.
@pytest.mark.parametrize('side', [40, int(CPU_PIXELS_AT_ONCE ** 0.5)])
def test_each_image_its_own_whatever_the_number_of_threads(side):
    image = batch(side)
    before, result = image.clone(), corrupted(image)
    assert torch.equal(result, corrupted(image, threads=1))
    assert torch.equal(image, before)
    assert torch.equal(result[3], image[3])  # severity 0
    torch.testing.assert_close(result[[1, 4]], image[[1, 4]] / 4)
    assert all(not torch.equal(result[i], image[i]) for i in (0, 2, 5))


@pytest.mark.usefixtures('either_way')
def test_modes_and_types_of_the_caller():
    image = batch()
    wanted = corrupted(image)
    with torch.inference_mode():
        assert torch.equal(corrupted(batch()), wanted)
    with torch.autocast('cpu'):
        assert torch.equal(corrupted(image), wanted)
    assert not corrupted(image.requires_grad_()).requires_grad
    assert corrupted(image.double()).dtype == torch.float64


def test_corruptions_see_one_thread_each_unless_they_are_alone():
    seen = []

    def corruption(image, severity, generator):
        seen.append(torch.get_num_threads())
        return image

    corrupted(batch(), pool={'a': corruption, 'b': corruption}, names=list('ababab'))
    # In threads of their own, but for the one that severity 0 leaves as it is.
    assert seen == [1, 1]
    seen.clear()
    with num_threads(2):
        corrupt(batch(), Draw(['a'] * 6, torch.ones(6, dtype=torch.long)), {'a': corruption},
                torch.Generator())
    assert seen == [2]


@pytest.mark.parametrize('name, loop', [
    ('defocus_blur', 'correlate'), ('glass_blur', 'shuffle_pixels'), ('zoom_blur', 'resample'),
    ('elastic_transform', 'remap'), ('shot_noise', 'poisson')])
def test_a_cpu_takes_the_loops(name, loop, monkeypatch):
    def called(*arguments):
        raise KeyError(loop)

    monkeypatch.setattr(cpu, loop, called)
    with pytest.raises(KeyError, match=loop):
        corrupted(batch(), names=[name] * 6)


def test_bad_input_is_named():
    image, generator = batch(), torch.Generator()
    for drawn, message in ((Draw(['darkness'] * 6, SEVERITY), "Unknown corruption 'darkness'"),
                           (Draw(NAMES, SEVERITY + 1), 'Severities are 0 to 5'),
                           (Draw(NAMES[:5], SEVERITY), '6 images, 5 names and 6 severities')):
        with pytest.raises(InputError, match=message):
            corrupt(image, drawn, POOL, generator)
    with pytest.raises(InputError, match='wants float images'):
        corrupt(image.byte(), Draw(NAMES, SEVERITY), POOL, generator)


def test_an_error_of_a_corruption_is_raised():
    def fails(image, severity, generator):
        raise KeyError('mine')

    with pytest.raises(KeyError, match='mine'):
        corrupted(batch(), pool={'a': fails, 'b': fails}, names=list('ababab'))
