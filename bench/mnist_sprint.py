"""The recipe of examples/mnist_sprint.cpp in PyTorch, for its wall clock:

    python3 bench/mnist_sprint.py [FOLDER [SEED [EPOCHS [THREADS [LAYOUT]]]]]     (data/mnist, 0, 2, 2, nchw)

LAYOUT is nchw or channels_last; images are kept in memory as floats. Prints the seconds of the training, and the
accuracy after it.
"""
import gzip
import pathlib
import sys
import time

import torch
from torch import nn

BATCH = 128


def idx(folder, name, header):
    path = pathlib.Path(folder) / name
    data = path.read_bytes() if path.exists() else gzip.decompress(path.with_name(name + ".gz").read_bytes())
    return torch.frombuffer(bytearray(data[header:]), dtype=torch.uint8)


def images_and_labels(folder, part):
    images = idx(folder, f"{part}-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28).float().div_(255)
    return images.sub_(0.1307).div_(0.3081), idx(folder, f"{part}-labels-idx1-ubyte", 8).long()


def main():
    words = sys.argv[1:] + ["data/mnist", "0", "2", "2", "nchw"][len(sys.argv) - 1:]
    folder, layout = words[0], words[4]
    seed, epochs, threads = (int(word) for word in words[1:4])
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    images, labels = images_and_labels(folder, "train")
    test_images, test_labels = images_and_labels(folder, "t10k")

    start = time.perf_counter()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 10)).to(memory_format=memory)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3, nesterov=True)
    steps = epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.4, total_steps=steps)
    loss = nn.CrossEntropyLoss()
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            loss(model(images[batch].to(memory_format=memory)), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    seconds = time.perf_counter() - start

    model.eval()
    with torch.no_grad():
        right = sum(int((model(x).argmax(1) == y).sum())
                    for x, y in zip(test_images.split(500), test_labels.split(500)))
    print(f"{seconds:.2f} s, {100 * right / len(test_labels):.2f} %")


if __name__ == "__main__":
    main()
