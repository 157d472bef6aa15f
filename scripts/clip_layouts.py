"""Layouts: whose names, shapes and JSON a CLIP model has, to and from those of clip_reference.

    openai                 the names of OpenAI's files, which are clip_reference's own; no JSON
    open_clip              the same names, and open_clip_config.json
    open_clip_custom_text  as open_clip, with "text." before the names of the text tower
    hf                     Hugging Face's CLIPModel, config.json and preprocessor_config.json; ViTs

Names and shapes are those of the packages open_clip (model.py, transformer.py) and transformers
(models/clip/modeling_clip.py, configuration_clip.py). Functions that take items, pairs of name and
tensor, are generators: they hold one tensor at a time, and work on tensors without memory as well.
"""

import dataclasses
import re

from clip_reference import (ACTIVATIONS, CONFIGS, CONTEXT, HEAD_WIDTH, IMAGE_MEAN, IMAGE_STD,
                            OPENAI_NAMES, VOCABULARY, Config, config_of, torch)

LAYOUTS = ("openai", "open_clip", "open_clip_custom_text", "hf")
TEXT = ("positional_embedding", "text_projection", "token_embedding.", "transformer.", "ln_final.")
INTERPOLATIONS = {"bilinear": 2, "bicubic": 3}  # Pillow's codes
HF_ACTIVATIONS = {"quick_gelu": "quick_gelu", "gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh"}


class Unknown(ValueError):
    """A fact about a model that is not in its files, or one that a layout cannot say."""


# --- names and shapes ----------------------------------------------------------------------------

HF_TOP = {
    "logit_scale": "logit_scale",
    "text_projection": "text_projection.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
    "visual.proj": "visual_projection.weight",
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",  # misspelt there
    "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "visual.ln_post.weight": "vision_model.post_layernorm.weight",
    "visual.ln_post.bias": "vision_model.post_layernorm.bias",
}
HF_BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
TRANSPOSED = ("text_projection", "visual.proj")
PARTS = ("q_proj", "k_proj", "v_proj")
BLOCK = re.compile(r"(visual\.)?transformer\.resblocks\.(\d+)\.(.+)")
HF_LAYER = re.compile(r"(text|vision)_model\.encoder\.layers\.(\d+)\.(.+)")


def to_hf(items, position_ids=False):
    """CLIPModel's names: q, k and v apart, projections transposed. With position_ids, also the
    two tensors of ids that files of before 2023 have."""
    for name, tensor in items:
        match = BLOCK.fullmatch(name)
        if match is None:
            if name not in HF_TOP:
                raise Unknown(f"the layout hf has no {name}: it is for ViTs")
            yield HF_TOP[name], tensor.t() if name in TRANSPOSED else tensor
            if position_ids and name.endswith("positional_embedding"):
                tower = "vision_model" if name.startswith("visual") else "text_model"
                ids = torch.arange(tensor.shape[0]).reshape(1, -1)
                yield f"{tower}.embeddings.position_ids", ids
            continue
        visual, layer, rest = match.groups()
        prefix = f"{'vision' if visual else 'text'}_model.encoder.layers.{layer}."
        if rest.startswith("attn.in_proj_"):
            kind = rest[len("attn.in_proj_"):]
            for part, piece in zip(PARTS, tensor.chunk(3)):
                yield f"{prefix}self_attn.{part}.{kind}", piece
        else:
            part, kind = rest.rsplit(".", 1)
            yield f"{prefix}{HF_BLOCK[part]}.{kind}", tensor


