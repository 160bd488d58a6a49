#!/usr/bin/env python3
"""Writes the files of tests/golden/pth with PyTorch: what torch.save makes of the things people keep in .pth files.

  simple_cnn*, resnet18*  state dicts of narrow networks, and outputs.pth, what the networks make of draw(...)
  checkpoint*             weights, optimiser, schedule, numbers and texts, nested
  views*                  shared storage, strides, offsets, Parameters, every dtype that is read, names of odd containers
  tensor, list            no dict at all
  int8, complex, module, script, negative    what is refused

NAME.pth is the zip form, NAME_legacy.pth the older one, NAME_4.pth and NAME_5.pth newer protocols of pickle.
Usage: generate_pth.py [--out DIR]     needs torch, torchvision and numpy; the files are committed
"""

import argparse
import collections
import pathlib

import torch
import torch.nn as nn
from torchvision.models.resnet import BasicBlock

from generate import draw
from simple_cnn import SimpleCNN


class ResNet18(nn.Module):
    """torchvision's, with stages of 2, 4, 8 and 16 channels."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 2, 7, 2, 3, bias=False), nn.BatchNorm2d(2)
        self.relu, self.maxpool = nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        before = 2
        for stage, width in enumerate((2, 4, 8, 16), start=1):
            shortcut = None
            if stage > 1:
                shortcut = nn.Sequential(nn.Conv2d(before, width, 1, 2, bias=False), nn.BatchNorm2d(width))
            blocks = nn.Sequential(BasicBlock(before, width, 1 if stage == 1 else 2, shortcut), BasicBlock(width, width))
            setattr(self, f"layer{stage}", blocks)
            before = width
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def with_drawn_values(model):
    """Every tensor of the state is draw(its number, shape); variances are positive, counters count."""
    with torch.no_grad():
        for seed, (name, tensor) in enumerate(model.state_dict().items(), start=1):
            if tensor.dtype == torch.int64:
                tensor.fill_(seed)
            elif name.endswith("running_var"):
                tensor.copy_(draw(seed, tensor.shape, 0.25) + 1)
            else:
                tensor.copy_(draw(seed, tensor.shape, 0.5))
    return model.eval()


def checkpoint():
    model = nn.Sequential(collections.OrderedDict(conv=nn.Conv2d(1, 2, 3), fc=nn.Linear(8, 3)))
    optimizer = torch.optim.Adam([{"params": model.conv.parameters(), "lr": 1e-2},
                                  {"params": model.fc.parameters()}], lr=1e-3)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
    with torch.no_grad():
        for seed, parameter in enumerate(model.parameters(), start=1):
            parameter.copy_(draw(seed, parameter.shape))
            parameter.grad = draw(10 + seed, parameter.shape).float()
    optimizer.step()
    schedule.step()
    return {"epoch": 3, "arch": "tiny", "best": 0.5, "finished": False, "nothing": None,
            "model": model.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(),
            "config": {"lr": 1e-3, "sizes": (1, 2), "deep": {"deeper": 1}}, "classes": {"cat", "dog"},
            "seed": 1 << 70, "device": torch.device("cpu"), "dtype": torch.float32, "size": torch.Size([2, 3]),
            "counts": collections.Counter(a=1), "history": [0.5, 0.25], "raw": b"bytes"}


def views():
    base = draw(1, (4, 6)).float()
    marked = nn.Parameter(draw(2, (2, 2)).float())
    marked.tag = "an attribute"
    special = torch.tensor([0.0, -0.0, 1.0, -2.5, 65504.0, 2.0**-24, float("inf"), float("-inf"), float("nan")])
    images = draw(3, (2, 3, 4, 5)).float().contiguous(memory_format=torch.channels_last)
    return collections.OrderedDict([
        ("base", base), ("again", base), ("transposed", base.t()), ("column", base[:, 2]), ("part", base[1:3, 1:6:2]),
        ("element", base[3, 5]), ("expanded", base[0, :1].expand(3, 2)), ("empty", base[:0]),
        ("empty_of_none", torch.empty(0)), ("scalar", torch.tensor(2.5)), ("channels_last", images),
        ("parameter", nn.Parameter(draw(4, (3,)).float())), ("marked", marked),
        ("float64", draw(5, (3,))), ("int32", torch.tensor([-7, 2**31 - 1], dtype=torch.int32)),
        ("int64", torch.tensor(-2**63)), ("uint8", torch.tensor([0, 255], dtype=torch.uint8)),
        ("bool", torch.tensor([[True, False], [False, True]])),
        ("half", special.half()), ("bfloat16", special.bfloat16()), ("half_column", draw(6, (3, 2)).half()[:, 1]),
        ("list", [torch.tensor(1.0), (torch.tensor(2.0), {"x": torch.tensor(3.0)})]),
        ("by_number", {0: torch.tensor(4.0), True: 1, -3: torch.tensor(5.0)}),
        ("default", collections.defaultdict(list, a=torch.tensor(6.0))), ("caf\u00e9", torch.tensor(7.0)),
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent / "pth")
    out = parser.parse_args().out
    out.mkdir(exist_ok=True)

    def save(value, name, **options):
        torch.save(value, out / f"{name}.pth", **options)

    def save_both(value, name):
        save(value, name)
        save(value, name + "_legacy", _use_new_zipfile_serialization=False)

    simple_cnn, resnet18 = with_drawn_values(SimpleCNN(width=4, hidden=20)), with_drawn_values(ResNet18())
    save_both(simple_cnn.state_dict(), "simple_cnn")
    save_both(resnet18.state_dict(), "resnet18")
    with torch.no_grad():
        save({"simple_cnn": simple_cnn(draw(500, (4, 1, 28, 28)).float()),
              "resnet18": resnet18(draw(501, (2, 3, 64, 64)).float())}, "outputs")
    save_both(checkpoint(), "checkpoint")
    for protocol in (4, 5):
        save(checkpoint(), f"checkpoint_{protocol}", pickle_protocol=protocol)
        save(checkpoint(), f"checkpoint_legacy_{protocol}", pickle_protocol=protocol,
             _use_new_zipfile_serialization=False)
    save_both(views(), "views")
    save_both(draw(1, (2, 3)).float(), "tensor")
    save([torch.tensor(1.0), torch.tensor([2.0])], "list")

    save({"fine": torch.tensor(1.0), "weight": torch.tensor([1], dtype=torch.int8)}, "int8")
    save({"weight": torch.tensor([1j])}, "complex")
    save({"weight": torch.tensor([1], dtype=torch.uint16)}, "uint16")
    save({"weight": torch._neg_view(torch.tensor([1.0]))}, "negative")
    save_both(nn.Linear(2, 3), "module")
    torch.jit.save(torch.jit.script(nn.Linear(2, 3)), out / "script.pth")
    for path in sorted(out.glob("*.pth")):
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
