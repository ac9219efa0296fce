"""Work that several threads share."""
import multiprocessing
import os
import threading

import numpy as np
import pytest
import torch

from mmseg_sympie.runtime import parallel as threads
from mmseg_sympie.runtime.parallel import num_threads, parallel_for, parallel_for_rows


def seen_by_a_new_thread():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return seen[0]


@pytest.mark.parametrize('own', [True, False])
@pytest.mark.parametrize('count', [1, 3])
def test_blocks_cover_every_row_once(count, own, monkeypatch):
    if own:
        monkeypatch.setattr(threads, '_openmp', lambda process: None)
    done = np.zeros((2, 1001), int)

    def run(index, top, bottom):
        done[index, top:bottom] += 1

    with num_threads(count):
        parallel_for_rows(run, *done.shape, work=10**9)
    assert (done == 1).all()


@pytest.mark.parametrize('available, tasks, threads, share', [
    (1, 3, 1, 1), (2, 1, 1, 2), (2, 5, 2, 1), (4, 2, 2, 2), (2, 0, 0, None)])
def test_tasks_share_the_threads(available, tasks, threads, share):
    # Each waits for the others, so that no thread does two before all have begun.
    begun, done = threading.Barrier(max(threads, 1)), []

    def run(task):
        if task < threads:
            begun.wait(timeout=10)
        done.append((task, threading.get_ident(), torch.get_num_threads()))

    with num_threads(available):
        parallel_for(run, range(tasks))
        assert torch.get_num_threads() == seen_by_a_new_thread() == available
    assert sorted(task for task, _, _ in done) == list(range(tasks))
    assert len({ident for _, ident, _ in done}) == threads
    assert {number for _, _, number in done} <= {share}


@pytest.mark.parametrize('fails_in_main', [True, False])
def test_after_an_error_nobody_goes_on(fails_in_main):
    begun, done = threading.Barrier(2), []

    def run(task):
        if task < 2:
            begun.wait(timeout=10)
            if (threading.current_thread() is threading.main_thread()) == fails_in_main:
                raise KeyError(task)
        done.append(task)

    with num_threads(2):
        with pytest.raises(KeyError):
            parallel_for(run, range(100_000))
        count = len(done)
        assert count < 99_998
        parallel_for(lambda task: None, range(2))  # whatever was left would be done before
        assert len(done) == count
        assert torch.get_num_threads() == seen_by_a_new_thread() == 2


@pytest.fixture
def openmp():
    if threads._openmp(os.getpid()) is None:
        pytest.skip('the OpenMP of this PyTorch cannot be called')


def test_blocks_are_done_by_the_threads_of_pytorch(openmp):
    """Python has begun one of the two: its own."""
    meeting, done_by = threading.Barrier(2), []

    def run(index, top, bottom):
        if len(done_by) < 2:
            done_by.append(threading.get_native_id())
            meeting.wait(timeout=10)

    with num_threads(2):
        parallel_for_rows(run, 1, 1000, work=10**9)
    pythons = {thread.native_id for thread in threading.enumerate()}
    assert len(set(done_by)) == 2 and len(set(done_by) & pythons) == 1


def test_an_error_in_a_block_is_raised(openmp):
    def run(index, top, bottom):
        if top:
            raise KeyError(top)

    with num_threads(2), pytest.raises(KeyError):
        parallel_for_rows(run, 1, 1000, work=10**9)


def test_a_forked_process_has_threads_of_its_own():
    context = multiprocessing.get_context('fork')
    with num_threads(2):
        parallel_for_rows(lambda *_: None, 1, 1000, work=10**9)
        parallel_for(lambda _: None, range(2))
        queue = context.SimpleQueue()

        def child():
            meeting, rows = threading.Barrier(2), []

            def run(_, top, bottom):
                rows.extend(range(top, bottom))
                if top < 100:  # the first two blocks
                    meeting.wait(timeout=10)

            parallel_for_rows(run, 1, 1000, work=10**9)
            queue.put(sorted(rows) == list(range(1000)))

        process = context.Process(target=child)
        process.start()
        process.join(timeout=60)
        process.kill()
        assert process.exitcode == 0 and queue.get()
