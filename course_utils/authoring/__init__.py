"""From `solutions/NN_slug.py` to both notebooks; knows nothing about what a lesson teaches.

Run it as `python -m course_utils.authoring`. It needs the `dev` extra, so `course_utils` itself
never imports it. The chain, one file for each step: `source` (read and build) → `execute`, with
`stopwatch` in its kernel → `clean` → `strip`; beside it `timings`, `readme`, and the rules that
`check` applies (`rules`, `stored`).
"""
