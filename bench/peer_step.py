#!/usr/bin/env python3
"""Times each part of a SimpleCNN training step at batch 128 with PyTorch (eager, float32), and inference.

Prints one JSON object a line with the names and fields of bench/step.cpp, so that lines compare one to one;
`variant` tells apart the ways PyTorch offers for one part. The first line describes the build. Thread counts
are set in the environment before PyTorch is loaded, as some libraries read theirs only then. On a GPU, float32 is
float32 (no TF32), cuDNN may choose by timing, and the GPU is waited for after enough runs that the wait does not
count.

Usage: peer_step.py [--device NAME] [--threads N] [--only TEXT] [--min-time SECONDS] [--min-runs N]
"""

import argparse
import json
import os
import statistics
import time


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="part of the names to time")
    parser.add_argument("--min-time", type=float, default=0.25)
    parser.add_argument("--min-runs", type=int, default=11)
    return parser.parse_args()


ARGS = parse()
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = str(ARGS.threads)

import torch  # noqa: E402
import torch.nn as nn  # noqa: E402
import torch.nn.functional as F  # noqa: E402

BATCH = 128
DEVICE = torch.device(ARGS.device)
SECONDS_AT_ONCE = 0.01  # of work between two waits for a GPU


def seconds_of(work, times):
    start = time.perf_counter()
    for _ in range(times):
        work()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize(DEVICE)
    return time.perf_counter() - start


def timed(name, work, variant="eager"):
    """Runs work until it is warm, then often enough; prints median and minimum."""
    if ARGS.only not in name:
        return
    start = time.perf_counter()
    while True:
        seconds_of(work, 1)
        if time.perf_counter() - start >= 0.2 * ARGS.min_time:
            break
    at_once = int(1 + SECONDS_AT_ONCE / seconds_of(work, 1)) if DEVICE.type == "cuda" else 1
    times = []
    while len(times) < ARGS.min_runs or sum(times) * at_once < ARGS.min_time:
        times.append(seconds_of(work, at_once) / at_once)
    print(json.dumps({"workload": name, "variant": variant, "device": ARGS.device, "threads": ARGS.threads,
                      "ms": round(statistics.median(times) * 1e3, 5), "ms_min": round(min(times) * 1e3, 5),
                      "runs": len(times) * at_once}), flush=True)


class SimpleCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 2, 2)
        self.conv2 = nn.Conv2d(32, 64, 2, 2, 1)
        self.conv3 = nn.Conv2d(64, 128, 2, 2)
        self.fc1 = nn.Linear(2048, 250)
        self.fc2 = nn.Linear(250, 10)

    def forward(self, x):
        h = F.relu(self.conv1(x))
        h = F.relu(self.conv2(h))
        h = F.relu(self.conv3(h))
        h = F.relu(self.fc1(h.flatten(1)))
        return self.fc2(h)


def time_conv(name, layer, shape):
    x, w, b = torch.randn(shape, device=DEVICE), layer.weight.detach(), layer.bias.detach()
    gy = torch.randn_like(layer(x).detach())

    def backward(mask):
        return torch.ops.aten.convolution_backward(gy, x, w, [w.shape[0]], layer.stride, layer.padding,
                                                   layer.dilation, False, [0, 0], 1, mask)

    timed(name + "/forward", lambda: F.conv2d(x, w, b, layer.stride, layer.padding))
    timed(name + "/grad_input", lambda: backward([True, False, False]))
    timed(name + "/grad_weight", lambda: backward([False, True, False]))
    timed(name + "/grad_bias", lambda: gy.sum((0, 2, 3)))


def time_linear(name, layer):
    w, b = layer.weight.detach(), layer.bias.detach()
    x = torch.randn(BATCH, layer.in_features, device=DEVICE)
    gy = torch.randn(BATCH, layer.out_features, device=DEVICE)
    timed(name + "/forward", lambda: F.linear(x, w, b))
    timed(name + "/backward", lambda: (gy @ w, gy.t() @ x, gy.sum(0)))


def time_loss(labels):
    logits = torch.randn(BATCH, 10, device=DEVICE, requires_grad=True)

    def work():
        logits.grad = None
        F.cross_entropy(logits, labels).backward()

    timed("cross_entropy/forward_backward", work)


def time_step(model, images, labels):
    for variant, options in (("eager", {}), ("fused_adam", {"fused": True})):
        try:
            optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **options)
        except RuntimeError:  # a torch without a fused Adam for this device
            continue
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)

        def step():
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()

        timed("adam/step", optimizer.step, variant)
        timed("train_step_b128", step, variant)


def main():
    torch.set_num_threads(ARGS.threads)
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    capability = [line.split(":")[-1].strip() for line in torch.__config__.show().splitlines()
                  if "CPU capability" in line]
    print(json.dumps({"torch": torch.__version__, "threads": ARGS.threads,
                      "cpu_capability": capability[0] if capability else None,
                      "device": torch.cuda.get_device_name(DEVICE) if DEVICE.type == "cuda" else "cpu",
                      "cuda": torch.version.cuda, "tf32": False,
                      "mkl": torch.backends.mkl.is_available(),
                      "onednn": torch.backends.mkldnn.is_available()}), flush=True)
    model = SimpleCNN().to(DEVICE)
    images = torch.rand(BATCH, 1, 28, 28, device=DEVICE)
    labels = torch.randint(0, 10, (BATCH,), device=DEVICE)
    with torch.no_grad():
        time_conv("conv1", model.conv1, (BATCH, 1, 28, 28))
        time_conv("conv2", model.conv2, (BATCH, 32, 14, 14))
        time_conv("conv3", model.conv3, (BATCH, 64, 8, 8))
        time_linear("fc1", model.fc1)
        time_linear("fc2", model.fc2)
        activations = torch.randn(BATCH, 32, 14, 14, device=DEVICE)
        gy = torch.randn_like(activations)
        timed("relu1/forward", lambda: torch.relu(activations))
        timed("relu1/backward", lambda: torch.ops.aten.threshold_backward(gy, activations, 0))
    time_loss(labels)
    with torch.inference_mode():
        one = images[:1].contiguous()
        timed("infer_b1", lambda: model(one))
        timed("infer_b128", lambda: model(images))
    time_step(model, images, labels)


if __name__ == "__main__":
    main()
