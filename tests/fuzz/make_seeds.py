#!/usr/bin/env python3
"""Writes tests/fuzz/seeds: small files of every format that linnet reads, from which the fuzzers start.

Usage: make_seeds.py [--out DIR]     needs torch, numpy and Pillow; the files are committed

A seed whose name begins with "refused" is one that linnet refuses; every other one loads. Names that begin with "found"
or "refused-found" are inputs that a fuzzer found a bug with: they are not made here, and stay. The same packages write
the same bytes but for pth/*legacy*, where storages are called by their place in memory.
"""

import argparse
import gzip
import io
import json
import pathlib
import pickle
import struct
import zipfile
import zlib

import numpy as np
import torch
from PIL import Image

SEEDS = {}


def seed(target, name, data):
    SEEDS[f"{target}/{name}"] = data


# ---- safetensors, and what is built on it


def safetensors(tensors, metadata=None):
    """tensors: name -> (dtype, shape, bytes)"""
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, elements) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(elements)]}
        data += elements
    return framed(json.dumps(header, ensure_ascii=False)) + data


def framed(text):
    text = text.encode()
    return struct.pack("<Q", len(text)) + text


def f32(*values, shape=None):
    return "F32", [len(values)] if shape is None else shape, struct.pack(f"<{len(values)}f", *values)


def i64(*values, shape=None):
    return "I64", [len(values)] if shape is None else shape, struct.pack(f"<{len(values)}q", *values)


def f64(*values, shape=None):
    return "F64", [len(values)] if shape is None else shape, struct.pack(f"<{len(values)}d", *values)


def make_safetensors():
    every = {
        "w.weight": f32(1, -2, 3, 4, 5, 6, shape=[2, 3]),
        "d": f64(0.5, -1),
        "n": i64(7, shape=[]),
        "i": ("I32", [1, 2], struct.pack("<2i", -1, 2)),
        "u": ("U8", [3], b"\x00\x7f\xff"),
        "b": ("BOOL", [4], b"\x00\x01\x02\xff"),
        "h": ("F16", [2], b"\x00\x3c\x01\x00"),
        "bf": ("BF16", [2], b"\x80\x3f\xc0\x7f"),
        "none": ("F32", [0, 5], b""),
        "é": ("U8", [1, 1, 1, 1, 1, 1, 1, 1], b"\x05"),
    }
    seed("safetensors", "every", safetensors(every, {"format": "pt", "note": "é \\ \"x\""}))
    seed("safetensors", "nothing", framed("{}"))
    seed("safetensors", "metadata", framed('{"__metadata__":{"a":"b"}}   '))
    seed("safetensors", "one", safetensors({"x": f32(1, 2)}))
    one = '{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
    for name, text in {
        "twice": one + "," + one[1:] + "}",
        "gap": '{"x":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}',
        "beyond": '{"\\u001b[31m":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}',
        "short": '{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}',
        "huge": '{"x":{"dtype":"U8","shape":[9223372036854775807,4294967296],"data_offsets":[0,8]}}',
        "negative": '{"x":{"dtype":"U8","shape":[-1],"data_offsets":[0,8]}}',
        "real": '{"x":{"dtype":"U8","shape":[1e3],"data_offsets":[0,8]}}',
        "nine": '{"x":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}',
        "offsets": '{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}',
        "one-offset": '{"x":{"dtype":"U8","shape":[1],"data_offsets":[1]}}',
        "backwards": '{"x":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}',
        "other-size": '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}',
        "dtype": '{"x":{"dtype":"I16","shape":[1],"data_offsets":[0,2]}}',
        "no-dtype": '{"x":{"shape":[1],"data_offsets":[0,2]}}',
        "field": '{"x":{"dtype":"U8","shape":[8],"data_offsets":[0,8],"more":1}}',
        "null": '{"x":null}',
        "array": '{"x":[1]}',
        "bool": '{"x":{"dtype":true}}',
        "text": '{"x":{"shape":"8"}}',
        "metadata": '{"__metadata__":{"a":1}}',
        "nested": '{"x":{"shape":{"y":{}}}}',
        "cut": '{"x":{"dtype":',
        "no-object": "[1]",
    }.items():
        seed("safetensors", f"refused-{name}", framed(text) + bytes(8))
    seed("safetensors", "refused-empty", b"")
    seed("safetensors", "refused-length", struct.pack("<Q", 1 << 40) + b"{}")
    seed("safetensors", "refused-long", struct.pack("<Q", 100) + b"{}")


