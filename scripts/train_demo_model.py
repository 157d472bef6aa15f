#!/usr/bin/env python3
"""Trains the demo model: a small CLIP that knows emoji and coloured shapes.

    train_demo_model.py train [--steps N] [--resume]    writes data/demo/demo-model.pt
    train_demo_model.py evaluate                        its accuracies, on drawings never seen
    train_demo_model.py pictures                        draws data/demo/*.png
    train_demo_model.py expected                        writes data/demo/expected_scores.json
    train_demo_model.py readme                          puts the accuracies into its README

Everything is drawn while it trains (demo_drawings.py). The loss is the paper's: within a batch,
each picture must find its caption among all captions, and the other way round, with a learned
logit scale; captions that are true of a picture by chance are no wrong answers. The tokenizer is
clip-cli's. A run of the same number of steps with the same seed sees the same pictures.

Needs, on Debian as root: apt-get install python3-torch python3-torchvision python3-pil
fonts-noto-color-emoji unicode-data librsvg2-bin npm
"""

import argparse
import io
import json
import math
import multiprocessing
import os
import random
import re
import subprocess
import tempfile
import time
from collections import deque
from dataclasses import replace
from pathlib import Path

import export_torchscript
from clip_reference import VOCABULARY, Config, F, from_config, torch
from demo_drawings import (COLOUR_NAMES, COUNTS, HELD_OUT, SHAPE_NAMES, STYLES, Glyphs,
                           draw_glyph, draw_shapes, numpy, read_concepts)
from reference_scores import Image, load, openai_transform

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "data" / "demo"
MODEL = DEMO / "demo-model.pt"
NAME = "clip-cli demo"

# Heads are 64 wide, as in every published model. 36 patches of 16 x 16 pixels.
SHAPE = Config(image_size=96, embedding=128, vision_width=128, text_width=64, text_layers=3,
               patch=16, vision_layers=4)
CONTEXT = 24  # of the prompts in training; the export takes 77
BATCH = 256
DRAWN = 48  # new pictures a step: the batch is picked from those of the last KEPT steps,
KEPT, FIRST = 256, 24  # and there are those of FIRST steps when it begins
STEPS = 7500
ADAM_RATE, MATRIX_RATE, WARM_UP, DECAY = 1.5e-3, 0.02, 200, 0.05
FIRST_SCALE = 30  # logit scale
# What is drawn as training goes on, between these shares of the steps: what is easy comes first and
# last, and what is asked most grows.
WILD = (0, 1 / 3, 0.6, 0.85), (0, 0.45, 0.45, 0.1)  # share of wild drawings
SHAPES = (0.4, 0.45), (1 / 4, 1 / 3)  # share of shapes; the others are emoji
COMMON = (0.4, 0.6), (3, 6)  # how much oftener the 100 common concepts are drawn than others
MOVED, TINTED = 6, 0.08  # pixels and shares by which a picture differs each time it is taken
SEED = 1

END = export_torchscript.END
START = export_torchscript.START
UNKNOWN = "~"  # in a template: a word that the model does not know

TEMPLATES = """
{}|{}|{}|{} .|a photo of {}|a photo of {} .|a photo of {}|a picture of {}|a picture of {} .
a drawing of {}|an image of {}|an emoji of {}|an icon of {}|a cartoon of {}|an illustration of {}
clip art of {}|a sticker of {}|a sketch of {}|a painting of {}|a small picture of {}
a close-up photo of {}|a blurry photo of {}|a good photo of {}|this is {}|this is a photo of {}
there is {} in the picture|here is {}|a photo of {} , drawn|a ~ photo of {}|a photo of {} ~ ~
~ ~ {}|a ~ of {}|{} ~ ~ ~|~ {}|i see {}|look , {} !
""".strip().replace("\n", "|").split("|")

# Names that take no article, by their ends; and what looks like a plural.
NO_ARTICLE = re.compile(
    r".*\b(rain|cutlery|milk|coffee|beer|wine|champagne|honey|salt|butter|music|blood|fire|money|"
    r"bowling|darts|tennis|badminton|popcorn|bread|bacon|sushi|spaghetti|pasta|lightning|applause|"
    r"corn|garlic|ginger|broccoli|dna|luggage|rice|food|racing|hockey|laughter|claus|christmas|"
    r"dracula|saturn|ping pong|liberty)$")
PLURAL = re.compile(r".*[^su'o]s$")


# --- captions ------------------------------------------------------------------------------------


