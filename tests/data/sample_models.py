"""The sample models: small ones of random weights, in the forms in which CLIP is published.

    folder = unpack("build/tests/models")   # -> build/tests/models/samples

Six folders and expected.json; README.md beside this file says what they are.
"""

import tarfile
from pathlib import Path

ARCHIVE = Path(__file__).resolve().parent / "sample_models.tar.xz"


def unpack(folder):
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder)
    return Path(folder) / "samples"
