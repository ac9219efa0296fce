"""Files, images, videos, checkpoints and configs: all that is read and written."""
