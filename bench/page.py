#!/usr/bin/env python3
"""Makes a page of what compare.py measured: of NAME.json NAME.md, NAME.svg (ratios) and NAME-growth.svg (curves, where
there are any), in the same folder.

Usage: page.py page JSON
       page.py ladder JSON    prints the table of docs/performance.md from what `linnet bench gemm --json` wrote
"""

import json
import math
import pathlib
import re
import statistics
import sys
import textwrap

from compare import geometric_mean

STYLE = """<style>
  text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #4a4a48 }
  .title { font-size: 14px; font-weight: 600; fill: #1d1d1b }
  .page { fill: #ffffff }
  .axis { stroke: #8a8a85; stroke-width: 1 }
  .grid { stroke: #8a8a85; stroke-width: 1; stroke-opacity: 0.25 }
  .first { fill: #2a6fcb; stroke: #2a6fcb }
  .second { fill: #c2571a; stroke: #c2571a }
  .line { fill: none; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #c3c2bb }
    .title { fill: #f4f3ee }
    .page { fill: #1b1b19 }
    .axis, .grid { stroke: #85847d }
    .first { fill: #6ea8f7; stroke: #6ea8f7 }
    .second { fill: #f09a5e; stroke: #f09a5e }
  }
</style>
"""


def text(x, y, words, anchor="start", css=""):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    attribute = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{attribute}>{words}</text>\n'


def line(x1, y1, x2, y2, css):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>\n'


def picture(width, height, label, body):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" aria-label="{label}">\n{STYLE}<rect width="{width}" height="{height}" class="page"/>\n'
            f'{body}</svg>\n')


def is_curve(row):
    return row["workload"].startswith("growth/")


def counts_of(rows):
    return sorted({row["threads"] for row in rows})


def threads(count):
    return f"{count} thread{'s' if count > 1 else ''}"


# ---- bars of ratios


def ratio_chart(rows, peer):
    """A bar for each workload and number of threads, from 1 (as fast) to the left or right, on a logarithmic scale."""
    names = list(dict.fromkeys(row["workload"] for row in rows))
    counts = counts_of(rows)
    found = {(row["workload"], row["threads"]): row for row in rows}
    least = min(0.5, min(row["ratio"] for row in rows))
    most = max(2.0, max(row["ratio"] for row in rows))
    left, span, top, thick = 300, 520, 70, 9
    pitch = thick * len(counts) + 6

    def at(ratio):
        return left + span * (math.log(ratio) - math.log(least)) / (math.log(most) - math.log(least))

    bottom = top + pitch * len(names)
    body = text(20, 26, f"{peer}'s time / linnet's: longer to the right is better", css="title")
    for i, count in enumerate(counts):
        body += f'<rect x="{20 + 110 * i}" y="40" width="12" height="10" class="{("first", "second")[i % 2]}"/>\n'
        body += text(38 + 110 * i, 49, threads(count))
    for tick in (0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32):
        if least <= tick <= most:
            body += line(at(tick), top - 4, at(tick), bottom, "axis" if tick == 1 else "grid")
            body += text(at(tick), top - 8, f"{tick:g}", "middle")
    for n, name in enumerate(names):
        y = top + pitch * n
        body += text(left - 8, y + pitch / 2 + 2, name, "end")
        for i, count in enumerate(counts):
            row = found.get((name, count))
            if row:
                x = at(row["ratio"])
                body += (f'<rect x="{min(x, at(1)):.1f}" y="{y + thick * i:.1f}" width="{abs(x - at(1)):.1f}" '
                         f'height="{thick - 1}" class="{("first", "second")[i % 2]}"/>\n')
                body += text(max(x, at(1)) + 4, y + thick * i + 8, f"{row['ratio']:.2f}")
    return picture(left + span + 70, bottom + 20, f"{peer}'s time over linnet's", body)


# ---- curves


def panel(points, title, left, top):
    """Milliseconds over an extent, both logarithmic; points are (extent, linnet's, the peer's)."""
    width, height = 230, 180
    extents = [point[0] for point in points]
    times = [time for point in points for time in point[1:]]
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    high = max(high, low + 1)
    spread = math.log2(extents[-1] / extents[0]) or 1

    def x(extent):
        return left + width * math.log2(extent / extents[0]) / spread

    def y(time):
        return top + height * (high - math.log10(time)) / (high - low)

    body = text(left, top - 10, title, css="title")
    for power in range(low, high + 1):
        body += line(left, y(10.0**power), left + width, y(10.0**power), "grid")
        body += text(left - 6, y(10.0**power) + 4, f"{10.0**power:g}", "end")
    for extent in extents[:: 2 if len(extents) > 7 else 1]:
        body += text(x(extent), top + height + 16, f"{extent}", "middle")
    for side, css in ((1, "first"), (2, "second")):
        path = " ".join(f"{x(point[0]):.1f},{y(point[side]):.1f}" for point in points)
        body += f'<polyline points="{path}" class="line {css}" style="fill: none"/>\n'
        for point in points:
            body += f'<circle cx="{x(point[0]):.1f}" cy="{y(point[side]):.1f}" r="2.5" class="{css}"/>\n'
    return body