def shape_text(shape):
    return "(" + ", ".join(map(str, shape)) + (",)" if len(shape) == 1 else ")")


def checksum(tensors, texts):
    """As io/checkpoint.cpp computes it."""
    crc = 0

    def text(value):
        nonlocal crc
        value = value.encode()
        crc = zlib.crc32(value, zlib.crc32(struct.pack("<Q", len(value)), crc))

    for name, (dtype, shape, elements) in tensors.items():
        text(name)
        text(f"{dtype} {shape_text(shape)}")
        crc = zlib.crc32(elements, crc)
    for name in sorted(texts):
        text(name)
        text(texts[name])
    return f"crc32:{crc:08x}"


def make_checkpoints():
    tensors = {"model.w": f32(1, 2, 3, 4, shape=[2, 2]), "optimizer.lr": f64(0.1, shape=[])}
    texts = {"note": "x"}
    seed("checkpoint", "whole", safetensors(tensors, texts | {"checksum": checksum(tensors, texts)}))
    seed("checkpoint", "no-checksum", safetensors(tensors, texts))
    seed("checkpoint", "nothing", safetensors({}, {"checksum": "crc32:00000000"}))
    seed("checkpoint", "refused-cut", safetensors(tensors, texts)[:-1])

    epoch = {"epoch": 1} | {name: 0.5 for name in HISTORY}
    position = {
        "epochs": 1,
        "step": 3,
        "loss_sum": 12.5,
        "images": 30,
        "record": {name: 0.25 for name in ("load_seconds", "forward_seconds", "backward_seconds", "update_seconds")},
        "order_seed": 18446744073709551615,
        "random": {"seed": 1, "stream": 2, "position": 3},
    }
    training = {
        "model.weight": f32(1, 2, shape=[1, 2]),
        "model.bias": f32(3),
        "optimizer.lr": f64(0.05, shape=[]),
        "optimizer.0.step": i64(4, shape=[]),
        "optimizer.0.momentum": f32(5, 6, shape=[1, 2]),
        "optimizer.1.step": i64(4, shape=[]),
        "optimizer.1.momentum": f32(7),
        "schedule.step": i64(4, shape=[]),
        "schedule.base_lr": f64(0.1),
        "ema.updates": i64(4, shape=[]),
        "ema.average.weight": f32(8, 9, shape=[1, 2]),
        "ema.average.bias": f32(10),
    }
    texts = {"history": json.dumps({"epochs": [epoch]}), "position": json.dumps(position)}
    seed("snapshot", "training", safetensors(training, texts))
    unstepped = {name: value for name, value in training.items() if not name.startswith(("optimizer.0", "optimizer.1"))}
    seed("snapshot", "unstepped", safetensors(unstepped, texts))
    seed("snapshot", "refused-no-position", safetensors(training, {"history": '{"epochs":[]}'}))
    seed("snapshot", "refused-config", safetensors(training, texts | {"config": '{"training": {"lr": 1}}'}))
    seed("snapshot", "refused-no-model", safetensors({}, texts))
    for name, change in {
        "text": ("position", json.dumps(position | {"step": "3"})),
        "negative": ("position", json.dumps(position | {"epochs": -1})),
        "seed": ("position", json.dumps(position | {"order_seed": -1})),
        "no-object": ("position", json.dumps(position | {"record": 5})),
        "history": ("history", "{"),
    }.items():
        seed("snapshot", f"refused-{name}", safetensors(training, texts | dict([change])))


# ---- JSON

HISTORY = ["train_loss", "test_loss", "test_accuracy", "seconds", "load_seconds", "forward_seconds", "backward_seconds",
           "update_seconds", "evaluate_seconds", "images_per_second"]


