#!/usr/bin/env python3
"""What scripts/gpu-check makes of its stages: one JSON of facts, results, failed tests by name and timings.

Usage: gpu_summary.py write NOTES OUTDIR       NOTES/facts and NOTES/stages (tab-separated) and the logs in OUTDIR
                                               become OUTDIR/summary.json
       gpu_summary.py accuracy RUN LEAST       exit status 1 where the run's last test accuracy is below LEAST
"""

import json
import pathlib
import re
import sys

CTEST_FAILED = re.compile(r"^\s*\d+ - (.+?) \((?!Skipped|Disabled)[^)]*\)")
GTEST_RUNS = re.compile(r"^\[ RUN      \] (\S+)")
GTEST_FAILED = re.compile(r"^\[  FAILED  \] ([A-Za-z]\S*\.\S+?)(?:,|\s|$)")
SANITIZER_FOUND = re.compile(r"^========= +(?:Invalid|Misaligned|Uninitialized|Program hit|Barrier|Error|Warning)")
SANITIZER_TOTAL = re.compile(r"^========= ((?:ERROR|RACECHECK) SUMMARY: .*)")
CTEST_SKIPPED = re.compile(r"^\s*\d+ - (.+?) \(Skipped\)")  # a failure where all that can skip it is there
PARITY_FAILED = re.compile(r"^(\S+) .*\bFAILS in \d")


def lines_of(path):
    return path.read_text(errors="replace").splitlines() if path.exists() else []


def table(path):
    return [line.split("\t") for line in lines_of(path)]


def failed_tests(log, patterns):
    """Of ctest, GoogleTest and linnet parity, by name; and tests in which compute-sanitizer found something."""
    names, running = {}, None
    for line in lines_of(log):
        run, found = GTEST_RUNS.match(line), None
        for pattern in patterns:
            found = found or pattern.match(line)
        running = run.group(1) if run else running
        if found:
            names[found.group(1)] = True
        elif SANITIZER_FOUND.match(line):
            names[running or "outside of a test"] = True
    return list(names)


def last_epoch(run):
    history = run / "history.json"
    return json.loads(history.read_text())["epochs"][-1] if history.exists() else None


def stage(name, result, seconds, out):
    log = out / f"{name}.log"
    entry = {"name": name, "result": result, "seconds": int(seconds)}
    patterns = [CTEST_FAILED, GTEST_FAILED, PARITY_FAILED] + ([CTEST_SKIPPED] if name == "gpu" else [])
    failed = failed_tests(log, patterns) if result.startswith("failed") else []
    if failed:
        entry["failed_tests"] = failed
    totals = [found.group(1) for found in map(SANITIZER_TOTAL.match, lines_of(log)) if found]
    if totals:
        entry["sanitizer"] = totals
    run = {"train": "run-digits", "mnist": "run-mnist"}.get(name)
    if run and not result.startswith("skipped") and last_epoch(out / run):
        entry["last_epoch"] = last_epoch(out / run)
    if name == "parity" and lines_of(log):
        entry["verdict"] = lines_of(log)[-1]
    return entry


def timings(out):
    """With ratios where PyTorch was there, else linnet's alone."""
    compared = out / "bench.json"
    if compared.exists():
        return json.loads(compared.read_text())
    rows = [json.loads(line) for line in lines_of(out / "bench.log") if line.startswith('{"workload"')]
    return {"torch": None, "results": rows} if rows else None


def write(notes, out):
    facts = {row[0]: (row[1] if len(row) > 1 and row[1] else None) for row in table(notes / "facts")}
    stages = [stage(*row, out) for row in table(notes / "stages")]
    summary = {"commit": facts.pop("commit", None), "date": facts.pop("date", None), "machine": facts,
               "passed": not any(entry["result"].startswith("failed") for entry in stages), "stages": stages,
               "timings": timings(out) if any(entry["name"] == "bench" for entry in stages) else None}
    whole = out / "summary.json.part"
    whole.write_text(json.dumps(summary, indent=1) + "\n")
    whole.replace(out / "summary.json")


def check_accuracy(run, least):
    epoch = last_epoch(run)
    accuracy = epoch["test_accuracy"] if epoch else 0.0
    print(f"test accuracy {accuracy:.4f}; expected at least {least}")
    return 0 if accuracy >= least else 1


def main():
    words = sys.argv[1:]
    if len(words) != 3 or words[0] not in ("write", "accuracy"):
        print(__doc__, file=sys.stderr)
        return 2
    if words[0] == "accuracy":
        return check_accuracy(pathlib.Path(words[1]), float(words[2]))
    write(pathlib.Path(words[1]), pathlib.Path(words[2]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
