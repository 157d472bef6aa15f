"""CLIP in plain PyTorch: the reference that every other implementation here is compared with.

Both towers as in "Learning Transferable Visual Models From Natural Language Supervision" (Radford
et al., 2021), with the parameter names of OpenAI's published files, so that their state dicts load
unchanged. Needs PyTorch 1.13 or newer and nothing else.

    model = from_state_dict(state)          # any CLIP's weights; computes in float32
    model = from_config(CONFIGS["tiny"])    # uninitialised shapes
    randomize(model, seed=0)                # the same weights on every machine

`encode_image` takes [count, 3, n, n] normalized images, `encode_text` [count, context] token ids
padded with zeros; both give [count, embedding] without normalization.
"""

import math
from dataclasses import dataclass
from typing import Optional, Tuple

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError as missing:
    raise SystemExit(f"PyTorch is missing: apt-get install python3-torch ({missing})") from missing

HEAD_WIDTH = 64  # of every published model
VOCABULARY = 49408
CONTEXT = 77
LOGIT_SCALE = math.log(100)  # the value that training is clipped to


@dataclass
class Config:
    """A model's dimensions. `patch` is given for a ViT, `stages` for a ModifiedResNet."""

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


def _resnet(image_size, embedding, stages, width, text_width):
    return Config(image_size, embedding, width, text_width, 12, stages=stages)


def _vit(image_size, embedding, patch, width, layers, text_width):
    return Config(image_size, embedding, width, text_width, 12, patch=patch, vision_layers=layers)


# The nine published shapes (tables 19 and 20 of the paper), and two small ones for tests.
CONFIGS = {
    "RN50": _resnet(224, 1024, (3, 4, 6, 3), 64, 512),
    "RN101": _resnet(224, 512, (3, 4, 23, 3), 64, 512),
    "RN50x4": _resnet(288, 640, (4, 6, 10, 6), 80, 640),
    "RN50x16": _resnet(384, 768, (6, 8, 18, 8), 96, 768),
    "RN50x64": _resnet(448, 1024, (3, 15, 36, 10), 128, 1024),
    "ViT-B/32": _vit(224, 512, 32, 768, 12, 512),
    "ViT-B/16": _vit(224, 512, 16, 768, 12, 512),
    "ViT-L/14": _vit(224, 768, 14, 1024, 24, 768),
    "ViT-L/14@336px": _vit(336, 768, 14, 1024, 24, 768),
    "tiny": Config(64, 64, 128, 128, 2, patch=8, vision_layers=3),
    "tiny-rn": Config(96, 64, 16, 128, 2, stages=(1, 2, 1, 1)),
}


class LayerNorm(nn.LayerNorm):
    """Computes in float32 whatever the stream's type is, and gives that type back."""

    def forward(self, x):
        return super().forward(x.type(torch.float32)).type(x.dtype)


class QuickGELU(nn.Module):
    """x * sigmoid(1.702 x), the approximation of GELU that CLIP was trained with."""

    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


def _activation(name):
    return {"quick_gelu": QuickGELU, "gelu": nn.GELU}[name]()


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
    def __init__(self, width, activation):
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.act = _activation(activation)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x):
        return self.c_proj(self.act(self.c_fc(x)))


class Block(nn.Module):
    """A residual attention block: x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, width, heads, activation, mask=None):
        super().__init__()
        self.attn = Attention(width, heads)
        self.ln_1 = LayerNorm(width)
        self.mlp = Mlp(width, activation)
        self.ln_2 = LayerNorm(width)
        self.mask = mask  # no buffer: published files hold it as a constant of the graph

    def forward(self, x):
        mask = None if self.mask is None else self.mask.to(device=x.device, dtype=x.dtype)
        x = x + self.attn(self.ln_1(x), mask)
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    def __init__(self, width, layers, heads, activation, mask=None):
        super().__init__()
        blocks = [Block(width, heads, activation, mask) for _ in range(layers)]
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
        self.ln_pre = LayerNorm(width)
        heads = config.vision_heads or width // HEAD_WIDTH
        self.transformer = Transformer(width, config.vision_layers, heads, config.activation)
        self.ln_post = LayerNorm(width)
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
        heads = config.vision_heads or inputs // HEAD_WIDTH
        self.attnpool = AttentionPool(grid * grid, inputs, heads, config.embedding)

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
        heads = config.text_heads or width // HEAD_WIDTH
        self.transformer = Transformer(width, config.text_layers, heads, config.activation, mask)
        self.token_embedding = nn.Embedding(config.vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.empty(config.context, width))
        self.ln_final = LayerNorm(width)
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


def randomize(model, seed=0):
    """Fills the model with seeded random weights of the size that trained ones have.

    Norms, biases and running statistics are drawn too: a constant would hide that they are ignored.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(tensor, deviation, mean=0.0):
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * deviation + mean)

    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            kind = name.rsplit(".", 1)[-1]
            if kind == "num_batches_tracked":
                tensor.fill_(0)
            elif name == "logit_scale":
                tensor.fill_(LOGIT_SCALE)
            elif kind == "running_var":
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
            elif kind == "running_mean":
                normal(tensor, 0.1)
            elif kind == "weight" and tensor.dim() == 1:  # of LayerNorm and BatchNorm
                normal(tensor, 0.1, 1.0)
            elif tensor.dim() == 1 and kind != "class_embedding":  # biases
                normal(tensor, 0.05)
            elif kind in ("positional_embedding", "class_embedding", "weight") and (
                "embedding" in name
            ):
                normal(tensor, 0.5 if name.startswith("visual") else 0.05)
            elif kind in ("proj", "text_projection"):
                normal(tensor, tensor.shape[0] ** -0.5)
            else:  # linear and convolution weights: keep the variance of what they are given
                normal(tensor, (tensor[0].numel()) ** -0.5)
    return model


def _count(state, prefix):
    return len({key[len(prefix):].split(".")[0] for key in state if key.startswith(prefix)})


def config_of(state, activation="quick_gelu"):
    """A model's dimensions, from the shapes of its weights."""
    vocabulary, text_width = state["token_embedding.weight"].shape
    context = state["positional_embedding"].shape[0]
    embedding = state["text_projection"].shape[1]
    text_layers = _count(state, "transformer.resblocks.")
    common = {"context": context, "vocabulary": vocabulary, "activation": activation}
    if "visual.proj" in state:
        width, _, patch, _ = state["visual.conv1.weight"].shape
        grid = math.isqrt(state["visual.positional_embedding"].shape[0] - 1)
        layers = _count(state, "visual.transformer.resblocks.")
        return Config(grid * patch, embedding, width, text_width, text_layers, patch=patch,
                      vision_layers=layers, **common)
    width = state["visual.layer1.0.conv1.weight"].shape[0]
    grid = math.isqrt(state["visual.attnpool.positional_embedding"].shape[0] - 1)
    stages = tuple(_count(state, f"visual.layer{i}.") for i in (1, 2, 3, 4))
    return Config(grid * 32, embedding, width, text_width, text_layers, stages=stages, **common)


def from_state_dict(state, activation="quick_gelu"):
    """The float32 model with these weights; tensors that are no weights are left out."""
    model = Clip(config_of(state, activation))
    wanted = model.state_dict().keys()
    model.load_state_dict({key: value.float() for key, value in state.items() if key in wanted
                           and not key.endswith("num_batches_tracked")}, strict=False)
    missing = [key for key in wanted if key not in state and "num_batches" not in key]
    if missing:
        raise ValueError(f"the weights lack {', '.join(missing)}")
    return model.eval()
