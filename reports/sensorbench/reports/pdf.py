"""A report as PDF, archivable and accessible (PDF/A-2a, PDF/UA-1)."""

from __future__ import annotations

import json
from pathlib import Path

from sensorbench.reports import fonts
from sensorbench.reports.model import Report, plain

_TEMPLATE = Path(__file__).parent / "templates" / "report.typ"


def render_pdf(report: Report) -> bytes:
    """Return the report as PDF; the same report gives the same bytes.

    The standards make a glyph without a font, or a picture without its words, an error.
    """
    import typst  # noqa: PLC0415 - slow to import

    data = json.dumps(fonts.printable_tree(plain(report)), ensure_ascii=False)
    pdf: bytes = typst.compile(
        str(_TEMPLATE),
        format="pdf",
        sys_inputs={"data": data},
        font_paths=[str(fonts.FOLDER)],
        ignore_system_fonts=True,
        pdf_standards=["ua-1", "a-2a"],
        timestamp=int(report.ended.timestamp()),
    )
    return pdf
