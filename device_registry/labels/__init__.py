"""Labels for gateways, points, refrigerators and sites: TSPL, ESC/POS, and SVG for the browser.

`service.labels_for` reads the registry, `content` words them, `layout` cuts them to size, and
`tspl`, `escpos` and `browser` print.
"""
