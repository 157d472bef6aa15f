"""Models that fail on some inputs, or of which one tower is damaged."""

import sys

from common import ROOT, need

torch = need("torch")
sys.path.insert(0, str(ROOT / "scripts"))
import export_torchscript  # noqa: E402 (after the check that it can be loaded)


class Moody(torch.nn.Module):
    """Not CLIP's: only its own code runs it. A white image's embedding is NaN, a black one's zero;
    so are those of prompts of more than 20 and of more than 30 tokens."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.image = torch.nn.Linear(3, 8)
        self.text = torch.nn.Embedding(49408, 8)

    @torch.jit.export
    def encode_image(self, pixels):
        means = pixels.mean([2, 3])
        white, black = (means.amin(1) > 1.8).unsqueeze(1), (means.amax(1) < -1.4).unsqueeze(1)
        rows = self.image(means)
        rows = torch.where(white, torch.full_like(rows, float("nan")), rows)
        return torch.where(black, torch.zeros_like(rows), rows)

    @torch.jit.export
    def encode_text(self, ids):
        tokens = (ids > 0).sum(1).unsqueeze(1)
        rows = self.text(ids).sum(1)
        rows = torch.where(tokens > 20, torch.full_like(rows, float("nan")), rows)
        return torch.where(tokens > 30, torch.zeros_like(rows), rows)


def save_moody(path):
    torch.jit.script(Moody()).save(str(path))


def save_random(path, seed=0, damaged=None):
    """A tiny ViT of random weights; `damaged` names a weight that is all NaN."""
    model = export_torchscript.random_model("tiny", seed)
    module = export_torchscript.trace(model, model.config.image_size, model.config.context)
    if damaged is not None:
        with torch.no_grad():
            dict(module.named_parameters())[damaged].fill_(float("nan"))
    fields = export_torchscript.metadata(model.config, "random tiny")
    export_torchscript.write_archive(module, fields, None, path)
