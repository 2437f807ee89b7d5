#!/usr/bin/env python3
"""Draws docs/load.svg from docs/load.json. Needs services/server/checks/load/requirements.txt.

The chart holds the digest of the data, so that checks/figures.py notices a chart of other data.
"""

import hashlib
import json
import pathlib

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "load", "svg.fonttype": "none", "font.size": 9})
from matplotlib import pyplot

DOCS = pathlib.Path(__file__).resolve().parents[4] / "docs"
BARS = {"without authentication": "#9aa5b1", "cache": "#2b6cb0", "cache off": "#c05621"}

data = (DOCS / "load.json").read_bytes()
speed = json.loads(data)["speed"]
figure, panels = pyplot.subplots(1, len(speed), figsize=(8, 3.4), sharey=True, layout="constrained")
for panel, (database, rows) in zip(panels, speed.items()):
    for number, (name, color) in enumerate(BARS.items()):
        heights = [row[name]["per second"] for row in rows]
        bars = panel.bar([place + (number - 1) * 0.28 for place in range(len(rows))], heights, 0.26, color=color, label=name)
        panel.bar_label(bars, [f"{height:,.0f}" for height in heights], fontsize=7)
    panel.set_title(database)
    panel.set_xticks(range(len(rows)), [str(row["clients"]) for row in rows])
    panel.set_xlabel("clients at the same time")
    panel.set_yscale("log")
    panel.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("calls a second")
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(BARS), frameon=False)
digest = hashlib.sha256(data).hexdigest()
figure.savefig(DOCS / "load.svg", metadata={"Date": None, "Creator": None, "Title": "Calls a second of the server", "Description": f"sha256 of load.json: {digest}"})
