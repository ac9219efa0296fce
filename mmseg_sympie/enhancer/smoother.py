"""Parameters from frame to frame of a video, as the paper suggests for future work."""
import math
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from .adjustment import Adjustment
from .dwm import WarpParameters
from .fast import FastSyMPIE


class _Frame(NamedTuple):
    shape: torch.Size
    thumbnail: Tensor


class ParameterSmoother:
    """Warp parameters for frames in order: predicted now and then, smoothed from frame to frame.

    At every frame the parameters become `momentum * parameters + (1 - momentum) * p`, with p what
    was predicted last, or p itself at the first frame and where the scene changes. So does the
    adjustment before them, apart: between two colour maps that keep a mean is one that keeps it.

    Args:
        fast: predicts.
        every: predict every so many frames; 1 smooths without saving.
        momentum: 0 takes each prediction as it is.
        scene_change_255: predict at once where the thumbnail, after the adjustment at hand, is on
            average so many grey levels from that of the frame before, or has less than half or more
            than twice its contrast, or the frame has another size.

    Raises:
        InputError: a number out of its range.
    """

    def __init__(self, fast: FastSyMPIE, every: int = 8, momentum: float = 0.5,
                 scene_change_255: float = 25.0):
        if not (isinstance(every, int) and every >= 1 and 0 <= momentum < 1
                and scene_change_255 > 0):
            raise InputError('every is a whole number from 1, momentum from 0 to below 1, and '
                             f'scene_change_255 positive; got {every!r}, {momentum!r} and '
                             f'{scene_change_255!r}.')
        self.fast, self.every, self.momentum = fast, every, momentum
        self.scene_change_255 = scene_change_255
        self.forget()

    def forget(self) -> None:
        """Start anew, with another video."""
        self.age, self.predictions = 0, 0
        self.before: _Frame | None = None
        self.predicted: tuple[WarpParameters, Adjustment] | None = None
        self.smoothed: tuple[WarpParameters, Adjustment] | None = None

    @torch.no_grad()
    def __call__(self, frames: Tensor) -> WarpParameters:
        """Parameters for frames (B, 3, H, W) in order, raw as `FastSyMPIE` takes them."""
        each = [self._one(frame) for frame in frames.split(1)]
        matrix, shift, kernel = map(torch.cat, zip(*(parameters[:3] for parameters in each)))
        exponents = [parameters.exponent for parameters in each if parameters.exponent is not None]
        return WarpParameters(matrix, shift, kernel, torch.cat(exponents) if exponents else None)

    def _one(self, frame: Tensor) -> WarpParameters:
        measured = self.fast.measure(frame)
        seen = _Frame(frame.shape, measured.thumbnail)
        cut = self.before is None or self._differ(self.before, seen)
        self.before = seen
        self.age += 1
        if cut or self.age >= self.every:
            self.predicted = self.fast.predict_apart(measured)
            self.age = 0
            self.predictions += 1
        assert self.predicted is not None
        (parameters, adjustment), old = self.predicted, self.smoothed
        if old is not None and not cut:
            parameters = WarpParameters.split(
                torch.lerp(parameters.join(), old[0].join(), self.momentum))
            adjustment = adjustment.lerp(old[1], self.momentum)
        self.smoothed = parameters, adjustment
        return parameters.after(adjustment)

    def _differ(self, before: _Frame, seen: _Frame) -> bool:
        if before.shape != seen.shape or before.thumbnail.device != seen.thumbnail.device:
            return True
        assert self.smoothed is not None
        # As they come, frames in the dark hardly differ.
        old, new = (self.smoothed[1].apply_colours(frame.thumbnail).clamp(0, 255)
                    for frame in (before, seen))
        # Of a frame of one colour there is no adjustment that shows a difference.
        before_255, seen_255 = (frame.thumbnail.std().clamp(min=1) for frame in (before, seen))
        change = (seen_255 / before_255).log().abs() > math.log(2)
        return bool(change | ((new - old).abs().mean() > self.scene_change_255))