def make_json():
    config = {
        "linnet": "0.1.0",
        "dataset": {"name": "mnist", "folder": "/data", "train_images": 60000, "test_images": 10000,
                    "class_names": ["0", "é"]},
        "input": {"channels": 1, "height": 28, "width": 28, "scale": 0.00392156862745098, "offset": 0.0,
                  "invert": "light-background"},
        "training": {"epochs": 5, "batch": 128, "optimizer": "adam", "lr": 0.001, "momentum": 0.9, "seed": 1,
                     "device": "cpu", "threads": 2, "weight_decay": None, "schedule": "one-cycle", "augment": True,
                     "ema": 0.5},
        "init": {"file": "", "prefix": "model.", "renames": ["a=b"], "partial": False},
        "checkpoints": {"steps": 10, "minutes": 0.5, "keep": 2},
    }  # fmt: skip

    def changed(part, **members):
        return json.dumps(config | {part: config[part] | members}).encode()

    seed("config", "whole", json.dumps(config, indent=2).encode())
    seed("config", "others", changed("training", seed=None, weight_decay=0.01, lr=1))
    seed("config", "never", changed("input", invert="never", height=9223372036854775807))
    seed("config", "refused-invert", changed("input", invert="sometimes"))
    seed("config", "refused-negative", changed("input", channels=-1))
    seed("config", "refused-threads", changed("training", threads=4294967297))
    seed("config", "refused-number", changed("training", lr="0.1"))
    seed("config", "refused-bool", changed("training", augment=1))
    seed("config", "refused-texts", changed("init", renames=[1]))
    seed("config", "refused-seed", changed("training", seed=-5))
    seed("config", "refused-control", changed("training", seed="\u202e\x1b[31m"))
    seed("config", "refused-no-object", json.dumps(config | {"input": []}).encode())
    seed("config", "refused-missing", json.dumps({"linnet": "0.1.0"}).encode())
    seed("config", "refused-array", b"[1]")
    seed("config", "refused-nothing", b"")
    seed("config", "refused-other", b'{"a": [1, {"b": "c"}], "d": null}')
    seed("model", "whole", b'{\n  "name": "simple-cnn"\n}\n')
    seed("model", "text", '{"name": "\\u00e9 \\ud83d\\ude00 é", "more": [1, -2, 3.5e-7, true, null]}'.encode())
    seed("model", "refused-number", b'{"name": 5}')
    seed("model", "refused-array", b'["name"]')
    seed("model", "refused-utf8", b'{"name": "\xff"}')
    seed("model", "refused-empty", b"")
    epoch = {"epoch": 1} | {name: 0.1 * i for i, name in enumerate(HISTORY)}
    epochs = [epoch, epoch | {"epoch": 2, "train_loss": None, "test_accuracy": 0.99}]
    seed("history", "whole", json.dumps({"epochs": epochs, "train_accuracy": 0.5,
                                         "interrupted": {"epoch": 3, "step": 7}}).encode())  # fmt: skip
    seed("history", "nothing", b'{"epochs": []}')
    seed("history", "large", json.dumps({"epochs": [epoch | {"epoch": 2**62, "test_loss": 1e308, "train_loss": -1e308,
                                                            "test_accuracy": 1e-300}]}).encode())  # fmt: skip
    seed("history", "null", json.dumps({"epochs": [{"epoch": 0} | {name: None for name in HISTORY}],
                                        "train_accuracy": None}).encode())  # fmt: skip
    seed("history", "refused-epochs", b'{"epochs": {}}')
    seed("history", "refused-number", json.dumps({"epochs": [epoch | {"seconds": "1"}]}).encode())
    seed("history", "refused-range", b'{"epochs": [1e999]}')
    deep = {"model": '{"name": %s}', "history": '{"epochs": [{"epoch": %s}]}', "config": '{"linnet": %s}'}
    for target, text in deep.items():
        seed(target, "refused-deep", (text % ("[" * 2000 + "]" * 2000)).encode())


# ---- IDX and gzip


def idx(code, shape, elements):
    return bytes([0, 0, code, len(shape)]) + b"".join(struct.pack(">I", n) for n in shape) + elements