def with_article(name, article="a"):
    """"a cat", "an owl", "grapes", "the moon"; `article` may be "a", "the" or nothing."""
    first = name.split()[0]
    if not article or first in ("a", "an", "the", *COUNTS[2:]):
        return name
    if article == "the":
        return f"the {name}"
    head = re.split(" (?:of|with|in|lifting) ", name)[0]  # "cup" of a "cup of coffee"
    if NO_ARTICLE.match(head) or PLURAL.match(head):
        return name
    vowel = (name[0] in "aeio" and name != "ewe") or name.startswith(("umb", "upside", "hour"))
    return f"{'an' if vowel else 'a'} {name}"


def shapes_in_words(shape, colour, count):
    """"a red circle", "two blue squares"."""
    if count == 1:
        return with_article(f"{colour} {shape}")
    return f"{COUNTS[count]} {colour} {shape}{'es' if shape == 'cross' else 's'}"


def on_ground(words, ground):
    return words if ground is None else f"{words} on {with_article(ground)} background"


class Tokenizer:
    """Words to compact ids: the words that captions are made of have a row each in the embedding
    that is trained, all others share row 0. CLIP's tokenizer never joins what spaces part, so a
    prompt's ids are those of its words."""

    def __init__(self, words, binary):
        words = sorted(set(words) - {UNKNOWN})
        self.pieces = clip_cli_ids(words, binary)
        known = {START, END}.union(*self.pieces.values())
        # In ascending order, so that the end token stays the highest.
        self.ids = [0] + sorted(known - {0})
        self.compact = {token: i for i, token in enumerate(self.ids)}
        self.of = {word: [self.compact[token] for token in pieces]
                   for word, pieces in self.pieces.items()}
        self.of[UNKNOWN] = [0]

    def __call__(self, texts, context=CONTEXT):
        """[texts, context] compact ids, padded with 0."""
        rows = torch.zeros(len(texts), context, dtype=torch.int64)
        for row, text in zip(rows, texts):
            ids = [token for word in text.split() for token in self.of[word]]
            ids = [self.compact[START], *ids[:context - 2], self.compact[END]]
            row[:len(ids)] = torch.tensor(ids)
        return rows


