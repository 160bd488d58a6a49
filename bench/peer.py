#!/usr/bin/env python3
"""Times the workloads of bench/workloads.cpp with PyTorch, float32.

Prints one JSON object a line with the names and fields of bench_workloads, so that lines compare one to one;
`variant` tells apart the ways PyTorch offers: orders of memory, the fused Adam, a frozen and optimised graph. The
first line describes the build. Thread counts are set in the environment before PyTorch is loaded, as some
libraries read theirs only then. With --serve a line of standard input is the name of a workload, and its lines end with
{"done": NAME}. On a GPU, float32 is float32 (no TF32), cuDNN may choose by timing, and the GPU is waited for after
enough runs that the wait does not count.

Usage: peer.py [--device NAME] [--threads N] [--only PATTERN,...] [--min-time SECONDS] [--min-runs N] [--list | --serve]
"""

import argparse
import fnmatch
import json
import os
import statistics
import sys
import time


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="patterns of names; all but the growth curves where not given")
    parser.add_argument("--min-time", type=float, default=0.25)
    parser.add_argument("--min-runs", type=int, default=5)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--serve", action="store_true")
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
LAYOUTS = (("nchw", torch.contiguous_format), ("channels_last", torch.channels_last))

GEMMS = [(256, 256, 256), (512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048), (9000, 72, 16), (128, 2048, 250)]
CONVS = [  # name, batch, in channels, height, width, out channels, kernel, stride, padding, groups
    ("mini10", 10, 8, 32, 32, 16, 3, 1, 0, 1),
    ("mini100", 100, 8, 32, 32, 16, 3, 1, 0, 1),
    ("rgb50k4s2", 64, 3, 50, 50, 15, 4, 2, 0, 1),
    ("simplecnn1", 128, 1, 28, 28, 32, 2, 2, 0, 1),
    ("simplecnn2", 128, 32, 14, 14, 64, 2, 2, 1, 1),
    ("simplecnn3", 128, 64, 8, 8, 128, 2, 2, 0, 1),
    ("resnet64", 32, 64, 32, 32, 64, 3, 1, 1, 1),
    ("resnet128", 32, 128, 16, 16, 128, 3, 1, 1, 1),
    ("depthwise64", 32, 64, 32, 32, 64, 3, 1, 1, 64),
]


def seconds_of(work, times):
    start = time.perf_counter()
    for _ in range(times):
        work()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize(DEVICE)
    return time.perf_counter() - start


def report(line):
    print(json.dumps(line), flush=True)


def timed(name, variant, work):
    """Runs work until it is warm, then often enough; prints median and minimum."""
    start = time.perf_counter()
    while True:
        seconds_of(work, 1)
        if time.perf_counter() - start >= 0.2 * ARGS.min_time:
            break
    at_once = int(1 + SECONDS_AT_ONCE / seconds_of(work, 1)) if DEVICE.type == "cuda" else 1
    times, total = [], 0.0
    while len(times) < ARGS.min_runs or total < ARGS.min_time:
        seconds = seconds_of(work, at_once)
        times.append(seconds / at_once)
        total += seconds
    report({"workload": name, "variant": variant, "device": ARGS.device, "threads": ARGS.threads,
            "ms": statistics.median(times) * 1e3, "ms_min": min(times) * 1e3, "runs": len(times) * at_once})


def randn(*shape):
    return torch.randn(*shape, device=DEVICE)


# ---- matrix products and convolutions


def sgemm(name, m, k, n):
    a, b, c = randn(m, k), randn(k, n), torch.empty(m, n, device=DEVICE)
    timed(name, "mm", lambda: torch.mm(a, b))
    timed(name, "mm_out", lambda: torch.mm(a, b, out=c))


def conv(name, which, batch, cin, h, w, cout, size, stride, pad, groups):
    for variant, order in LAYOUTS:
        x = randn(batch, cin, h, w).contiguous(memory_format=order)
        weight = randn(cout, cin // groups, size, size).contiguous(memory_format=order)
        bias = randn(cout)
        gy = torch.randn_like(F.conv2d(x, weight, bias, stride, pad, 1, groups))

        def backward(mask):
            return torch.ops.aten.convolution_backward(gy, x, weight, [cout], [stride] * 2, [pad] * 2, [1, 1], False,
                                                       [0, 0], groups, mask)

        work = {"fwd": lambda: F.conv2d(x, weight, bias, stride, pad, 1, groups),
                "grad_input": lambda: backward([True, False, False]),
                "grad_weight": lambda: backward([False, True, False])}[which]
        timed(name, variant, work)


# ---- networks


def simplecnn():
    return nn.Sequential(nn.Conv2d(1, 32, 2, 2), nn.ReLU(), nn.Conv2d(32, 64, 2, 2, 1), nn.ReLU(),
                         nn.Conv2d(64, 128, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(2048, 250), nn.ReLU(),
                         nn.Linear(250, 10))


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.stride, self.grow = stride, cout - cin

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.grow:  # a shortcut without parameters: every other pixel, then channels of zeros
            x = F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, self.grow // 2, self.grow - self.grow // 2))
        return F.relu(x + y)


def resnet20():
    layers, cin = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for cout in (16, 32, 64):
        for i in range(3):
            layers.append(Block(cin, cout, 2 if i == 0 and cout > 16 else 1))
            cin = cout
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def adams(parameters):
    """The plain Adam, and the fused one where this torch has it for the device."""
    yield "", torch.optim.Adam(parameters, lr=1e-3)
    try:
        yield "+fused_adam", torch.optim.Adam(parameters, lr=1e-3, fused=True)
    except RuntimeError:
        pass


def train(name, make, shape):
    for layout, order in LAYOUTS:
        model = make().to(DEVICE).to(memory_format=order).train()
        images = torch.rand(BATCH, *shape, device=DEVICE).contiguous(memory_format=order)
        labels = torch.randint(0, 10, (BATCH,), device=DEVICE)
        for suffix, optimizer in adams(list(model.parameters())):

            def step():
                optimizer.zero_grad()
                F.cross_entropy(model(images), labels).backward()
                optimizer.step()

            timed(name, layout + suffix, step)


def infer(name, make, shape, batch):
    for layout, order in LAYOUTS:
        model = make().to(DEVICE).to(memory_format=order).eval()
        images = torch.rand(batch, *shape, device=DEVICE).contiguous(memory_format=order)
        with torch.inference_mode():
            timed(name, layout, lambda: model(images))
        with torch.no_grad():
            frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, images)))
            timed(name, layout + "+frozen", lambda: frozen(images))


