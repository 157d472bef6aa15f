"""One file of an image format, and what clip-cli must make of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from PIL import Image


@dataclass
class Case:
    """By default Pillow opens the file, and ours gives the same pixels, before and after resizing."""

    path: Path
    # Ours must refuse it, with this in the message, whatever Pillow does; `reason` says why.
    refused: Optional[str] = None
    # Ours must give these pixels, for Pillow cannot open it or opens it as another image; `reason`
    # says why.
    expected: Optional[Image.Image] = None
    reason: str = ""
    # The pixels may be off by so much: for formats whose decoders differ between libraries.
    tolerance: int = 0