def clip_cli_ids(texts, binary):
    """Text -> token ids, by `clip-cli tokenize`."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
        listed.write("\n".join(texts) + "\n")
        listed.flush()
        done = subprocess.run([binary, "tokenize", "--json", "--texts", listed.name], check=True,
                              capture_output=True, text=True)
    entries = map(json.loads, done.stdout.rstrip("\n").split("\n"))
    return {entry["text"]: entry["ids"] for entry in entries}


def caption_words(concepts):
    """Every word that a caption can hold."""
    texts = [*TEMPLATES, *COLOUR_NAMES, *COUNTS, "a an the on background"]
    texts += [name for concept in concepts for name in concept.names]
    texts += [f"{shape} {shape}s {shape}es" for shape in SHAPE_NAMES]
    return [word for text in texts for word in text.replace("{}", "").split()]


# --- which shapes training never shows -----------------------------------------------------------
# By the places in SHAPE_NAMES and COLOUR_NAMES: a fifth of the pairs of shape and colour, evenly
# over both; of the rest a fifth of the counts above one, and of the backgrounds.


def pair_held_out(shape, colour):
    return (2 * shape + colour) % 5 == 0


def count_held_out(shape, colour, count):
    return count > 1 and (2 * shape + colour + count) % 5 == 1


def ground_held_out(shape, colour, ground):
    return ground is not None and (2 * shape + colour + COLOUR_NAMES.index(ground)) % 5 == 2


# --- batches -------------------------------------------------------------------------------------


class Subject:
    """What a picture shows, in four numbers, (thing, colour, count, background), and what can be
    called: a caption says some of it, in four numbers again, where 0 says nothing. It is true of a
    picture when all that it says is so."""

    def __init__(self, names, thing, colour, count, ground):
        self.names, self.ground = names, ground
        self.shows = (thing, colour, count, number(ground))

    def caption(self, rng):
        """Words, and what they say."""
        thing, colour, count, ground = self.shows
        if colour:
            words, said = self.names[0], rng.random() < 0.4
        else:
            name = self.names[0] if rng.random() < 0.5 else rng.choice(self.names)
            words = with_article(name, rng.choice(("a", "a", "a", "a", "the", "")))
            count, said = 0, rng.random() < 0.15
        words = on_ground(words, self.ground if said else None)
        return words, (thing, colour, count, ground if said else 0)


class Drawer:
    """Draws the pictures of a step, and puts together its batch."""

    def __init__(self, glyphs, concepts, tokenizer, steps):
        self.glyphs, self.concepts, self.tokenizer, self.steps = glyphs, concepts, tokenizer, steps
        self.trained = [[style for style in of if style != HELD_OUT] for of in glyphs.of]
        self.drawable = [i for i, styles in enumerate(self.trained) if styles]

    def emoji(self, rng, wild, common):
        often = [common if self.concepts[i].common else 1 for i in self.drawable]
        concept, = rng.choices(self.drawable, often)
        glyph = rng.choice(self.glyphs.of[concept][rng.choice(self.trained[concept])])
        picture, ground = draw_glyph(rng, self.glyphs.image(glyph), SHAPE.image_size, wild)
        thing = 1 + len(SHAPE_NAMES) + concept
        return picture, Subject(self.concepts[concept].names, thing, 0, 1, ground)

    @staticmethod
    def shapes(rng, wild):
        while True:
            shape, colour = rng.randrange(len(SHAPE_NAMES)), rng.randrange(len(COLOUR_NAMES))
            count = rng.choice((1, 1, 1, 2, 2, 3, 4))
            if not (pair_held_out(shape, colour) or count_held_out(shape, colour, count)):
                break
        names = SHAPE_NAMES[shape], COLOUR_NAMES[colour], count
        while True:
            picture, ground = draw_shapes(rng, *names, SHAPE.image_size, wild)
            if not ground_held_out(shape, colour, ground):
                break
        return picture, Subject([shapes_in_words(*names)], 1 + shape, 1 + colour, count, ground)

    def drawings(self, step):
        """The DRAWN new pictures of a step, as bytes, and their subjects."""
        rng = random.Random(f"{SEED} {step} drawings")
        wild, shapes, common = (numpy.interp(step / self.steps, *of)
                                for of in (WILD, SHAPES, COMMON))
        made = []
        for i in range(DRAWN):
            is_wild = rng.random() < wild
            picture, subject = (self.shapes(rng, is_wild) if i < shapes * DRAWN
                                else self.emoji(rng, is_wild, common))
            made.append((numpy.asarray(picture), subject))
        return made

    def batch(self, step, drawn):
        """Of the pictures that were `drawn`: pixels [BATCH, n, n, 3] of bytes, ids
        [BATCH, CONTEXT], and which captions are true of which pictures, [BATCH, BATCH]."""
        rng = random.Random(f"{SEED} {step}")
        pixels, words, shows, says = [], [], [], []
        for picture, subject in rng.sample(drawn, BATCH):
            pixels.append(jolted(rng, picture))
            text, said = subject.caption(rng)
            words.append(rng.choice(TEMPLATES).format(text))
            shows.append(subject.shows)
            says.append(said)
        ids = self.tokenizer(words)
        shows, says = numpy.array(shows)[:, None], numpy.array(says)[None]
        true = ((says == 0) | (says == shows)).all(axis=2)
        return numpy.stack(pixels), ids.numpy(), true

    def batches(self, steps):
        """Those of a range of steps, however the run came to its first one."""
        drawn = deque(maxlen=KEPT * DRAWN)
        for step in range(max(-FIRST, steps.start - KEPT), steps.start):
            drawn.extend(self.drawings(step))
        for step in steps:
            drawn.extend(self.drawings(step))
            yield self.batch(step, list(drawn))


def jolted(rng, picture):
    """A drawing that was taken before looks different: mirrored, moved a little."""
    places = numpy.arange(len(picture))
    rows, columns = (numpy.clip(places + rng.randint(-MOVED, MOVED), 0, len(picture) - 1)
                     for _ in range(2))
    return picture[rows][:, columns[::rng.choice((-1, 1))]]


def number(colour):
    return 0 if colour is None else 1 + COLOUR_NAMES.index(colour)


def draw_ahead(drawer, steps, queue):
    """The worker process: puts the batches of `steps` into the queue."""
    torch.set_num_threads(1)
    for batch in drawer.batches(steps):
        queue.put(batch)


def batches(drawer, steps):
    """The batches of `steps`, drawn in another process."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue(maxsize=6)
    worker = context.Process(target=draw_ahead, args=(drawer, steps, queue), daemon=True)
    worker.start()
    try:
        for _ in steps:
            yield queue.get()
    finally:
        worker.terminate()


# --- training ------------------------------------------------------------------------------------


def normalized(pixels):
    """Bytes [count, n, n, 3] to what the model reads, [count, 3, n, n]."""
    mean, std = (torch.tensor(values)[:, None, None]
                 for values in (export_torchscript.IMAGE_MEAN, export_torchscript.IMAGE_STD))
    return (pixels.permute(0, 3, 1, 2).float() / 255 - mean) / std


def waves(grid, width):
    """Where the cells of a grid are, in sines and cosines of both coordinates, [grid^2 + 1, width],
    the class token first: with so few steps, places must be told apart from the first one on."""
    quarter = width // 4
    angles = torch.arange(grid)[:, None] * 30 ** (-torch.arange(quarter) / quarter)
    axis = torch.cat([angles.sin(), angles.cos()], dim=1)  # [grid, width / 2]
    cells = torch.cat([axis.repeat(grid, 1), axis.repeat_interleave(grid, dim=0)], dim=1)
    return torch.cat([torch.zeros(1, width), cells])


