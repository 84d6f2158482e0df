"""`python -m vadlab` is `vadlab`."""

from vadlab.cli import main

main()
