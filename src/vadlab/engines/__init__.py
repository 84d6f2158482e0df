"""One way to run a network over clips a file; `vadlab.engine` says what each must do."""