def in_patches(pixels, patch):
    """Pictures [count, 3, n, n] as rows of the patches' pixels, [count, patches, 3 patch^2]."""
    count, channels, n, _ = pixels.shape
    grid = n // patch
    cells = pixels.reshape(count, channels, grid, patch, grid, patch).permute(0, 2, 4, 1, 3, 5)
    return cells.reshape(count, grid * grid, channels * patch * patch)


def components(patches, count):
    """The first principal components of patches [n, length], [count, length], each scaled to give
    its coordinate a variance of one half: what a patch embedding would first have to find out."""
    values, vectors = torch.linalg.eigh(patches.t() @ patches / len(patches))
    scale = (0.5 / (values + 1e-3 * values[-1])).sqrt()
    return (vectors * scale).t()[-count:].flip(0)


def initialized(model, pixels):
    """As OpenAI's code starts, small embeddings, projections by width and depth; but for the places
    in the picture, and the patches, which start from those of `pixels`."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            last = name.rsplit(".", 1)[-1]
            tower = model.visual if name.startswith("visual") else model
            depth = 2 * len(tower.transformer.resblocks)  # what is added up
            if name == "logit_scale":
                weight.fill_(math.log(FIRST_SCALE))
            elif name == "visual.positional_embedding":
                weight.copy_(waves(math.isqrt(len(weight)), weight.shape[1]))
            elif name == "visual.conv1.weight":
                rows = in_patches(pixels, weight.shape[-1]).flatten(0, 1)
                weight.copy_(components(rows, len(weight)).reshape(weight.shape))
            elif "embedding" in name:
                weight.normal_(std=0.02)
            elif weight.dim() == 1:
                weight.fill_(1.0 if last == "weight" else 0.0)
            elif last in ("proj", "text_projection"):
                weight.normal_(std=weight.shape[0] ** -0.5)
            else:
                ends = "out_proj" in name or "c_proj" in name
                weight.normal_(std=(weight[0].numel() * (depth if ends else 1)) ** -0.5)
    return model


def orthogonalized(matrix):
    """About the nearest matrix with equal singular values: five Newton-Schulz steps of a quintic
    that takes values in (0, 1] to about 1. Coefficients: Jordan et al., "Muon", 2024."""
    wide = matrix if len(matrix) <= len(matrix[0]) else matrix.t()
    x = wide / (wide.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.t()
        x = 3.4445 * x + (2.0315 * square @ square - 4.7750 * square) @ x
    return x if wide is matrix else x.t()


class Muon(torch.optim.Optimizer):
    """For the matrices of the layers: momentum, made orthogonal ("Muon", 2024), so that every
    direction is learned as fast. Of queries, keys and values in one, each counts by itself.
    In the first 600 steps AdamW needed 1.4 times as many to the same loss."""

    MOMENTUM = 0.95

    def __init__(self, matrices):
        super().__init__(matrices, {"lr": MATRIX_RATE, "peak": MATRIX_RATE})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for weight in group["params"]:
                mean = self.state[weight].setdefault("mean", torch.zeros_like(weight))
                mean.lerp_(weight.grad, 1 - self.MOMENTUM)
                ahead = weight.grad.lerp(mean, self.MOMENTUM)
                outputs, inputs = weight.shape
                parts = ahead.chunk(3) if outputs == 3 * inputs else [ahead]
                change = torch.cat([orthogonalized(part) for part in parts])
                rate_ = group["lr"] * max(1, len(parts[0]) / inputs) ** 0.5
                weight.mul_(1 - group["lr"] * DECAY).add_(change, alpha=-rate_)


def optimizers_of(model):
    """Muon for the layers' matrices, Adam for all else."""
    matrices = [w for name, w in model.named_parameters() if "resblocks" in name and w.dim() == 2]
    chosen = set(map(id, matrices))
    others = [weight for weight in model.parameters() if id(weight) not in chosen]
    adam = torch.optim.Adam([{"params": others, "peak": ADAM_RATE}], betas=(0.9, 0.98), eps=1e-8)
    return [Muon(matrices), adam]


