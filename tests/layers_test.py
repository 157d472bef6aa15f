#!/usr/bin/env python3
"""Holds the sources to the rules that no compiler checks: which folder may include which, who may
see heavy libraries, and what the library must not say. lib/README.md draws the edges.

The test checks itself as well: each rule must fail on a copy of the sources that breaks it."""

import re
import shutil
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The folders of lib, and what each is built on. A folder may include what it is built on, and what
# that is built on, and so on; CMake declares the same edges, as DEPENDS of clip_library.
EDGES = {
    "base": [],
    "archive": ["base"],
    "embedding": ["base"],
    "image": ["base"],
    "text": ["base"],
    "checkpoint": ["base"],
    "hub": ["checkpoint"],
    "postgres": ["base"],
    "model": ["image", "text", "checkpoint"],
    "nn": ["model"],
    "engine": ["nn", "embedding"],
    "libtorch": ["engine"],  # lib/engine/libtorch
    "torchscript": ["libtorch"],  # lib/engine/torchscript
    "pipeline": ["engine", "archive"],
    "zero_shot": ["pipeline", "embedding"],
    "index": ["pipeline", "embedding"],
    "c_api": ["index"],
    "probe": ["embedding", "nn"],
    "explain": ["pipeline"],
    "service": ["zero_shot", "index"],
    "app": ["service", "probe", "explain", "hub", "postgres", "torchscript"],
}

# Headers that only some files may include, by the start of their names.
HEAVY = [
    (r"curl/", r"lib/hub/curl_module/.*"),
    (r"libpq", r"lib/postgres/pq_module/.*"),
    (r"archive(_entry)?\.h", r"lib/archive/decompress_module/.*"),
    (r"opencv2/", r"app/opencv_module/.*"),
    (r"openssl/", r"lib/base/digest_module/.*"),
    (r"(torch|ATen|c10)/",
     r"lib/engine/(libtorch|torchscript)/.*|lib/nn/backends/[a-z_]*_aten\.(cpp|h)"),
    (r"chafa", r"app/preview_module/.*"),
    (r"(tiffio|lcms2|openjpeg|libheif)", r"lib/image/modules/.*_module\.cpp"),
    (r"clip/(libtorch|torchscript)\.h", r"lib/engine/(libtorch|torchscript)/.*|app/libtorch_module/.*"),
]
# Nor may a public header ask its user for any of these libraries.
THIRD_PARTY = re.compile(r"(torch|ATen|c10|curl|opencv2|nlohmann|fmt|unicode|openssl|jpeglib|webp|zlib|"
                         r"dnnl|archive|chafa|libpq|glib|tiffio|lcms2|openjpeg|libheif|omp|doctest|CLI)\b")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.MULTILINE)
# Comments and literals, whichever begins first.
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^()\s\\]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"'
                   r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.DOTALL)


def below(layer):
    """The layer, and all that it is built on."""
    found = {layer}
    for lower in EDGES[layer]:
        found |= below(lower)
    return found


