"""`python -m rlar.cli`: the command without the script."""

from rlar.cli import main

main()
