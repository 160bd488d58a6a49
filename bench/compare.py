#!/usr/bin/env python3
"""Runs bench_workloads and a peer in turns and prints a table of ratios: the peer's time / linnet's. The peer is
PyTorch by peer.py, or a program of --peer that speaks as it does, as bench_onednn.

Both programs stay up and are asked for one workload after the other, linnet and PyTorch by turns, the one that goes
first changing from round to round; so a machine that slows down for a while slows both. A ratio is taken within each
round, between medians of the fastest variant of each side (order of memory, fused optimiser, frozen graph, threads
that spin briefly); the table shows the median ratio of all rounds, and the smallest and largest. `best` is the ratio
of the fastest runs of all rounds, which says more where other programs are busy. Above 1 linnet is faster. The peak
(multiply-adds on registers) and the bandwidth of plain loops are measured again in each round, and shares are of that
round's. `error` is linnet's distance from float64. Both sides have the same cores: the first N, where N threads are
timed; threads are not bound to one each, as that hurts libraries whose threads inherit it.

--algorithms times each algorithm of linnet's convolutions beside PyTorch's convolution, in a row of its own:
conv/mini10/fwd/im2col; auto's row has no such ending. --busy times the workloads of those names once more while another
process computes on the same cores, in rows that end with /busy. --curves adds so many rounds of the growth curves.
--memory adds the most memory that a process of each side has used after a few training steps, alone, less what one has
used that only added numbers.

Usage: compare.py --linnet PROGRAM [--python PYTHON] [--device NAME] [--peer PROGRAM] [--rounds N] [--curves N]
                  [--threads 1,2] [--only PATTERN,...] [--min-time SECONDS] [--min-runs N] [--algorithms NAME,...]
                  [--busy PATTERN,...] [--memory] [--json FILE]
"""

import argparse
import contextlib
import fnmatch
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--linnet", required=True, help="the program bench_workloads")
    parser.add_argument("--python", default=sys.executable, help="a Python that has torch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peer", help="a program to compare with in place of PyTorch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--curves", type=int, default=0, help="rounds of the growth curves")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--only", default="", help="patterns of the names to time")
    parser.add_argument("--min-time", type=float, default=0.25)
    parser.add_argument("--min-runs", type=int, default=5)
    parser.add_argument("--algorithms", default="auto", help="of linnet's convolutions")
    parser.add_argument("--busy", default="", help="patterns of what is timed beside a busy process, too")
    parser.add_argument("--memory", action="store_true", help="also compare the memory of training steps")
    parser.add_argument("--json", type=pathlib.Path, help="where to write everything measured")
    return parser.parse_args()


def fail(text):
    sys.exit(f"bench: {text}")