def make_idx():
    images = idx(0x08, [2, 3, 3], bytes(range(18)))
    seed("idx", "uint8", images)
    seed("idx", "int32", idx(0x0C, [2], struct.pack(">2i", -1, 2)))
    seed("idx", "float32", idx(0x0D, [1, 2], struct.pack(">2f", 1.5, -2)))
    seed("idx", "float64", idx(0x0E, [2], struct.pack(">2d", 1.5, float("nan"))))
    seed("idx", "empty", idx(0x0E, [0, 4294967295], b""))
    seed("idx", "rank8", idx(0x08, [1] * 8, b"\x01"))
    seed("idx", "gzip", gzip.compress(images, mtime=0))
    seed("idx", "refused-int8", idx(0x09, [2], b"ab"))
    seed("idx", "refused-int16", idx(0x0B, [1], b"ab"))
    seed("idx", "refused-type", idx(0x0F, [1], b"ab"))
    seed("idx", "refused-rank", idx(0x08, [1] * 9, b"a"))
    seed("idx", "refused-huge", idx(0x0E, [4294967295] * 8, b"a"))
    seed("idx", "refused-cut", images[:-1])
    seed("idx", "refused-cut-extents", images[:10])
    seed("idx", "refused-more", images + b"x")
    seed("idx", "refused-other", b"\x01\x02\x03\x04")
    seed("idx", "refused-nothing", b"")

    def deflated(data, **how):
        packer = zlib.compressobj(wbits=-15, **how)
        return packer.compress(data) + packer.flush()

    smooth = idx(0x08, [60, 50], bytes(i * i // 7 % 256 for i in range(3000)))
    member = bytearray(gzip.compress(images, mtime=0))
    member[3] = 0x1E  # with an extra field, a name, a comment and a checksum of the header
    head = bytes(member[:10]) + b"\x03\x00abcname\x00comment\x00"
    seed("gzip", "named", head + struct.pack("<H", zlib.crc32(head) & 0xFFFF) + bytes(member[10:]))
    seed("gzip", "whole", gzip.compress(smooth, mtime=0))
    seed("gzip", "members", gzip.compress(images[:9], mtime=0) + gzip.compress(images[9:], mtime=0))
    seed("gzip", "refused-cut", gzip.compress(images, mtime=0)[:-3])
    seed("gzip", "refused-checksum", gzip.compress(images, mtime=0)[:-8] + bytes(8))
    seed("gzip", "raw-stored", deflated(images, level=0))
    seed("gzip", "raw-fixed", deflated(images, strategy=zlib.Z_FIXED))
    seed("gzip", "raw-dynamic", deflated(smooth))
    seed("gzip", "raw-zeros", deflated(idx(0x08, [200, 100], bytes(20000))))
    seed("gzip", "refused-raw-more", deflated(images + b"x"))


# ---- pictures


def png(width, height, depth, kind, interlaced=False, filters=(0, 1, 2, 3, 4), chunks=()):
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]

    def rows(columns, lines):
        bits = columns * samples * depth
        size = (bits + 7) // 8
        data = b""
        for y in range(lines if columns else 0):
            row = bytes((x * 37 + y * 11) % (4 if kind == 3 else 256) for x in range(size))
            data += bytes([filters[y % len(filters)]]) + row
        return data

    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        data = b"".join(rows(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes)
    else:
        data = rows(width, height)

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    for name, body in chunks:
        file += chunk(name, body)
    return file + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def progressive(coefficients):
    """A grey block whose coefficients are all 0, two scans for each of them but the first."""

    def segment(marker, body):
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    def scan(k, bits):  # one block: a code of one bit, filled up with ones
        return segment(0xDA, bytes([1, 1, 0, k, k, bits])) + b"\x7f"

    one_code = bytes([1] + [0] * 16)
    file = b"\xff\xd8" + segment(0xDB, bytes(1) + b"\1" * 64)
    file += segment(0xC2, struct.pack(">BHHBBBB", 8, 8, 8, 1, 1, 0x11, 0))
    file += segment(0xC4, b"\x00" + one_code) + segment(0xC4, b"\x10" + one_code) + scan(0, 0)
    for bits in (0x01, 0x10):
        file += b"".join(scan(k, bits) for k in range(1, coefficients + 1))
    return file + b"\xff\xd9"


def make_pictures():
    palette = (b"PLTE", bytes(range(12)))
    seed("png", "grey8", png(5, 6, 8, 0))
    seed("png", "grey1", png(11, 5, 1, 0))
    seed("png", "grey2-transparent", png(7, 5, 2, 0, chunks=[(b"tRNS", b"\0\1")]))
    seed("png", "grey4", png(7, 5, 4, 0))
    seed("png", "grey16", png(3, 6, 16, 0))
    seed("png", "grey-alpha", png(4, 6, 8, 4))
    more = [(b"gAMA", b"\0\0\xb1\x8f"), (b"tEXt", b"Title\0x"), (b"tIME", bytes([7, 220, 1, 1, 1, 1, 1]))]
    seed("png", "rgb", png(4, 6, 8, 2, chunks=more))
    seed("png", "rgb16-transparent", png(4, 5, 16, 2, chunks=[(b"tRNS", bytes(6))]))
    seed("png", "rgba", png(4, 6, 8, 6))
    seed("png", "rgba16", png(2, 6, 16, 6))
    seed("png", "palette", png(5, 5, 8, 3, filters=(0,), chunks=[palette, (b"tRNS", b"\x80\x00")]))
    seed("png", "interlaced", png(9, 9, 8, 2, interlaced=True))
    seed("png", "interlaced-grey1", png(5, 3, 1, 0, interlaced=True))
    seed("png", "refused-wide", png(1, 1, 8, 0).replace(struct.pack(">II", 1, 1), struct.pack(">II", 1 << 20, 1)))
    seed("png", "refused-large", png(1, 1, 8, 0).replace(struct.pack(">II", 1, 1), struct.pack(">II", 16384, 4096)))
    seed("png", "refused-cut", png(9, 9, 8, 2)[:-40])
    seed("png", "refused-nothing", b"")
    ramp = Image.fromarray(np.add.outer(np.arange(16) * 9, np.arange(16) * 5).astype(np.uint8))
    colour = Image.merge("RGB", [ramp, ramp.rotate(90), ramp.rotate(180)])

    def jpeg(image, **options):
        out = io.BytesIO()
        image.save(out, "JPEG", **options)
        return out.getvalue()

    seed("jpeg", "grey", jpeg(ramp, quality=50))
    seed("jpeg", "rgb", jpeg(colour, quality=30))
    seed("jpeg", "full", jpeg(colour, quality=90, subsampling=0))
    seed("jpeg", "progressive", jpeg(colour, quality=50, progressive=True))
    seed("jpeg", "restart", jpeg(ramp, quality=50, restart_marker_blocks=1))
    seed("jpeg", "comment", jpeg(ramp, quality=10, comment=b"a comment", dpi=(72, 72)))
    seed("jpeg", "refused-cmyk", jpeg(colour.convert("CMYK"), quality=10))
    seed("jpeg", "refused-cut", jpeg(ramp, quality=50)[:-30])
    size = jpeg(ramp, quality=10)
    seed("jpeg", "refused-large", size.replace(b"\x08\x00\x10\x00\x10", b"\x08\x40\x01\x00\x10"))
    seed("jpeg", "refused-promise", size.replace(b"\x08\x00\x10\x00\x10", b"\x08\x20\x00\x20\x00"))
    seed("jpeg", "refused-nothing", b"")
    seed("jpeg", "scans", progressive(20))
    seed("jpeg", "refused-scans", progressive(63))


# ---- NumPy and zip


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asanyarray(array), version)
    return out.getvalue()


def npy_of(header, elements):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + elements


def zipped(entries, method=zipfile.ZIP_STORED, comment=b"", zip64=False):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.comment = comment
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with archive.open(info, "w", force_zip64=zip64) as entry:
                entry.write(data)
    return out.getvalue()


def make_arrays():
    matrix = np.arange(6, dtype="<f4").reshape(2, 3)
    for code in ("f4", "f8", "i4", "i8", "u1", "?", "f2"):
        seed("npy", code.replace("?", "b1"), npy(matrix.astype(code)))
    seed("npy", "columns-first", npy(np.asfortranarray(matrix)))
    seed("npy", "number", npy(np.float64(3)))
    seed("npy", "rank8", npy(np.zeros((1, 2, 1, 1, 1, 1, 1, 2), "u1")))
    seed("npy", "empty", npy(np.zeros((0, 3))))
    seed("npy", "version2", npy(matrix, (2, 0)))
    seed("npy", "short-header", npy_of(b"{'shape':(2L,),\"descr\":'f4','fortran_order':True}", bytes(8)))
    for name, header in {
        "objects": b"{'descr':'|O','fortran_order':False,'shape':(1,)}",
        "records": b"{'descr':[('a','<f4')],'fortran_order':False,'shape':(1,)}",
        "raw": b"{'descr':'|V4','fortran_order':False,'shape':(1,)}",
        "big-endian": b"{'descr':'>f4','fortran_order':False,'shape':(2,)}",
        "complex": b"{'descr':'<c8','fortran_order':False,'shape':(1,)}",
        "nine": b"{'descr':'u1','fortran_order':False,'shape':(1,1,1,1,1,1,1,1,8)}",
        "huge": b"{'descr':'u1','fortran_order':False,'shape':(9223372036854775807,8)}",
        "larger": b"{'descr':'u1','fortran_order':False,'shape':(99999999999999999999,)}",
        "more": b"{'descr':'u1','fortran_order':False,'shape':(3,)}",
        "fewer": b"{'descr':'u1','fortran_order':False,'shape':(9,)}",
        "twice": b"{'descr':'u1','descr':'u1','fortran_order':False,'shape':(8,)}",
        "unknown": b"{'descr':'u1','order':False,'shape':(8,)}",
        "missing": b"{'descr':'u1','shape':(8,)}",
        "order": b"{'descr':'u1','fortran_order':1,'shape':(8,)}",
        "shape": b"{'descr':'u1','fortran_order':True,'shape':(-8,)}",
        "escape": b"{'descr':'u\\1','fortran_order':True,'shape':(8,)}",
        "unquoted": b"{descr:'u1'}",
        "after": b"{'descr':'u1','fortran_order':True,'shape':(8,)} 5",
        "open": b"{'descr':'u1','fortran_order':True,'shape':(8,",
    }.items():
        seed("npy", f"refused-{name}", npy_of(header, bytes(8)))
    seed("npy", "refused-version", b"\x93NUMPY\x04\x00" + bytes(8))
    seed("npy", "refused-cut", npy(matrix)[:20])
    seed("npy", "refused-length", b"\x93NUMPY\x02\x00\xff\xff\xff\xff")
    seed("npy", "refused-other", b"NUMPY")
    arrays = {"a.npy": npy(matrix), "b/c.npy": npy(np.arange(3))}
    seed("npz", "stored", zipped(arrays))
    seed("npz", "deflated", zipped(arrays, zipfile.ZIP_DEFLATED))
    seed("npz", "nothing", zipped({}))
    seed("npz", "latin", zipped({"a_.npy": npy(matrix)}).replace(b"a_", b"\xe9_"))
    seed("npz", "refused-other", zipped({"a.npy": npy(matrix), "b.txt": b"b"}))
    seed("npz", "refused-array", zipped({"a.npy": b"no array"}))

    texts = {"a.txt": b"some text " * 20, "folder/": b"", "folder/b": bytes(range(256)), "é": b"x"}
    seed("zip", "stored", zipped(texts))
    seed("zip", "deflated", zipped(texts, zipfile.ZIP_DEFLATED, b"a comment"))
    seed("zip", "zip64", zipped(texts, zip64=True))
    seed("zip", "nothing", zipped({}))
    seed("zip", "refused-bzip2", zipped(texts, zipfile.ZIP_BZIP2))
    seed("zip", "refused-absolute", zipped({"/a": b"x"}))
    seed("zip", "refused-drive", zipped({"c:a": b"x"}))
    seed("zip", "refused-up", zipped({"a/../../b": b"x"}))
    seed("zip", "refused-backslash", zipped({"a_b": b"x"}).replace(b"a_b", b"a\\b"))
    seed("zip", "refused-no-name", zipped({"": b"x"}))
    seed("zip", "refused-twice", zipped({"aa": b"x", "ab": b"y"}).replace(b"ab", b"aa"))
    seed("zip", "refused-damaged", zipped({"a": b"content"}).replace(b"content", b"contend"))
    plain = zipped({"aaaa": b"content"})
    at = plain.index(b"PK\1\2")
    seed("zip", "refused-encrypted", plain[: at + 8] + b"\1" + plain[at + 9 :])
    seed("zip", "refused-sizes", plain[: at + 24] + struct.pack("<I", 9) + plain[at + 28 :])
    packed = zipped({"aaaa": b"content"}, zipfile.ZIP_DEFLATED)
    at = packed.index(b"PK\1\2")
    seed("zip", "refused-ratio", packed[: at + 24] + struct.pack("<I", 1 << 30) + packed[at + 28 :])
    seed("zip", "refused-shorter", packed[: at + 24] + struct.pack("<I", 99) + packed[at + 28 :])
    seed("zip", "refused-ends", zipped({}) * 20)
    end64 = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1 << 40, 1 << 40, 0, 0)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, 0, 1)
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    seed("zip", "refused-claims", end64 + locator + end)
    seed("zip", "refused-nothing", b"")
    seed("zip", "refused-other", b"PK no archive")