def rate(step, steps):
    """Of the peak: linear warm-up, then half a cosine down to nothing."""
    warm_up = min(WARM_UP, steps // 5)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up)))


def encode_image(model, pixels):
    """As the model's own, but its convolution as a matrix product, which is quicker to train."""
    visual = model.visual
    weight = visual.conv1.weight
    x = F.linear(in_patches(pixels, weight.shape[-1]), weight.flatten(1))
    x = torch.cat([visual.class_embedding.expand(len(x), 1, -1), x.float()], dim=1)
    x = visual.transformer(visual.ln_pre(x + visual.positional_embedding))
    return visual.ln_post(x[:, 0]) @ visual.proj


def encode_text(model, ids):
    """As the model's own, but only to the longest prompt's end: what follows changes nothing."""
    length = int(ids.argmax(dim=1).max()) + 1
    x = model.token_embedding(ids[:, :length]) + model.positional_embedding[:length]
    for block in model.transformer.resblocks:
        x = x + block.attn(block.ln_1(x), block.mask[:length, :length])
        x = x + block.mlp(block.ln_2(x))
    return model.ln_final(x)[torch.arange(len(x)), ids.argmax(dim=1)] @ model.text_projection


def contrastive_loss(model, images, texts, true):
    """The paper's symmetric cross-entropy, over captions that are not true by chance."""
    images, texts = F.normalize(images, dim=-1), F.normalize(texts, dim=-1)
    logits = model.logit_scale.exp() * images @ texts.t()
    chance = true & ~torch.eye(len(true), dtype=torch.bool)
    logits = logits.masked_fill(chance, -1e4)
    wanted = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, wanted) + F.cross_entropy(logits.t(), wanted)) / 2
    return loss, (logits.argmax(dim=1) == wanted).float().mean()


def has_bfloat16():
    """Whether the processor multiplies in bfloat16, which makes training almost twice as fast."""
    try:
        return bool(re.search(r"avx512_bf16|amx_bf16", Path("/proc/cpuinfo").read_text()))
    except OSError:
        return False


def learn(model, optimizers, batch, bfloat16):
    """One step; its loss, and how often a picture found its caption."""
    pixels, ids, true = (torch.from_numpy(part) for part in batch)
    tints = 1 + TINTED * (2 * torch.rand(2, len(pixels), 3, 1, 1) - 1)  # of light and of dark
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        images = encode_image(model, normalized(pixels) * tints[0] + 2 * (tints[1] - 1))
    texts = encode_text(model, ids)
    loss, right = contrastive_loss(model, images.float(), texts, true)
    model.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(max=math.log(100))
        model.token_embedding.weight[0] = 0  # of unknown words
    return loss.item(), right.item()


def save(path, model, optimizers, step, steps, spent):
    """Writes a checkpoint: after `step` of `steps`, which took `spent` seconds."""
    new = path.with_suffix(".new")
    torch.save({"model": model.state_dict(), "step": step, "steps": steps, "spent": spent,
                "optimizers": [optimizer.state_dict() for optimizer in optimizers]}, new)
    os.replace(new, path)


def restore(path, model, optimizers, steps):
    """Takes up a checkpoint; gives its step and the seconds spent."""
    state = torch.load(path)
    if state["steps"] != steps:
        raise SystemExit(f"{path} is of a run of {state['steps']} steps: say --steps "
                         f"{state['steps']}, or leave --resume out")
    model.load_state_dict(state["model"])
    for optimizer, saved in zip(optimizers, state["optimizers"]):
        optimizer.load_state_dict(saved)
    return state["step"], state["spent"]


def train(options):
    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)
    cache = options.cache
    concepts = read_concepts()
    glyphs = Glyphs(cache, concepts)
    tokenizer = Tokenizer(caption_words(concepts), options.clip_cli)
    shape = replace(SHAPE, context=CONTEXT, vocabulary=len(tokenizer.ids))
    drawer = Drawer(glyphs, concepts, tokenizer, options.steps)
    first_drawings = [picture for step in range(-FIRST, 0) for picture, _ in drawer.drawings(step)]
    model = initialized(from_config(shape),
                        normalized(torch.from_numpy(numpy.stack(first_drawings)))).train()
    optimizers = optimizers_of(model)
    checkpoint, first, spent = cache / "checkpoint.pt", 0, 0.0
    if options.resume and checkpoint.exists():
        first, spent = restore(checkpoint, model, optimizers, options.steps)
    bfloat16 = has_bfloat16() if options.precision == "auto" else options.precision == "bf16"
    print(f"{len(concepts)} concepts, {len(tokenizer.ids)} tokens, "
          f"{sum(weight.numel() for weight in model.parameters()) / 1e6:.2f} million weights, "
          f"{'bfloat16' if bfloat16 else 'float32'}, steps {first} to {options.steps}", flush=True)

    begun, shown, since, waited = time.monotonic() - spent, [], time.monotonic(), 0.0
    source = batches(drawer, range(first, options.steps))
    for done in range(first + 1, options.steps + 1):
        asked = time.monotonic()
        batch = next(source)
        waited += time.monotonic() - asked
        for group in (group for each in optimizers for group in each.param_groups):
            group["lr"] = group["peak"] * rate(done - 1, options.steps)
        torch.manual_seed(done)  # so that a run that was resumed goes on in the same way
        shown.append(learn(model, optimizers, batch, bfloat16))
        spent = time.monotonic() - begun
        late = options.minutes is not None and spent > 60 * options.minutes
        if done % options.every == 0 or done == options.steps or late:
            loss, right = numpy.mean(shown, axis=0)
            speed = BATCH * len(shown) / (time.monotonic() - since)
            print(f"step {done:5d}  loss {loss:.3f}  in-batch top-1 {100 * right:5.1f} %  "
                  f"scale {model.logit_scale.exp().item():5.1f}  {spent / 60:5.1f} min  "
                  f"{speed:.0f} pictures/s, waited {waited:.1f} s for them", flush=True)
            shown, since, waited = [], time.monotonic(), 0.0
        if done % 250 == 0 or done == options.steps or late:
            save(checkpoint, model, optimizers, done, options.steps, spent)
        if late:
            print(f"stopped after {spent / 60:.1f} minutes; --resume goes on", flush=True)
            break
    export(model, tokenizer, options.output)