class Sources:
    """The sources below a root: lib and app."""

    def __init__(self, root):
        self.root = root
        self.problems = []
        self.files = sorted(path.relative_to(root).as_posix() for folder in ("lib", "app")
                            for path in (root / folder).rglob("*")
                            if path.suffix in (".h", ".cpp") and "examples" not in path.parts)
        self.public = {}  # by the header's name: the layer that lists it
        self.read_cmake()

    def report(self, file, text):
        self.problems.append(f"{file}: {text}")

    def read_cmake(self):
        for path in sorted((self.root / "lib").rglob("CMakeLists.txt")):
            file = path.relative_to(self.root).as_posix()
            text = re.sub(r"#[^\n]*", "", path.read_text())
            for call in re.findall(r"\bclip_library\s*\(([^()]*)\)", text):
                words = call.split()
                layer, lists, current = words[0], {}, None
                for word in words[1:]:
                    if word in ("DIRECTORY", "HEADERS", "SOURCES", "DEPENDS", "LIBRARIES"):
                        current = lists.setdefault(word, [])
                    elif current is not None:
                        current.append(word)
                if layer not in EDGES:
                    self.report(file, f"the folder {layer} has no row in EDGES of {Path(__file__).name}")
                    continue
                for lower in lists.get("DEPENDS", []):
                    if lower not in below(layer) - {layer}:
                        self.report(file, f"{layer} must not depend on {lower}")
                for header in lists.get("HEADERS", []):
                    if header in self.public:
                        self.report(file, f"{header} is listed twice")
                    self.public[header] = layer

    def layer_of(self, file):
        parts = file.split("/")
        if parts[0] == "app":
            return "app"
        if file.startswith("lib/include/clip/"):
            return self.public.get(file[len("lib/include/clip/"):])
        if parts[:2] == ["lib", "engine"] and parts[2] in EDGES:
            return parts[2]
        return parts[1] if parts[1] in EDGES else None

    def resolve(self, file, name):
        """The file of ours that an include names, or None."""
        places = [Path(file).parent / name, Path("lib") / name, Path("lib/include") / name,
                  Path("lib/engine") / name]
        if file.startswith("app/"):
            places.append(Path("app") / name)
        for place in places:
            if (self.root / place).is_file():
                return place.as_posix()
        return None

    def check(self):
        for file in self.files:
            text = (self.root / file).read_text()
            layer = self.layer_of(file)
            if layer is None:
                self.report(file, "no folder lists this header under HEADERS"
                            if file.startswith("lib/include/") else "belongs to no layer")
                continue
            self.check_includes(file, layer, text)
            self.check_words(file, text)
        for header in self.public:
            if f"lib/include/clip/{header}" not in self.files:
                self.report(f"lib/include/clip/{header}", "is listed, but is not there")
        return self.problems

    def check_includes(self, file, layer, text):
        is_public = file.startswith("lib/include/")
        for quote, name in INCLUDE.findall(text):
            for start, allowed in HEAVY:
                if re.match(start, name) and not re.fullmatch(allowed, file):
                    if not file.endswith(name):
                        self.report(file, f"must not include {name}")
            if is_public and quote == "<" and THIRD_PARTY.match(name):
                self.report(file, f"a public header must not include {name}")
            target = self.resolve(file, name)
            if target is None:
                if quote == '"':
                    self.report(file, f"includes {name}, which is not there")
                continue
            if is_public and not target.startswith("lib/include/"):
                self.report(file, f"a public header must not include {name}, which is private")
            below_it = self.layer_of(target)
            if below_it is not None and below_it not in below(layer):
                self.report(file, f"{layer} must not include {name} of {below_it}")

    def check_words(self, file, text):
        for number, line in enumerate(text.splitlines(), 1):
            if re.search("picture", line, re.IGNORECASE):
                self.report(file, f"line {number} says picture; the word is image")
        if not file.startswith("lib/"):
            return
        for match in TOKEN.finditer(INCLUDE.sub("", text)):
            literal = match.group()
            if literal.startswith(("//", "/*", "'")):
                continue
            if re.search(r"(^|[^-!<])--[a-z]", literal):
                self.report(file, f"names an option of the command line: {literal}")
            if re.search(r"scripts/|export_torchscript", literal):
                self.report(file, f"names a script: {literal}")


def problems_of(root):
    return Sources(root).check()


class Layers(unittest.TestCase):
    def test_sources_keep_the_rules(self):
        self.assertGreater(len(Sources(ROOT).files), 150)
        problems = problems_of(ROOT)
        self.assertFalse(problems, "\n" + "\n".join(problems))


class Documents(unittest.TestCase):
    def test_files_that_documents_name_are_there(self):
        missing = []
        for document in ("README.md", "CONTRIBUTING.md", "lib/README.md", "app/README.md"):
            text = (ROOT / document).read_text()
            names = re.findall(r"(?<![\w/.])(?:app|lib|scripts|tests|data)/[\w/.-]*\w", text)
            missing += [name for name in names
                        if "NAME" not in name and name != "data/val" and not (ROOT / name).exists()]
        self.assertFalse(missing)

    def test_links_lead_somewhere(self):
        documents = [path for folder in ("app", "lib", "data", "scripts", "tests")
                     for path in (ROOT / folder).rglob("*.md")] + list(ROOT.glob("*.md"))
        self.assertGreater(len(documents), 15)
        links, broken = 0, []
        for document in documents:
            for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)",
                                             without_code(document)):
                links += 1
                path = document.parent / target if target else document
                if not path.exists() or (anchor and anchor not in anchors_of(path)):
                    broken.append(f"{document.relative_to(ROOT)}: {target}#{anchor}")
        self.assertGreater(links, 30)
        self.assertFalse(broken)


def without_code(document):
    return re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors_of(document):
    """The names that GitHub gives to the headings of a document."""
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", without_code(document), re.M)}