# ---- what memory or bookkeeping limits


def relu(name):
    x, out = randn(16 * 1024 * 1024), torch.empty(16 * 1024 * 1024, device=DEVICE)
    timed(name, "new_tensor", lambda: torch.relu(x))
    timed(name, "out", lambda: torch.clamp_min(x, 0.0, out=out))


def add(name):
    a, b = randn(16 * 1024 * 1024), randn(16 * 1024 * 1024)
    out = torch.empty_like(a)
    timed(name, "new_tensor", lambda: torch.add(a, b))
    timed(name, "out", lambda: torch.add(a, b, out=out))


def softmax_cross_entropy(name):
    logits = randn(4096, 1000).requires_grad_()
    labels = torch.randint(0, 1000, (4096,), device=DEVICE)

    def step():
        logits.grad = None
        F.cross_entropy(logits, labels).backward()

    timed(name, "cross_entropy", step)


def adam(name):
    variants = {"single": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
    for variant, options in variants.items():
        parameter = nn.Parameter(randn(10_000_000))
        parameter.grad = randn(10_000_000)
        try:
            optimizer = torch.optim.Adam([parameter], lr=1e-3, **options)
        except RuntimeError:  # a torch without a fused Adam for this device
            continue
        timed(name, variant, optimizer.step)


def overhead(name):
    x, one = torch.ones(1, device=DEVICE).requires_grad_(), torch.ones(1, device=DEVICE)

    def adds():
        x.grad = None
        y = x
        for _ in range(1000):
            y = y + one
        y.backward()

    timed(name, "add", adds)


def workloads():
    """Name -> what times it."""
    every = {}

    def put(name, function, *values):
        every[name] = lambda: function(name, *values)

    for m, k, n in GEMMS:
        put(f"sgemm/{m}x{k}x{n}", sgemm, m, k, n)
    for name, *sizes in CONVS:
        for which in ("fwd", "grad_input", "grad_weight"):
            put(f"conv/{name}/{which}", conv, which, *sizes)
    for name, make, shape in (("simplecnn", simplecnn, (1, 28, 28)), ("resnet20", resnet20, (3, 32, 32))):
        put(f"{name}/train_b{BATCH}", train, make, shape)
        put(f"{name}/infer_b1", infer, make, shape, 1)
        put(f"{name}/infer_b{BATCH}", infer, make, shape, BATCH)
    put("elementwise/relu_16M", relu)
    put("elementwise/add_16M", add)
    put("elementwise/softmax_ce_fwd_bwd_4096x1000", softmax_cross_entropy)
    put("elementwise/adam_10M", adam)
    put("overhead/adds_1000", overhead)
    for what, values in (("batch", [2**i for i in range(10)]), ("channels", [2**i for i in range(10)]),
                         ("image", [8, 14, 28, 56, 112, 224])):
        for value in values:
            at = {"batch": 8, "channels": 64, "image": 28, what: value}
            put(f"growth/{what}/{value}", conv, "fwd", at["batch"], at["channels"], at["image"], at["image"],
                at["channels"], 3, 1, 1, 1)
    return every


def describe():
    capability = [line.split(":")[-1].strip() for line in torch.__config__.show().splitlines()
                  if "CPU capability" in line]
    report({"library": f"PyTorch {torch.__version__}", "threads": ARGS.threads,
            "cpu_capability": capability[0] if capability else None,
            "device": torch.cuda.get_device_name(DEVICE) if DEVICE.type == "cuda" else "cpu",
            "cuda": torch.version.cuda, "tf32": False, "mkl": torch.backends.mkl.is_available(),
            "onednn": torch.backends.mkldnn.is_available()})


def is_wanted(name):
    if not ARGS.only:
        return not name.startswith("growth/")
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in ARGS.only.split(","))


def main():
    torch.set_num_threads(ARGS.threads)
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    every = workloads()
    if ARGS.list:
        print("\n".join(name for name in every if is_wanted(name)))
        return
    describe()
    for name in (line.rstrip("\n") for line in sys.stdin) if ARGS.serve else filter(is_wanted, every):
        every[name]()
        if ARGS.serve:
            report({"done": name})


if __name__ == "__main__":
    main()
