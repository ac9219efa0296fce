"""Noise with a given spectrum."""
from collections.abc import Callable

import torch
from torch import Tensor

from .draws import short_side, uniform


def noise_of_spectrum(image: Tensor, channels: int, amplitude: Callable[[Tensor], Tensor],
                      generator: torch.Generator) -> Tensor:
    """Noise (B, channels, H, W) with random phases and a standard deviation of 1.

    The published phases of opposite frequencies are coupled, off by one frequency, which makes the
    noise almost point-symmetric; here they are independent, for the same distribution at a pixel.

    Args:
        image: for batch, size and device.
        channels: of the noise.
        amplitude: of the frequency in periods in the short side. That of frequency zero moves the
            mean, which is not taken out.
        generator: of the image's device.
    """
    height, width = image.shape[-2:]
    side = short_side(image)
    frequency = torch.hypot(
        torch.fft.fftfreq(height, device=image.device).view(-1, 1) * side,
        torch.fft.fftfreq(width, device=image.device).view(1, -1) * side)
    phase = uniform(image, 0, 2 * torch.pi, generator, (channels, height, width))
    noise = torch.fft.ifft2(torch.polar(amplitude(frequency).expand_as(phase), phase)).real
    deviation = noise.std(dim=(2, 3), keepdim=True, correction=0)
    return noise / deviation.clamp(min=torch.finfo(noise.dtype).tiny)