class Program:
    """A program that waits for names of workloads. `suffix` is added to the variants that it times."""

    def __init__(self, command, cores, suffix="", **environment):
        self.command, self.suffix = command, suffix
        pin = (lambda: os.sched_setaffinity(0, cores)) if cores else None
        environment = {**os.environ, "PYTHONWARNINGS": "ignore", **environment}
        self.process = subprocess.Popen(command + ["--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=pin, env=environment)
        self.about = {}  # what it says of itself before the first workload

    def run(self, name):
        """The lines of a workload."""
        try:
            self.process.stdin.write(name + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # its end is told below
        lines = []
        for text in self.process.stdout:
            line = json.loads(text)
            if "done" in line:
                return lines
            if "library" in line:
                self.about = line
            else:
                lines.append({**line, "variant": line["variant"] + self.suffix} if "variant" in line else line)
        fail(f"{' '.join(self.command)} ended with exit status {self.process.wait()} at {name}")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


@contextlib.contextmanager
def busy_process(cores):
    """Another program that computes on the same cores."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"],
                               preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def cores_for(count):
    """The first cores that this process may use; none where they do not suffice, or are not to be chosen."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return set(allowed[:count]) if len(allowed) >= count else None


def row_name(line):
    """A row for each algorithm of linnet's; other variants share one."""
    algorithm = line["variant"].partition("/")[2]
    return line["workload"] + ("/" + algorithm if algorithm else "")


def fastest(lines):
    """The line of the fastest variant, by name of the row."""
    rows = {}
    for line in lines:
        name = row_name(line)
        if name not in rows or line["ms"] < rows[name]["ms"]:
            rows[name] = line
    return rows


def share(line, peak):
    """Of the peak or of the bandwidth of a plain loop."""
    if not peak:
        return None, None
    seconds = line["ms"] / 1e3
    if "flops" in line:
        return "peak", line["flops"] / seconds / peak["peak_flops"]
    if "bytes" in line:
        loop = "relu_bytes" if "relu" in line["workload"] else "add_bytes"
        return "bandwidth", line["bytes"] / seconds / peak[loop]
    return None, None


class Results:
    def __init__(self):
        self.entries = {}

    def add(self, count, ours, theirs, peak, ending=""):
        peer = next(iter(fastest(theirs).values()))
        for name, line in fastest(ours).items():
            entry = self.entries.setdefault((name + ending, count), {"linnet": [], "peer": [], "share": []})
            entry["linnet"].append(line)
            entry["peer"].append(peer)
            entry["of"], value = share(line, peak)
            entry["share"].append(value)

    def rows(self):
        for (name, count), entry in self.entries.items():
            ours, theirs = entry["linnet"], entry["peer"]
            ratios = [t["ms"] / o["ms"] for t, o in zip(theirs, ours)]
            row = {"workload": name, "threads": count, "ratio": statistics.median(ratios), "ratio_min": min(ratios),
                   "ratio_max": max(ratios),
                   "ratio_best": min(t["ms_min"] for t in theirs) / min(o["ms_min"] for o in ours)}
            for side, lines in (("linnet", ours), ("peer", theirs)):
                row[side + "_ms"] = [line["ms"] for line in lines]
                row[side + "_ms_min"] = [line["ms_min"] for line in lines]
                row[side + "_variant"] = [line["variant"] for line in lines]
            row["share_of"] = entry["of"]
            row["share"] = statistics.median(entry["share"]) if entry["of"] else None
            errors = [line["error"] for line in ours if "error" in line]
            row["error"] = max(errors) if errors else None
            yield row


def is_like(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns.split(","))


def peer_command(args):
    return [args.peer] if args.peer else [args.python, str(pathlib.Path(__file__).with_name("peer.py"))]


def measure(args, names, curves):
    options = ["--device", args.device, "--min-time", str(args.min_time), "--min-runs", str(args.min_runs)]
    results, peaks, builds, on_cpu = Results(), [], [], args.device == "cpu"
    for count in [int(word) for word in args.threads.split(",")]:
        cores = cores_for(count) if on_cpu else None
        threads = ["--threads", str(count)]
        ours = Program([args.linnet] + threads + options + ["--algorithms", args.algorithms], cores)
        peer = peer_command(args) + threads + options
        theirs = [Program(peer, cores)]
        if on_cpu and count > 1:  # teams of threads that wait by spinning get into each other's way
            theirs.append(Program(peer, cores, "+short_spin", GOMP_SPINCOUNT="2000"))

        def take_turns(turn, name, peak, ending=""):
            lines = {side: side.run(name) for side in ([ours] + theirs)[::1 if turn % 2 == 0 else -1]}
            results.add(count, lines[ours], [line for side in theirs for line in lines[side]], peak, ending)

        for turn in range(max(args.rounds, args.curves)):
            print(f"{count} threads, round {turn + 1}", file=sys.stderr, flush=True)
            peak = ours.run("peak")[0] if on_cpu else None
            peaks += [peak] if peak else []
            for name in (names if turn < args.rounds else []) + (curves if turn < args.curves else []):
                take_turns(turn, name, peak)
                if is_like(name, args.busy):
                    with busy_process(cores):
                        take_turns(turn, name, peak, "/busy")
        builds.append(theirs[0].about)
        for program in [ours] + theirs:
            program.end()
    return results, peaks, builds


def peak_memory(command):
    """Bytes that a process had in memory at most."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        fail(f"{' '.join(command)} failed")
    return usage.ru_maxrss * 1024


def measure_memory(args):
    """Of a training step of each network, on one thread."""
    words = ["--min-time", "0.001", "--min-runs", "3", "--only"]
    sides = {"linnet": [args.linnet], "peer": peer_command(args)}
    rows = []
    for name in ("simplecnn/train_b128", "resnet20/train_b128"):
        row = {"workload": name}
        for side, command in sides.items():
            idle, busy = (peak_memory(command + words + [each]) for each in ("overhead/adds_1000", name))
            row[side + "_bytes"], row[side + "_process_bytes"] = busy - idle, busy
        rows.append(row)
        print(f"{name}: {row['linnet_bytes'] / 2**20:.0f} MiB, the peer {row['peer_bytes'] / 2**20:.0f} MiB; the whole "
              f"process {row['linnet_process_bytes'] / 2**20:.0f} and {row['peer_process_bytes'] / 2**20:.0f} MiB")
    return rows


def geometric_mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values))


def print_table(rows):
    print(f"{'part':40s} {'threads':>7s} {'linnet ms':>10s} {'peer ms':>10s} {'ratio':>7s}   smallest - largest"
          f" {'best':>7s} {'share of':>16s} {'error':>8s}")
    for row in rows:
        spread = f"{row['ratio_min']:.2f} - {row['ratio_max']:.2f}"
        part = f"{100 * row['share']:.0f} % {row['share_of']}" if row["share_of"] else "-"
        error = f"{row['error']:.1e}" if row["error"] is not None else "-"
        print(f"{row['workload']:40s} {row['threads']:7d} {statistics.median(row['linnet_ms']):10.4f} "
              f"{statistics.median(row['peer_ms']):10.4f} {row['ratio']:7.2f}   {spread:18s} {row['ratio_best']:7.2f} "
              f"{part:>16s} {error:>8s}")
    for count in sorted({row["threads"] for row in rows}):
        convs = [row for row in rows if row["threads"] == count and row["workload"].startswith("conv/")]
        ratios = [row["ratio"] for row in convs if row["workload"].count("/") == 2]  # not those of one algorithm
        if ratios:
            print(f"{len(ratios)} convolutions, {count} threads: geometric mean {geometric_mean(ratios):.2f}, "
                  f"least {min(ratios):.2f}")


def listed(command, only):
    """The names of a program's workloads that are like a pattern."""
    command = command + ["--list"] + (["--only", only] if only else [])
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()


def main():
    args = parse()
    ours = [args.linnet, "--device", args.device]
    names = listed(ours, args.only)
    if args.peer:
        known = listed([args.peer], args.only)
        names = [name for name in names if name in known]
    if not names:
        fail(f"no workload is called like {args.only}; {args.linnet} --list names them")
    curves = listed(ours, "growth/batch/*,growth/channels/*,growth/image/*") if args.curves else []
    results, peaks, builds = measure(args, names, curves)
    rows = list(results.rows())
    print_table(rows)
    memory = measure_memory(args) if args.memory else []
    if args.json:
        args.json.write_text(json.dumps({"peer": builds, "rounds": args.rounds, "min_time": args.min_time,
                                         "device": args.device, "peaks": peaks, "memory": memory,
                                         "results": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
