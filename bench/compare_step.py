#!/usr/bin/env python3
"""Runs bench_step and peer_step.py in turns and prints a table of ratios: PyTorch's time / linnet's.

Rounds alternate (linnet, PyTorch, linnet, ...), so that a machine that slows down for a while slows both. A
ratio is taken within each round, between medians, with PyTorch's fastest variant; the table shows the median
ratio of all rounds and the smallest and largest one. `best` is the ratio of the fastest runs of all rounds, which
says more where other programs are busy. Above 1 linnet is faster. --algorithms times each algorithm of linnet's
convolutions beside PyTorch's convolution, in a row of its own: conv1/forward/im2col; auto's row has no such ending.

Usage: compare_step.py --linnet PROGRAM [--python PYTHON] [--device NAME] [--rounds N] [--threads 1,2]
                       [--only TEXT] [--min-time SECONDS] [--algorithms NAME,...] [--json FILE]
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--linnet", required=True, help="the program bench_step")
    parser.add_argument("--python", default=sys.executable, help="a Python that has torch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--only", default="", help="part of the names to time")
    parser.add_argument("--min-time", type=float, default=0.25)
    parser.add_argument("--algorithms", default="auto", help="of linnet's convolutions")
    parser.add_argument("--json", type=pathlib.Path, help="where to write everything measured")
    return parser.parse_args()


def measure(command):
    """The JSON lines that a program prints."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench-step: {' '.join(command)} failed with exit status {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def row_name(line):
    """A row for each algorithm of linnet's; PyTorch's variants share one."""
    chosen = line.get("variant") in ("direct", "im2col", "dilate_flip")
    return line["workload"] + ("/" + line["variant"] if chosen else "")


def fastest(lines, field):
    """Time by workload, the fastest variant where there are several."""
    times = {}
    for line in lines:
        if "workload" in line:
            name = row_name(line)
            times[name] = min(times.get(name, line[field]), line[field])
    return times


def main():
    args = parse()
    options = ["--device", args.device, "--min-time", str(args.min_time)]
    options += ["--only", args.only] if args.only else []
    algorithms = ["--algorithms", args.algorithms]
    peer = str(pathlib.Path(__file__).with_name("peer_step.py"))
    results, builds = {}, []
    for count in args.threads.split(","):
        for turn in range(args.rounds):
            print(f"{count} threads, round {turn + 1} of {args.rounds}", file=sys.stderr, flush=True)
            ours = measure([args.linnet, "--threads", count] + options + algorithms)
            theirs = measure([args.python, peer, "--threads", count] + options)
            builds = [line for line in theirs if "torch" in line]
            for side, lines in (("linnet", ours), ("torch", theirs)):
                for field in ("ms", "ms_min"):
                    for name, ms in fastest(lines, field).items():
                        results.setdefault((name, int(count)), {}).setdefault(f"{side}_{field}", []).append(ms)

    print(f"{'part':32s} {'threads':>7s} {'linnet ms':>10s} {'torch ms':>10s} {'ratio':>7s}   smallest - largest"
          f" {'best':>7s}")
    rows = []
    for (name, count), entry in results.items():
        for field in ("torch_ms", "torch_ms_min"):  # an algorithm's row: PyTorch's time is the part's
            entry.setdefault(field, results.get((name.rpartition("/")[0], count), {}).get(field))
        ratios = [t / o for t, o in zip(entry["torch_ms"], entry["linnet_ms"])]
        row = {"workload": name, "threads": count, "ratio": statistics.median(ratios),
               "ratio_min": min(ratios), "ratio_max": max(ratios),
               "ratio_best": min(entry["torch_ms_min"]) / min(entry["linnet_ms_min"]), **entry}
        rows.append(row)
        spread = f"{row['ratio_min']:.2f} - {row['ratio_max']:.2f}"
        print(f"{name:32s} {count:7d} {statistics.median(entry['linnet_ms']):10.4f} "
              f"{statistics.median(entry['torch_ms']):10.4f} {row['ratio']:7.2f}   {spread:18s} "
              f"{row['ratio_best']:7.2f}")
    if args.json:
        args.json.write_text(json.dumps({"torch": builds, "rounds": args.rounds, "results": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
