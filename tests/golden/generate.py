#!/usr/bin/env python3
"""Writes the golden files of tests/golden with PyTorch, on the CPU.

  simple_cnn.safetensors   SimpleCNN, 10 fixed batches, Adam: losses and final weights in float64 and float32
  optimizers.safetensors   every optimiser, 20 steps on a small problem
  losses.safetensors       every loss with its options: result and gradient
  activations.safetensors  every activation function with its options: result, first and second gradient
  conv2d.safetensors       conv2d and its gradients for a table of hard geometries
  training.safetensors     learning-rate schedules, RMSprop, groups of parameters, gradient clipping, averages
  pooling.safetensors      pooling and upsampling with their options: result, first and second gradient
  operators.safetensors    padding, normalisation, statistics, losses of pairs: result, first and second gradients
  models.safetensors       names and shapes of torchvision's models
  resnet20.safetensors     ResNet-20, 10 steps on pictures of CIFAR-10, SGD: losses and final state, both precisions

Usage: generate.py [--out DIR] [--cifar10 DIR]     needs torch, torchvision, numpy and Pillow; files are committed

Inputs are not in the files but come from `draw`, a hash of integers whose results are exact in float32;
golden.h computes the same numbers in C++. A final weight of many elements is stored as a sample: its norm,
some of its elements, and projections (sums with hashed signs). A projection of a difference d is a random
number of size |d|, so sixteen of them that all agree within a tolerance mean that |d| is within a few times
that tolerance, wherever the difference lies.

Every file is safetensors; its metadata names the version of torch and this script, and lists the cases as
JSON. The same torch writes the same bytes.
"""

import argparse
import itertools
import json
import pathlib
import struct

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

MASK = (1 << 64) - 1
BATCHES, BATCH = 10, 32
SAMPLED_ABOVE, ELEMENTS, PROJECTIONS = 40000, 1024, 16


# ---- numbers that golden.h computes too


def hashes(seed, count):
    """The finaliser of splitmix64 (Steele, Lea and Flood, OOPSLA 2014) over seed and index."""
    with np.errstate(over="ignore"):
        index = np.arange(1, count + 1, dtype=np.uint64)
        z = np.uint64(seed * 0x9E3779B97F4A7C15 & MASK) + index * np.uint64(0xD1B54A32D192ED03)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def draw(seed, shape, scale=1.0):
    """Multiples of 2^-23 in [-1, 1), times a power of two."""
    count = int(np.prod(shape, dtype=np.int64))
    k = (hashes(seed, count) >> np.uint64(40)).astype(np.int64) - (1 << 23)
    return torch.from_numpy((k / float(1 << 23) * scale).reshape(shape))


def draw_labels(seed, shape, classes):
    count = int(np.prod(shape, dtype=np.int64))
    labels = (hashes(seed, count) >> np.uint64(33)) % np.uint64(classes)
    return torch.from_numpy(labels.astype(np.int64).reshape(shape))