def from_hf(state):
    """A CLIPModel's state under clip_reference's names, as items."""
    top = {theirs: ours for ours, theirs in HF_TOP.items()}
    block = {theirs: ours for ours, theirs in HF_BLOCK.items()}
    for name, tensor in state.items():
        if name.endswith(".position_ids"):
            continue
        match = HF_LAYER.fullmatch(name)
        if match is None:
            if name not in top:
                raise Unknown(f"{name} is no weight of a CLIPModel")
            yield top[name], tensor.t() if top[name] in TRANSPOSED else tensor
            continue
        tower, layer, rest = match.groups()
        prefix = f"{'visual.' if tower == 'vision' else ''}transformer.resblocks.{layer}."
        part, kind = rest.rsplit(".", 1)
        if part == "self_attn.q_proj":
            stem = name[: -len(f"q_proj.{kind}")]
            pieces = [state[f"{stem}{piece}.{kind}"] for piece in PARTS]
            yield f"{prefix}attn.in_proj_{kind}", torch.cat(pieces)
        elif part in block:
            yield f"{prefix}{block[part]}.{kind}", tensor
        elif part not in ("self_attn.k_proj", "self_attn.v_proj"):
            raise Unknown(f"{name} is no weight of a CLIPModel")


def to_layout(items, layout, position_ids=False):
    """Items under clip_reference's names to those of the layout."""
    if layout == "hf":
        return to_hf(items, position_ids)
    prefix = "text." if layout == "open_clip_custom_text" else ""
    return ((prefix + name if name.startswith(TEXT) else name, tensor) for name, tensor in items)


def layout_of(names):
    """The layout that these names are of; OpenAI's and open_clip's have the same."""
    names = set(names)
    if "vision_model.embeddings.class_embedding" in names:
        return "hf"
    if "text.token_embedding.weight" in names and "visual.conv1.weight" in names:
        return "open_clip_custom_text"
    if "token_embedding.weight" in names and "visual.conv1.weight" in names:
        return "open_clip"
    known = sorted(names)[:3]
    raise Unknown(f"the tensors are not those of a CLIP that is known here: {', '.join(known)} ...")


def from_layout(state, layout):
    """A state under the layout's names, as items under clip_reference's. What is no weight, such
    as OpenAI's input_resolution, is left out."""
    if layout == "hf":
        yield from from_hf(state)
        return
    for name, tensor in state.items():
        if name.startswith("text.") and layout == "open_clip_custom_text":
            name = name[len("text."):]
        if name not in ("input_resolution", "context_length", "vocab_size", "attn_mask"):
            yield name, tensor


# --- open_clip_config.json -----------------------------------------------------------------------


