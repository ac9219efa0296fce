"""Noise estimation module: a thumbnail in, 37 warp parameters out (SyMPIE, Sec. 3.1)."""
import torch.nn.functional as F
from torch import Tensor, nn

from .dwm import NUM_PARAMETERS, WarpParameters


def pool(features: Tensor) -> Tensor:
    """5x5 average pooling, stride 4, padding 1."""
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
        """Map features (B, C, H, W) to (B, out_channels, H', W'), a quarter of the size."""
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
        """Predict the parameter vector (B, 37) from thumbnails."""
        return self.vector(self.blocks(self.stem(view.to(self.stem[0].weight.dtype))))

    def vector(self, features: Tensor) -> Tensor:
        """The parameter vector from the last features (B, 512, 3, 3)."""
        return self.head(features.to(self.head.weight.dtype).mean(dim=(2, 3)))
