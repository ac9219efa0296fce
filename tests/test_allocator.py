"""Freed memory that is kept, in a process of its own."""
import subprocess
import sys

import pytest

PROGRAM = '''
import resource
import torch
from mmseg_sympie.allocator import keep_freed_memory
if {keep}:
    keep_freed_memory()
for turn in range(40):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(64, 2 ** 18)  # 64 MiB, more than glibc ever keeps by itself
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
'''


@pytest.mark.skipif(sys.platform != 'linux', reason='glibc alone has such settings')
def test_a_large_buffer_is_used_again():
    freed, kept = (int(subprocess.run([sys.executable, '-c', PROGRAM.format(keep=keep)],
                                      capture_output=True, text=True, check=True).stdout)
                   for keep in (False, True))
    assert freed > 10_000 and kept < 100  # pages that came anew


@pytest.mark.skipif(sys.platform != 'linux', reason='glibc alone has such settings')
def test_a_kept_buffer_is_returned():
    program = PROGRAM.format(keep=True).replace(
        '    torch.ones', '    return_freed_memory()\n    torch.ones').replace(
            'import keep_freed_memory', 'import keep_freed_memory, return_freed_memory')
    outcome = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                             check=True)
    assert int(outcome.stdout) > 10_000
