"""Reports as one self-contained page, to look at in any browser without a network."""
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from ...io.files import write_text
from ..compare import verdict
from ..differences import compare_reports
from ..panels import Panel
from .numbers import class_table, run_details, score_chart, summary_cards
from .pictures import legend, panel_section
from .words import first_sentences, page_title


def write_page(path: str | Path, reports: Mapping[str, Mapping[str, Any]],
               panels: Sequence[tuple[str, Panel]] = (), palette: Sequence[Sequence[int]] = (),
               chosen_by: str = '') -> None:
    """Write the report of a run, or of several runs on the same images, as one HTML file.

    Args:
        path: the file.
        reports: name -> report from `read_report`; the others are compared with the first.
        panels: a kind ('best', ...) and what to show of it, each. Of several runs, a panel has a
            variant for each, in their order; of a single one, the image as it is and enhanced.
        palette: RGB on 0..255 for each class.
        chosen_by: the run by whose change the panels were chosen.

    Raises:
        InputError: the reports differ in classes or images.
    """
    baseline, *others = reports
    report = reports[baseline]
    comparisons = {name: compare_reports(report, reports[name]) for name in others}
    classes, compared = report['classes'], bool(others)
    title = page_title(reports)
    sections = [panel_section(kind, panel, len(classes), palette, compared)
                for kind, panel in panels]
    choice = (f'For each condition the image that gained most with {chosen_by}, the median and '
              'the one that lost most.' if compared else
              'For each condition the image with the highest mIoU, the median and the lowest.')
    page = Template(_part('page.html')).substitute(
        title=escape(title), heading=escape(title).replace('_', '_<wbr>'),
        subtitle=escape(first_sentences(reports)), style=_part('style.css'),
        script=_part('script.js'), cards=summary_cards(reports, comparisons),
        chart_title=('IoU by class, in percent', 'Change of the IoU by class, in points',
                     'Change of the mIoU, in points')[min(len(others), 2)],
        verdict=escape(verdict(comparisons[others[0]]).splitlines()[-1])
        if len(others) == 1 else '',
        chart=score_chart(report, comparisons),
        table=class_table(reports, comparisons, palette or [None] * len(classes)),
        legend=legend([panel for _, panel in panels], classes, palette) if panels else '',
        choice=escape(choice), first=''.join(sections[:1]), panels='\n'.join(sections[1:]),
        without_pictures='' if panels else 'hidden', details=run_details(reports))
    write_text(path, page)


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding='utf-8')
