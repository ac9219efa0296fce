"""Noise estimation module: a thumbnail in, 37 warp parameters out (SyMPIE, Sec. 3.1)."""
import torch.nn.functional as F
import torchvision.transforms.functional as TF
from torch import Tensor, nn

from .dwm import NUM_PARAMETERS, WarpParameters

VIEW_SHORT_SIDE_PX = 232
VIEW_SIDE_PX = 224
LONGEST_ASPECT_RATIO = 8


def view(image: Tensor) -> Tensor:
    """The thumbnail that the NEM looks at: short side resized to 232, central 224x224.

    An image of 224x224 is its own thumbnail, as in the published pretraining.

    Args:
        image: (B, 3, H, W), RGB, standardised, any size from 1x1.

    Returns:
        (B, 3, 224, 224), RGB, standardised.
    """
    height, width = image.shape[-2:]
    if height == width == VIEW_SIDE_PX:
        return image
    short = min(height, width)
    if max(height, width) > LONGEST_ASPECT_RATIO * short:
        # Only the centre is looked at; resizing all of a 1x5000 strip would take gigabytes.
        longest = LONGEST_ASPECT_RATIO * short
        image = _central(image, min(height, longest), min(width, longest))
    image = TF.resize(image, VIEW_SHORT_SIDE_PX, TF.InterpolationMode.BILINEAR, antialias=True)
    return _central(image, VIEW_SIDE_PX, VIEW_SIDE_PX)


def _central(image: Tensor, height: int, width: int) -> Tensor:
    """Torchvision's `center_crop`, in whole numbers, because `torch.export` cannot save `round`."""
    top, left = (central_start(have, wanted)
                 for have, wanted in zip(image.shape[-2:], (height, width)))
    return image[..., top:top + height, left:left + width]


def central_start(have: int, wanted: int) -> int:
    """How many pixels come before the central ones; half of an odd rest is rounded to even."""
    start = (have - wanted) // 2
    return start + (have - wanted) % 2 * (start % 2)


def pool(features: Tensor) -> Tensor:
    """Means of 5x5 values, four apart."""
    return F.avg_pool2d(features, 5, stride=4, padding=1)


class Block(nn.Module):
    """Pool by four, then two convolutions; the first, before its batch norm, is the shortcut."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, features: Tensor) -> Tensor:
        shortcut = self.conv1(pool(features))
        features = F.relu(self.bn1(shortcut))
        features = F.relu(self.bn2(self.conv2(features)))
        return features + shortcut


class NEM(nn.Module):
    """View (B, 3, 224, 224), RGB, standardised -> parameter vector (B, 37); 4,671,141 weights.

    A new one has random features and a head that says "leave the image as it is" (zero weight,
    identity bias): the starting point of pretraining.
    """

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU())
        self.blocks = nn.Sequential(Block(64, 128), Block(128, 256), Block(256, 512))
        self.head = nn.Linear(512, NUM_PARAMETERS)
        nn.init.zeros_(self.head.weight)
        self.head.bias.data.copy_(WarpParameters.identity().join()[0])

    def forward(self, view: Tensor) -> Tensor:
        return self.vector(self.blocks(self.stem(view.to(self.stem[0].weight.dtype))))

    def vector(self, features: Tensor) -> Tensor:
        """The parameter vector from the last features (B, 512, 3, 3)."""
        return self.head(features.to(self.head.weight.dtype).mean(dim=(2, 3)))
