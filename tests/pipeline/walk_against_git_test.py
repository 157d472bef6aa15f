"""Which files of a folder count, against git: walk_against_git_test.py WALK_FOLDER

Git lists the files that patterns do not exclude (git ls-files --others): from .clipignore files in
any folder, and from options, which count before them. The trees and the patterns are made at random.
"""

import os
import random
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

WALK_FOLDER = None
TREES = 12
LISTS = int(os.environ.get("CLIP_TEST_LISTS", "45"))  # for each tree

NAMES = [
    b"a", b"b", b"c", b"ab", b"abc", b"foo", b"foo.jpg", b"bar.jpg", b"bar.png", b"a.jpg", b"b.c",
    b"x-y", b"x y", b"a ", b"#a", b"!a", b"[a]", b"a]", b"*", b"a*b", b"?", b"\\", b"a\\b", b"A",
    b"B.JPG", b"1", b"22", b"9.jpg", b"\xe9t\xe9", b"\xc3\xa9", b"\xff", b"a\tb", b"a\nb", b"-",
    b"^", b"z_", b"aaaaab",
]
# What is excluded by default.
ODD_NAMES = [b".a", b".foo.jpg", b"@eaDir", b"#recycle", b".stversions"]
PIECES = [
    b"a", b"b", b"c", b"ab", b"foo", b"bar", b".jpg", b".", b"x", b"1", b"A", b"*", b"*", b"?",
    b"**", b"[a-c]", b"[!a]", b"[^b-z]", b"[]a]", b"[a-]", b"[-a]", b"[[:alpha:]]", b"[[:digit:]]",
    b"[![:upper:]]", b"[[:nonsense:]]", b"[\\]a]", b"[a\\-c]", b"[[a]", b"[a-c-z]", b"[z-a]",
    b"[\xc0-\xff]", b"[[:punct:]]", b"[a/b]", b"\\a", b"\\*", b"\\#", b"\\!", b"\\?", b"\\[", b"\\\\",
    b"\xe9", b"\xc3\xa9", b" ", b"\\ ", b"#", b"!", b"[", b"]", b"-", b"\t",
]


def random_name(source, odd):
    return source.choice(ODD_NAMES if odd and source.random() < 0.25 else NAMES)


def make_tree(root, source, odd):
    """Folders up to four deep; gives them as relative paths."""
    folders = [b""]
    for _ in range(source.randint(6, 14)):
        parent = source.choice([folder for folder in folders if folder.count(b"/") < 3])
        folder = parent + random_name(source, odd) + b"/"
        if not os.path.lexists(root + folder):
            os.mkdir(root + folder)
            folders.append(folder)
    for folder in folders:
        for _ in range(source.randint(1, 8)):
            path = root + folder + random_name(source, odd)
            if not os.path.lexists(path):
                Path(os.fsdecode(path)).touch()
    return folders


def random_part(source, odd):
    kind = source.random()
    if kind < 0.35:
        return random_name(source, odd)
    if kind < 0.45:
        return b"**"
    if kind < 0.55:
        return b"*" + source.choice([b".jpg", b"b", b".*", b"a"])
    return b"".join(source.choice(PIECES) for _ in range(source.randint(1, 3)))


def random_pattern(source, odd):
    parts = [random_part(source, odd) for _ in range(source.choice([1, 1, 1, 2, 2, 3]))]
    pattern = b"/".join(parts)
    if source.random() < 0.2:
        pattern = b"/" + pattern
    if source.random() < 0.15:
        pattern += b"/"
    if source.random() < 0.3:
        pattern = b"!" + pattern
    if source.random() < 0.05:
        pattern += b" " * source.randint(1, 2)
    return pattern


def is_comparable(pattern, odd):
    """Whether every git agrees with its own manual on the pattern, and we mean the same as git."""
    body = pattern[1:] if pattern[:1] == b"!" else pattern
    # "Other consecutive asterisks are considered regular asterisks": but not behind a literal
    # beginning, before git 2.52.
    if b"/" in body[:-1] and re.search(rb"[^/*]\*\*", body):
        return False
    # With us, a wildcard in front includes nothing again that is excluded by default.
    last = body.rstrip(b" /").rsplit(b"/", 1)[-1]
    return not (odd and pattern[:1] == b"!" and last[:1] in (b"*", b"?", b"["))


def files_of(root, sub=b""):
    return {os.path.relpath(os.path.join(at, name), root)
            for at, _, names in os.walk(root + sub) for name in names}


