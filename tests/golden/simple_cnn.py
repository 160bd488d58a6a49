"""nn::SimpleCNN in PyTorch: generate_pth.py saves a narrow one, mnist_pth.py trains it."""

import torch.nn as nn
import torch.nn.functional as F


class SimpleCNN(nn.Module):
    def __init__(self, width=32, hidden=250):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, width, 2, 2), nn.Conv2d(width, 2 * width, 2, 2, 1)
        self.conv3 = nn.Conv2d(2 * width, 4 * width, 2, 2)
        self.fc1, self.fc2 = nn.Linear(64 * width, hidden), nn.Linear(hidden, 10)

    def forward(self, x):
        x = F.relu(self.conv3(F.relu(self.conv2(F.relu(self.conv1(x))))))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))
