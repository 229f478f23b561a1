"""Equations 2 to 14 once more, in NumPy and float64.

Written from the paper, with the choices of docs/model.md where it is silent: inputs of length
sqrt(d_m), heads of the branches on sqrt(d) e_m, the residual after eq. 13.
"""

import numpy as np


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def layer_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5) * weight + bias


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def lstm(w: dict[str, np.ndarray], name: str, x: np.ndarray) -> np.ndarray:
    """States [T, D] over inputs x [T, D]."""
    h = c = np.zeros(w[f"{name}.weight_hh_l0"].shape[1])
    states = []
    for each in x:
        gates = w[f"{name}.weight_ih_l0"] @ each + w[f"{name}.bias_ih_l0"]
        gates = gates + w[f"{name}.weight_hh_l0"] @ h + w[f"{name}.bias_hh_l0"]
        i, f, g, o = np.split(gates, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.array(states)


class Reference:
    """The network for one clip at a time; `weights` is a state dict as NumPy float64."""

    def __init__(self, weights: dict[str, np.ndarray], config) -> None:
        self.w, self.c = weights, config

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return x @ self.w[f"{name}.weight"].T + self.w[f"{name}.bias"]

    def norm(self, name: str, x: np.ndarray) -> np.ndarray:
        return layer_norm(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def attention(self, name: str, q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
        W, b = self.w[f"{name}.in_proj_weight"], self.w[f"{name}.in_proj_bias"]
        d, d_h = self.c.dim, self.c.dim // self.c.heads
        Q, K, V = (
            x @ W[i * d : (i + 1) * d].T + b[i * d : (i + 1) * d] for i, x in enumerate((q, k, v))
        )
        heads = []
        for h in range(self.c.heads):
            s = slice(h * d_h, (h + 1) * d_h)
            heads.append(softmax(Q[:, s] @ K[:, s].T / np.sqrt(d_h)) @ V[:, s])  # (4)
        return self.linear(f"{name}.out_proj", np.concatenate(heads, axis=1))  # (5)

    def input(self, x: np.ndarray) -> np.ndarray:
        lengths = {"raw": np.linalg.norm(x), "unit": 1.0, "scaled": np.sqrt(len(x))}
        return x / np.linalg.norm(x) * lengths[self.c.inputs]

    def encode(self, m: str, x: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        x = self.w[f"missing_{m}.token"] if x is None else self.input(x)  # (9)
        H = self.linear(f"{m}.project", x).reshape(self.c.tokens, self.c.dim)  # (2)
        H = H + self.w[f"{m}.position"]  # (3)
        for i in range(self.c.layers):
            p = f"{m}.layers.{i}"
            U = self.norm(f"{p}.norm1", H + self.attention(f"{p}.self_attn", H, H, H))  # (6)
            ffn = self.linear(f"{p}.linear2", np.maximum(self.linear(f"{p}.linear1", U), 0))
            H = self.norm(f"{p}.norm2", U + ffn)  # (7)
        e = self.norm(f"{m}.norm", H.mean(axis=0))
        return H, e / np.linalg.norm(e)  # (8)

    def __call__(self, x_f: np.ndarray | None, x_a: np.ndarray | None) -> dict[str, np.ndarray]:
        H_f, e_f = self.encode("face", x_f)
        H_a, e_a = self.encode("voice", x_a)
        r_f = 0 if x_f is None else sigmoid(self.linear("fusion.face_score", e_f)[0])
        r_a = 0 if x_a is None else sigmoid(self.linear("fusion.voice_score", e_a)[0])
        w_f, w_a = r_f / (r_f + r_a + 1e-6), r_a / (r_f + r_a + 1e-6)  # (11)
        G_f, G_a = w_f * H_f, w_a * H_a  # (12)
        C_f = self.attention("fusion.face_attention", G_f, G_a, G_a)  # (13)
        C_a = self.attention("fusion.voice_attention", G_a, G_f, G_f)
        R_f, R_a = (H_f, H_a) if self.c.residual == "tokens" else (G_f, G_a)
        C_f = self.norm("fusion.face_norm", R_f + C_f)
        C_a = self.norm("fusion.voice_norm", R_a + C_a)
        e_c = self.norm("fusion.norm", (C_f.mean(axis=0) + C_a.mean(axis=0)) / 2)  # (14)
        root = np.sqrt(self.c.dim)
        return {
            "face_logits": self.linear("face_head", root * e_f),
            "voice_logits": self.linear("voice_head", root * e_a),
            "fusion_logits": self.linear("fusion_head", e_c),
            "e_f": e_f, "e_a": e_a, "e_c": e_c, "r_f": r_f, "r_a": r_a, "w_f": w_f, "w_a": w_a,
        }  # fmt: skip
