"""One file per step, frozen: never edited once released, a new step adds a file."""
