"""CLIP in plain PyTorch: the reference that every other implementation here is compared with.

Both towers as in "Learning Transferable Visual Models From Natural Language Supervision" (Radford
et al., 2021), with the parameter names of OpenAI's published files, so that their state dicts load
unchanged. Needs PyTorch 1.13 or newer and nothing else.

    model = from_state_dict(state)          # any CLIP's weights; computes in float32
    model = from_config(CONFIGS["tiny"])    # uninitialised shapes
    randomize(model, seed=0)                # the same weights on every machine
    for name, tensor in random_weights(CONFIGS["ViT-bigG-14"], seed=0):
        ...                                 # those weights, one at a time

`encode_image` takes [count, 3, n, n] normalized images, `encode_text` [count, context] token ids
padded with zeros; both give [count, embedding] without normalization.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
    from torch.overrides import TorchFunctionMode
except ImportError as missing:
    raise SystemExit(f"PyTorch is missing: apt-get install python3-torch ({missing})") from missing

ARCHITECTURES = Path(__file__).resolve().parents[1] / "data/models/architectures.tsv"
HEAD_WIDTH = 64  # of every model that OpenAI published
VOCABULARY = 49408
CONTEXT = 77
START, END = 49406, 49407  # the ids of <|startoftext|> and <|endoftext|>
IMAGE_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of OpenAI's models
IMAGE_STD = (0.26862954, 0.26130258, 0.27577711)
LOGIT_SCALE = math.log(100)  # the value that training is clipped to


@dataclass
class Config:
    """What a model computes, beyond its weights. `patch` is given for a ViT, `stages` for a
    ModifiedResNet.

    None stands for what OpenAI's models have: heads of width 64, an MLP four times as wide as its
    tower, and `activation` in both towers. Activations are quick_gelu, gelu (exact) and gelu_tanh;
    a ResNet has ReLU, whatever its config says. `resize` is shortest (the shortest side, then a
    centre crop), squash (both sides) or longest (the longest side, then centred on black);
    `interpolation` is bicubic or bilinear.
    """

    image_size: int
    embedding: int
    vision_width: int
    text_width: int
    text_layers: int
    patch: Optional[int] = None
    vision_layers: Optional[int] = None
    stages: Optional[Tuple[int, int, int, int]] = None
    context: int = CONTEXT
    vocabulary: int = VOCABULARY
    activation: str = "quick_gelu"
    vision_heads: Optional[int] = None
    text_heads: Optional[int] = None
    vision_mlp: Optional[int] = None
    text_mlp: Optional[int] = None
    vision_activation: Optional[str] = None
    text_activation: Optional[str] = None
    vision_eps: float = 1e-5
    text_eps: float = 1e-5
    mean: Tuple[float, float, float] = IMAGE_MEAN
    std: Tuple[float, float, float] = IMAGE_STD
    resize: str = "shortest"
    interpolation: str = "bicubic"

    def attention_width(self):
        """Width of the image tower where it attends: a ResNet's last stage, 32 times its first."""
        return self.vision_width if self.patch else 32 * self.vision_width

    def heads(self):
        """Attention heads of the image tower and of the text tower."""
        return (self.vision_heads or self.attention_width() // HEAD_WIDTH,
                self.text_heads or self.text_width // HEAD_WIDTH)

    def mlps(self):
        """Hidden widths of the MLPs of the image tower (a ResNet has none) and the text tower."""
        return (self.vision_mlp or 4 * self.vision_width, self.text_mlp or 4 * self.text_width)

    def activations(self):
        return (self.vision_activation or self.activation, self.text_activation or self.activation)


def read_architectures(path=ARCHITECTURES):
    """The table's rows as configs, by name. It does not say the activation: weights of one
    architecture are published with either."""
    lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    columns = lines[0].lstrip("# ").split("\t")
    configs = {}
    for line in lines[1:]:
        row = dict(zip(columns, line.split("\t")))
        dimensions = {}
        if row["vision"] == "ViT":
            dimensions = {"patch": int(row["patch"]), "vision_layers": int(row["vision_layers"]),
                          "vision_mlp": int(row["vision_mlp"])}
        else:
            dimensions = {"stages": tuple(map(int, row["vision_layers"].split(",")))}
        config = Config(int(row["image"]), int(row["embedding"]), int(row["vision_width"]),
                        int(row["text_width"]), int(row["text_layers"]),
                        context=int(row["context"]), vocabulary=int(row["vocabulary"]),
                        text_heads=int(row["text_heads"]), **dimensions)
        config.vision_heads = config.attention_width() // int(row["vision_head_width"])
        configs[row["name"]] = config
    return configs


# OpenAI's spelling of what open_clip's table spells otherwise.
OPENAI_NAMES = {"ViT-B/32": "ViT-B-32", "ViT-B/16": "ViT-B-16", "ViT-L/14": "ViT-L-14",
                "ViT-L/14@336px": "ViT-L-14-336"}


def _configs():
    published = read_architectures()
    return {
        **published,
        **{name: published[spelling] for name, spelling in OPENAI_NAMES.items()},
        # Two small ones for tests.
        "tiny": Config(64, 64, 128, 128, 2, patch=8, vision_layers=3),
        "tiny-rn": Config(96, 64, 16, 128, 2, stages=(1, 2, 1, 1)),
    }


CONFIGS = _configs()


class LayerNorm(nn.LayerNorm):
    """Computes in float32 whatever the stream's type is, and gives that type back."""

    def forward(self, x):
        return super().forward(x.type(torch.float32)).type(x.dtype)


class QuickGELU(nn.Module):
    """x * sigmoid(1.702 x), the approximation of GELU that CLIP was trained with."""

    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


ACTIVATIONS = {
    "quick_gelu": QuickGELU,
    "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU(approximate="tanh"),
}


def attend(q, k, v, width, heads, mask=None):
    """Scaled dot-product attention. q [count, queries, width], k and v [count, tokens, width]."""

    def split(x):  # [count, heads, tokens, head width]
        return x.reshape(x.shape[0], x.shape[1], heads, width // heads).transpose(1, 2)

    scores = split(q) @ split(k).transpose(2, 3) / math.sqrt(width // heads)
    if mask is not None:
        scores = scores + mask
    mixed = torch.softmax(scores, dim=-1) @ split(v)
    return mixed.transpose(1, 2).reshape(q.shape[0], q.shape[1], width)


class Attention(nn.Module):
    """Multi-head self-attention with one projection for queries, keys and values."""

    def __init__(self, width, heads):
        super().__init__()
        self.width, self.heads = width, heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x, mask):
        q, k, v = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        return self.out_proj(attend(q, k, v, self.width, self.heads, mask))


class Mlp(nn.Module):
    def __init__(self, width, hidden, activation):
        super().__init__()
        self.c_fc = nn.Linear(width, hidden)
        self.act = ACTIVATIONS[activation]()
        self.c_proj = nn.Linear(hidden, width)

    def forward(self, x):
        return self.c_proj(self.act(self.c_fc(x)))


class Block(nn.Module):
    """A residual attention block: x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, width, heads, hidden, activation, eps, mask=None):
        super().__init__()
        self.attn = Attention(width, heads)
        self.ln_1 = LayerNorm(width, eps)
        self.mlp = Mlp(width, hidden, activation)
        self.ln_2 = LayerNorm(width, eps)
        self.mask = mask  # no buffer: published files hold it as a constant of the graph

    def forward(self, x):
        mask = None if self.mask is None else self.mask.to(device=x.device, dtype=x.dtype)
        x = x + self.attn(self.ln_1(x), mask)
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    def __init__(self, width, layers, heads, hidden, activation, eps, mask=None):
        super().__init__()
        blocks = [Block(width, heads, hidden, activation, eps, mask) for _ in range(layers)]
        self.resblocks = nn.Sequential(*blocks)

    def forward(self, x):
        return self.resblocks(x)


class VisionTransformer(nn.Module):
    def __init__(self, config):
        super().__init__()
        width = config.vision_width
        grid = config.image_size // config.patch
        self.conv1 = nn.Conv2d(3, width, config.patch, stride=config.patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(grid * grid + 1, width))
        self.ln_pre = LayerNorm(width, config.vision_eps)
        self.transformer = Transformer(width, config.vision_layers, config.heads()[0],
                                       config.mlps()[0], config.activations()[0],
                                       config.vision_eps)
        self.ln_post = LayerNorm(width, config.vision_eps)
        self.proj = nn.Parameter(torch.empty(width, config.embedding))

    def forward(self, x):
        x = self.conv1(x).flatten(2).transpose(1, 2)  # [count, patches, width]
        zeros = torch.zeros(x.shape[0], 1, x.shape[-1], dtype=x.dtype, device=x.device)
        first = self.class_embedding.to(x.dtype) + zeros
        x = torch.cat([first, x], dim=1) + self.positional_embedding.to(x.dtype)
        x = self.transformer(self.ln_pre(x))
        return self.ln_post(x[:, 0]) @ self.proj


class Bottleneck(nn.Module):
    """A ResNet block whose stride is an average pool, before the last convolution and beside it."""

    def __init__(self, inputs, planes, stride):
        super().__init__()
        outputs = 4 * planes
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.avgpool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential()
            self.downsample.add_module("-1", nn.AvgPool2d(stride))
            self.downsample.add_module("0", nn.Conv2d(inputs, outputs, 1, bias=False))
            self.downsample.add_module("1", nn.BatchNorm2d(outputs))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(self.avgpool(out)))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)))


class AttentionPool(nn.Module):
    """One query, the mean of all cells, attends to the mean and the cells."""

    def __init__(self, cells, width, heads, outputs):
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.empty(cells + 1, width))
        self.k_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.c_proj = nn.Linear(width, outputs)
        self.width, self.heads = width, heads

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2)  # [count, cells, width]
        x = torch.cat([x.mean(dim=1, keepdim=True), x], dim=1)
        x = x + self.positional_embedding.to(x.dtype)
        q, k, v = self.q_proj(x[:, :1]), self.k_proj(x), self.v_proj(x)
        return self.c_proj(attend(q, k, v, self.width, self.heads)[:, 0])


class ModifiedResNet(nn.Module):
    """ResNet-D's three-convolution stem, anti-aliased strides, attention pooling at the end."""

    def __init__(self, config):
        super().__init__()
        width = config.vision_width
        self.conv1 = nn.Conv2d(3, width // 2, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width // 2)
        self.conv2 = nn.Conv2d(width // 2, width // 2, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width // 2)
        self.conv3 = nn.Conv2d(width // 2, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.avgpool = nn.AvgPool2d(2)
        inputs = width
        for stage, blocks in enumerate(config.stages):
            planes = width << stage
            layers = []
            for i in range(blocks):
                layers.append(Bottleneck(inputs, planes, 2 if stage > 0 and i == 0 else 1))
                inputs = 4 * planes
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        grid = config.image_size // 32
        self.attnpool = AttentionPool(grid * grid, inputs, config.heads()[0], config.embedding)

    def forward(self, x):
        x = x.type(self.conv1.weight.dtype)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        x = self.avgpool(F.relu(self.bn3(self.conv3(x))))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        return self.attnpool(x)


class Clip(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        tower = VisionTransformer if config.patch else ModifiedResNet
        self.visual = tower(config)
        width = config.text_width
        # Causal: a token attends to itself and what stands before it.
        mask = torch.full((config.context, config.context), float("-inf")).triu(1)
        self.transformer = Transformer(width, config.text_layers, config.heads()[1],
                                       config.mlps()[1], config.activations()[1],
                                       config.text_eps, mask)
        self.token_embedding = nn.Embedding(config.vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.empty(config.context, width))
        self.ln_final = LayerNorm(width, config.text_eps)
        self.text_projection = nn.Parameter(torch.empty(width, config.embedding))
        self.logit_scale = nn.Parameter(torch.empty([]))

    def _compute_type(self):
        return self.visual.conv1.weight.dtype

    def encode_image(self, image):
        return self.visual(image.type(self._compute_type()))

    def encode_text(self, text):
        dtype = self._compute_type()
        x = self.token_embedding(text).type(dtype) + self.positional_embedding.type(dtype)
        x = self.ln_final(self.transformer(x)).type(dtype)
        # The prompt's embedding is read at its end token, which has the highest id.
        return x[torch.arange(x.shape[0]), text.argmax(dim=-1)] @ self.text_projection

    def forward(self, image, text):
        images, texts = self.encode_image(image), self.encode_text(text)
        images = images / images.norm(dim=-1, keepdim=True)
        texts = texts / texts.norm(dim=-1, keepdim=True)
        logits = self.logit_scale.exp() * images @ texts.t()
        return logits, logits.t()


def from_config(config):
    return Clip(config).eval()


class _WithoutMemory(TorchFunctionMode):
    """Tensors that are made have a shape and a type, and no memory."""

    made = (torch.empty, torch.zeros, torch.ones, torch.full, torch.tensor)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in self.made and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def shapes_of(config):
    """The weights of a model by name, in the order of its state dict, as tensors without memory."""
    with _WithoutMemory():
        return dict(Clip(config).state_dict())


def _random(name, shape, generator):
    """A random weight of the size that trained ones have."""

    def normal(std, mean=0.0):
        return torch.randn(shape, generator=generator) * std + mean

    kind = name.rsplit(".", 1)[-1]
    if kind == "num_batches_tracked":
        return torch.zeros(shape, dtype=torch.int64)
    if name == "logit_scale":
        return torch.full(shape, LOGIT_SCALE)
    if kind == "running_var":
        return torch.rand(shape, generator=generator) + 0.5
    if kind == "running_mean":
        return normal(0.1)
    if kind == "weight" and len(shape) == 1:  # of LayerNorm and BatchNorm
        return normal(0.1, 1.0)
    if len(shape) == 1 and kind != "class_embedding":  # biases
        return normal(0.05)
    if kind in ("positional_embedding", "class_embedding", "weight") and "embedding" in name:
        return normal(0.5 if name.startswith("visual") else 0.05)
    if kind in ("proj", "text_projection"):
        return normal(shape[0] ** -0.5)
    # Linear and convolution weights: keep the variance of what they are given.
    return normal(math.prod(shape[1:]) ** -0.5)


def random_weights(config, seed=0):
    """Names and seeded random weights of a model, in the order of its state dict, one at a time.

    Norms, biases and running statistics are drawn too: a constant would hide that they are ignored.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in shapes_of(config).items():
        yield name, _random(name, tensor.shape, generator)


def randomize(model, seed=0):
    """Fills the model with random_weights(its config, seed)."""
    state = model.state_dict()
    with torch.no_grad():
        for name, tensor in random_weights(model.config, seed):
            state[name].copy_(tensor)
    return model


def _count(state, prefix):
    return len({key[len(prefix):].split(".")[0] for key in state if key.startswith(prefix)})


def config_of(state, activation="quick_gelu"):
    """A model's dimensions, from the shapes of its weights; heads are taken to be 64 wide."""
    vocabulary, text_width = state["token_embedding.weight"].shape
    context = state["positional_embedding"].shape[0]
    embedding = state["text_projection"].shape[1]
    text_layers = _count(state, "transformer.resblocks.")
    common = {"context": context, "vocabulary": vocabulary, "activation": activation,
              "text_mlp": state["transformer.resblocks.0.mlp.c_fc.weight"].shape[0]}
    if "visual.proj" in state:
        width, _, patch, _ = state["visual.conv1.weight"].shape
        grid = math.isqrt(state["visual.positional_embedding"].shape[0] - 1)
        layers = _count(state, "visual.transformer.resblocks.")
        mlp = state["visual.transformer.resblocks.0.mlp.c_fc.weight"].shape[0]
        return Config(grid * patch, embedding, width, text_width, text_layers, patch=patch,
                      vision_layers=layers, vision_mlp=mlp, **common)
    width = state["visual.layer1.0.conv1.weight"].shape[0]
    grid = math.isqrt(state["visual.attnpool.positional_embedding"].shape[0] - 1)
    stages = tuple(_count(state, f"visual.layer{i}.") for i in (1, 2, 3, 4))
    return Config(grid * 32, embedding, width, text_width, text_layers, stages=stages, **common)


def from_state_dict(state, activation="quick_gelu", config=None):
    """The float32 model with these weights; tensors that are no weights are left out. Without a
    config it is config_of(state, activation)."""
    model = Clip(config or config_of(state, activation))
    wanted = model.state_dict().keys()
    model.load_state_dict({key: value.float() for key, value in state.items() if key in wanted
                           and not key.endswith("num_batches_tracked")}, strict=False)
    missing = [key for key in wanted if key not in state and "num_batches" not in key]
    if missing:
        raise ValueError(f"the weights lack {', '.join(missing)}")
    return model.eval()
