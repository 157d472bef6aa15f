"""What the tests of the hub share: Python's huggingface_hub, and running hub_tool."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "build/python-packages"))
os.environ["HF_HUB_OFFLINE"] = "1"  # this process never goes out
os.environ["HF_HUB_DISABLE_XET"] = "1"
try:
    import huggingface_hub
except ImportError as error:
    sys.exit(f"missing huggingface_hub: scripts/install-huggingface-hub ({error})")

# What decides where the cache is and how it is fetched; each test sets its own.
VARIABLES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HF_ENDPOINT",
             "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE",
             "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_SYMLINKS")


def clean_environment(**variables):
    kept = {name: value for name, value in os.environ.items()
            if name not in VARIABLES and not name.lower().endswith("_proxy")}
    return {**kept, **variables}


def git_digest(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def run(binary, *arguments, prefix=(), **variables):
    return subprocess.run([*prefix, binary, *map(str, arguments)], capture_output=True, text=True,
                          check=False, env=clean_environment(**variables))
