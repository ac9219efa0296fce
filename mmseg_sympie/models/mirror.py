"""The test-time mirroring of the published protocol."""

from mmseg.models import EncoderDecoder
from torch import Tensor

from ..registry import MODELS


@MODELS.register_module()
class MirrorEncoderDecoder(EncoderDecoder):
    """Adds the logits of an image and of its mirror image.

    Unlike `SegTTAModel` it mirrors after the data preprocessor, which enhances the image once.
    """

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """The sum of both logits, (B, classes, H, W)."""
        logits = super().encode_decode(inputs, batch_img_metas)
        return logits + super().encode_decode(inputs.flip(-1), batch_img_metas).flip(-1)
