"""What becomes of freed memory, in a process of its own, and that tests leave it as it is."""
import resource
import subprocess
import sys

import pytest
import torch
from process_settings import settings_of_the_process

from mmseg_sympie.runtime.malloc import tune_malloc

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='glibc alone has such settings')

PROGRAM = '''
import resource
import torch
from mmseg_sympie.runtime.malloc import tune_malloc, trim_malloc
{first}
for turn in range(40):
    {each_time}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(64, 2 ** 18)  # 64 MiB, more than glibc ever keeps by itself
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
'''


def new_pages(first='', each_time='pass'):
    """How many pages the last of 40 large buffers got from the system."""
    program = PROGRAM.format(first=first, each_time=each_time)
    return int(subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                              check=True).stdout)


@pytest.mark.slow
def test_a_large_buffer_is_used_again():
    assert new_pages() > 10_000
    assert new_pages('tune_malloc()') < 100


@pytest.mark.slow
def test_a_kept_buffer_is_returned():
    assert new_pages('tune_malloc()', 'trim_malloc()') > 10_000


def test_a_tool_in_this_process_leaves_its_settings():
    threads = torch.get_num_threads()
    with settings_of_the_process():
        torch.set_num_threads(threads + 1)
        tune_malloc()
    assert torch.get_num_threads() == threads
    torch.ones(64, 2 ** 18)  # would be kept
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(64, 2 ** 18)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before > 10_000