def _ratio(hidden, width):
    """The shortest number that a reader multiplies with the width and truncates to `hidden`."""
    for digits in range(12):
        ratio = -(-hidden * 10**digits // width) / 10**digits
        if int(width * ratio) == hidden:
            return ratio
    raise Unknown(f"no ratio gives an MLP of {hidden} in a tower of {width}")


def to_open_clip_config(config, custom_text=False):
    """As open_clip's push_to_hf_hub.py writes it: keys of the model that equal their default are
    left out, except for the dimensions."""
    activations = set(config.activations() if config.patch else config.activations()[1:])
    if len(activations) > 1 and "quick_gelu" in activations:
        raise Unknown("open_clip's config has quick_gelu for both towers, or for neither")
    heads = config.heads()
    vision = {"image_size": config.image_size}
    if config.patch:
        vision.update(layers=config.vision_layers, width=config.vision_width)
        if config.vision_width != HEAD_WIDTH * heads[0]:
            vision["head_width"] = config.vision_width // heads[0]
        if config.mlps()[0] != 4 * config.vision_width:
            vision["mlp_ratio"] = _ratio(config.mlps()[0], config.vision_width)
        vision["patch_size"] = config.patch
    else:
        vision.update(layers=list(config.stages), width=config.vision_width, patch_size=None)
        if config.attention_width() != HEAD_WIDTH * heads[0]:
            vision["head_width"] = config.attention_width() // heads[0]
    text = {"context_length": config.context, "vocab_size": config.vocabulary,
            "width": config.text_width, "heads": heads[1], "layers": config.text_layers}
    if config.mlps()[1] != 4 * config.text_width:
        text["mlp_ratio"] = _ratio(config.mlps()[1], config.text_width)
    for tower, activation, eps in ((vision, config.activations()[0], config.vision_eps),
                                   (text, config.activations()[1], config.text_eps)):
        if activation == "gelu_tanh":
            tower["act_kwargs"] = {"approximate": "tanh"}
        if eps != 1e-5:
            tower["norm_kwargs"] = {"eps": eps}
    model = {"embed_dim": config.embedding}
    if "quick_gelu" in activations:
        model["quick_gelu"] = True
    if custom_text:
        model["custom_text"] = True
    model.update(vision_cfg=vision, text_cfg=text)
    return {
        "model_cfg": model,
        "preprocess_cfg": {"mean": list(config.mean), "std": list(config.std),
                           "interpolation": config.interpolation, "resize_mode": config.resize},
    }


# Keys that leave a model as it is here, whatever they say.
NEUTRAL = {"hf_tokenizer_name", "tokenizer_kwargs", "output_tokens", "patch_dropout", "pad_id",
           "attn_pooler_queries", "attn_pooler_heads", "timm_model_pretrained", "timm_pool",
           "timm_proj", "timm_proj_bias", "timm_drop", "timm_drop_path", "hf_model_pretrained",
           "hf_proj_type", "hf_pooler_type", "eos_id"}
# Keys that may say only this.
REQUIRED = {"pool_type": ("tok", "argmax"), "proj_type": ("linear",),
            "pos_embed_type": ("learnable",)}


def _refuse_other(tower, cfg, known):
    for key, value in cfg.items():
        if key in known or key in NEUTRAL or not value or value in REQUIRED.get(key, ()):
            continue
        raise Unknown(f"open_clip_config.json: {tower}.{key} is {value!r}, which is not known here")


def from_open_clip_config(document):
    model = document["model_cfg"]
    preprocess = document.get("preprocess_cfg", {})
    vision, text = model["vision_cfg"], model["text_cfg"]
    _refuse_other("model_cfg", model, {"embed_dim", "quick_gelu", "custom_text", "vision_cfg",
                                       "text_cfg", "nonscalar_logit_scale"})
    shared = {"layers", "width", "mlp_ratio", "act_kwargs", "norm_kwargs"}
    _refuse_other("vision_cfg", vision, shared | {"image_size", "head_width", "patch_size"})
    _refuse_other("text_cfg", text, shared | {"context_length", "vocab_size", "heads"})
    towers = []
    for cfg in (vision, text):
        activation = "quick_gelu" if model.get("quick_gelu") else "gelu"
        if (cfg.get("act_kwargs") or {}).get("approximate") == "tanh":
            activation = "gelu_tanh"
        towers.append((activation, (cfg.get("norm_kwargs") or {}).get("eps", 1e-5)))
    layers, width = vision.get("layers", 12), vision.get("width", 768)
    text_width = text.get("width", 512)
    size = vision.get("image_size", 224)
    if isinstance(size, list):
        if size[0] != size[1]:
            raise Unknown(f"open_clip_config.json: images of {size} are not square")
        size = size[0]
    config = Config(
        size, model["embed_dim"], width, text_width, text.get("layers", 12),
        context=text.get("context_length", CONTEXT), vocabulary=text.get("vocab_size", VOCABULARY),
        text_heads=text.get("heads", 8), text_mlp=int(text_width * text.get("mlp_ratio", 4.0)),
        vision_activation=towers[0][0], vision_eps=towers[0][1],
        text_activation=towers[1][0], text_eps=towers[1][1],
        mean=tuple(preprocess.get("mean", IMAGE_MEAN)), std=tuple(preprocess.get("std", IMAGE_STD)),
        resize=preprocess.get("resize_mode", "shortest"),
        interpolation=preprocess.get("interpolation", "bicubic"))
    if isinstance(layers, list):
        config.stages = tuple(layers)
    else:
        config.patch, config.vision_layers = vision.get("patch_size", 16), layers
        config.vision_mlp = int(width * vision.get("mlp_ratio", 4.0))
    config.vision_heads = config.attention_width() // vision.get("head_width", HEAD_WIDTH)
    return config


# --- config.json and preprocessor_config.json ----------------------------------------------------

# The defaults of CLIPTextConfig and CLIPVisionConfig.
HF_TEXT = {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12,
           "num_attention_heads": 8, "max_position_embeddings": 77, "vocab_size": 49408,
           "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}
HF_VISION = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
             "num_attention_heads": 12, "image_size": 224, "patch_size": 32,
             "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}
HF_PROJECTION = 512


def to_hf_config(config, legacy=False):
    """config.json. The legacy form is that of 2021: text_config_dict and vision_config_dict rule
    over text_config and vision_config, which here say something else in every key, and keys that
    equal their default are left out."""
    if not config.patch:
        raise Unknown("transformers has no CLIP with a ResNet")
    text = {"hidden_size": config.text_width, "intermediate_size": config.mlps()[1],
            "num_hidden_layers": config.text_layers, "num_attention_heads": config.heads()[1],
            "max_position_embeddings": config.context, "vocab_size": config.vocabulary,
            "hidden_act": HF_ACTIVATIONS[config.activations()[1]],
            "layer_norm_eps": config.text_eps}
    vision = {"hidden_size": config.vision_width, "intermediate_size": config.mlps()[0],
              "num_hidden_layers": config.vision_layers, "num_attention_heads": config.heads()[0],
              "image_size": config.image_size, "patch_size": config.patch,
              "hidden_act": HF_ACTIVATIONS[config.activations()[0]],
              "layer_norm_eps": config.vision_eps}
    document = {"architectures": ["CLIPModel"], "model_type": "clip",
                "logit_scale_init_value": 2.6592}
    if not legacy:
        ids = {"bos_token_id": 49406, "eos_token_id": 49407}
        return {**document, "projection_dim": config.embedding,
                "text_config": {"model_type": "clip_text_model", **text, **ids,
                                "projection_dim": config.embedding},
                "vision_config": {"model_type": "clip_vision_model", **vision, "num_channels": 3,
                                  "projection_dim": config.embedding}}
    if config.embedding != HF_PROJECTION:
        document["projection_dim"] = config.embedding
    for name, tower, defaults in (("text", text, HF_TEXT), ("vision", vision, HF_VISION)):
        document[f"{name}_config"] = {
            key: "relu" if key == "hidden_act" else 0.5 if key == "layer_norm_eps" else 5
            for key in tower}
        document[f"{name}_config_dict"] = {
            key: value for key, value in tower.items() if value != defaults[key]}
    # Wrong, as in OpenAI's and LAION's files: the end token is 49407 all the same.
    document["text_config_dict"].update(bos_token_id=0, eos_token_id=2)
    return document


def to_hf_preprocessor(config, legacy=False):
    """preprocessor_config.json; the legacy form has sizes as plain numbers where it can."""
    size = config.image_size
    both = {"height": size, "width": size}
    if config.resize == "longest":
        raise Unknown("CLIPImageProcessor cannot resize the longest side")
    squash = config.resize == "squash"
    document = {
        "do_resize": True,
        "size": both if squash else size if legacy else {"shortest_edge": size},
        "do_center_crop": not squash,
        "crop_size": size if legacy else both,
        "resample": INTERPOLATIONS[config.interpolation],
        "do_normalize": True,
        "image_mean": list(config.mean),
        "image_std": list(config.std),
    }
    if legacy:
        return {**document, "feature_extractor_type": "CLIPFeatureExtractor"}
    return {**document, "do_rescale": True, "rescale_factor": 1 / 255, "do_convert_rgb": True,
            "image_processor_type": "CLIPImageProcessor"}


def from_hf_config(document, preprocessor):
    if document.get("model_type") != "clip":
        raise Unknown(f"config.json: the model is {document.get('model_type')}, expected clip")

    def tower(name, defaults):
        # transformers completes *_config_dict with defaults before it takes the place of *_config.
        ruling = document.get(f"{name}_config_dict")
        return {**defaults, **(document.get(f"{name}_config") or {} if ruling is None else ruling)}

    text, vision = tower("text", HF_TEXT), tower("vision", HF_VISION)
    activations = {theirs: ours for ours, theirs in HF_ACTIVATIONS.items()}
    activations["gelu_new"] = "gelu_tanh"
    for name, cfg in (("text", text), ("vision", vision)):
        if cfg["hidden_act"] not in activations:
            raise Unknown(f"config.json: the {name} tower has {cfg['hidden_act']}, expected one of "
                          + ", ".join(activations))
    size = preprocessor.get("size", {"shortest_edge": 224})
    squash = isinstance(size, dict) and "height" in size
    side = size if isinstance(size, int) else size["height"] if squash else size["shortest_edge"]
    if side != vision["image_size"] or (squash and size["height"] != size["width"]):
        raise Unknown(f"preprocessor_config.json: size {size} where the model takes images of "
                      f"{vision['image_size']}")
    codes = {code: name for name, code in INTERPOLATIONS.items()}
    resample = preprocessor.get("resample", 3)
    if resample not in codes:
        raise Unknown(f"preprocessor_config.json: resample {resample}, expected one of {codes}")
    return Config(
        vision["image_size"], document.get("projection_dim", HF_PROJECTION),
        vision["hidden_size"], text["hidden_size"], text["num_hidden_layers"],
        patch=vision["patch_size"], vision_layers=vision["num_hidden_layers"],
        context=text["max_position_embeddings"], vocabulary=text["vocab_size"],
        vision_heads=vision["num_attention_heads"], text_heads=text["num_attention_heads"],
        vision_mlp=vision["intermediate_size"], text_mlp=text["intermediate_size"],
        vision_activation=activations[vision["hidden_act"]],
        text_activation=activations[text["hidden_act"]],
        vision_eps=vision["layer_norm_eps"], text_eps=text["layer_norm_eps"],
        mean=tuple(preprocessor.get("image_mean", IMAGE_MEAN)),
        std=tuple(preprocessor.get("image_std", IMAGE_STD)),
        resize="squash" if squash else "shortest", interpolation=codes[resample])


# --- without JSON --------------------------------------------------------------------------------


def architecture(name):
    """A config of data/models/architectures.tsv by open_clip's name, and the activation if the name
    says it: OpenAI's spelling (ViT-B/32) and open_clip's ending -quickgelu mean quick_gelu."""
    ending = "-quickgelu"
    plain = name[: -len(ending)] if name.endswith(ending) else name
    if plain not in CONFIGS:
        raise Unknown(f"unknown architecture {name}; there are: {', '.join(CONFIGS)}")
    known = name in OPENAI_NAMES or name.endswith(ending)
    return CONFIGS[plain], "quick_gelu" if known else None


def config_without_json(state, arch, activation, **preprocessing):
    """The config of weights that nothing lies beside: dimensions as the weights have them, heads of
    the architecture named, and OpenAI's preprocessing where none is given."""
    if arch is None:
        raise Unknown("weights alone do not say how many attention heads there are: name the "
                      "architecture (--arch ViT-B-32)")
    named, says = architecture(arch)
    activation = activation or says
    if activation is None:
        raise Unknown("weights alone do not say the activation: name it (--activation "
                      f"{'|'.join(ACTIVATIONS)}; OpenAI's models and their fine-tunes have "
                      "quick_gelu, most of LAION's gelu)")
    found = config_of(state, activation)
    for field in ("embedding", "vision_width", "text_width", "text_layers", "patch",
                  "vision_layers", "stages"):
        if getattr(found, field) != getattr(named, field):
            raise Unknown(f"the weights are not of {arch}: {field} is {getattr(found, field)}, "
                          f"expected {getattr(named, field)}")
    for i, tower in enumerate(("image", "text")):
        if found.mlps()[i] != named.mlps()[i] and (i == 1 or found.patch):
            raise Unknown(f"the weights are not of {arch}: the MLP of the {tower} tower is "
                          f"{found.mlps()[i]} wide, expected {named.mlps()[i]}")
    return dataclasses.replace(found, vision_heads=named.heads()[0], text_heads=named.heads()[1],
                               **preprocessing)