def draw_probabilities(seed, shape):
    """Multiples of 2^-10 that sum to 1 along dimension 1 (0 for one dimension)."""
    dim = 1 if len(shape) > 1 else 0
    classes = shape[dim]
    k = ((draw(seed, shape) + 1) * (512 // classes)).floor()
    rest = 1024 - k.narrow(dim, 0, classes - 1).sum(dim, keepdim=True)
    return torch.cat([k.narrow(dim, 0, classes - 1), rest], dim) / 1024


# ---- files


TYPES = {torch.float64: "F64", torch.float32: "F32", torch.int64: "I64"}


def write(path, tensors, cases):
    header, data = {"__metadata__": {
        "torch": torch.__version__, "script": "tests/golden/generate.py", "cases": json.dumps(cases)}}, b""
    for name, tensor in sorted(tensors.items(), key=lambda item: -item[1].element_size()):
        raw = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    print(f"{path.name}: {len(cases)} cases, {len(tensors)} tensors, {path.stat().st_size / 1e3:.0f} kB")


def sample(tensors, name, tensor, above=SAMPLED_ABOVE):
    """Stores a tensor whole, or a sample of it. The float64 form of every element is exact."""
    if tensor.numel() <= above:
        tensors[name] = tensor.detach().clone()
        return
    flat = tensor.detach().double().flatten()
    count = flat.numel()
    at = torch.from_numpy((hashes(71, ELEMENTS) % np.uint64(count)).astype(np.int64))
    tensors[name + ":elements"] = flat[at]
    tensors[name + ":norm"] = flat.norm()
    signs = [torch.from_numpy(1.0 - 2.0 * (hashes(1000 + i, count) >> np.uint64(63)).astype(np.float64))
             for i in range(PROJECTIONS)]
    tensors[name + ":projections"] = torch.stack([(flat * s).sum() for s in signs])


# ---- the cases


def simple_cnn(path):
    """Weights: draw(seed, shape, scale). Images: the mean of a pattern of the label and of noise, in [0, 1)."""
    scales = {"0.weight": 0.5, "0.bias": 0.5, "2.weight": 0.125, "2.bias": 0.125, "4.weight": 0.0625,
              "4.bias": 0.0625, "7.weight": 0.03125, "7.bias": 0.03125, "9.weight": 0.0625, "9.bias": 0.0625}
    names = dict(zip("02479", ("conv1", "conv2", "conv3", "fc1", "fc2")))
    tensors, cases, weights64 = {}, [], {}
    for dtype, label in ((torch.float64, "float64"), (torch.float32, "float32")):
        model = nn.Sequential(
            nn.Conv2d(1, 32, 2, 2), nn.ReLU(), nn.Conv2d(32, 64, 2, 2, 1), nn.ReLU(),
            nn.Conv2d(64, 128, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(2048, 250), nn.ReLU(),
            nn.Linear(250, 10)).to(dtype)
        layers = []
        with torch.no_grad():
            for seed, (name, parameter) in enumerate(model.named_parameters(), start=1):
                parameter.copy_(draw(seed, parameter.shape, scales[name]))
                layer, kind = name.split(".")
                layers.append({"name": f"{names[layer]}.{kind}", "seed": seed, "scale": scales[name]})
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        losses = []
        for step in range(BATCHES):
            labels = draw_labels(200 + step, (BATCH,), 10)
            noise = draw(100 + step, (BATCH, 1, 28, 28))
            pattern = draw(300, (10, 1, 28, 28))[labels]
            # Multiples of 2^-16 keep the mean of two exact in float32.
            images = ((noise * 2**15).floor() + (pattern * 2**15).floor()) / 2**17 + 0.5
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images.to(dtype)), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        tensors[f"{label}/losses"] = torch.tensor(losses, dtype=torch.float64)
        for layer, parameter in zip(layers, model.parameters()):
            sample(tensors, f"{label}/{layer['name']}", parameter)
            if dtype == torch.float64:
                weights64[layer["name"]] = parameter.detach().clone()
            else:
                exact = weights64[layer["name"]]
                error = ((parameter.detach().double() - exact).norm() / exact.norm()).item()
                print(f"  {layer['name']:14s} float32 against float64: {error:.1e}")
        print("  losses", label, " ".join(f"{x:.6f}" for x in losses))
        cases.append({"dtype": label, "parameters": layers, "steps": BATCHES, "batch": BATCH, "lr": 1e-3})
    write(path / "simple_cnn.safetensors", tensors, cases)


class BasicBlock(nn.Module):
    """Of the networks for CIFAR in He and others, 2015: shortcuts of pixels and channels of zeros."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.stride, self.more = stride, (outputs - inputs) // 2

    def forward(self, x):
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(h + F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, self.more, self.more)))


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        for i, (inputs, width, stride) in enumerate(((16, 16, 1), (16, 32, 2), (32, 64, 2)), start=1):
            setattr(self, f"layer{i}", nn.Sequential(
                BasicBlock(inputs, width, stride), BasicBlock(width, width, 1), BasicBlock(width, width, 1)))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(h))).mean((2, 3)))


def resnet20(path, pictures):
    """Ten steps on CIFAR-10: step i takes files 5 i, ..., 5 i + 4 of each class's folder in `pictures`, class by class,
    in [0, 1]. SGD. Weights: draw(seed, shape, scale), of batch normalisation 1 + draw; all sampled."""
    from PIL import Image

    classes = sorted(folder.name for folder in pictures.iterdir())
    tensors, cases, state64, worst = {}, [], {}, 0.0
    for dtype, label in ((torch.float64, "float64"), (torch.float32, "float32")):
        model, layers = ResNet20().to(dtype), []
        with torch.no_grad():
            for seed, (name, parameter) in enumerate(model.named_parameters(), start=1):
                fan = parameter[0].numel() if parameter.dim() > 1 else 64
                scale = 2.0 ** round(np.log2((6 / fan) ** 0.5))
                offset = 1.0 if "bn" in name and name.endswith("weight") else 0.0
                parameter.copy_(draw(seed, parameter.shape, scale) + offset)
                layers.append({"name": name, "seed": seed, "scale": scale, "offset": offset})
        optimizer = torch.optim.SGD(model.parameters(), lr=0.002, momentum=0.9, weight_decay=1e-4)
        losses = []
        for step in range(BATCHES):
            files = [pictures / name / f"{5 * step + i:04d}.jpg" for name in classes for i in range(5)]
            pixels = np.stack([np.asarray(Image.open(file)).transpose(2, 0, 1) for file in files])
            images = torch.from_numpy((pixels * (1 / 255)).astype(np.float32)).to(dtype)
            labels = torch.arange(10).repeat_interleave(5)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        tensors[f"{label}/losses"] = torch.tensor(losses, dtype=torch.float64)
        for name, tensor in model.state_dict().items():
            sample(tensors, f"{label}/{name}", tensor.double(), above=100)
            exact = state64.setdefault(name, tensor.double().clone())
            error = ((tensor.double() - exact).norm() / exact.norm()).item()
            worst = max(worst, error)
        print(f"  float32 against float64: {worst:.1e}")
        print("  losses", label, " ".join(f"{x:.6f}" for x in losses))
        cases.append({"dtype": label, "parameters": layers, "steps": BATCHES, "classes": classes, "lr": 0.002,
                      "momentum": 0.9, "weight_decay": 1e-4})
    write(path / "resnet20.safetensors", tensors, cases)


def models(path):
    """Names and shapes of torchvision's models, in the order of their state; no tensors."""
    import torchvision

    cases = []
    for name in ("vgg11", "resnet18"):
        state = getattr(torchvision.models, name)().state_dict()
        cases.append({"model": name, "state": [[key, list(value.shape)] for key, value in state.items()]})
    write(path / "models.safetensors", {}, cases)


def optimizers(path):
    """loss = mean((tanh(x w^T + b) - t)^2): x 6x4, w 3x4, b 3, t 6x3."""
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    table = [
        ("sgd", {"lr": 0.1}),
        ("sgd", {"lr": 0.1, "weight_decay": 0.05}),
        ("sgd", {"lr": 0.1, "momentum": 0.9}),
        ("sgd", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
        ("sgd", {"lr": 0.1, "momentum": 0.8, "dampening": 0.5, "weight_decay": 0.01}),
        ("sgd", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05}),
        ("sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
        ("adam", {"lr": 0.01}),
        ("adam", {"lr": 0.05, "betas": [0.8, 0.95], "eps": 1e-6}),
        ("adam", {"lr": 0.01, "weight_decay": 0.1}),
        ("adamw", {"lr": 0.01}),
        ("adamw", {"lr": 0.01, "weight_decay": 0.0}),
        ("adamw", {"lr": 0.05, "weight_decay": 0.2, "betas": [0.7, 0.99], "eps": 1e-4}),
    ]
    tensors, cases = {}, []
    for index, (kind, options) in enumerate(table):
        w, b = draw(1, (3, 4)).requires_grad_(), draw(2, (3,)).requires_grad_()
        x, t = draw(3, (6, 4)), draw(4, (6, 3))
        optimizer = kinds[kind]([w, b], **options)
        losses = []
        for _ in range(20):
            optimizer.zero_grad()
            loss = F.mse_loss(torch.tanh(F.linear(x, w, b)), t)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        tensors[f"{index}/w"], tensors[f"{index}/b"] = w, b
        tensors[f"{index}/losses"] = torch.tensor(losses, dtype=torch.float64)
        cases.append({"kind": kind, "options": options})
    write(path / "optimizers.safetensors", tensors, cases)


def losses(path):
    """Input 4 draw(1), labels in the file, probabilities draw_probabilities(3), class weights 1 + draw(4) / 2,
    upstream gradient of an unreduced loss draw(5), MSE target draw(6)."""
    tensors, cases = {}, []

    def record(case, call, labels=None):
        index, shape = len(cases), case["shape"]
        x = draw(1, shape, 4.0).requires_grad_()
        y = call(x)
        y.backward(draw(5, tuple(y.shape)) if y.dim() else torch.ones((), dtype=torch.float64))
        tensors[f"{index}/y"], tensors[f"{index}/gx"] = y, x.grad
        if labels is not None:
            tensors[f"{index}/labels"] = labels
        cases.append({**case, "labels": labels is not None})

    for shape in ((6, 5), (5,), (3, 4, 5), (2, 3, 2, 4)):
        classes = shape[1] if len(shape) > 1 else shape[0]
        extents = shape[:1] + shape[2:] if len(shape) > 1 else ()
        labels = draw_labels(2, extents, classes)
        some = torch.where(draw_labels(7, extents, 3) == 0, -100, labels)
        everywhere = torch.full_like(labels, -100)
        # Labels and what to ignore: nothing, a class, the default in places, all of them.
        targets = ((labels, -100), (labels, 1), (some, -100), (everywhere, -100))
        for reduction, weighted in itertools.product(("mean", "sum", "none"), (False, True)):
            w = 1 + draw(4, (classes,)) / 2 if weighted else None
            base = {"shape": shape, "reduction": reduction, "weighted": weighted}
            for target, ignore in targets:
                case = {**base, "ignore_index": ignore}
                for smoothing in (0.0, 0.1, 1.0):
                    record({**case, "loss": "cross_entropy", "label_smoothing": smoothing},
                           lambda x: F.cross_entropy(x, target, w, ignore_index=ignore, reduction=reduction,
                                                     label_smoothing=smoothing), target)
                record({**case, "loss": "nll_loss"},
                       lambda x: F.nll_loss(x, target, w, ignore_index=ignore, reduction=reduction), target)
            for smoothing in (0.0, 0.1, 1.0):
                record({**base, "loss": "cross_entropy", "label_smoothing": smoothing},
                       lambda x: F.cross_entropy(x, draw_probabilities(3, shape), w, reduction=reduction,
                                                 label_smoothing=smoothing))
            if not weighted:
                record({**base, "loss": "mse_loss"}, lambda x: F.mse_loss(x, draw(6, shape), reduction=reduction))
    write(path / "losses.safetensors", tensors, cases)


def activations(path):
    """Input draw(1, 16), upstream gradient draw(2), and draw(3), by which the gradient is differentiated again."""
    table = [
        ("relu", {}, F.relu),
        ("leaky_relu", {}, F.leaky_relu),
        ("leaky_relu", {"slope": 0.3}, lambda x: F.leaky_relu(x, 0.3)),
        ("elu", {}, F.elu),
        ("elu", {"alpha": 2.5}, lambda x: F.elu(x, 2.5)),
        ("gelu", {}, F.gelu),
        ("gelu", {"tanh": True}, lambda x: F.gelu(x, approximate="tanh")),
        ("silu", {}, F.silu),
        ("sigmoid", {}, torch.sigmoid),
        ("tanh", {}, torch.tanh),
        ("softplus", {}, F.softplus),
        ("softplus", {"beta": 2.0, "threshold": 5.0}, lambda x: F.softplus(x, 2.0, 5.0)),
        ("hardsigmoid", {}, lambda x: F.relu6(x + 3) / 6),  # torch's own has a slope of 1 / 6 in float32 only
        ("hardswish", {}, F.hardswish),
    ]
    tensors, cases, shape = {}, [], (40, 9)
    for index, (name, options, call) in enumerate(table):
        x = draw(1, shape, 16.0).requires_grad_()
        y = call(x)
        (gx,) = torch.autograd.grad(y, x, draw(2, shape), create_graph=True)
        # Twice differentiable only where the slope is not constant piece by piece.
        smooth = name not in ("relu", "leaky_relu", "hardsigmoid")
        ggx = torch.autograd.grad(gx, x, draw(3, shape))[0] if smooth else torch.zeros(shape, dtype=torch.float64)
        for key, tensor in (("y", y), ("gx", gx), ("ggx", ggx)):
            tensors[f"{index}/{key}"] = tensor
        cases.append({"activation": name, "shape": shape, **options})
    write(path / "activations.safetensors", tensors, cases)


def operators(path):
    """Inputs 2 draw(1), 2 draw(2), ...; upstream gradient draw(9); the gradients, each times draw(20 + its number), are
    differentiated again by the first input. Names are those of operators_test.cpp."""
    picture, filters, transposed = (2, 4, 5, 6), (6, 2, 3, 2), (4, 3, 3, 2)

    def conv(mode, padding):  # left, right, top, bottom
        return lambda x, w, b: F.conv2d(F.pad(x, padding, mode=mode), w, b, stride=(2, 1), groups=2)

    def modes(mode):
        return [
            (f"pad {mode}", [picture], lambda x: F.pad(x, (0, 3, 1, 2), mode=mode)),
            (f"conv2d {mode}", [picture, filters, (6,)], conv(mode, (0, 3, 1, 2))),
        ]

    def running(x, w, b):
        mean, variance = (torch.linspace(*ends, 4, dtype=torch.float64) for ends in ((-1, 1), (0.5, 2)))
        return F.batch_norm(x, mean, variance, w, b)

    def binary(x, y, w):  # by the definition: torch's own second gradient adds 1e-12 to what it divides by
        p, t = torch.sigmoid(x), torch.sigmoid(y)
        loss = -(w * w).detach() * (t * torch.log(p) + (1 - t) * torch.log(1 - p))
        assert torch.allclose(loss.mean(), F.binary_cross_entropy(p, t, (w * w).detach()))
        return loss.mean()

    table = [
        *modes("reflect"), *modes("replicate"), *modes("circular"),
        ("pad value", [(3, 4)], lambda x: F.pad(x, (1, 2), value=0.5)),
        ("conv_transpose2d", [picture, transposed, (3,)], F.conv_transpose2d),
        ("conv_transpose2d stride", [picture, transposed, (3,)],
         lambda x, w, b: F.conv_transpose2d(x, w, b, stride=(3, 2), padding=(1, 0), output_padding=(2, 1))),
        ("conv_transpose2d groups, dilation", [picture, transposed, (6,)],
         lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=3, output_padding=1, groups=2, dilation=(2, 3))),
        ("batch_norm training", [picture, (4,), (4,)], lambda x, w, b: F.batch_norm(x, None, None, w, b, True)),
        ("batch_norm", [picture, (4,), (4,)], running),
        ("layer_norm", [picture, (5, 6), (5, 6)], lambda x, w, b: F.layer_norm(x, (5, 6), w, b)),
        ("layer_norm plain", [(4, 7)], lambda x: F.layer_norm(x, (7,), eps=0.01)),
        ("group_norm", [picture, (4,), (4,)], lambda x, w, b: F.group_norm(x, 2, w, b)),
        ("var", [picture], lambda x: torch.var(x, (0, 2))),
        ("var plain", [picture], lambda x: torch.var(x, correction=0)),
        ("stddev", [picture], lambda x: torch.std(x, 1, keepdim=True)),
        ("norm", [picture], lambda x: torch.linalg.vector_norm(x, dim=(1, 2))),
        ("norm 3", [picture], lambda x: torch.linalg.vector_norm(x, 3)),
        ("norm infinity", [picture], lambda x: torch.linalg.vector_norm(x, torch.inf, dim=3)),
        ("max", [picture], lambda x: torch.max(x, 2)[0]),
        ("clamp", [picture], lambda x: torch.clamp(x, -0.5, 0.75)),
        ("concat, split, stack, flip", [(2, 3), (2, 4)],
         lambda x, y: torch.stack(torch.split(torch.cat([x, y], 1).flip(1)[:, :6], 2, 1), 1)),
        ("l1_loss", [(4, 5), (4, 5)], F.l1_loss),
        ("smooth_l1_loss", [(4, 5), (4, 5)], lambda x, y: F.smooth_l1_loss(x, y, beta=0.7, reduction="sum")),
        ("binary_cross_entropy", [(4, 5), (4, 5), (5,)], binary),
        ("binary_cross_entropy_with_logits", [(4, 5), (4, 5), (5,)],
         lambda x, y, w: F.binary_cross_entropy_with_logits(
             x, torch.sigmoid(y), pos_weight=(w * w).detach(), reduction="none")),
        ("kl_div", [(4, 5), (4, 5)],
         lambda x, y: F.kl_div(F.log_softmax(x, 1), torch.softmax(y, 1), reduction="batchmean")),
        ("kl_div logarithms", [(4, 5), (4, 5)],
         lambda x, y: F.kl_div(F.log_softmax(x, 1), F.log_softmax(y, 1), reduction="sum", log_target=True)),
    ]
    tensors, cases = {}, []
    for index, (name, shapes, call) in enumerate(table):
        inputs = [draw(1 + i, shape, 2.0).requires_grad_() for i, shape in enumerate(shapes)]
        y = call(*inputs)
        upstream = draw(9, tuple(y.shape)) if y.dim() else draw(9, (1,))[0]
        grads = torch.autograd.grad(y, inputs, upstream, create_graph=True, allow_unused=True)
        tensors[f"{index}/y"] = y
        total = torch.zeros((), dtype=torch.float64)
        for i, grad in enumerate(grads):
            if grad is None:
                continue
            tensors[f"{index}/g{i}"] = grad
            total = total + (grad * draw(20 + i, shapes[i])).sum()
        if total.requires_grad:
            (again,) = torch.autograd.grad(total, inputs[0], allow_unused=True)
            if again is not None:
                tensors[f"{index}/gg"] = again + torch.zeros(shapes[0], dtype=torch.float64)  # none stays virtual
        cases.append({"name": name, "shapes": shapes})
    write(path / "operators.safetensors", tensors, cases)


def conv2d(path):
    """x draw(1), w draw(2), bias draw(3), upstream gradient draw(4)."""
    # N, C, H, W, K, R, S, stride, padding (top, bottom, left, right), dilation, groups
    table = [
        (2, 3, 7, 9, 4, 3, 3, (1, 1), (0, 0, 0, 0), (1, 1), 1),
        (2, 3, 7, 9, 4, 3, 3, (1, 1), (1, 1, 1, 1), (1, 1), 1),
        (2, 3, 8, 7, 5, 2, 2, (2, 2), (0, 0, 0, 0), (1, 1), 1),   # a leftover column
        (3, 2, 9, 10, 3, 2, 3, (3, 4), (0, 0, 0, 0), (1, 1), 1),  # stride beyond the kernel, leftovers
        (2, 2, 11, 13, 3, 3, 2, (4, 5), (1, 0, 2, 1), (1, 1), 1),
        (2, 3, 6, 5, 4, 3, 3, (2, 1), (1, 2, 0, 3), (1, 1), 1),   # padding different on all sides
        (1, 2, 4, 5, 3, 2, 2, (1, 1), (3, 4, 5, 2), (1, 1), 1),   # padding larger than the kernel
        (2, 2, 5, 4, 3, 2, 2, (3, 3), (4, 3, 3, 4), (1, 1), 1),
        (2, 2, 9, 11, 3, 3, 2, (1, 1), (0, 0, 0, 0), (2, 3), 1),  # dilation
        (2, 2, 10, 9, 3, 3, 3, (2, 3), (2, 1, 1, 3), (2, 2), 1),
        (2, 6, 7, 6, 4, 3, 3, (1, 1), (1, 1, 1, 1), (1, 1), 2),   # groups
        (2, 6, 7, 6, 9, 2, 3, (2, 2), (1, 0, 0, 1), (1, 2), 3),
        (2, 5, 6, 7, 5, 3, 3, (1, 1), (1, 1, 1, 1), (1, 1), 5),   # depthwise
        (2, 3, 6, 8, 6, 3, 2, (2, 3), (1, 1, 0, 0), (1, 1), 3),
        (2, 3, 5, 6, 4, 1, 1, (1, 1), (0, 0, 0, 0), (1, 1), 1),   # 1x1
        (2, 3, 5, 6, 4, 1, 1, (2, 3), (0, 0, 0, 0), (1, 1), 1),
        (2, 3, 5, 6, 4, 1, 1, (1, 1), (1, 2, 1, 0), (1, 1), 1),
        (2, 3, 3, 4, 4, 5, 6, (1, 1), (1, 1, 1, 1), (1, 1), 1),   # kernel larger than the image, one output
        (1, 1, 1, 1, 1, 3, 3, (1, 1), (1, 1, 1, 1), (1, 1), 1),
        (2, 3, 5, 6, 4, 5, 6, (1, 1), (0, 0, 0, 0), (1, 1), 1),   # kernel as large as the image
        (2, 3, 12, 3, 2, 7, 1, (1, 1), (0, 0, 0, 0), (1, 1), 1),  # tall filter
        (2, 3, 3, 12, 2, 1, 7, (1, 2), (0, 0, 3, 3), (1, 1), 1),  # wide filter
        (5, 1, 4, 6, 17, 2, 2, (2, 2), (0, 0, 0, 0), (1, 1), 1),  # windows that tile
        (2, 16, 8, 8, 33, 3, 3, (1, 1), (1, 1, 1, 1), (1, 1), 1),
        (1, 3, 6, 6, 2, 2, 2, (5, 5), (0, 0, 0, 0), (1, 1), 1),   # one output a row
    ]
    tensors, cases = {}, []
    for index, (N, C, H, W, K, R, S, stride, padding, dilation, groups) in enumerate(table):
        x = draw(1, (N, C, H, W)).requires_grad_()
        w = draw(2, (K, C // groups, R, S)).requires_grad_()
        b = draw(3, (K,)).requires_grad_()
        top, bottom, left, right = padding
        y = F.conv2d(F.pad(x, (left, right, top, bottom)), w, b, stride, 0, dilation, groups)
        y.backward(draw(4, tuple(y.shape)))
        for name, tensor in (("y", y), ("gx", x.grad), ("gw", w.grad), ("gb", b.grad)):
            tensors[f"{index}/{name}"] = tensor
        cases.append({"input": [N, C, H, W], "filters": [K, C // groups, R, S], "stride": stride,
                      "padding": padding, "dilation": dilation, "groups": groups})
    write(path / "conv2d.safetensors", tensors, cases)


def small_problem():
    """The problem of `optimizers`: the parameters w and b, and a function that computes the loss."""
    w, b = draw(1, (3, 4)).requires_grad_(), draw(2, (3,)).requires_grad_()
    x, t = draw(3, (6, 4)), draw(4, (6, 3))
    return w, b, lambda: F.mse_loss(torch.tanh(F.linear(x, w, b)), t)


def take_steps(optimizer, loss, steps, after=lambda: None):
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        after()
        losses.append(value.item())
    return torch.tensor(losses, dtype=torch.float64)


def make_schedule(optimizer, curve):
    sched = torch.optim.lr_scheduler
    kind, options = curve["kind"], curve.get("options", {})
    parts = [make_schedule(optimizer, part) for part in curve.get("curves", [])]
    if kind == "SequentialLR":
        return sched.SequentialLR(optimizer, parts, curve["milestones"])
    if kind == "ChainedScheduler":
        return sched.ChainedScheduler(parts)
    return getattr(sched, kind)(optimizer, **options)


def schedules(tensors, cases):
    """Two groups with base rates 0.5 and 0.125; lr (and momentum) at step 0, 1, ... of each group."""
    def curve(kind, **options):
        return {"kind": kind, "options": options}
    warm_up = curve("LinearLR", start_factor=0.25, total_iters=4)
    table = [
        (20, curve("StepLR", step_size=3)),
        (20, curve("StepLR", step_size=1, gamma=0.9)),
        (12, curve("MultiStepLR", milestones=[2, 5, 9], gamma=0.5)),
        (30, curve("CosineAnnealingLR", T_max=10)),
        (25, curve("CosineAnnealingLR", T_max=20, eta_min=0.01)),
        (8, curve("LinearLR")),
        (9, curve("LinearLR", start_factor=1.0, end_factor=0.1, total_iters=6)),
        (19, curve("OneCycleLR", max_lr=1.0, total_steps=20)),
        (19, curve("OneCycleLR", max_lr=[1.0, 0.25], total_steps=20, anneal_strategy="linear", pct_start=0.4)),
        (29, curve("OneCycleLR", max_lr=0.5, total_steps=30, three_phase=True, div_factor=10.0,
                   final_div_factor=100.0, base_momentum=0.8, max_momentum=0.9)),
        (19, curve("OneCycleLR", max_lr=0.5, total_steps=20, cycle_momentum=False, pct_start=0.0)),
        (24, {"kind": "SequentialLR", "milestones": [4],
              "curves": [warm_up, curve("CosineAnnealingLR", T_max=20, eta_min=0.001)]}),
        (15, {"kind": "SequentialLR", "milestones": [4, 10],
              "curves": [warm_up, curve("StepLR", step_size=2), curve("StepLR", step_size=3, gamma=0.5)]}),
        (15, {"kind": "ChainedScheduler", "curves": [warm_up, curve("StepLR", step_size=4, gamma=0.5)]}),
        (15, {"kind": "ChainedScheduler", "curves": [warm_up, curve("CosineAnnealingLR", T_max=30)]}),
    ]
    for (steps, row), kind in itertools.product(table, ("sgd", "adam")):
        if kind == "adam" and row["kind"] != "OneCycleLR":
            continue
        w, b, _ = small_problem()
        groups = [{"params": [w], "lr": 0.5}, {"params": [b], "lr": 0.125}]
        optimizer = (torch.optim.SGD(groups, lr=1.0, momentum=0.9) if kind == "sgd"
                     else torch.optim.Adam(groups, lr=1.0))
        schedule = make_schedule(optimizer, row)
        rates, momenta = [], []
        for _ in range(steps + 1):
            rates.append([group["lr"] for group in optimizer.param_groups])
            momenta.append([group["momentum"] if kind == "sgd" else group["betas"][0]
                            for group in optimizer.param_groups])
            optimizer.step()
            schedule.step() if len(rates) <= steps else None
        index = len(cases)
        tensors[f"{index}/lr"] = torch.tensor(rates, dtype=torch.float64)
        tensors[f"{index}/momentum"] = torch.tensor(momenta, dtype=torch.float64)
        cases.append({"part": "schedule", "optimizer": kind, "steps": steps, "curve": row})


def training(path):
    tensors, cases = {}, []
    schedules(tensors, cases)

    for options in ({"lr": 0.01}, {"lr": 0.01, "alpha": 0.9, "eps": 1e-4}, {"lr": 0.02, "weight_decay": 0.1},
                    {"lr": 0.01, "momentum": 0.9}, {"lr": 0.01, "centered": True},
                    {"lr": 0.005, "alpha": 0.95, "weight_decay": 0.05, "momentum": 0.8, "centered": True}):
        w, b, loss = small_problem()
        index = len(cases)
        tensors[f"{index}/losses"] = take_steps(torch.optim.RMSprop([w, b], **options), loss, 20)
        tensors[f"{index}/w"], tensors[f"{index}/b"] = w, b
        cases.append({"part": "rmsprop", "options": options})

    # Groups with options of their own, and a schedule over both.
    groups = {
        "sgd": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9},
                {"lr": 0.02, "momentum": 0.0, "weight_decay": 0.1}),
        "adam": (torch.optim.Adam, {"lr": 0.01}, {"lr": 0.05, "betas": [0.8, 0.95], "eps": 1e-6,
                                                  "weight_decay": 0.1}),
        "adamw": (torch.optim.AdamW, {"lr": 0.01}, {"lr": 0.05, "weight_decay": 0.2}),
        "rmsprop": (torch.optim.RMSprop, {"lr": 0.01}, {"lr": 0.005, "momentum": 0.9, "centered": True}),
    }
    for kind, (make, first, second) in groups.items():
        w, b, loss = small_problem()
        optimizer = make([{"params": [w], **first}])
        optimizer.add_param_group({"params": [b], **second})
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5, 0.5)
        index = len(cases)
        tensors[f"{index}/losses"] = take_steps(optimizer, loss, 20, schedule.step)
        tensors[f"{index}/w"], tensors[f"{index}/b"] = w, b
        cases.append({"part": "groups", "kind": kind, "first": first, "second": second})

    # A one-cycle schedule moves momentum while it trains.
    for kind in ("sgd", "adam"):
        w, b, loss = small_problem()
        optimizer = torch.optim.SGD([w, b], lr=0.1, momentum=0.9) if kind == "sgd" else torch.optim.Adam([w, b])
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=20)
        index = len(cases)
        tensors[f"{index}/losses"] = take_steps(optimizer, loss, 20, schedule.step)
        tensors[f"{index}/w"], tensors[f"{index}/b"] = w, b
        cases.append({"part": "one_cycle", "kind": kind})

    for norm_type, max_norm in itertools.product((1.0, 2.0, 3.5, float("inf")), (0.75, 100.0)):
        parameters = [torch.zeros(shape, dtype=torch.float64) for shape in ((3, 4), (5,), ())]
        for seed, parameter in enumerate(parameters, start=11):
            parameter.grad = draw(seed, tuple(parameter.shape), 2.0)
        index = len(cases)
        tensors[f"{index}/total"] = nn.utils.clip_grad_norm_(parameters, max_norm, norm_type)
        for i, parameter in enumerate(parameters):
            tensors[f"{index}/{i}"] = parameter.grad
        cases.append({"part": "clip_norm", "norm_type": str(norm_type), "max_norm": max_norm})
    parameter = torch.zeros(5, 7, dtype=torch.float64)
    parameter.grad = draw(14, (5, 7), 2.0)
    nn.utils.clip_grad_value_([parameter], 0.375)
    tensors[f"{len(cases)}/0"] = parameter.grad
    cases.append({"part": "clip_value", "clip_value": 0.375})

    for decay in (0.9, 0.5):
        model = nn.Linear(4, 3).double()
        with torch.no_grad():
            model.weight.copy_(draw(1, (3, 4)))
            model.bias.copy_(draw(2, (3,)))
        averages = torch.optim.swa_utils.AveragedModel(
            model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay))
        x, t = draw(3, (6, 4)), draw(4, (6, 3))
        take_steps(torch.optim.SGD(model.parameters(), lr=0.5), lambda: F.mse_loss(torch.tanh(model(x)), t), 10,
                   lambda: averages.update_parameters(model))
        index = len(cases)
        tensors[f"{index}/w"] = averages.module.weight
        tensors[f"{index}/b"] = averages.module.bias
        cases.append({"part": "ema", "decay": decay})
    write(path / "training.safetensors", tensors, cases)