class AgainstGit(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.fsencode(folder.name)
        self.defaults = self.folder + b"/defaults"
        Path(os.fsdecode(self.defaults)).write_bytes(b".*\n@eaDir\n\\#recycle\n")

    def git_finds(self, root, excluded):
        """Git's files but for .clipignore."""
        command = ["git", "--git-dir", self.folder + b"/git", "--work-tree", root, "-c", "core.bare=false",
                   "ls-files", "--others", "-z", "--exclude-per-directory=.clipignore",
                   b"--exclude-from=" + self.defaults]
        for pattern in excluded:
            command += [b"--exclude=" + pattern]
        environment = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(command, cwd=root, capture_output=True, env=environment, check=True)
        return {path for path in done.stdout.split(b"\0")[:-1] if not path.endswith(b".clipignore")}

    def we_find(self, root, excluded, sub=b""):
        command = [WALK_FOLDER, root, sub, *excluded]
        done = subprocess.run(command, capture_output=True, check=True)
        found = done.stdout.split(b"\0")[:-1]
        self.assertEqual(len(found), len(set(found)), "something is given twice")
        return {path for path in found if not path.endswith(b".clipignore")}

    def test_the_same_files(self):
        subprocess.run(["git", "init", "-q", "--bare", self.folder + b"/git"], check=True)
        source = random.Random(20260112)
        compared = left_out = brought_back = deeper = 0
        for number in range(TREES):
            odd = number % 3 == 0
            root = self.folder + b"/tree%d/" % number
            os.mkdir(root)
            folders = make_tree(root, source, odd)
            for _ in range(LISTS):
                lists, written = {}, []
                for folder in source.sample(folders, min(len(folders), source.choice([1, 1, 2, 4]))):
                    patterns = [random_pattern(source, odd) for _ in range(source.randint(1, 6))]
                    patterns = [each for each in patterns if is_comparable(each, odd)]
                    end = source.choice([b"\n", b"\n", b"\r\n"])
                    text = end.join([source.choice([b"", b"\xef\xbb\xbf", b"# comment" + end, end]),
                                     *patterns, source.choice([b"", b"\n"])])
                    lists[folder] = text
                    written.append(root + folder + b".clipignore")
                    Path(os.fsdecode(written[-1])).write_bytes(text)
                # As options, patterns that nothing could match are refused; those here are not.
                excluded = [source.choice([b"*.jpg", b"/a", b"!foo*", b"!**/b*", b"!a*", b"#a", b"a ",
                                           b"b/", b"a/**/b", b"x[- ]y"])
                            for _ in range(source.choice([0, 0, 1, 2]))]
                expected = self.git_finds(root, excluded)
                found = self.we_find(root, excluded)
                self.assertEqual(found, expected, (lists, excluded))
                everything = files_of(root)
                left_out += len(everything - expected)
                compared += len(everything)
                # Without any ! among them there is less.
                plain = [each for each in excluded if each[:1] != b"!"]
                if plain != excluded:
                    brought_back += len(expected - self.git_finds(root, plain))
                # From a folder below, the same as from the root.
                sub = source.choice(folders)
                below = {path for path in expected if path.startswith(sub)}
                self.assertEqual(self.we_find(root, excluded, sub), below, (lists, excluded, sub))
                deeper += len(below) if sub else 0
                for path in written:
                    os.unlink(path)
        print(f"{compared} files, {left_out} of them excluded, {brought_back} included by an option, "
              f"{deeper} found from a folder below")
        self.assertGreater(left_out, compared // 10)
        self.assertLess(left_out, compared * 9 // 10)
        self.assertGreater(brought_back, TREES * LISTS // 30)
        self.assertGreater(deeper, TREES * LISTS)

    def test_a_wildcard_includes_nothing_that_is_excluded_by_default(self):
        root = self.folder + b"/tree/"
        os.makedirs(root + b"@eaDir")
        for name in [b".a.jpg", b"a.jpg", b"a.txt", b"@eaDir/a.jpg"]:
            Path(os.fsdecode(root + name)).touch()
        for patterns, expected in [
            ([b"*", b"!*.jpg", b"!*/"], {b"a.jpg"}),
            ([b"!.*"], {b".a.jpg", b"a.jpg", b"a.txt"}),
            ([b"!.a.jpg"], {b".a.jpg", b"a.jpg", b"a.txt"}),
            ([b"!@eaDir"], {b"a.jpg", b"a.txt", b"@eaDir/a.jpg"}),
            ([b"!.*", b".a*"], {b"a.jpg", b"a.txt"}),
        ]:
            with self.subTest(patterns=patterns):
                self.assertEqual(self.we_find(root, patterns), expected)


if __name__ == "__main__":
    WALK_FOLDER = sys.argv.pop(1)
    unittest.main()
