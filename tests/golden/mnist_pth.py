#!/usr/bin/env python3
"""Trains SimpleCNN on MNIST with PyTorch, saves it with torch.save in both forms, and asks `linnet` for the class of
each of the 10,000 test images: every one has to be PyTorch's, and the accuracy and loss of `linnet evaluate` too.

The weights (2 MB) are not committed; tests/scripts/mnist_pth_test.sh runs this where PyTorch and the images are.

Usage: mnist_pth.py --linnet PROGRAM --data DIR [--epochs N]     needs torch and numpy
"""

import argparse
import gzip
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

from simple_cnn import SimpleCNN

BATCH = 128
LOSS_TOLERANCE = 0.5e-4 + 1e-6  # it is printed with four decimals


def read_idx(folder, name):
    """uint8, of FOLDER/mnist or FOLDER, packed by gzip or not."""
    for path in (folder / "mnist" / f"{name}.gz", folder / "mnist" / name, folder / f"{name}.gz", folder / name):
        if path.exists():
            raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            rank = raw[3]
            shape = np.frombuffer(raw, ">i4", rank, 4)
            return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape).copy())
    sys.exit(f"mnist_pth: no {name} in {folder}")


def load(folder, part):
    images = read_idx(folder, f"{part}-images-idx3-ubyte")
    return images.unsqueeze(1).float() / 255, read_idx(folder, f"{part}-labels-idx1-ubyte").long()


def train(images, labels, epochs):
    torch.manual_seed(1)
    model = SimpleCNN()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images[rows]), labels[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        print(f"epoch {epoch + 1}: loss {total / len(images):.4f}", flush=True)
    return model.eval()


def run(program, *words):
    command = [str(word) for word in (program, *words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"mnist_pth: {' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--linnet", required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--epochs", type=int, default=1)
    arguments = parser.parse_args()

    model = train(*load(arguments.data, "train"), arguments.epochs)
    images, labels = load(arguments.data, "t10k")
    with torch.no_grad():
        logits = torch.cat([model(part) for part in images.split(BATCH)]).double()
    classes = logits.argmax(1)
    loss = F.cross_entropy(logits, labels).item()
    right = (classes == labels).sum().item()
    best = logits.topk(2).values
    print(f"PyTorch {torch.__version__}: {right} of {len(labels)} right, loss {loss:.6f}; the two largest logits of an "
          f"image are at least {(best[:, 0] - best[:, 1]).min().item():.2g} apart")

    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for form in ("zip", "legacy"):
            weights = pathlib.Path(folder) / f"{form}.pth"
            torch.save(model.state_dict(), weights, _use_new_zipfile_serialization=form == "zip")
            words = ("--model", "simple-cnn", "--weights", weights, "--data", arguments.data)
            evaluated = re.search(r"accuracy ([\d.]+) %, loss ([\d.]+)", run(arguments.linnet, "evaluate", *words))
            # Under each picture "7 -> 7 100.0 %": the label, the class, and X where they differ.
            predicted = run(arguments.linnet, "predict", *words, "--samples", len(labels))
            drawn = re.findall(r"(\d) -> (\d) +[\d.]+ %", predicted)
            said = torch.tensor([[int(label), int(found)] for label, found in drawn])
            if said.shape != (len(labels), 2) or not torch.equal(said[:, 0], labels):
                sys.exit(f"mnist_pth: linnet predict gave {len(drawn)} images, or others than the test images in order")
            other = (said[:, 1] != classes).nonzero().flatten().tolist()
            same_figures = (evaluated and evaluated.group(1) == f"{100 * right / len(labels):.2f}"
                            and abs(float(evaluated.group(2)) - loss) <= LOSS_TOLERANCE)
            print(f"{form} ({weights.stat().st_size} bytes): {len(labels) - len(other)} of {len(labels)} classes are "
                  f"PyTorch's; linnet evaluate: {evaluated and evaluated.group(0)}")
            if other or not same_figures:
                failed = True
                print(f"FAILED: other classes for images {other[:20]}; expected none, and the accuracy and loss above")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
