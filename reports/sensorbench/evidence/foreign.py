"""Files that other programs leave in any folder that they look into: no evidence, and no damage.

They are named, never sealed and never read. What a seal does name is evidence, whatever it is
called.
"""

from __future__ import annotations

import re

_LEFT_BY = {
    r"\.ds_store|\._.*|\.localized|icon\r|\.spotlight-.*|\.fseventsd|\.trashes|__macosx"
    r"|\.apple(?:double|desktop)|\.temporaryitems|\.documentrevisions-.*|\.volumeicon\.icns"
    r"|\.apdisk|\.com\.apple\..*": "the Finder of macOS",
    r"thumbs\.db|ehthumbs(?:_vista)?\.db|desktop\.ini|\$recycle\.bin"
    r"|system volume information": "the Explorer of Windows",
    r"\.directory|\.trash-\d+|\.nfs[0-9a-f]+|\.fuse_hidden.*|lost\+found"
    r"|\.thumbnails": "a file manager of Linux",
    r"~\$.*|\.~lock\..*#": "an office program",
    r"@eadir|#recycle|@recycle|\.@__thumb|\.sync.*|\.dropbox.*|\.stfolder|\.stversions|\.stignore"
    r"|\.~?owncloudsync\.log|\.csync_journal\.db.*|\.nextcloudsync\.log"
    r"|\.tmp\.drive(?:down|up)load|\.snapshots?|~snapshot": "a file server",
    r"\.[0-9a-f]{16}\.part": "a program that was killed while it wrote",
    r".*~|\..*\.(?:sw[a-p]|kate-swp)|#.*#|\.#.*": "a text editor",
    r"\.git(?:attributes|ignore|keep|modules)?|\.keep|\.svn|\.hg(?:ignore)?": "version control",
}
_PATTERNS = [(re.compile(names, re.IGNORECASE), who) for names, who in _LEFT_BY.items()]


def left_by(name: str) -> str:
    """Return which program leaves a file of that name, "" for one that is part of a run.

    >>> left_by("samples/.DS_Store"), left_by("samples/log.seg")
    ('the Finder of macOS', '')
    """
    for part in name.split("/"):
        for pattern, who in _PATTERNS:
            if pattern.fullmatch(part):
                return who
    return ""
