#!/usr/bin/env bash
# A network that PyTorch trained on MNIST and saved, in both forms, says the same class in linnet for every one of the
# 10,000 test images. PYTHON names a Python that has torch, LINNET_DATA a folder that holds mnist/.
set -euo pipefail
python=${PYTHON:-python3}
if [[ -z ${LINNET:-} || ! -d ${LINNET_DATA:-}/mnist ]]; then
  echo "mnist_pth_test: LINNET_DATA does not name a folder that holds mnist/, or there is no linnet command"
  exit 77
fi
if ! "$python" -c 'import torch' 2> /dev/null; then
  echo "mnist_pth_test: $python has no torch; name a Python that has it in PYTHON"
  exit 77
fi
"$python" -B "$LINNET_SOURCE_DIR/tests/golden/mnist_pth.py" --linnet "$LINNET" --data "$LINNET_DATA"
echo "mnist_pth_test: passed"