# --- the export ----------------------------------------------------------------------------------


def whole(model, tokenizer):
    """The trained model with CLIP's vocabulary and context. Tokens that no caption holds get row 0,
    zeros; positions that none reached get the last one that was."""
    config = replace(SHAPE, vocabulary=VOCABULARY, context=77)
    state = {name: weight.clone() for name, weight in model.state_dict().items()}
    rows = torch.zeros(VOCABULARY, config.text_width)
    rows[torch.tensor(tokenizer.ids[1:])] = state["token_embedding.weight"][1:]
    state["token_embedding.weight"] = rows
    last = state["positional_embedding"][CONTEXT - 1:]
    state["positional_embedding"] = torch.cat(
        [state["positional_embedding"], last.expand(config.context - CONTEXT, -1)])
    full = from_config(config)
    full.load_state_dict(state)
    return full


def export_type(name, tensor):
    """As in the published files, but for the token embedding, most of the file: float16 too."""
    if name == "token_embedding.weight":
        return torch.float16
    return export_torchscript.published_type(name, tensor)


def traced(model):
    """The model in float16, traced as on a GPU, as the published files are."""
    weights = {name: weight.to(export_type(name, weight))
               for name, weight in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        if weights[name].dtype == torch.float16:
            parameter.data = weights[name].to(torch.bfloat16)  # what PyTorch can trace on a CPU
    module = export_torchscript.trace(model, model.config.image_size, model.config.context)
    export_torchscript.move_graphs_to_gpu(module)
    for name, parameter in module.named_parameters():
        parameter.data = weights[name]
    return module


def export(model, tokenizer, path):
    """Writes the model as export_torchscript.py does: float16, traced, with a clip.json."""
    full = whole(model, tokenizer)
    fields = export_torchscript.metadata(full.config, NAME)
    module = traced(full)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
        export_torchscript.write_archive(module, fields, None, Path(folder) / path.name)
        os.replace(Path(folder) / path.name, path)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")



# --- what came of it -----------------------------------------------------------------------------


class Scorer:
    """The exported model in the PyTorch reference, in float32, with the pictures prepared as
    OpenAI's package does."""

    def __init__(self, path, binary):
        self.model, self.binary = load(path), binary
        self.transform = openai_transform(self.model.config.image_size)

    @torch.no_grad()
    def texts(self, texts):
        ids = clip_cli_ids(texts, self.binary)
        rows = torch.zeros(len(texts), self.model.config.context, dtype=torch.int64)
        for row, text in zip(rows, texts):
            prompt = [START, *ids[text], END]
            row[:len(prompt)] = torch.tensor(prompt)
        return F.normalize(torch.cat([self.model.encode_text(part) for part in rows.split(256)]),
                           dim=-1)

    @torch.no_grad()
    def images(self, pictures):
        pixels = torch.stack([self.transform(picture) for picture in pictures])
        return F.normalize(torch.cat([self.model.encode_image(part)
                                      for part in pixels.split(256)]), dim=-1)

    def accuracy(self, pictures, right, texts):
        """How many per cent of the pictures score highest with the text that is right."""
        scores = self.images(pictures) @ self.texts(texts).t()
        return 100 * (scores.argmax(dim=1) == torch.tensor(right)).float().mean().item()


class CliScorer(Scorer):
    """The same through clip-cli, in one of its precisions."""

    def __init__(self, path, binary, precision):
        self.binary = binary
        self.options = ["-q", "--model", path, "--precision", precision]

    def embed(self, folder, *what):
        result = Path(folder) / "embeddings.npy"
        subprocess.run([self.binary, "embed", *self.options, "-o", result, *what], check=True)
        return torch.from_numpy(numpy.load(result))

    def texts(self, texts):
        with tempfile.TemporaryDirectory() as folder:
            lines = Path(folder) / "texts.txt"
            lines.write_text("\n".join(texts), encoding="utf-8")
            return self.embed(folder, "--texts", lines)

    def images(self, pictures):
        with tempfile.TemporaryDirectory() as folder:
            names = [Path(folder) / f"{i}.png" for i in range(len(pictures))]
            for name, picture in zip(names, pictures):
                picture.save(name)
            listed = Path(folder) / "pictures.txt"
            listed.write_text("\n".join(map(str, names)))
            return self.embed(folder, "--images", listed)


def emoji_question(glyphs, concepts, chosen, styles, times):
    """`times` drawings of each chosen concept, and the prompts to choose from."""
    pictures, right = [], []
    for place, concept in enumerate(chosen):
        have = [style for style in styles if style in glyphs.of[concept]]
        for time_ in range(times if have else 0):
            rng = random.Random(f"evaluate {styles} {concepts[concept].names[0]} {time_}")
            glyph = rng.choice(glyphs.of[concept][rng.choice(have)])
            size = rng.randint(128, 288)
            pictures.append(draw_glyph(rng, glyphs.image(glyph), size, wild=False)[0])
            right.append(place)
    texts = [f"a photo of {with_article(concepts[concept].names[0])}" for concept in chosen]
    return pictures, right, texts


def shape_question(counts, grounds, held_out, most=600):
    """Drawings of combinations that training never showed; the prompts are all combinations."""
    every = [(shape, colour, count, ground)
             for shape in range(len(SHAPE_NAMES)) for colour in range(len(COLOUR_NAMES))
             for count in counts for ground in grounds if ground != COLOUR_NAMES[colour]]
    texts = [on_ground(shapes_in_words(SHAPE_NAMES[shape], COLOUR_NAMES[colour], count), ground)
             for shape, colour, count, ground in every]
    unseen = [i for i, combination in enumerate(every) if held_out(*combination)]
    rng = random.Random("evaluate shapes")
    right = rng.sample(unseen * (1 + most // len(unseen)), most)
    pictures = []
    for i in right:
        shape, colour, count, ground = every[i]
        pictures.append(draw_shapes(rng, SHAPE_NAMES[shape], COLOUR_NAMES[colour], count,
                                    rng.randint(128, 288), wild=False, ground=ground)[0])
    return pictures, right, texts


def questions(glyphs, concepts):
    """What is measured: (key, in words, the question)."""
    common = [i for i, concept in enumerate(concepts) if concept.common]
    everything = range(len(concepts))
    trained = tuple(style for style in STYLES if style != HELD_OUT)
    yield ("common", "the 100 common concepts, drawings never seen",
           emoji_question(glyphs, concepts, common, trained, 20))
    yield ("common_new_style", "the same in a style that training never saw (OpenMoji)",
           emoji_question(glyphs, concepts, common, (HELD_OUT,), 10))
    yield ("all", f"all {len(concepts)} concepts, drawings never seen",
           emoji_question(glyphs, concepts, everything, trained, 4))
    yield ("all_new_style", "the same in a style that training never saw (OpenMoji)",
           emoji_question(glyphs, concepts, everything, (HELD_OUT,), 2))
    yield ("pairs", "\"a red circle\": pairs of colour and shape never seen",
           shape_question((1,), (None,), lambda s, c, n, g: pair_held_out(s, c)))
    yield ("counts", "\"two blue squares\": counts never seen of a pair",
           shape_question((1, 2, 3, 4), (None,), lambda s, c, n, g: not pair_held_out(s, c)
                          and count_held_out(s, c, n)))
    yield ("grounds", "\"a green star on a yellow background\": backgrounds never seen of a pair",
           shape_question((1,), COLOUR_NAMES, lambda s, c, n, g: not pair_held_out(s, c)
                          and ground_held_out(s, c, g)))


def evaluate(options):
    """Prints the accuracies as a table, or as JSON; and gives the table's rows."""
    torch.set_num_threads(options.threads)
    if getattr(options, "precision", None):
        scorer = CliScorer(options.output, options.clip_cli, options.precision)
    else:
        scorer = Scorer(options.output, options.clip_cli)
    concepts = read_concepts()
    found, rows = {}, ["| zero-shot top-1 | prompts | pictures | right |", "|---|---|---|---|"]
    glyphs = Glyphs(options.cache, concepts)
    for key, words, (drawn, right, texts) in questions(glyphs, concepts):
        found[key] = round(scorer.accuracy(drawn, right, texts), 2)
        rows.append(f"| {words} | {len(texts)} | {len(drawn)} | {found[key]:.1f} % |")
    print(json.dumps(found) if getattr(options, "json", False) else "\n".join(rows))
    return rows


def readme(options):
    """Puts the accuracies between the marks in data/demo/README.md."""
    rows = "\n".join(evaluate(options))
    path = DEMO / "README.md"
    before, mark, rest = path.read_text(encoding="utf-8").partition("<!-- accuracies -->\n")
    _, end, after = rest.partition("<!-- end of accuracies -->")
    path.write_text(f"{before}{mark}{rows}\n{end}{after}", encoding="utf-8")


# File -> what is drawn, and on which background (None: by chance).
PICTURES = {
    "cat": "cat", "dog": "dog", "horse": "horse", "owl": "owl", "fish": "fish",
    "butterfly": "butterfly", "car": "automobile", "bicycle": "bicycle", "airplane": "airplane",
    "rocket": "rocket", "pizza": "pizza", "banana": "banana", "strawberry": "strawberry",
    "coffee": "hot beverage", "sunflower": "sunflower", "rainbow": "rainbow",
    "snowman": "snowman", "guitar": "guitar", "smiling_face": "grinning face with big eyes",
    "ghost": "ghost",
    "red_circle": ("circle", "red", 1, "white"), "two_blue_squares": ("square", "blue", 2, "white"),
    "green_triangle_on_yellow": ("triangle", "green", 1, "yellow"),
    "three_purple_stars": ("star", "purple", 3, "white"),
}
PICTURE_SIDE = 192
LARGEST = 18000  # bytes a file may have: what is grainier is drawn again


def png(picture):
    data = io.BytesIO()
    picture.save(data, "PNG", optimize=True)
    return data.getvalue()


def pictures(options):
    """Draws the small pictures of data/demo, from the font's emoji (OFL) and shapes."""
    concepts = read_concepts()
    glyphs = Glyphs(options.cache, concepts)
    of = {emoji: i for i, concept in enumerate(concepts) for emoji in concept.emoji}
    for name, what in PICTURES.items():
        rng = random.Random(f"picture {name}")
        if isinstance(what, str):
            emoji = glyphs.of[of[what]]["noto"][concepts[of[what]].emoji.index(what)]
        data = bytes(LARGEST)
        while len(data) >= LARGEST:
            if isinstance(what, str):
                picture, _ = draw_glyph(rng, glyphs.image(emoji), PICTURE_SIDE, wild=False)
            else:
                shape, colour, count, ground = what
                picture, _ = draw_shapes(rng, shape, colour, count, PICTURE_SIDE, False, ground)
            data = png(picture)
        (DEMO / f"{name}.png").write_bytes(data)


PROMPTS = ["a photo of a cat", "a photo of a dog", "a photo of a car", "a slice of pizza",
           "a bicycle", "an owl", "a smiling face", "a rainbow", "a red circle",
           "two blue squares", "a green triangle on a yellow background", "three purple stars"]


def expected(options):
    """Writes what the reference scores, 100 x cosine in float32: every engine is held to it."""
    torch.set_num_threads(options.threads)
    scorer = Scorer(options.output, options.clip_cli)
    names = [f"{name}.png" for name in PICTURES]
    scores = 100 * scorer.images([Image.open(DEMO / name) for name in names]) \
        @ scorer.texts(PROMPTS).t()
    lines = [json.dumps({"image": name, "scores": [round(score, 4) for score in row]})
             for name, row in zip(names, scores.tolist())]
    listed = ",\n  ".join(lines)
    (DEMO / "expected_scores.json").write_text(
        f'{{"texts": {json.dumps(PROMPTS)},\n "images": [\n  {listed}\n ]}}\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--output", type=Path, default=MODEL, metavar="FILE", help="the model")
    shared.add_argument("--cache", type=Path, default=ROOT / "build" / "demo-model",
                        metavar="FOLDER", help="drawings and checkpoint")
    shared.add_argument("--clip-cli", default=str(ROOT / "build" / "release" / "clip-cli"),
                        metavar="BINARY", help="whose tokenizer is asked")
    shared.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    commands = parser.add_subparsers(dest="command", required=True)

    command = commands.add_parser("train", parents=[shared])
    command.add_argument("--steps", type=int, default=STEPS, help=f"of {BATCH} pictures [{STEPS}]")
    command.add_argument("--minutes", type=float, help="stop then, and export what there is")
    command.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    command.add_argument("--every", type=int, default=50, help="steps between lines [50]")
    command.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto",
                         help="of the vision tower's products; auto: bf16 if the processor has it")
    command.set_defaults(run=train)
    command = commands.add_parser("evaluate", parents=[shared])
    command.add_argument("--json", action="store_true")
    command.add_argument("--precision", choices=("fp32", "bf16", "int8"),
                         help="through clip-cli in that precision, not through PyTorch")
    command.set_defaults(run=evaluate)
    for run in (pictures, expected, readme):
        commands.add_parser(run.__name__, parents=[shared]).set_defaults(run=run)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