class SelfCheck(unittest.TestCase):
    """Breaks each rule in a copy."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        for folder in ("lib", "app"):
            shutil.copytree(ROOT / folder, self.root / folder)
        self.before = set(problems_of(self.root))

    def tearDown(self):
        self.folder.cleanup()

    def broken(self, file, old, new):
        """The new problems after one change of one file."""
        path = self.root / file
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new, 1))
        found = set(problems_of(self.root)) - self.before
        path.write_text(text)
        return "\n".join(sorted(found))

    def includes(self, file, include):
        return self.broken(file, "#include", f"#include {include}\n#include")

    def test_forbidden_includes(self):
        for file, include in [
            ("lib/base/strings.h", '"clip/tokenizer.h"'),
            ("lib/base/file.cpp", '"image/exif.h"'),
            ("lib/archive/tar_reader.h", '"clip/image.h"'),
            ("lib/text/clip_bpe/merges.cpp", '"clip/model.h"'),
            ("lib/image/decode.cpp", '"clip/tokenizer.h"'),
            ("lib/checkpoint/zip_archive.cpp", '"model/weights.h"'),
            ("lib/hub/store.cpp", '"clip/model_config.h"'),
            ("lib/model/model.cpp", '"nn/rows.h"'),
            ("lib/nn/transformer.cpp", '"clip/engine.h"'),
            ("lib/engine/native.cpp", '"clip/image_embedder.h"'),
            ("lib/engine/native.cpp", '"engine/torchscript/graph_rewrite.h"'),
            ("lib/engine/native.cpp", '"engine/libtorch/layers.h"'),
            ("lib/engine/libtorch/engine.cpp", '"torchscript/graph_rewrite.h"'),
            ("lib/pipeline/image_stream.cpp", '"clip/zero_shot.h"'),
            ("lib/zero_shot/accuracy.cpp", '"service/json.h"'),
            ("lib/index/vector_file.cpp", '"clip/zero_shot.h"'),
            ("lib/probe/train.cpp", '"clip/zero_shot.h"'),
            ("lib/index/search.cpp", '"clip/c.h"'),
            ("lib/service/job.cpp", '"hub/store.h"'),
            ("lib/include/clip/embeddings.h", '"clip/model.h"'),
        ]:
            with self.subTest(file=file, include=include):
                self.assertIn("must not include", self.includes(file, include))

    def test_private_and_heavy_headers(self):
        for file, include in [
            ("lib/include/clip/model.h", '"checkpoint/tensor.h"'),
            ("lib/include/clip/image.h", "<opencv2/core.hpp>"),
            ("lib/image/decode.cpp", "<curl/curl.h>"),
            ("lib/archive/tar_reader.cpp", "<archive.h>"),
            ("app/main.cpp", "<curl/curl.h>"),
            ("app/terminal/preview.cpp", "<chafa.h>"),
            ("lib/nn/transformer.cpp", "<ATen/ATen.h>"),
            ("lib/engine/native.cpp", "<torch/script.h>"),
            ("app/commands/score.cpp", '"clip/torchscript.h"'),
        ]:
            with self.subTest(file=file, include=include):
                self.assertIn("must not include", self.includes(file, include))
        self.assertIn("is not there", self.includes("lib/text/clip_bpe/merges.cpp", '"text/no.h"'))

    def test_declared_edges(self):
        self.assertIn("text must not depend on model",
                      self.broken("lib/text/CMakeLists.txt", "DEPENDS base", "DEPENDS base model"))
        self.assertIn("no folder lists this header",
                      self.broken("lib/text/CMakeLists.txt", "HEADERS tokenizer.h", ""))

    def test_words(self):
        end = "}  // namespace clip"
        for literal, what in [
            ('"cut it with --truncate"', "option of the command line"),
            ('R"(--max-pixels raises the limit)"', "option of the command line"),
            ('"export it with scripts/export_torchscript.py"', "script"),
            ('"no picture"', "says picture"),
        ]:
            changed = f"const char* const kNew = {literal};\n{end}"
            self.assertIn(what, self.broken("lib/base/strings.cpp", end, changed))
        self.assertIn("says picture",
                      self.broken("lib/base/strings.cpp", end, f"int kMaxPictures = 1;\n{end}"))
        # In comments, options may be named.
        self.assertEqual("", self.broken("lib/base/strings.cpp", end, f"// as docker --cpus\n{end}"))


if __name__ == "__main__":
    unittest.main()
