#!/usr/bin/env bash
# scripts/bench-cpu against stand-ins for both sides: the turns they take, ratios, shares, the page. Then once with
# bench_workloads and PyTorch themselves, where both are there: PYTHON names a Python that has torch.
# shellcheck disable=SC2016  # the stand-ins expand their own variables
set -euo pipefail
rm -rf tree out && mkdir -p tree/scripts tree/bench out
cp "$LINNET_SOURCE_DIR/scripts/bench-cpu" tree/scripts/
cp "$LINNET_SOURCE_DIR"/bench/{compare,page}.py tree/bench/

# shellcheck source=tests/scripts/checks.sh
. "$LINNET_SOURCE_DIR/tests/scripts/checks.sh"
# figure EXPRESSION VALUE: of out/cpu.json, `s`; `row` finds a result by name and number of threads.
figure() {
  local found
  found=$(python3 -c 'import json, sys
s = json.load(open("out/cpu.json"))
row = {(each["workload"], each["threads"]): each for each in s["results"]}
print(eval(sys.argv[1]))' "$1")
  [[ $found == "$2" ]] || fail "$1 is $found; expected $2"
}

# ---- stand-ins: linnet takes 2 and 4 ms, its peers 6 and 3, twice that beside a busy process; each notes its turn

printf '#!/usr/bin/env python3\nSIDE = "linnet"\n' > tree/linnet
printf '#!/usr/bin/env python3\nSIDE = "torch"\n' > tree/bench/peer.py
printf '#!/usr/bin/env python3\nSIDE = "onednn"\n' > tree/bench_onednn
tee -a tree/linnet tree/bench/peer.py tree/bench_onednn > /dev/null << 'PY'
import glob, json, os, sys
names = ["conv/mini10/fwd", "elementwise/relu_16M", "growth/batch/1", "growth/batch/4"]
words = sys.argv[1:]
def is_beside():
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            if "while True: pass" in open(path).read():
                return True
        except OSError:  # it has ended
            pass
    return False
if "--list" in words:
    only = words[words.index("--only") + 1] if "--only" in words else ""
    names = [n for n in names if n.startswith("growth") == only.startswith("growth") and only != "none"]
    sys.exit(print("\n".join(names[:1] if SIDE == "onednn" else names)))
if SIDE == "onednn":
    print(json.dumps({"library": "oneDNN 2.9 and others"}), flush=True)
if SIDE == "torch":
    print(json.dumps({"library": "PyTorch 9.9", "cpu_capability": "AVX2", "mkl": True, "onednn": True}), flush=True)
if "--serve" not in words:  # for its memory
    room = bytearray((200 if SIDE == "torch" else 100) * 2**20 if "train" in words[-1] else 1)
    sys.exit()
threads = int(words[words.index("--threads") + 1])
for name in (line.strip() for line in sys.stdin):
    open("turns", "a").write(f"{SIDE} {threads} {name}\n")
    if name == "peak":
        open("simd", "w").write(" ".join(os.environ.get(each, "-") for each in ("LINNET_SIMD", "ATEN_CPU_CAPABILITY")))
    if name == "peak":
        print(json.dumps({"peak_flops": 4e9, "relu_bytes": 1e9, "add_bytes": 2e9, "threads": threads,
                          "processor": "Test", "SIMD path": "AVX2"}))
    beside = is_beside()
    for variant, ms in (("nchw", 4.0), ("channels_last", 2.0)) if SIDE == "linnet" else (("nchw", 3.0), ("out", 6.0)):
        if name != "peak":
            ms *= 2 if beside else 1
            line = {"workload": name, "variant": variant, "threads": threads, "ms": ms, "ms_min": ms / 2, "runs": 5}
            if SIDE == "linnet":
                line.update({"bytes": 1e6} if "relu" in name else {"flops": 4e6, "error": 1e-7})
            print(json.dumps(line))
            if "--algorithms" in words and "im2col" in words[words.index("--algorithms") + 1] and "conv" in name:
                print(json.dumps({**line, "variant": variant + "/im2col", "ms": 8.0, "ms_min": 8.0}))
    if name == "growth/batch/4" and threads == 3:
        sys.exit(5)
    print(json.dumps({"done": name}), flush=True)
PY
chmod +x tree/linnet tree/bench_onednn
mkdir -p bin
printf '#!/bin/bash\n[[ $* == *"import torch"* ]] && exit "${NO_TORCH:-0}"\nexec python3 "$@"\n' > bin/python
chmod +x bin/python
bench() { env LINNET_BENCH="$PWD/tree/linnet" PYTHON="$PWD/bin/python" tree/scripts/bench-cpu "$@"; }

(cd tree && rm -f turns)
ends 0 bench --rounds 2 --curves 1 --threads 1 --algorithms auto,im2col --memory --out out
says "conv/mini10/fwd                                1     2.0000     3.0000    1.50   1.50 - 1.50"
says "50 % peak  1.0e-07"
says "50 % bandwidth"
says "1 convolutions, 1 threads: geometric mean 1.50, least 1.50"
says "out/cpu.md written"
figure 'row["conv/mini10/fwd", 1]["linnet_variant"]' "['channels_last', 'channels_last']"
figure 'row["conv/mini10/fwd/im2col", 1]["ratio"], row["conv/mini10/fwd/im2col", 1]["peer_ms"]' "(0.375, [3.0, 3.0])"
figure 'row["elementwise/relu_16M", 1]["share"], row["elementwise/relu_16M", 1]["error"]' "(0.5, None)"
figure '[[round(each[side] / 2**20, -1) for side in ("linnet_bytes", "peer_bytes")] for each in s["memory"]]' \
  "[[100.0, 200.0], [100.0, 200.0]]"
figure 'len(s["peaks"]), len(row["growth/batch/4", 1]["linnet_ms"])' "(2, 1)"
[[ $(head -3 tree/turns | tr '\n' ',') == "linnet 1 peak,linnet 1 conv/mini10/fwd,torch 1 conv/mini10/fwd," ]] ||
  fail "the turns of round one: $(cat tree/turns)"
[[ $(tail -2 tree/turns | tr '\n' ',') == "torch 1 elementwise/relu_16M,linnet 1 elementwise/relu_16M," ]] ||
  fail "in round two PyTorch goes first: $(cat tree/turns)"
for file in cpu.svg cpu-growth.svg; do
  python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "out/$file" || fail "$file is not XML"
done
grep -qF '| conv/mini10/fwd | 1 | 2 | 3 | 1.50 | 1.50 to 1.50 | 1.50 | 50 % of peak | 1.0e-07 |' out/cpu.md ||
  fail "the table: $(cat out/cpu.md)"
grep -qE '^\| simplecnn/train_b128 \| (9|10)[0-9] \| (19|20)[0-9] \| [0-9]+ \| [0-9]+ \|$' out/cpu.md ||
  fail "the memory: $(cat out/cpu.md)"
grep -qF '](cpu-growth.svg)' out/cpu.md || fail "the page shows no curves"

rm tree/turns
ends 0 bench --rounds 1 --threads 2 --only 'conv/*'
[[ $(grep -c "^torch 2 conv" tree/turns) == 2 ]] ||
  fail "with two threads, PyTorch is timed with short spinning too: $(cat tree/turns)"

ends 0 bench --rounds 2 --threads 1 --only 'conv/*' --busy 'conv/*,none' --out out
says "conv/mini10/fwd/busy                           1     4.0000     6.0000    1.50"
grep -qxF '| conv/mini10/fwd | 1 | 2.00 | 2.00 |' out/cpu.md || fail "beside a busy process: $(cat out/cpu.md)"

[[ $(cat tree/simd) == "- -" ]] || fail "the instruction set is the best one: $(cat tree/simd)"
ends 0 bench --avx2 --rounds 1 --threads 1 --only 'conv/*' --out out
[[ $(cat tree/simd) == "AVX2 avx2" ]] || fail "the instruction set is AVX2: $(cat tree/simd)"
says "out/cpu-avx2.md written"

ends 0 env NO_TORCH=1 LINNET_BENCH="$PWD/tree/linnet" PYTHON="$PWD/bin/python" tree/scripts/bench-cpu --onednn \
  --rounds 1 --threads 1 --out out
says "out/onednn.md written"
[[ $output != *relu* ]] || fail "oneDNN has no relu here"
grep -qF '# The CPU backend beside oneDNN' out/onednn.md || fail "the page: $(cat out/onednn.md)"
grep -qF 'oneDNN 2.9 and others. Both run' out/onednn.md || fail "the page: $(cat out/onednn.md)"
grep -qF '](onednn.svg)' out/onednn.md || fail "the page: $(cat out/onednn.md)"
rm tree/bench_onednn
ends 2 bench --onednn
says "bench_onednn was not built; it needs oneDNN 2 and OpenBLAS"

ends 0 python3 tree/bench/page.py ladder "$LINNET_SOURCE_DIR/docs/benchmarks/gemm.json"
while read -r row; do
  grep -qxF -e "$row" "$LINNET_SOURCE_DIR/docs/performance.md" || fail "docs/performance.md has not the row $row"
done <<< "$output"
ends 2 python3 tree/bench/page.py

ends 1 bench --only none
says "no workload is called like none"
ends 1 bench --threads 3 --curves 1 --rounds 1
says "ended with exit status 5 at growth/batch/4"
NO_TORCH=1 ends 2 bench
says "has no torch; name a Python that has it in PYTHON"

# ---- the programs themselves, for a moment

program=$(dirname "${LINNET:-/}")/bench_workloads
if [[ ! -x $program ]]; then
  echo "bench_cpu_test: passed with stand-ins; bench_workloads is not built, so the rest was not run"
  exit 77
fi
names=$("$program" --list --only '*')
[[ $names == *"sgemm/9000x72x16"*"conv/depthwise64/grad_weight"*"growth/image/224" ]] || fail "names: $names"
output=$("$program" --only 'sgemm/256*' --min-time 0.001 --min-runs 1)
says '"workload":"sgemm/256x256x256","variant":"matmul"'
ends 2 "$program" --min-time nothing
says "--min-time is 'nothing'; expected a number above zero"
ends 2 "$program" --what 1
says "unknown option --what"
ends 2 "$program" --threads
says "--threads needs a value"
python=${PYTHON:-python3}
if ! "$python" -c 'import torch' 2> /dev/null; then
  echo "bench_cpu_test: passed, but $python has no torch: PyTorch's side was not run"
  exit 77
fi
output=$("$python" "$LINNET_SOURCE_DIR/bench/peer.py" --list --only '*')
[[ $output == "$names" ]] || fail "PyTorch's workloads have other names than linnet's: $names"
ends 0 env LINNET_BENCH="$program" PYTHON="$python" "$LINNET_SOURCE_DIR/scripts/bench-cpu" --rounds 1 --threads 1 \
  --only 'conv/mini10/fwd,simplecnn/infer_b1,overhead/*' --min-time 0.001 --min-runs 1 --out out
says "conv/mini10/fwd"
says "1 convolutions, 1 threads"
figure 'row["conv/mini10/fwd", 1]["error"] < 1e-6' "True"
echo "bench_cpu_test: passed"
