"""A figure of one photograph under many corruptions, as Figure 4 of the SyMPIE paper."""
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ..io.figures import new_figure, save_figure

PANELS_PER_COLUMN = 4
PANEL_INCHES = 1.7


def draw_gallery(groups: Mapping[str, Mapping[str, Tensor]], path: Path, title: str = '') -> None:
    """Draw titled images, each group in columns of its own under its name.

    Args:
        groups: name of a group -> title -> image (3, H, W), RGB on [0, 1].
        path: of the figure; its suffix names the format.
        title: of the figure.
    """
    columns = [(name if start == 0 else '', list(images.items())[start:start + PANELS_PER_COLUMN])
               for name, images in groups.items()
               for start in range(0, len(images), PANELS_PER_COLUMN)]
    rows = max(len(panels) for _, panels in columns)
    height, width = next(iter(columns[0][1]))[1].shape[-2:]
    figure = new_figure(PANEL_INCHES * len(columns),
                        0.5 + rows * (0.15 + PANEL_INCHES * height / width))
    axes = figure.subplots(rows, len(columns), squeeze=False)
    for panel in axes.flat:
        panel.set_axis_off()
    for column, (name, panels) in enumerate(columns):
        for row, (caption, image) in enumerate(panels):
            axes[row, column].imshow(image.detach().cpu().clamp(0, 1).permute(1, 2, 0).numpy())
            axes[row, column].set_title(caption.replace('_', ' '), fontsize=7, pad=2)
        axes[0, column].annotate(name, (0.5, 1), (0, 14), xycoords='axes fraction', ha='center',
                                 textcoords='offset points', weight='bold', fontsize=9)
    if title:
        figure.suptitle(title, fontsize=10)
    save_figure(figure, path, dpi=150)
