"""Reads targets, one a line, in JSON. Each must stay on the site as Django reads it."""

import json
import sys

from django.utils.http import url_has_allowed_host_and_scheme

count = 0
for line in sys.stdin:
    target = json.loads(line)
    if not url_has_allowed_host_and_scheme(target, {"billing.example.com"}, require_https=True):
        sys.exit(f"leaves the site: {target!r}")
    count += 1
print(count, "targets stay on the site")
