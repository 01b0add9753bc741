"""The web pages' server side: routes, live stream, and view models built from projections."""
