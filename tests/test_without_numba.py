"""PyTorch's operations in the place of the compiled loops, where Numba is not installed."""
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from without_numba import ENHANCERS, outputs

from mmseg_sympie.corruptions import POOL

pytestmark = pytest.mark.slow  # all wait for a process
HELPERS = Path(__file__).parent / 'helpers'
# Random numbers and libjpeg are the same with and without the loops.
SAME = ('brightness', 'contrast', 'darken', 'defocus_blur', 'elastic_transform', 'gaussian_blur',
        'gaussian_noise', 'jpeg_compression', 'motion_blur', 'zoom_blur')
PROGRAM = '''
import sys
sys.modules['numba'] = None  # Importing it raises ImportError.
sys.path.insert(0, sys.argv[1])
import torch
from without_numba import outputs
from mmseg_sympie.enhancer import backends
from mmseg_sympie.runtime.parallel import COMPILED_LOOPS
assert not COMPILED_LOOPS
assert backends.backend(torch.device('cpu')).__name__.endswith('.reference')
torch.save(outputs(), sys.argv[2])
'''


@pytest.fixture(scope='module')
def without(tmp_path_factory):
    file = tmp_path_factory.mktemp('without') / 'outputs.pt'
    subprocess.run([sys.executable, '-c', PROGRAM, str(HELPERS), str(file)], check=True,
                   capture_output=True)
    return torch.load(file)


def test_results_are_the_same(without):
    wanted = outputs()
    assert without.keys() == wanted.keys() and set(SAME) <= set(POOL)
    for name in (*ENHANCERS, *SAME):
        torch.testing.assert_close(without[name], wanted[name], rtol=0, atol=2e-4, msg=name)


@pytest.mark.parametrize('name', sorted(set(POOL) - set(SAME)))
def test_other_corruptions_work(without, name):
    found = without[name]
    assert found.dtype == torch.float32 and found.shape == (2, 3, 97, 131)
    assert 0 <= found.min() < found.max() <= 1 and found.isfinite().all()