def growth_chart(rows, peer):
    counts, top, pitch = counts_of(rows), 110, 260
    body = text(20, 26, "A 3x3 convolution forward: milliseconds as one extent grows", css="title")
    body += text(20, 46, "The others are batch 8, 64 channels in and out, an image of 28x28.")
    for i, side in enumerate(("linnet", peer)):
        body += f'<rect x="{20 + 110 * i}" y="58" width="12" height="10" class="{("first", "second")[i]}"/>\n'
        body += text(38 + 110 * i, 67, side)
    for n, count in enumerate(counts):
        for i, what in enumerate(("batch", "channels", "image")):
            of_panel = [row for row in rows if row["threads"] == count and f"/{what}/" in row["workload"]]
            points = sorted((int(row["workload"].split("/")[2]), statistics.median(row["linnet_ms"]),
                             statistics.median(row["peer_ms"])) for row in of_panel)
            if points:
                body += panel(points, f"{what}, {threads(count)}", 70 + 310 * i, top + pitch * n)
    return picture(960, top + pitch * len(counts), "time of a convolution as it grows", body)


# ---- the page


def table(rows, peer):
    lines = [f"| work | threads | linnet, ms | {peer}, ms | ratio | least to largest | of the fastest runs | share | "
             "error |", "|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        share = f"{100 * row['share']:.0f} % of {row['share_of']}" if row["share_of"] else "-"
        error = f"{row['error']:.1e}" if row["error"] is not None else "-"
        lines.append(f"| {row['workload']} | {row['threads']} | {statistics.median(row['linnet_ms']):.4g} | "
                     f"{statistics.median(row['peer_ms']):.4g} | {row['ratio']:.2f} | {row['ratio_min']:.2f} to "
                     f"{row['ratio_max']:.2f} | {row['ratio_best']:.2f} | {share} | {error} |")
    return "\n".join(lines)


def memory_table(rows, peer):
    lines = [f"| step | linnet, MiB | {peer}, MiB | whole process: linnet | {peer} |", "|---|---|---|---|---|"]
    for row in rows:
        figures = (row[f"{side}{kind}_bytes"] / 2**20 for kind in ("", "_process") for side in ("linnet", "peer"))
        lines.append(f"| {row['workload']} | " + " | ".join(f"{figure:.0f}" for figure in figures) + " |")
    return "\n".join(lines)


def conv_summary(rows):
    lines = []
    for count in counts_of(rows):
        ratios = {row["workload"]: row["ratio"] for row in rows
                  if row["threads"] == count and re.fullmatch(r"conv/[^/]+/[^/]+", row["workload"])}
        if ratios:
            least = min(ratios, key=ratios.get)
            lines.append(f"- {len(ratios)} figures of convolutions, {threads(count)}: geometric mean "
                         f"{geometric_mean(ratios.values()):.2f}, least {ratios[least]:.2f} (`{least}`)")
    return "\n".join(lines) + "\n" if lines else ""


def peaks_of(measured, count):
    peaks = [peak for peak in measured["peaks"] if peak["threads"] == count]

    def between(field):
        return f"{min(p[field] for p in peaks) / 1e9:.4g} to {max(p[field] for p in peaks) / 1e9:.4g}"

    return (f"- {threads(count)}: {between('peak_flops')} GFLOP/s; plain loops "
            f"{between('relu_bytes')} GB/s (relu), {between('add_bytes')} GB/s (add)")


def wrapped(paragraph):
    return textwrap.fill(paragraph, 119, break_long_words=False, break_on_hyphens=False) + "\n\n"


def peer_of(measured):
    return measured["peer"][0]["library"].split()[0]


def describe(peer):
    """PyTorch 2.9 (AVX2, MKL yes, oneDNN yes)"""
    of = [peer[each] for each in ("cpu_capability",) if peer.get(each)]
    of += [f"{name} {'yes' if peer[each] else 'no'}" for each, name in (("mkl", "MKL"), ("onednn", "oneDNN"))
           if each in peer]
    return peer["library"] + (f" ({', '.join(of)})" if of else "")


def busy_section(rows, peer):
    """How much slower a row is than the same without the busy process."""
    times = {(row["workload"], row["threads"]): [statistics.median(row[f"{side}_ms"]) for side in ("linnet", "peer")]
             for row in rows}
    lines = []
    for (name, count), busy in times.items():
        if name.endswith("/busy"):
            alone = times[name.removesuffix("/busy"), count]
            lines.append(f"| {name.removesuffix('/busy')} | {count} | {busy[0] / alone[0]:.2f} | {busy[1] / alone[1]:.2f} |")
    if not lines:
        return ""
    return "\n## Beside a busy process\n\n" + wrapped(
        "The same while one other process computes on the same cores without a pause: time / time alone. "
        "On one core two processes get half of it each, on two cores three get two thirds.") + "\n".join(
        [f"| work | threads | linnet | {peer} |", "|---|---|---|---|"] + lines) + "\n"


def page(measured, bars, curves, stem):
    peak, peer = measured["peaks"][0], peer_of(measured)
    text = f"# The CPU backend beside {peer}\n\n" + wrapped(
        f"Written by `scripts/bench-cpu` on a machine with {peak['processor']}, {peak['SIMD path']}; "
        f"{describe(measured['peer'][0])}. Both run the same workload in turns, {measured['rounds']} rounds, at "
        f"least {measured['min_time']} s each time, on the same cores. A ratio is {peer}'s time / linnet's in one "
        "round, each side by its fastest variant (order of memory, fused optimiser, frozen graph, threads that spin "
        "briefly): above 1 linnet is faster. The table has the median of the rounds, and the least and largest; the "
        "last ratio is that of the fastest runs of all rounds. The error is |result - reference| / |reference| in "
        "Euclidean norms, the reference computed in float64; `overhead/adds_1000` is a thousand additions of one "
        f"element, forward and backward. Everything measured is in [{stem}.json]({stem}.json).") + wrapped(
        "The peak (multiply-adds on registers) and the bandwidth of plain loops were measured in each round, and "
        "shares are of that round's:")
    text += "\n".join(peaks_of(measured, count) for count in counts_of(measured["results"])) + "\n\n"
    if bars:
        text += (conv_summary(bars) + f"\n![Ratios, a bar for each workload]({stem}.svg)\n\n" + table(bars, peer) +
                 "\n" + busy_section(bars, peer))
    if measured["memory"]:
        text += "\n## Memory of a training step\n\n" + wrapped(
            "The most that a process has used after a few steps, less what one has used that only added "
            "numbers; and of the whole process.") + memory_table(measured["memory"], peer) + "\n"
    if curves:
        text += f"""
## How cost grows

A 3x3 convolution with padding 1, forward: batch, channels (in and out) or the image's side grow, the other two stay.

![Time over batch, channels and image, linnet and {peer}]({stem}-growth.svg)

{table(curves, peer)}
"""
    return text


def ladder_table(measured):
    """GFLOP/s of the fastest calls, and their share of the peak."""
    peak, cells, algorithms = measured["peak"]["gflops"], {}, []
    for row in measured["rows"]:
        algorithms += [] if row["algorithm"] in algorithms else [row["algorithm"]]
        speed = None if row["skipped"] else 2 * row["multiply_adds"] / row["seconds_min"] / 1e9
        cells.setdefault(row["size"], []).append(f"{speed:.3g} ({100 * speed / peak:.1f} %)" if speed else "-")
    return "\n".join([" | ".join(["| M x K x N"] + algorithms) + " |", "|---" * (1 + len(algorithms)) + "|"] +
                     [" | ".join([f"| {size}"] + some) + " |" for size, some in cells.items()])


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("page", "ladder"):
        print(__doc__, file=sys.stderr)
        return 2
    path = pathlib.Path(sys.argv[2])
    measured, stem = json.loads(path.read_text()), path.stem
    if sys.argv[1] == "ladder":
        print(ladder_table(measured))
        return 0
    bars = [row for row in measured["results"] if not is_curve(row)]
    curves = [row for row in measured["results"] if is_curve(row)]
    if bars:
        path.with_name(f"{stem}.svg").write_text(ratio_chart(bars, peer_of(measured)))
    if curves:
        path.with_name(f"{stem}-growth.svg").write_text(growth_chart(curves, peer_of(measured)))
    path.with_suffix(".md").write_text(page(measured, bars, curves, stem))
    print(f"{path.with_suffix('.md')} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
