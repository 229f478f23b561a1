"""The network of the authors' code and the losses of both configurations, in NumPy and float64.

Written from the description in docs/model.md, apart from the network's own branches by options.
"""

import numpy as np
from scipy.special import erf

from tests.mraf.network.reference import Reference, layer_norm, sigmoid, softmax


def gelu(x: np.ndarray) -> np.ndarray:
    return x * (1 + erf(x / np.sqrt(2))) / 2


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


class AuthorsReference(Reference):
    """The network for one clip at a time; `weights` is a state dict as NumPy float64."""

    def encode(self, m: str, x: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        x = self.w[f"missing_{m}.token"] if x is None else unit(x)
        projected = self.linear(f"{m}.project.0", x)
        norm = self.w[f"{m}.project.1.weight"], self.w[f"{m}.project.1.bias"]
        H = gelu(layer_norm(projected, *norm)).reshape(self.c.tokens, self.c.dim)
        H = H + self.w[f"{m}.position"]
        for i in range(self.c.layers):
            p = f"{m}.layers.{i}"
            U = self.norm(f"{p}.norm1", H + self.attention(f"{p}.self_attn", H, H, H))
            ffn = self.linear(f"{p}.linear2", gelu(self.linear(f"{p}.linear1", U)))
            H = self.norm(f"{p}.norm2", U + ffn)
        return unit(H), unit(self.norm(f"{m}.norm", H.mean(axis=0)))

    def __call__(self, x_f: np.ndarray | None, x_a: np.ndarray | None) -> dict[str, np.ndarray]:
        H_f, e_f = self.encode("face", x_f)
        H_a, e_a = self.encode("voice", x_a)
        r_f = 0 if x_f is None else sigmoid(self.linear("fusion.face_score", e_f)[0])
        r_a = 0 if x_a is None else sigmoid(self.linear("fusion.voice_score", e_a)[0])
        w_f, w_a = r_f / (r_f + r_a + 1e-6), r_a / (r_f + r_a + 1e-6)
        G_f, G_a = 0.95 * w_f * H_f, w_a * H_a
        C_f = self.norm(
            "fusion.face_norm", G_f + self.attention("fusion.face_attention", G_f, G_a, G_a)
        )
        C_a = self.norm(
            "fusion.voice_norm", G_a + self.attention("fusion.voice_attention", G_a, G_f, G_f)
        )
        e_c = self.norm("fusion.norm", (C_f.mean(axis=0) + C_a.mean(axis=0)) / 2)
        return {
            "face_logits": self.linear("face_head", 0.95 * w_f * e_f),
            "voice_logits": self.linear("voice_head", w_a * e_a),
            "fusion_logits": self.linear("fusion_head", e_c),
            "e_f": e_f, "e_a": e_a, "e_c": e_c, "r_f": r_f, "r_a": r_a, "w_f": w_f, "w_a": w_a,
        }  # fmt: skip


def cross_entropy(
    logits: list[np.ndarray],
    label: list[int],
    weight: np.ndarray | None = None,
    smoothing: float = 0.0,
) -> float:
    """The weighted mean over clips, with targets that hold (1 - smoothing) and smoothing / C."""
    weight = np.ones(len(logits[0])) if weight is None else weight
    loss = total = 0.0
    for z, y in zip(logits, label, strict=True):
        target = np.full(len(z), smoothing / len(z))
        target[y] += 1 - smoothing
        loss -= np.sum(weight * target * np.log(softmax(z)))
        total += weight[y]
    return loss / total


def distillation(teacher: list[np.ndarray], student: list[np.ndarray], T: float) -> float:
    each = []
    for z, z_a in zip(teacher, student, strict=True):
        p, q = softmax(z / T), softmax(z_a / T)
        each.append(T**2 * np.sum(p * np.log(p / q)))
    return float(np.mean(each))
