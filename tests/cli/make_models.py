"""Makes the small models that the tests of the binary run on: make_models.py FOLDER"""

import subprocess
import sys
from pathlib import Path

from common import ROOT, need

sys.path.insert(0, str(ROOT / "tests/data"))
import sample_models  # noqa: E402 (of this project)

SOURCES = {
    "tiny.pt": "random:tiny",
    "tiny-rn.pt": "random:tiny-rn",
    "published-tiny.pt": "random-published:tiny",
    "published-tiny-rn.pt": "random-published:tiny-rn",
}


def main():
    need("torch")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in SOURCES.items():
        subprocess.run(
            [sys.executable, ROOT / "scripts/export_torchscript.py", "--force", source,
             folder / name],
            check=True,
        )
    sample_models.unpack(folder)


main()
