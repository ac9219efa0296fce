"""Many small operations on a GPU as one: a CUDA graph."""
from collections.abc import Callable
from typing import Any, TypeVar

import torch

# Named tuples of tensors.
Given = TypeVar('Given', bound=tuple)
Result = TypeVar('Result', bound=tuple)


class Replayed:
    """A function of GPU tensors, recorded at the first call and then launched as a whole.

    There is one recording for each stream and combination of shapes, with the memory that it needs.
    What a call returns is overwritten by the next one on that stream with such shapes: for one
    thread at a time.
    """

    def __init__(self):
        self.recordings: dict[Any, tuple[torch.cuda.CUDAGraph, Any, Any]] = {}

    def __getstate__(self) -> dict:
        return {**vars(self), 'recordings': {}}  # They cannot be copied.

    def __call__(self, function: Callable[[Given], Result], given: Given) -> Result:
        """Call the function.

        Args:
            function: the same one at every call, from one named tuple of tensors to another,
                without gradients. What it does depends on their shapes alone, and but for its first
                call it asks the GPU for no number and copies none to it.
            given: the tensors.
        """
        if torch.cuda.is_current_stream_capturing():  # It becomes a part of somebody else's graph.
            return function(given)
        with torch.cuda.device_of(given[0]):
            key = torch.cuda.current_stream(), *((each.shape, each.dtype) for each in given)
            if key not in self.recordings:
                self.recordings[key] = self.record(function, given)
            graph, places, result = self.recordings[key]
            for place, tensor in zip(places, given):
                place.copy_(tensor)
            graph.replay()
        return result

    @staticmethod
    def record(function: Callable[[Given], Result],
               given: Given) -> tuple[torch.cuda.CUDAGraph, Given, Result]:
        """Return the graph, where it takes its tensors from, and where it leaves its result."""
        with torch.inference_mode(False):  # Outside of that mode they are written to as well.
            places = type(given)(*(each.clone() for each in given))
        # Libraries choose their algorithms and get their memory before, as PyTorch demands.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                function(places)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # Threads that load data may do what they like meanwhile. Left to itself, PyTorch would take
        # a stream of the device that the process has recorded on first.
        with torch.cuda.graph(graph, stream=stream, capture_error_mode='thread_local'):
            result = function(places)
        return graph, places, result