def pooling(path):
    """x draw(1), upstream gradient draw(2), and draw(3), by which the gradient is differentiated again."""
    windows = [
        ({"kernel": [2, 2]}, (2, 2, 4, 6)),
        ({"kernel": [2, 3]}, (1, 2, 5, 7)),
        ({"kernel": [2, 3], "ceil_mode": True}, (1, 2, 5, 7)),
        ({"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1]}, (2, 2, 6, 5)),
        ({"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "ceil_mode": True}, (1, 2, 6, 8)),
        ({"kernel": [2, 2], "stride": [3, 3], "padding": [1, 1], "ceil_mode": True}, (1, 2, 5, 4)),
        ({"kernel": [4, 4], "stride": [3, 3], "ceil_mode": True}, (1, 2, 2, 3)),
        ({"kernel": [2, 3], "stride": [1, 1], "padding": [1, 0]}, (1, 2, 5, 6)),
        ({"kernel": [2, 2], "stride": [3, 4]}, (1, 2, 8, 9)),
        ({"kernel": [3, 2], "stride": [2, 1], "padding": [0, 1], "ceil_mode": True}, (1, 2, 6, 4)),
    ]
    averages = [
        ({"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "ceil_mode": True, "count_include_pad": False},
         (1, 2, 6, 8)),
        ({"kernel": [3, 2], "stride": [2, 2], "padding": [1, 1], "count_include_pad": False}, (1, 2, 6, 5)),
        ({"kernel": [2, 3], "padding": [1, 1], "divisor_override": 5}, (1, 2, 5, 6)),
        ({"kernel": [4, 4], "stride": [3, 3], "ceil_mode": True, "divisor_override": 3}, (1, 2, 5, 6)),
    ]
    dilated = [
        ({"kernel": [3, 2], "stride": [1, 1], "dilation": [2, 3]}, (1, 2, 7, 8)),
        ({"kernel": [3, 3], "stride": [2, 3], "padding": [1, 1], "dilation": [2, 2]}, (1, 2, 8, 7)),
        ({"kernel": [2, 2], "stride": [2, 2], "padding": [1, 1], "dilation": [2, 3], "ceil_mode": True},
         (1, 2, 7, 9)),
    ]
    sizes = [((3, 2), (1, 2, 6, 4)), ((3, 4), (2, 2, 5, 7)), ((5, 6), (1, 2, 3, 4)), ((1, 1), (2, 2, 5, 4))]
    upsamplings = [
        ({"scale_factor": [2.0, 2.0]}, (1, 2, 3, 4)),
        ({"scale_factor": [2.5, 1.3]}, (1, 2, 5, 4)),
        ({"scale_factor": [0.6, 0.35]}, (1, 2, 7, 9)),
        ({"size": [7, 8]}, (1, 2, 4, 3)),
        ({"size": [2, 5]}, (1, 2, 9, 8)),
        ({"size": [3, 2]}, (1, 2, 1, 1)),
        ({"size": [1, 1]}, (1, 2, 4, 5)),
    ]
    tensors, cases = {}, []

    def record(op, options, shape, call):
        x = draw(1, shape).requires_grad_()
        indices = None
        y = call(x)
        if isinstance(y, tuple):
            y, indices = y
        gy = draw(2, tuple(y.shape)).requires_grad_()
        (gx,) = torch.autograd.grad(y, x, gy, create_graph=True)
        (ggy,) = torch.autograd.grad(gx, gy, draw(3, shape))
        index = len(cases)
        for key, tensor in (("y", y), ("gx", gx), ("ggy", ggy), ("indices", indices)):
            if tensor is not None:
                tensors[f"{index}/{key}"] = tensor
        cases.append({"op": op, "shape": shape, **options})

    for options, shape in windows + averages + dilated:
        o = {"kernel_size" if key == "kernel" else key: value for key, value in options.items()}
        if not {"count_include_pad", "divisor_override"} & set(o):
            record("max_pool2d", options, shape, lambda x: F.max_pool2d(x, **o, return_indices=True))
        if "dilation" not in o:
            record("avg_pool2d", options, shape, lambda x: F.avg_pool2d(x, **o))
    for size, shape in sizes:
        record("adaptive_max_pool2d", {"output": size}, shape,
               lambda x: F.adaptive_max_pool2d(x, size, return_indices=True))
        record("adaptive_avg_pool2d", {"output": size}, shape, lambda x: F.adaptive_avg_pool2d(x, size))
    for (options, shape), (mode, aligned) in itertools.product(
            upsamplings, (("nearest", None), ("bilinear", False), ("bilinear", True))):
        o = {key: tuple(value) for key, value in options.items()}
        record("upsample", {**options, "mode": mode, "align_corners": bool(aligned)}, shape,
               lambda x: F.interpolate(x, **o, mode=mode, align_corners=aligned))
    write(path / "pooling.safetensors", tensors, cases)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    parser.add_argument("--cifar10", type=pathlib.Path, help="a folder a class of CIFAR-10's training pictures, JPEG; "
                        "resnet20.safetensors is not written without")
    arguments = parser.parse_args()
    path = arguments.out
    torch.set_num_threads(1)
    simple_cnn(path)
    optimizers(path)
    losses(path)
    activations(path)
    operators(path)
    conv2d(path)
    training(path)
    pooling(path)
    models(path)
    if arguments.cifar10:
        resnet20(path, arguments.cifar10)


if __name__ == "__main__":
    main()
