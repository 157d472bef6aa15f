"""What the tests of the binary share: running it, the models, and the photographs.

Fails with the Debian package's name when something that the tests need is missing; nothing is
skipped.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = {
    "torch": "python3-torch",
    "torchvision": "python3-torchvision",
    "PIL": "python3-pil",
    "skimage": "python3-skimage",
    "numpy": "python3-numpy",
    "selenium": "python3-selenium",
    "sklearn": "python3-sklearn",
    "faiss": "python3-faiss",
}


def need(module):
    """Imports a module, or ends the run naming the Debian package that has it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        sys.exit(f"missing {module}: apt-get install {PACKAGES[module]} ({error})")


ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("CLIP_CLI", str(ROOT / "build/release/clip-cli"))
MODELS = Path(os.environ.get("CLIP_TEST_MODELS", ROOT / "build/release/tests/models"))

# What clip-cli keeps from run to run (ready weights, embeddings of labels) is of this test alone.
CACHE = tempfile.TemporaryDirectory(prefix="clip-test-cache-")
os.environ["XDG_CACHE_HOME"] = CACHE.name
# Nobody's own defaults count, nor colours that a terminal was asked for.
os.environ["CLIP_CONFIG"] = ""
for variable in ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
    os.environ.pop(variable, None)

# In the background of a shell, SIGINT is ignored; the programs that tests start and interrupt must
# not inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Photographs, not test patterns, among scikit-image's samples.
PHOTOGRAPHS = ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "camera.png"]
PROMPTS = [
    "a photo of a cat",
    "a photo of an astronaut",
    "a cup of coffee on a wooden table",
    "a rocket at night",
    "a man with a camera, in black and white",
]


def photographs():
    """Paths of the photographs that scikit-image's package holds."""
    folder = Path(need("skimage").__file__).parent / "data"
    paths = [folder / name for name in PHOTOGRAPHS]
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        sys.exit(f"python3-skimage lacks {', '.join(missing)}")
    return paths


def run(*arguments, stdin=None, environment=None, binary=BINARY):
    """Runs clip-cli with the arguments; gives the finished process, its output as text."""
    variables = {key: value for key, value in os.environ.items() if key != "CLIP_MODEL"}
    variables.update(environment or {})
    return subprocess.run(
        [binary, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        env=variables,
        check=False,
    )


def json_lines(text):
    # Not splitlines: texts may hold other line breaks than the one that ends a line of JSON.
    return [json.loads(line) for line in text.split("\n") if line]


def reference_scores(model, images, texts, exif=False):
    """The scores that the PyTorch reference computes from the same file, image by image."""
    with tempfile.TemporaryDirectory() as folder:
        ids = Path(folder) / "ids.jsonl"
        ids.write_text(run("tokenize", "--json", *texts).stdout)
        command = [sys.executable, ROOT / "scripts/reference_scores.py", "--model", model]
        command += ["--images", *images, "--texts", *texts, "--ids-json", ids]
        command += ["--exif"] if exif else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"reference_scores.py failed: {done.stderr}")
    return json_lines(done.stdout)


def scores_of(results):
    """The scores, a list for each image, of parsed JSON Lines."""
    return [[pair["score"] for pair in result["scores"]] for result in results]


def max_difference(one, other):
    assert len(one) == len(other) and all(len(a) == len(b) for a, b in zip(one, other))
    return max(abs(a - b) for row, column in zip(one, other) for a, b in zip(row, column))