# ---- pickles and .pth


def saved(value, **options):
    out = io.BytesIO()
    torch.save(value, out, **options)
    return out.getvalue()


def saved_legacy(value):
    return saved(value, _use_new_zipfile_serialization=False)


def data_pkl(value, **options):
    with zipfile.ZipFile(io.BytesIO(saved(value, **options))) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))


def make_pth():
    torch.manual_seed(0)
    linear = torch.nn.Linear(2, 3)
    optimizer = torch.optim.Adam(linear.parameters())
    linear(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    training = {"model": linear.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "lr": 0.5,
                "name": "é", "best": True, "none": None, "bytes": b"abc", "set": {1, 2}, "big": 1 << 100,
                (1, 2): 5}  # fmt: skip
    base = torch.arange(12.0)
    views = {
        "shared": base[2:6],
        "transposed": base.view(3, 4).t(),
        "expanded": torch.ones(1).expand(3, 4),
        "empty": torch.zeros(0, 3),
        "number": torch.tensor(5),
        "half": torch.ones(2, dtype=torch.float16),
        "bfloat16": torch.ones(2, dtype=torch.bfloat16),
        "bool": torch.tensor([True, False]),
        "bytes": torch.arange(3, dtype=torch.uint8),
        "double": torch.ones(2, dtype=torch.float64),
        "int": torch.ones(2, dtype=torch.int32),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "channels_last": torch.zeros(1, 2, 2, 2).to(memory_format=torch.channels_last),
    }
    attributes = torch.ones(2)
    attributes.note = "an attribute"
    for name, value in {
        "linear": linear.state_dict(),
        "training": training,
        "views": views,
        "list": [torch.ones(1), (torch.zeros(2), {"a": torch.ones(1)})],
        "tensor": torch.ones(2, 2),
        "attributes": {"x": attributes},
        "size": {"x": torch.ones(1), "size": torch.Size([1, 2]), "dtype": torch.float32, "device": torch.device("cpu")},
    }.items():
        seed("pickle", name, data_pkl(value))
        seed("pth", f"{name}-legacy", saved_legacy(value))
        if name in ("linear", "list", "tensor"):
            seed("pth", name, saved(value))
    for name, value in {
        "int8": {"x": torch.ones(1, dtype=torch.int8)},
        "uint16": {"x": torch.ones(1, dtype=torch.uint16)},
        "complex": {"x": torch.ones(1, dtype=torch.complex64)},
        "negative": {"x": torch.ones(1, dtype=torch.complex64).conj().imag},
        "sparse": {"x": torch.eye(2).to_sparse()},
        "nine": {"x": torch.zeros([1] * 9)},
        "expanded": {"x": torch.ones(1).expand(1 << 26)},
        "number": 5,
        "module": linear,
    }.items():
        seed("pickle", f"refused-{name}", data_pkl(value))
    seed("pickle", "protocol4", data_pkl(training, pickle_protocol=4))
    seed("pickle", "protocol5", data_pkl(views, pickle_protocol=5))
    call = b"ccollections\nOrderedDict\n"
    for name, operations in {
        "memo": b"]q\x01r\x05\x00\x00\x00\x94h\x01j\x05\x00\x00\x00000}.",
        "marks": b"(1(0(lK\x01a0(K\x01K\x02l(K\x01K\x02e0(NNd.",
        "numbers": b"](J\xff\xff\xff\xffK\x05M\x01\x02\x8a\x02\xff\xff\x8a\x00\x8b\x01\x00\x00\x00\x05"
        + b"G\x3f\xf8" + bytes(6) + b"\x88\x89Ne.",
        "texts": b"](U\x01aT\x01\0\0\0bX\x01\0\0\0c\x8c\x01d\x8d\x01" + bytes(7) + b"eC\x01fB\x01\0\0\0g"
        + b"\x8e\x01" + bytes(7) + b"h\x96\x01" + bytes(7) + b"ie.",
        "sets": b"](\x8f(K\x01\x90(K\x01\x91e.",
        "dict": call + b"]]K\x01aK\x02aa\x85R.",
        "dict-of-dict": call + b"}NNs\x85R}b.",
        "collections": b"](cbuiltins\nset\n]\x85Rctorch\nSize\n]\x85R\x8c\x08builtins\x8c\x04list\x93]\x85\x81e.",
        "frame": b"\x95\x02" + bytes(7) + b"}.",
        "itself": b"}q\x00X\x01\0\0\0ah\x00s.",
    }.items():
        seed("pickle", "refused-" + name if name == "itself" else name, b"\x80\x04" + operations)
    for name, operations in {
        "system": b"cos\nsystem\nX\x02\0\0\0ls\x85R.",
        "no-value": b".",
        "two": b"NN.",
        "mark": b"t.",
        "operation": b"\xff",
        "memo": b"h\x05.",
        "memo-large": b"Nr\xff\xff\xff\xff.",
        "odd": b"(Nd.",
        "cut": b"X\xff\xff\xff\xffab",
        "call": b"NN\x86R.",
        "fill": b"NNa.",
        "build": b"NNb.",
        "frame": b"\x95" + b"\xff" * 8 + b".",
        "line": b"c" + b"a" * 300,
        "persistent": b"NQ.",
        "storage": b"N\x85Q.",
        "parameter": b"ctorch._utils\n_rebuild_parameter\nN\x85R.",
        "stack-global": b"NN\x93.",
        "pairs": call + b"]Na\x85R.",
        "collection": b"cbuiltins\nset\nN\x85R.",
        "dictionary": call + b"K\x05\x85R.",
    }.items():
        seed("pickle", f"refused-{name}", b"\x80\x02" + operations)
    seed("pickle", "refused-protocol", b"\x80\x01N.")
    seed("pickle", "refused-nothing", b"")
    zeros = zipped({"a/data.pkl": data_pkl({}), "a/version": b"3\n"})
    seed("pth", "nothing", zeros)
    seed("pth", "refused-order", zipped({"a/data.pkl": b"", "a/byteorder": b"big", "a/version": b"3"}))
    seed("pth", "refused-version", zipped({"a/data.pkl": b"", "a/version": b"11"}))
    seed("pth", "refused-no-version", zipped({"a/data.pkl": b""}))
    seed("pth", "refused-long-version", zipped({"a/data.pkl": b"", "a/version": b"3" * 101}))
    seed("pth", "refused-two", zipped({"a/data.pkl": b"", "b/data.pkl": b""}))
    seed("pth", "refused-none", zipped({"a.pkl": b""}))
    seed("pth", "refused-no-entries", zipped({}))
    seed("pth", "refused-script", zipped({"a/data.pkl": b"", "a/constants.pkl": b""}))
    seed("pth", "refused-tar", b"x" * 257 + b"ustar")
    seed("pth", "refused-other", b"no .pth file")
    seed("pth", "refused-pickle", pickle.dumps({"a": 1}, 2))
    legacy = saved_legacy({"x": torch.ones(2)})
    seed("pth", "refused-legacy-version", legacy.replace(struct.pack("<H", 1001), struct.pack("<H", 1002), 1))
    seed("pth", "refused-legacy-order", legacy.replace(b"little_endian", b"little_endiam"))
    seed("pth", "refused-legacy-big", legacy.replace(b"little_endianq\x02\x88", b"little_endianq\x02\x89"))
    seed("pth", "refused-legacy-cut", legacy[:-1])
    seed("pth", "refused-legacy-count", legacy[:-16] + b"\x03" + legacy[-15:])
    seed("pth", "refused-legacy-short", legacy[:-12])


def make_any():
    for name in ("safetensors/one", "npy/f4", "npz/stored", "npz/nothing", "pth/tensor", "pth/tensor-legacy"):
        seed("tensor-file", name.replace("/", "-"), SEEDS[name])
    for name in ("idx/uint8", "idx/gzip", "zip/stored"):
        seed("tensor-file", "refused-" + name.replace("/", "-"), SEEDS[name])
    seed("tensor-file", "refused-unknown", b"a text\x1b[31m")
    seed("tensor-file", "refused-nothing", b"")


def main():
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=here / "seeds")
    out = parser.parse_args().out
    make_safetensors()
    make_checkpoints()
    make_json()
    make_idx()
    make_pictures()
    make_arrays()
    make_pth()
    make_any()
    for path in out.glob("*/*"):
        if not path.name.startswith(("found", "refused-found")):
            path.unlink()
    for name, data in SEEDS.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(data)
    print(f"{len(SEEDS)} seeds, {sum(map(len, SEEDS.values()))} bytes in {out}")


if __name__ == "__main__":
    main()
